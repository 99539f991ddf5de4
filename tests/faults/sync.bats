#!/usr/bin/env bats
# A sync of the store that fails.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load ../e2e/stack.bash
load under_load.bash
load stored.bash
load traced.bash

setup() { stack_new; }
teardown() {
    load_abort
    straces_abort
    stack_end
}

@test "a sync that fails is 500, the worker is replaced, and nothing acknowledged is lost" {
    local number pids
    stack_start
    for number in {1..20}; do
        post_text "message $number before"
        [[ $code == 201 ]]
        printf 'message %s before' "$number" | sha256 >>"$SCRATCH/stored"
    done
    mapfile -t pids < <(worker_pids)
    # Which worker gets the next one is Apache's choice.
    trace_worker 0 -e trace=fdatasync -e inject=fdatasync:error=EIO
    trace_worker 1 -e trace=fdatasync -e inject=fdatasync:error=EIO
    post_text 'the one that fails'
    expect_problem 500 internal-error
    wait_for 20 one_is_gone "${pids[@]}"
    straces_end
    wait_for 20 pool_is_whole
    log_says worker 'The store failed'
    log_says worker 'every message is read back and checked'
    # What was not acknowledged may be sent again.
    post_text 'the one that fails'
    [[ $code == 201 || $code == 200 ]]
    printf 'the one that fails' | sha256 >>"$SCRATCH/stored"
    every_stored_message_is_read
    stack_stop
    stack_start
    every_stored_message_is_read
}
one_is_gone() { is_gone "$1" || is_gone "$2"; }

@test "a sync that fails under load loses nothing that was acknowledged" {
    local pid
    stack_start
    load_begin --allow 500,502,503
    pid=$(worker_pid 1)
    trace_worker 1 -e trace=fdatasync -e inject=fdatasync:error=EIO:when=3
    wait_for 10 is_gone "$pid"
    wait_for 20 pool_is_whole "$pid"
    load_goes_on
    load_end
    (($(load_value unexpected) == 0 && $(load_status 500) >= 1))
    nothing_was_lost
}

@test "an unfinished write of a killed machine is not taken for a store of another format" {
    stack_start
    post_text hello
    stack_stop
    # The lock file and a leftover mark of a verification that never ran.
    rm "$HASHPOST_DATA/lock.mdb"
    install -m 0640 -o "$(stat -c %U "$HASHPOST_DATA")" /dev/null "$HASHPOST_DATA/suspect"
    stack_start
    ask "/messages/$(printf hello | sha256)"
    expect_json 200 '{"message":"hello"}'
    [[ ! -e $HASHPOST_DATA/suspect ]]
    log_says worker 'messages are whole; writes go on'
}

@test "every folder that is made for the data is synced into the one above it" {
    mkdir "$SCRATCH/bin" "$SCRATCH/top"
    chmod 0777 "$SCRATCH/top"
    install -m 0666 /dev/null "$SCRATCH/synced"
    printf '#!/bin/bash\nprintf "%%s\\n" "$@" >>%q\nexec /usr/bin/sync "$@"\n' "$SCRATCH/synced" >"$SCRATCH/bin/sync"
    chmod 0755 "$SCRATCH/bin/sync"
    export HASHPOST_DATA=$SCRATCH/top/a/b/data PATH=$SCRATCH/bin:$PATH
    stack_start
    for folder in top top/a top/a/b; do grep -qx "$SCRATCH/$folder" "$SCRATCH/synced"; done
}
