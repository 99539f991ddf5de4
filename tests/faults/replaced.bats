#!/usr/bin/env bats
# The store's files removed or replaced under a running service: nothing acknowledged is lost.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

load ../e2e/stack.bash
load under_load.bash

setup() {
    stack_new
    stack_start
}
teardown() {
    load_abort
    stack_end
}

all_are_new() {
    local pid
    for pid in "$@"; do is_gone "$pid" || return; done
    pool_is_whole "$1"
}

@test "lock.mdb removed under load ends the workers, and loses no acknowledged message" {
    local pids
    load_begin --allow "500,$GATEWAY_ERRORS"
    mapfile -t pids < <(worker_pids)
    rm "$HASHPOST_DATA/lock.mdb"
    wait_for 30 all_are_new "${pids[@]}"
    load_goes_on
    load_end
    (($(load_value unexpected) == 0))
    nothing_was_lost
    log_says worker 'lock.mdb in .* was removed or replaced'
}

@test "a worker that starts beside others with another lock.mdb refuses" {
    mv "$HASHPOST_DATA/lock.mdb" "$HASHPOST_DATA/lock.aside"
    run "${HASHPOST_WORKER_BIN:-$ROOT/build/release/hashpost-worker}" --check-format
    [[ $status == 69 && $output == *"not there any more"* ]]
}
