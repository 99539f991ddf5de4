#!/usr/bin/env bats
# A worker that stops or hangs: the others' clients go on, and it is replaced.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load ../e2e/stack.bash
load under_load.bash

setup() { stack_new; }
teardown() {
    load_abort
    [[ -z ${STRACE_PID:-} ]] || kill -s KILL "$STRACE_PID" 2>/dev/null || true
    stack_end
}

@test "one worker stopped does not stall the other's clients, and loses none of its own" {
    local pid before number
    stack_start
    load_begin
    pid=$(worker_pid 0)
    # Not in the middle of a commit: LMDB has one writer at a time, so then every write waits for it.
    for ((number = 0; number < 50; number++)); do
        kill -s STOP "$pid"
        before=$(wc -l <"$HASHPOST_HOME/logs/httpd/access.log")
        ! wait_for 1 has_lines "$HASHPOST_HOME/logs/httpd/access.log" $((before + 500)) || break
        kill -s CONT "$pid"
        load_goes_on
    done
    # Those who are not inside the stopped one go on, and so do new ones that Apache sends elsewhere.
    before=$(wc -l <"$HASHPOST_HOME/logs/httpd/access.log")
    wait_for 5 has_lines "$HASHPOST_HOME/logs/httpd/access.log" $((before + 2000))
    kill -s CONT "$pid"
    load_goes_on
    load_end
    nothing_failed
    nothing_was_lost
    [[ $(worker_pid 0) == "$pid" ]]
}

@test "a worker that is stopped and continued over and over gives no wrong answer" {
    local pid number
    stack_start
    load_begin --allow 502,503
    pid=$(worker_pid 0)
    for ((number = 0; number < 300; number++)); do
        kill -s STOP "$pid"
        wait_for 2 grep -q '^State:.T' "/proc/$pid/status"
        kill -s CONT "$pid"
    done
    load_goes_on
    load_end
    (($(load_value unexpected) == 0 && $(load_value failed_requests) == 0))
    nothing_was_lost
    [[ $(worker_pid 0) == "$pid" ]]
}

@test "a worker whose commit is stuck says so, aborts and is replaced; its sibling stays" {
    local stuck sibling
    export HASHPOST_HANG_SECONDS=2
    stack_start
    stuck=$(worker_pid 0) sibling=$(worker_pid 1)
    load_begin --allow 502,503
    strace -f -qq -o "$SCRATCH/strace" -p "$stuck" -e trace=fdatasync -e inject=fdatasync:delay_enter=20s 3>&- &
    STRACE_PID=$!
    wait_for 12 is_gone "$stuck"
    # Its thread is dead but not buried while strace holds on to it.
    kill -s KILL "$STRACE_PID"
    wait_for 4 pool_is_whole "$stuck"
    load_goes_on
    load_end
    (($(load_value unexpected) == 0 && $(load_value failed_connections) == 0))
    [[ $(worker_pid 1) == "$sibling" ]]
    grep -q 'committing messages for [0-9]* s without progress; this worker aborts' "$HASHPOST_HOME/logs/worker-00.log"
    grep -q 'worker-00 (pid '"$stuck"') crashed' "$HASHPOST_HOME/logs/pool.log"
    run ! grep -q 'without progress' "$HASHPOST_HOME/logs/worker-01.log"
    nothing_was_lost
}

@test "a slow client is no hang" {
    local pid before
    export HASHPOST_HANG_SECONDS=1 HASHPOST_MAX_MESSAGE_BYTES=16M
    stack_start
    before=$(worker_pids)
    head -c 9437184 /dev/urandom | base64 -w 0 >"$SCRATCH/big"
    ask /messages -H 'Content-Type: text/plain' -T "$SCRATCH/big" -X POST
    [[ $code == 201 ]]
    raw send "GET /messages/$(sha256 "$SCRATCH/big") HTTP/1.1\\r\\nHost: localhost\\r\\nAccept: text/plain\\r\\n\\r\\n" \
        until "$SCRATCH/go" answer >"$SCRATCH/answer" 3>&- &
    pid=$!
    # Several times the limit.
    make_load --clients 4 --seconds 4 >"$SCRATCH/load.json"
    kill -0 "$pid"
    touch "$SCRATCH/go"
    wait "$pid"
    raw_parse "$SCRATCH/answer"
    cmp "$BODY" "$SCRATCH/big"
    [[ $(worker_pids) == "$before" ]]
}

@test "a pool that keeps crashing is seen in status, in the log and by clients, and heals by itself" {
    local real=${HASHPOST_WORKER_BIN:-$ROOT/build/release/hashpost-worker} pids
    cat >"$SCRATCH/worker" <<END
#!/bin/bash
[[ ! -e $SCRATCH/broken ]] || exit 1
exec $real "\$@"
END
    chmod 0755 "$SCRATCH/worker"
    export HASHPOST_WORKER_BIN=$SCRATCH/worker
    stack_start
    run "$ROOT/service/hashpost" status
    ((status == 0))
    [[ $output != *'keeps crashing'* ]]
    touch "$SCRATCH/broken"
    mapfile -t pids < <(worker_pids)
    kill -s KILL "${pids[@]}"
    wait_for 15 grep -q 'the pool keeps crashing' "$HASHPOST_HOME/logs/pool.log"
    run "$ROOT/service/hashpost" status
    ((status != 0))
    [[ $output == *'The pool keeps crashing'* ]] || { echo "$output"; false; }
    # (Not while a try is under way.)
    wait_for 5 status_has 'next try in'
    ask /messages -H 'Content-Type: text/plain' -d hello
    expect_problem 503 unavailable
    [[ $(field retry-after) =~ ^[0-9]+$ ]]
    # Nobody waits: the socket is closed, also after its listener has been restarted.
    local listener
    wait_for 5 socket_has_mode 0
    listener=$(started_processes SUPERVISOR_PROCESS_NAME=pool)
    kill -s KILL "$listener"
    wait_for 5 another_listener "$listener"
    wait_for 5 socket_has_mode 0
    ask /messages -H 'Content-Type: text/plain' -d hello --max-time 1
    expect_problem 503 unavailable
    ask /readyz
    [[ $code == 503 ]]
    rm "$SCRATCH/broken"
    wait_for 20 pool_is_whole
    wait_for 2 socket_has_mode 660
    post_text hello
    [[ $code == 201 ]]
    # What it went through is still told.
    ask /readyz
    [[ $code == 200 && $(<"$BODY") == *'"crash_looping": true'* ]]
}
status_has() { [[ $("$ROOT/service/hashpost" status) == *"$1"* ]]; }
socket_has_mode() { [[ $(stat -c %a "$HASHPOST_HOME/fcgi.sock") == "$1" ]]; }
another_listener() {
    local pid
    pid=$(started_processes SUPERVISOR_PROCESS_NAME=pool)
    [[ -n $pid && $pid != "$1" ]]
}
