#!/usr/bin/env python3
"""json_to_xml.py PROGRAM [ROUNDS [SEED]]: compares the XML form that PROGRAM (build/release/json-to-xml-probe) writes with
the old form, as written down here from its samples (vectors/json2xml-samples.txt) on top of Python's own json.
Random documents; those that the old form could not write must come out as XML that Python's parser (expat) takes and
that says the same. Ends with "N documents agree", or with the first that does not and status 1."""

import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
import xml.parsers.expat

ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def escape(text):
    return "".join(ESCAPES.get(c, c) for c in text)


def is_name(text):
    """As the old form found out: a parser takes it as the name of an element."""
    if not text or any(c in text for c in " \t\r\n<>&/:="):
        return False
    try:
        xml.parsers.expat.ParserCreate().Parse(f"<{text}/>", True)
        return True
    except (xml.parsers.expat.ExpatError, UnicodeEncodeError):
        return False


def tag_of(key):
    if is_name(key):
        return key, ""
    if key.isdigit() and is_name("n" + key):
        return "n" + key, ""
    if is_name(key.replace(" ", "_")):
        return key.replace(" ", "_"), ""
    return "key", f' name="{escape(key)}"'


def lines(tag, attributes, value, depth):
    kind = {str: "str", int: "int", float: "float", bool: "bool", type(None): "null", dict: "dict", list: "list"}[type(value)]
    start = "\t" * depth + f'<{tag}{attributes} type="{kind}"'
    if value is None or (kind in ("str", "dict", "list") and not value):
        yield start + "/>\n"
    elif kind in ("dict", "list"):
        yield start + ">\n"
        yield from inside(value, depth + 1)
        yield "\t" * depth + f"</{tag}>\n"
    else:
        yield start + f">{escape(str(value))}</{tag}>\n"


def inside(value, depth):
    if isinstance(value, dict):
        for key, member in value.items():
            yield from lines(*tag_of(key), member, depth)
    else:
        for element in value:
            yield from lines("item", "", element, depth)


def old_form(value):
    return '<?xml version="1.0" ?>\n<all>\n' + "".join(inside(value, 1)) + "</all>\n"


def strings(value):
    if isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from strings(member)
    elif isinstance(value, list):
        for element in value:
            yield from strings(element)
    elif isinstance(value, str):
        yield value


def had_old_form(value):
    """Strings with carriage returns, and keys with other white space, did not come through it unchanged."""
    if not isinstance(value, (dict, list)) or not value:
        return False
    return not any(c in "\t\r\n" or c < " " or c in "\ufffe\uffff" or "\ud800" <= c <= "\udfff"
                   for text in strings(value) for c in text)


def decode(element, is_root=False):
    """What the XML form says, per docs/file-drop.md."""
    kind = element.get("type")
    if kind is None:
        assert is_root and len(element)
        kind = "dict" if any(child.tag != "item" for child in element) else "list"
    if kind == "str":
        text = element.text or ""
        return json.loads(f'"{text}"') if element.get("escaped") == "json" else text
    if kind == "list":
        return [decode(child) for child in element]
    if kind == "dict":
        return [(key_of(child), decode(child)) for child in element]
    return {"null": lambda t: None, "bool": lambda t: t == "True", "int": int, "float": lambda t: repr(float(t))}[kind](element.text)


def key_of(element):
    name = element.get("name")
    if name is None:
        return element.tag
    return json.loads(f'"{name}"') if element.get("name-escaped") == "json" else name


def as_decoded(value):
    if isinstance(value, dict):
        return [(key if tag_of(key)[0] == "key" and tag_of(key)[1] else tag_of(key)[0], as_decoded(member))
                for key, member in value.items()]
    if isinstance(value, list):
        return [as_decoded(element) for element in value]
    return repr(value) if isinstance(value, float) else value


class Documents:
    PIECES = ["a", "b", "Z", "0", "9", "-", ".", ":", " ", "_", "<", ">", "&", "'", '"', "\\", "\u00e9", "\u65e5", "\u0663",
              "\U0001F600", "\U00010000", "\u2c00", "\u0301", "\u00b7", "]]>", "/", "="]
    RARE = ["\n", "\t", "\r", "\x00", "\x01", "\x1f", "\ufffe", "\uffff", "\ud83d", "\udead"]

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pieces = self.PIECES + (self.RARE if seed % 4 == 0 else [])

    def text(self):
        if self.random.random() < 0.3:
            return chr(self.random.choice([*range(0x20, 0xD800), *range(0xE000, 0xFFFE)])) if self.random.random() < 0.5 else "a"
        return "".join(self.random.choices(self.pieces, k=self.random.choice([0, 1, 1, 2, 3, 5])))

    def string(self):
        text = json.dumps(self.text(), ensure_ascii=self.random.random() < 0.5)
        return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)

    def number(self):
        r = self.random
        return r.choice([
            lambda: str(r.randint(-5, 20)), lambda: str(r.randint(-10**30, 10**30)), lambda: "-0", lambda: "-0.0",
            lambda: repr(r.uniform(-1, 1) * 10.0**r.randint(-320, 308)), lambda: repr(r.uniform(0, 10) * 10.0**r.randint(-6, 18)),
            lambda: f"{r.randint(0, 10**25)}.{r.randint(0, 10**25)}", lambda: f"{r.randint(-99, 99)}E{r.randint(-400, 400)}",
            lambda: f"1e{r.randint(12, 18)}", lambda: r.choice(["NaN", "Infinity", "-Infinity"])])()

    def value(self, depth=0):
        kind = self.random.choice("sssnnnlfz{{[[" if depth < 5 else "sn")
        if kind == "{":
            members = [f"{self.string()}:{self.value(depth + 1)}" for _ in range(self.random.randint(0, 5))]
            if members and self.random.random() < 0.3:  # a key again
                key = self.random.choice(members).split(":")[0] if '":"' not in members[0] else '"a"'
                if key.endswith('"') and key.count('"') == 2:
                    members.append(f"{key}:{self.value(depth + 1)}")
            return "{" + self.random.choice([",", " , ", ",\n"]).join(members) + "}"
        if kind == "[":
            return "[" + ",".join(self.value(depth + 1) for _ in range(self.random.randint(0, 5))) + "]"
        return {"s": self.string, "n": self.number}.get(kind, lambda: {"l": "true", "f": "false", "z": "null"}[kind])()


def check(text, got):
    value = json.loads(text)
    if had_old_form(value):
        assert got == old_form(value), "not the old form:\n" + old_form(value)
    decoded = decode(ElementTree.fromstring(got.encode()), True)
    if isinstance(value, (dict, list)) and value and decoded and isinstance(decoded[0], tuple) != isinstance(value, dict):
        return  # {"item": …} and a list look the same at the top
    assert decoded == as_decoded(value), f"it says {decoded!r}"


def main():
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    agreed = 0
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for seed in range(first, first + rounds):
            path = pathlib.Path(folder, f"{seed}.json")
            path.write_text(Documents(seed).value(), encoding="utf-8")
            paths.append(path)
        for start in range(0, rounds, 500):
            batch = paths[start:start + 500]
            answers = subprocess.run([program, *batch], check=True, capture_output=True, text=True).stdout.splitlines()
            for path, answer in zip(batch, answers, strict=True):
                text = path.read_text(encoding="utf-8")
                got = pathlib.Path(f"{path}.xml").read_bytes().decode()
                try:
                    assert answer == "ok", answer
                    check(text, got)
                except (AssertionError, ElementTree.ParseError) as error:
                    print(f"document {path.stem}: {text}\n\ngave\n{got}\n{error}")
                    return 1
                agreed += 1
    print(f"{agreed} documents agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
