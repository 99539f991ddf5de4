#!/usr/bin/env python3
"""type_names.py: one type name for one thing. Lists the names of classes, structs, enums and aliases that are defined in more
than one place of lib, store, fcgi-worker and file-sender, nested ones included, and fails if there is one. An alias that says the
same everywhere is one thing; a definition behind its class (struct A::B) is its declaration's."""

import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__ + "/../..").resolve()
DEFINITION = re.compile(
    r"^\s*(?:template\s*<[^>]*>\s*)?(?:class|struct|enum(?:\s+class|\s+struct)?|union)\s+(\w+)(?:\s+final)?\s*(?::[^:;][^;{]*)?\{", re.M)
ALIAS = re.compile(r"^\s*using\s+(\w+)\s*=\s*([^;]+);", re.M)

# Each of the two programs has one: all settings that it reads.
OF_EACH_PROGRAM = {"Config"}

places = collections.defaultdict(set)
aliases = collections.defaultdict(dict)
for folder in ("lib", "store", "fcgi-worker", "file-sender"):
    for file in sorted((ROOT / folder).rglob("*.[ch]*")):
        text = re.sub(r"//.*", "", file.read_text())
        for match in DEFINITION.finditer(text):
            line = text.count("\n", 0, match.start(1)) + 1
            places[match[1]].add(f"{file.relative_to(ROOT)}:{line}")
        for match in ALIAS.finditer(text):
            line = text.count("\n", 0, match.start(1)) + 1
            if not re.search(rf"\b{match[1]}$", match[2]):  # (the same name, brought nearer)
                aliases[match[1]].setdefault(" ".join(match[2].split()), f"{file.relative_to(ROOT)}:{line}")
for name, meanings in aliases.items():
    if len(meanings) > 1 or name in places:
        places[name].update(meanings.values())

twice = {name: found for name, found in places.items() if len(found) > 1 and name not in OF_EACH_PROGRAM}
for name, found in sorted(twice.items()):
    print(f"{name}: {', '.join(sorted(found))}")
print(f"type names: {len(places)} types, {len(twice)} names in more than one place")
sys.exit(1 if twice else 0)
