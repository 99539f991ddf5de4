#!/usr/bin/python3
"""fernet.py PROBE TEST…: the tests of tests/interop/fernet.bats against Python's `cryptography`.

PROBE is the compiled tests/interop/fernet_probe.cc, which has the same tokens made and opened by lib/crypto."""
import base64
import datetime
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

VECTORS = pathlib.Path(__file__).parent / "vectors"
PROBE = sys.argv.pop(1)
# Around the blocks of the cipher, and around the pieces that lib/crypto works in.
SIZES = [*range(0, 50), 98303, 98304, 98305, 98400, 131072, 196608, 3_000_001]


class Refused(Exception):
    """The probe said no."""


def seconds(when: str) -> int:
    return int(datetime.datetime.fromisoformat(when).timestamp())


class FernetTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def probe(self, *words, given: bytes = b"") -> bytes:
        done = subprocess.run([PROBE, *map(str, words)], input=given, capture_output=True, check=False)
        if done.returncode == 1:
            self.assertEqual(done.stdout, b"", "something was released before the refusal")
            raise Refused(done.stderr.decode())
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def file(self, name: str, content: bytes) -> pathlib.Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def seal(self, keys: bytes, plaintext: bytes, *stamp) -> bytes:
        return self.probe("seal", self.file("key", keys), *stamp, given=plaintext)

    def open(self, keys: bytes, token: bytes, *limit) -> bytes:
        return self.probe("open", self.file("key", keys), self.file("token", token), *limit)

    def test_vectors(self):
        for case in json.loads((VECTORS / "fernet-generate.json").read_text()):
            iv = bytes(case["iv"]).hex()
            token = self.seal(case["secret"].encode(), case["src"].encode(), seconds(case["now"]), iv)
            self.assertEqual(token.decode(), case["token"])
        for case in json.loads((VECTORS / "fernet-verify.json").read_text()):
            limit = (case["ttl_sec"], seconds(case["now"]))
            plaintext = self.open(case["secret"].encode(), case["token"].encode(), *limit)
            self.assertEqual(plaintext.decode(), case["src"])
        for case in json.loads((VECTORS / "fernet-invalid.json").read_text()):
            limit = (case["ttl_sec"], seconds(case["now"]))
            with self.subTest(case["desc"]), self.assertRaises(Refused):
                self.open(case["secret"].encode(), case["token"].encode(), *limit)

    def test_theirs_opens_ours(self):
        key = Fernet.generate_key()
        for size in SIZES:
            plaintext = os.urandom(size)
            self.assertEqual(Fernet(key).decrypt(self.seal(key, plaintext), ttl=3600), plaintext)

    def test_ours_opens_theirs(self):
        key = Fernet.generate_key()
        for size in SIZES:
            plaintext = os.urandom(size)
            self.assertEqual(self.open(key, Fernet(key).encrypt(plaintext)), plaintext)

    def test_same_tokens(self):
        key = Fernet.generate_key()
        for size in SIZES:
            plaintext, iv = os.urandom(size), os.urandom(16)
            theirs = Fernet(key)._encrypt_from_parts(plaintext, 1234567890, iv)
            self.assertEqual(self.seal(key, plaintext, 1234567890, iv.hex()), theirs)

    def test_key_files(self):
        raw = bytes.fromhex("fbff" * 16)  # digits that differ between the alphabets
        for key in (base64.standard_b64encode(raw), base64.urlsafe_b64encode(raw)):
            for text in (key, key + b"\n", key + b"\r\n"):
                self.assertEqual(Fernet(text).decrypt(self.seal(text, b"x")), b"x")
                self.assertEqual(self.open(text, Fernet(text).encrypt(b"x")), b"x")
                fingerprint = self.probe("fingerprint", self.file("key", text)).decode().strip()
                self.assertEqual(fingerprint, hashlib.sha256(raw).hexdigest()[:16])

    def test_rotation(self):
        old, new, other = (Fernet.generate_key() for _ in range(3))
        keys = new + b"\n" + old + b"\n"
        theirs = MultiFernet([Fernet(new), Fernet(old)])
        self.assertEqual(self.open(keys, Fernet(old).encrypt(b"x")), b"x")
        self.assertEqual(self.open(keys, theirs.encrypt(b"x")), b"x")
        self.assertEqual(Fernet(new).decrypt(self.seal(keys, b"x")), b"x")
        with self.assertRaises(Refused):
            self.open(keys, Fernet(other).encrypt(b"x"))

    def test_both_refuse_what_was_changed(self):
        key = Fernet.generate_key()
        token = Fernet(key).encrypt(os.urandom(40))
        raw = bytearray(base64.urlsafe_b64decode(token))
        places = random.Random(1).sample(range(8 * len(raw)), 150)
        for place in places:
            changed = bytearray(raw)
            changed[place // 8] ^= 1 << place % 8
            text = base64.urlsafe_b64encode(changed)
            with self.assertRaises(InvalidToken):
                Fernet(key).decrypt(text)
            with self.assertRaises(Refused):
                self.open(key, text)

    def test_ages_alike(self):
        key, now = Fernet.generate_key(), 1_000_000
        for time in (now - 31, now - 30, now, now + 60, now + 61):
            token = Fernet(key).encrypt_at_time(b"x", time)
            try:
                theirs = Fernet(key).decrypt_at_time(token, 30, now)
            except InvalidToken:
                with self.assertRaises(Refused):
                    self.open(key, token, 30, now)
            else:
                self.assertEqual(self.open(key, token, 30, now), theirs)
            self.assertEqual(self.open(key, token), b"x")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *(f"FernetTest.test_{name}" for name in sys.argv[1:])])
