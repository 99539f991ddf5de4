#!/usr/bin/python3
"""requests_sender.py URL CA_FILE KEY_FILE XML_FILE: sends it as existing senders do, with requests and Python's cryptography.
Prints status and answer."""

import pathlib
import sys

import requests
from cryptography.fernet import Fernet

url, ca_file = sys.argv[1:3]
key_file, xml_file = map(pathlib.Path, sys.argv[3:])
fernet = Fernet(key_file.read_text().strip().translate(str.maketrans("+/", "-_")))
sealed = xml_file.with_name(xml_file.name + ".enc")
sealed.write_bytes(fernet.encrypt(xml_file.read_bytes()))
with sealed.open("rb") as file:
    response = requests.post(f"{url}/upload/{xml_file.name.split('.')[0]}", files={"file": file}, timeout=60, verify=ca_file)
print(response.status_code, response.json()["status_code"], response.json()["msg"])
