#!/usr/bin/python3
"""cloud_init.py CONFIG ROOT NAME=VALUE…: does below ROOT ("" for /) what cloud-init does for write_files, and prints the commands of
runcmd, with each NAME replaced by VALUE."""
import os
import sys

import yaml

config, root, *replaced = sys.argv[1:]
with open(config, encoding="utf-8") as file:
    text = file.read()
assert text.startswith("#cloud-config\n")
for name, value in (one.split("=", 1) for one in replaced):
    assert name in text
    text = text.replace(name, value)
data = yaml.safe_load(text)
for one in data["write_files"]:
    with open(root + one["path"], "w", encoding="utf-8") as file:
        file.write(one["content"])
        os.fchmod(file.fileno(), 0o644)
print("\n".join(data["runcmd"]))
