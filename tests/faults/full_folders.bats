#!/usr/bin/env bats
# Folders of the service that are full, but for the store's (disk.bats): where the web server spools bodies, and where the file
# drop puts files. Each is a small tmpfs.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load ../e2e/stack.bash
load ../e2e/provoke.bash

setup() {
    ((EUID == 0)) || skip "only root can mount a small disk"
    stack_new
    MOUNTED=""
}
teardown() {
    ((EUID == 0)) || return 0
    stack_stop >/dev/null
    [[ -z $MOUNTED ]] || umount "$MOUNTED"
    stack_end
}

# mount_small FOLDER
mount_small() {
    mkdir -p "$1"
    mount -t tmpfs -o size=8m,mode=0700,uid=www-data,gid=www-data none "$1" || skip "no mount here"
    MOUNTED=$1
}
# (Apache takes /tmp for a folder in which it cannot write one byte: some are left.)
fill() {
    dd if=/dev/zero of="$1/ballast" bs=64K 2>/dev/null || true
    truncate -s -128K "$1/ballast"
}

sized() { head -c "$1" /dev/urandom | base64 -w 0 | head -c "$1" >"$BATS_TEST_TMPDIR/sized"; }

@test "a full spool folder is 507 and /readyz says so; small messages and reads go on, and it heals" {
    local framing
    # (nginx makes folders of its own in it when it starts.)
    stack_start
    stack_stop
    mount_small "$HASHPOST_HOME/tmp"
    stack_start
    post_text hello
    ask /readyz
    [[ $code == 200 ]]
    fill "$HASHPOST_HOME/tmp"
    ask /readyz
    expect_problem 503 not-ready
    [[ $(<"$BODY") == *"$HASHPOST_HOME/tmp"* ]]
    sized 600000
    for VERSION in 1.1 2; do
        for framing in "" --no-content-length; do
            # (lighttpd wants a length on HTTP/2.)
            [[ $HASHPOST_FRONT$VERSION$framing != lighttpd2--no-content-length ]] || continue
            if [[ $HASHPOST_FRONT == lighttpd ]]; then
                # It cannot change a status, and it may end the stream or the connection before the client has read all of it,
                # since more of the body comes.
                v_file "$BATS_TEST_TMPDIR/sized" $framing || true
                [[ $VERSION$code == 2 || ($code == 500 && $(field content-type) == application/problem+json) ]] || said 500
            else
                v_file "$BATS_TEST_TMPDIR/sized" $framing
                expect_problem 507 spool-full || { echo "HTTP/$VERSION $framing"; false; }
                [[ $(field retry-after) == 2 ]]
            fi
            post_text hello
            expect_json 200 "{\"digest\":\"$(printf hello | sha256)\"}"
            ask "/messages/$(printf hello | sha256)"
            expect_json 200 '{"message":"hello"}'
        done
    done
    # What was refused holds no room.
    wait_for 20 only_ballast_left
    rm "$HASHPOST_HOME/tmp/ballast"
    ask /readyz
    [[ $code == 200 ]]
    ask /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/sized"
    [[ $code == 201 ]] || said 201
}

only_ballast_left() { [[ $(find "$HASHPOST_HOME/tmp" -type f -size +0) == "$HASHPOST_HOME/tmp/ballast" ]]; }

@test "a full folder of the file drop is 507, messages go on, and it heals" {
    local token
    export OUTPUT_DIR=$SCRATCH/out
    mount_small "$OUTPUT_DIR"
    stack_start
    fill "$OUTPUT_DIR"
    token=$(head -c 900000 /dev/urandom | base64 -w 0 |
        $PYTHON -c 'import sys; from cryptography.fernet import Fernet; print(Fernet(open(sys.argv[1]).read().strip()).encrypt(sys.stdin.buffer.read()).decode())' \
            "$HASHPOST_DATA/drop/decryption_key")
    printf %s "$token" >"$BATS_TEST_TMPDIR/token"
    for version in 1.1 2; do
        ask /upload/books "--http$version" -F "file=@$BATS_TEST_TMPDIR/token"
        expect_problem 507 drop-full
        [[ -n $(field retry-after) && ! -e $OUTPUT_DIR/books.xml ]]
        post_text hello
        [[ $code == 20? ]]
    done
    rm "$OUTPUT_DIR/ballast"
    ask /upload/books -F "file=@$BATS_TEST_TMPDIR/token"
    [[ $code == 201 ]] || said 201
}
