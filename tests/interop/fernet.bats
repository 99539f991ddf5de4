#!/usr/bin/env bats
# Fernet against Python's `cryptography` and the specification's vectors.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
# tests/run.sh names another build here.
PROBE=${HASHPOST_FERNET_PROBE:-$ROOT/build/release/fernet-probe}

with_python() { /usr/bin/python3 -I "$BATS_TEST_DIRNAME/fernet.py" "$PROBE" "$@"; }

@test "the vectors of the Fernet specification: made, opened, refused" { with_python vectors; }

@test "Python opens our tokens of every size" { with_python theirs_opens_ours; }

@test "our opener opens Python's tokens of every size" { with_python ours_opens_theirs; }

@test "with the same time and IV, Python and we make the same token" { with_python same_tokens; }

@test "a key file in either alphabet, with or without a line break, is the same key to Python and us" { with_python key_files; }

@test "the first key seals and any key opens, as with Python's MultiFernet" { with_python rotation; }

@test "Python and we refuse a token with one bit changed" { with_python both_refuse_what_was_changed; }

@test "Python and we agree on what is too old and too far ahead" { with_python ages_alike; }
