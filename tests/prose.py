#!/usr/bin/env python3
"""Checks the files given: codespell, and in documents sentences that are too long and phrases that we do not use.
Prints FILE:LINE and the sentence. Code and generated parts are not read. First plants violations to see that they are found."""

import os
import re
import subprocess
import sys
import tempfile

LONGEST = 30
# What we do not write, and what to write instead. Backquotes and quotation marks enclose what programs say.
UNUSED = {
    r"(is|are) none\b": "is not a ...", r"\bso many\b": "N", r"\b(for|as) ever\b": "indefinitely; as before",
    r"\bat hand\b": "in progress", r"\b(set|stays?) aside\b": "quarantined", r"what is over\b": "larger than",
    r", too\b(?! \w)": "also", r"(?<!in )\bfronts?\b(?!\.md)": "web server",
    r"\b(the|an|its|their|no|each|every|whole|first|last|old|large|big) answers?\b": "response",
}
# What codespell, of Debian 12 or newer, takes for misspelt: names in code, and pieces of words in tests.
SPELT = "abd,caf,fo,groupin,kown,messag,nd,nulll,tru"
PLANTED = {
    "A b c d e f g h i j k l m n o p q r s t u\nv w x y `z z` a b c d (e).": "1: 31 words: A b",
    "Short.\nIt takes a setting, too, and more.": "2: say: also: It takes", "| the front |": "1: say: web server",
    "A word\nthat is recie" "ved.": ":2: recie" "ved",
}
INNOCENT = """# A heading of one\n
One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen. Seventeen
eighteen `a b c d e` in front of it, shown as "set aside"; nineteen twenty [one two](a.md) one two three four five six seven eight nine
ten eleven twelve thirteen fourteen fifteen:

- one two three four five six seven
- eight nine ten eleven\n
| a b c d e f g h i j k l m n o p | q r s t u v w x y z a b c d e f g |\n
```sh\nthe answer, for ever\n```\n
<!-- cells: begin -->\nfor ever\n<!-- cells: end -->"""


def findings(text):
    """Yields a line number and a text for each finding in a document."""
    original = text
    # Code becomes one word and a link's target none, of as many characters, so that places stay what they are.
    blank = lambda match: re.sub(r"[^\n]", " ", match[0])
    for skipped in (r"(?ms)^<!-- (settings: |\w+: begin).*?^<!-- (end of settings|\w+: end)", r"(?ms)^ *```.*?^ *```$", r"(?m)^<!--.*"):
        text = re.sub(skipped, blank, text)
    text = re.sub(r"`[^`]*`", lambda code: "`" + "x" * (len(code[0]) - 2) + "`", text)
    text = re.sub(r"(?<=\])\([^)]*\)", blank, text)
    for match in re.finditer(r"(?s)\S.*?([.!?][\"*)]*(?=\s)|(?=\n\s*(\n|#|\||[-*] |\d+\. ))|\Z)", text):
        line, words = original.count("\n", 0, match.start()), len(match[0].split())
        sentence = " ".join(original[match.start() : match.end()].split())
        if words > LONGEST and not original.split("\n")[line].startswith("|"):
            yield line + 1, f"{words} words: {sentence}"
        for phrase, better in UNUSED.items():
            if re.search(phrase, re.sub(r'"[^"]*"', "", " ".join(match[0].split())), re.I):
                yield line + 1, f"say: {better}: {sentence}"


def check(paths):
    spelling = subprocess.run(["codespell", "-L", SPELT, *paths], stdout=subprocess.PIPE, text=True, check=False)
    # (The changelog tells what was, as it was told.)
    found = spelling.stdout.splitlines()
    for path in paths:
        if path.endswith(".md") and path != "CHANGELOG.md":
            with open(path, encoding="utf-8") as document:
                found += [f"{path}:{line}: {text}" for line, text in findings(document.read())]
    return found


for text, expected in [(INNOCENT, ""), *PLANTED.items()]:
    with tempfile.NamedTemporaryFile("w", suffix=".md") as planted:
        planted.write(text + "\n")
        planted.flush()
        found = check([planted.name])
    if len(found) != bool(expected) or expected not in "\n".join(found):
        sys.exit(f"prose: expected {expected or 'nothing'} of a planted text, found: {found}\n{text}")

found = check([path for path in sys.argv[1:] if os.path.isfile(path)])
print("\n".join(found) if found else f"prose: nothing to mend ({len(PLANTED)} planted violations were found)")
sys.exit(bool(found))
