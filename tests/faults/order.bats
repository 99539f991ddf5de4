#!/usr/bin/env bats
# The order of system calls: what is acknowledged was forced to the disk before.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load ../e2e/stack.bash
load traced.bash

setup() {
    stack_new
    stack_start
}
teardown() {
    straces_abort
    stack_end
}

# watch_all: which worker gets the next request is the web server's choice.
watch_all() {
    local number calls=pwrite64,pwritev,fdatasync,fsync,linkat,renameat,renameat2,write,writev,sendto,sendmsg
    for number in 0 1; do trace_worker "$number" -s 512 -e trace=$calls; done
}

# expect_in_order KIND COUNT: so many responses of the kind left, each after its commit.
expect_in_order() {
    local number responses=0
    straces_end
    for number in 0 1; do
        run "$PYTHON" -I -S "$ROOT/tests/tools/commit_order.py" "$SCRATCH/trace-$number" "$1"
        ((status == 0)) || { echo "$output"; return 1; }
        responses=$((responses + output))
    done
    echo "$responses responses were seen"
    ((responses == $2))
}

@test "the first byte of the response to a POST leaves after the sync of its commit" {
    local number
    watch_all
    for number in {1..20}; do
        post_text "ordered $number"
        [[ $code == 201 ]]
    done
    post_json '{"message":"ordered as JSON"}'
    [[ $code == 201 ]]
    expect_in_order message 21
}

@test "the first byte of the response to a DELETE leaves after the sync of its commit" {
    local number
    for number in {1..10}; do post_text "to be deleted $number"; done
    watch_all
    for number in {1..10}; do
        ask "/messages/$(printf 'to be deleted %s' "$number" | sha256)" -X DELETE
        [[ $code == 200 ]]
    done
    expect_in_order message 10
}

@test "the digest of a line of a bulk upload leaves after the sync of its commit" {
    local number
    watch_all
    for number in {1..10}; do
        printf '{"message":"line %s"}\n' "$number" >"$BATS_TEST_TMPDIR/line"
        ask /messages -H 'Content-Type: application/x-ndjson' --data-binary "@$BATS_TEST_TMPDIR/line"
        [[ $code == 200 ]] && grep -q digest "$BODY"
    done
    expect_in_order line 10
}

@test "the response to an uploaded file leaves after its data, the ledger, its name and its folder are synced" {
    local number
    watch_all
    for number in {1..4}; do
        printf 'content %s' "$number" | $PYTHON "$ROOT/tests/tools/drop.py" seal "$HASHPOST_DATA/drop/decryption_key" $((EPOCHSECONDS + number)) >"$SCRATCH/token"
        # A new name, then the same one again: a link, then a replacement.
        ask /upload/books -F "file=@$SCRATCH/token"
        [[ $code == 201 ]]
    done
    expect_in_order file 4
}
