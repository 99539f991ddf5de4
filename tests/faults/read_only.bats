#!/usr/bin/env bats
# A store on a file system that is read-only, from the start or all at once: reads go on.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load ../e2e/stack.bash
load small_disk.bash

setup() {
    ((EUID == 0)) || skip "only root can mount a disk"
    stack_new
    small_disk_mount
}
teardown() {
    [[ -n ${MOUNTED:-} ]] || return 0
    stack_stop
    small_disk_unmount
    stack_end
}

reads_go_on() {
    ask "/messages/$(printf 'stored before' | sha256)"
    expect_json 200 '{"message":"stored before"}' || return
    ask "/messages/$(printf 'never stored' | sha256)"
    expect_problem 404 message-not-found
}
writes_are_refused() {
    post_text 'stored meanwhile'
    expect_problem 503 store-read-only || return
    ask "/messages/$(printf 'stored before' | sha256)" -X DELETE
    expect_problem 503 store-read-only || return
    printf '{"message":"a line"}\n' >"$BATS_TEST_TMPDIR/lines"
    ask /messages -H 'Content-Type: application/x-ndjson' --data-binary "@$BATS_TEST_TMPDIR/lines"
    [[ $code == 200 ]] && grep -q "disk is read-only" "$BODY" || said "a refusal of the line" || return
    ask /readyz
    expect_problem 503 not-ready || return
    grep -q 'read-only' "$BODY"
    ask /livez
    [[ $code == 200 ]]
}

@test "a store on a disk that is mounted read-only is served, and takes writes soon after it is writable again" {
    local pids
    stack_start
    post_text 'stored before'
    [[ $code == 201 ]]
    stack_stop
    mount -o remount,ro "$MOUNTED"
    run -1 stack_start
    [[ $output == *"file system that is read-only"* ]]
    reads_go_on
    writes_are_refused
    # What is stored already is not said to be on the disk, since nothing can force it there.
    post_text 'stored before'
    expect_problem 503 store-read-only
    mapfile -t pids < <(worker_pids)
    mount -o remount,rw "$MOUNTED"
    wait_for 20 pool_is_whole "${pids[0]}"
    wait_for 20 pool_is_whole "${pids[1]}"
    post_text 'stored afterwards'
    [[ $code == 201 ]]
    reads_go_on
}

@test "a disk that turns read-only after an error of its own does not stop reads, nor a restart of every worker" {
    local device pid
    device=$(findmnt -no SOURCE "$MOUNTED")
    [[ $device == /dev/loop* && -w /sys/fs/ext4/${device##*/}/trigger_fs_error ]] || skip "no error can be provoked here"
    stack_start
    post_text 'stored before'
    [[ $code == 201 ]]
    echo test >"/sys/fs/ext4/${device##*/}/trigger_fs_error"
    writes_are_refused
    reads_go_on
    for pid in $(worker_pids); do
        kill -s KILL "$pid"
        wait_for 10 is_replaced "$pid"
    done
    wait_for 10 reads_go_on
    writes_are_refused
    log_says worker 'is on a file system that is read-only'
}
is_replaced() { is_gone "$1" && [[ $(worker_pids | wc -l) == "${HASHPOST_WORKERS:-2}" ]]; }
