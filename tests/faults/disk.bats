#!/usr/bin/env bats
# The store and its disk when it is full.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load ../e2e/stack.bash
load small_disk.bash
load stored.bash

setup() { stack_new; }
teardown() {
    if [[ -n ${MOUNTED:-} ]]; then
        stack_stop
        small_disk_unmount
    fi
    stack_end
}

# fill_until_full BYTES: posts random messages of that size until one is not 201, and leaves that answer. Their
# digests go to $SCRATCH/stored.
fill_until_full() {
    local number
    for ((number = 0; number < 1000; number++)); do
        head -c "$1" /dev/urandom | base64 -w 0 | head -c "$1" >"$BATS_TEST_TMPDIR/text"
        ask /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/text"
        [[ $code == 201 ]] || return 0
        sha256 "$BATS_TEST_TMPDIR/text" >>"$SCRATCH/stored"
    done
    echo "$number messages, and still not full"
    return 1
}

@test "a full store is 507, reads and deletes go on, and after deletes it takes messages again" {
    export HASHPOST_MAX_STORE_BYTES=3M
    stack_start
    local before
    before=$(worker_pids)
    fill_until_full 60000
    expect_problem 507 store-full
    (($(wc -l <"$SCRATCH/stored") > 30))
    ask /readyz
    expect_problem 503 not-ready
    ask /livez
    [[ $code == 200 ]]
    every_stored_message_is_read
    # A known message needs no room.
    head -c 60000 /dev/urandom | base64 -w 0 | head -c 60000 >"$BATS_TEST_TMPDIR/text"
    local digest number=0
    while read -r digest; do
        ask "/messages/$digest" -X DELETE
        expect_json 200 "{\"message_deleted\":\"$digest\"}"
        number=$((number + 1))
        ((number < 10)) || break
    done <"$SCRATCH/stored"
    sed -i 1,10d "$SCRATCH/stored"
    # Pages are free once no older reader can see them.
    wait_for 10 is_ready
    post_text 'again room'
    expect_json 201 "{\"digest\":\"$(printf 'again room' | sha256)\"}"
    every_stored_message_is_read
    [[ $(worker_pids) == "$before" ]]
}

@test "a full disk is 507, reads go on, and once there is room it takes messages again" {
    ((EUID == 0)) || skip "only root can mount a small disk"
    small_disk_mount
    stack_start
    local before
    before=$(worker_pids)
    fallocate -l 20M "$SCRATCH/disk/ballast"
    fill_until_full 700000
    expect_problem 507 store-full
    ask /readyz
    expect_problem 503 not-ready
    every_stored_message_is_read
    # Deletes may use what is kept back.
    ask "/messages/$(head -n 1 "$SCRATCH/stored")" -X DELETE
    [[ $code == 200 ]]
    sed -i 1d "$SCRATCH/stored"
    rm "$SCRATCH/disk/ballast"
    wait_for 20 is_ready
    fill_until_full_of 5
    every_stored_message_is_read
    # Nothing was broken on the way: the same workers, and the store opens again.
    [[ $(worker_pids) == "$before" ]]
    stack_stop
    stack_start
    every_stored_message_is_read
}
# fill_until_full_of COUNT: posts so many, each of which must be taken.
fill_until_full_of() {
    local number
    for ((number = 0; number < $1; number++)); do
        head -c 700000 /dev/urandom | base64 -w 0 | head -c 700000 >"$BATS_TEST_TMPDIR/text"
        ask /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/text"
        [[ $code == 201 ]] || said 201 || return
        sha256 "$BATS_TEST_TMPDIR/text" >>"$SCRATCH/stored"
    done
}

