#!/usr/bin/python3
"""drop.py COMMAND …: what a sender of sealed files does, in the ways of those that exist.

  key                            prints a new key, in the standard alphabet as old key scripts write it
  seal KEYFILE [TIME] < PLAIN    prints a token; TIME in seconds since the epoch
  post URL FILE [CACERT]         uploads FILE as python-requests does, and prints status and body
  flood URL KEYFILE FOLDER NAMES ROUNDS BYTES STOP [CACERT]
                                 uploads NAMES files of up to BYTES again and again, each until it is taken, for ROUNDS
                                 rounds or until the file STOP is there; looks at FOLDER all the while, where every file
                                 must be whole; prints how many were taken and how many sendings failed
"""

import base64
import concurrent.futures
import hashlib
import http.client
import os
import pathlib
import random
import ssl
import sys
import threading
import time
import urllib.parse


def seal(key_file, when, plain):
    from cryptography.fernet import Fernet

    with open(key_file, encoding="ascii") as file:
        key = base64.urlsafe_b64encode(base64.b64decode(file.readline().strip().replace("-", "+").replace("_", "/")))
    return Fernet(key).encrypt_at_time(plain, when)


def post(url, name, token, cacert):
    """requests: the whole body in one piece behind a Content-Length, part "file" with a file name and no type."""
    boundary = os.urandom(16).hex()
    body = (b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n' %
            (boundary.encode(), os.path.basename(name).encode()) + token + b"\r\n--%s--\r\n" % boundary.encode())
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=60,
                                                 context=ssl.create_default_context(cafile=cacert))
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    connection.request("POST", parts.path, body, {"Content-Type": "multipart/form-data; boundary=" + boundary,
                                                  "User-Agent": "python-requests/2.28.1", "Accept": "*/*"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


class Flood:
    """Contents carry their own digest in front, so that a file can be judged by itself."""

    def __init__(self, url, key_file, folder, names, rounds, most_bytes, stop, cacert=None):
        self.url, self.key_file, self.cacert, self.stop = url, key_file, cacert, stop
        self.folder, self.names, self.rounds, self.most_bytes = pathlib.Path(folder), int(names), int(rounds), int(most_bytes)
        self.taken = self.failed = 0
        self.over = threading.Event()
        self.lock = threading.Lock()

    def deliver(self, name, when):
        body = random.randbytes(random.randrange(self.most_bytes))
        content = hashlib.sha256(body).hexdigest().encode() + body
        token = seal(self.key_file, when, content)
        while True:
            try:
                status, text = post(self.url + "/upload/" + name, name + ".xml.enc", token, self.cacert)
            except (OSError, http.client.HTTPException):
                status, text = 0, ""
            with self.lock:
                if status == 201:
                    self.taken += 1
                    break
                self.failed += 1
            if 0 < status < 500:
                sys.exit("%s was refused: %s" % (name, text))
            time.sleep(0.05)
        if (self.folder / (name + ".xml")).read_bytes() != content:
            sys.exit(name + " is not what was taken")

    def watch(self):
        while not self.over.wait(0.01):
            for path in self.folder.glob("*.xml"):
                content = path.read_bytes()
                if hashlib.sha256(content[64:]).hexdigest().encode() != content[:64]:
                    print(path, "is not whole", file=sys.stderr)
                    os._exit(1)

    def run(self):
        watcher = threading.Thread(target=self.watch)
        watcher.start()
        start = int(time.time())
        try:
            with concurrent.futures.ThreadPoolExecutor(6) as pool:
                for number in range(self.rounds):
                    if os.path.exists(self.stop):
                        break
                    list(pool.map(lambda name: self.deliver(name, start + number), ("n%d" % n for n in range(self.names))))
        finally:
            self.over.set()
            watcher.join()
        left = sorted(path.name for path in self.folder.iterdir())
        if left != sorted("n%d.xml" % n for n in range(self.names)):
            sys.exit("there is something else: %s" % left)
        print("taken %d failed %d" % (self.taken, self.failed))


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "key":
        print(base64.b64encode(os.urandom(32)).decode())
    elif command == "seal":
        when = int(arguments[1]) if len(arguments) > 1 else int(time.time())
        sys.stdout.buffer.write(seal(arguments[0], when, sys.stdin.buffer.read()))
    elif command == "post":
        with open(arguments[1], "rb") as file:
            print(*post(arguments[0], arguments[1], file.read(), arguments[2] if len(arguments) > 2 else None))
    elif command == "flood":
        Flood(*arguments).run()
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
