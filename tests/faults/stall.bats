#!/usr/bin/env bats
# A worker that stops or hangs: the others' clients go on, and it is replaced.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load ../e2e/stack.bash
load under_load.bash

setup() { stack_new; }
teardown() {
    load_abort
    [[ -z ${LISTENER_PID:-} ]] || kill -s KILL "$LISTENER_PID" 2>/dev/null || true
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
    wait_for 20 has_lines "$HASHPOST_HOME/logs/httpd/access.log" $((before + 2000))
    kill -s CONT "$pid"
    load_goes_on
    load_end
    nothing_failed
    nothing_was_lost
    [[ $(worker_pid 0) == "$pid" ]]
}

# is_stopped PID: all of it.
is_stopped() { grep -q '^State:.T' "/proc/$1/status"; }

@test "a worker that stays stopped is killed and replaced" {
    local stopped sibling
    export HASHPOST_HANG_SECONDS=2
    stack_start
    stopped=$(worker_pid 0) sibling=$(worker_pid 1)
    kill -s STOP "$stopped"
    wait_for 20 is_stopped "$stopped"
    wait_for 20 is_gone "$stopped"
    wait_for 10 pool_is_whole "$stopped"
    [[ $(worker_pid 1) == "$sibling" ]]
    log_says pool -E "worker-00 \\(pid $stopped\\) has been stopped for [0-9]+ s; it is killed and replaced"
}

@test "a stopped process of the web server is killed and replaced, and its clients are served again" {
    local child children
    export HASHPOST_HANG_SECONDS=2
    stack_start
    mapfile -t children < <(web_server_children)
    ((${#children[@]} > 0))
    # Whichever of them a client meets.
    kill -s STOP "${children[@]}"
    for child in "${children[@]}"; do wait_for 20 is_gone "$child"; done
    wait_for 10 is_ready
    log_says pool -E "\\(pid ${children[0]}\\) has been stopped for [0-9]+ s; it is killed and replaced"
}
# Those that serve, and nobody's log reader.
web_server_children() {
    local pid
    for pid in $(pgrep -P "$(<"$HASHPOST_HOME/front.pid")"); do
        [[ $(</proc/"$pid"/comm) != "$(<"/proc/$(<"$HASHPOST_HOME/front.pid")/comm")" ]] || echo "$pid"
    done
}

@test "a stopped reader of a log is killed and replaced" {
    local pid
    export HASHPOST_HANG_SECONDS=2
    stack_start
    pid=$(pgrep -f "^rotatelogs .*$HASHPOST_HOME/logs/httpd/access-")
    kill -s STOP "$pid"
    wait_for 20 is_gone "$pid"
    wait_for 10 pgrep -f "^rotatelogs .*$HASHPOST_HOME/logs/httpd/access-"
}

@test "the pool's listener goes on when it cannot write its state, and writes it as soon as it can" {
    mkfifo "$SCRATCH/events"
    exec {events}<>"$SCRATCH/events"
    HASHPOST_HANG_SECONDS=1 $PYTHON -I -S "$ROOT/service/pool_events.py" "$SCRATCH/missing/pool.json" "$SCRATCH/socket" \
        <"$SCRATCH/events" >"$SCRATCH/answers" 2>"$SCRATCH/log" 3>&- {events}>&- &
    LISTENER_PID=$!
    event STARTING 'processname:worker-00 groupname:worker from_state:STOPPED tries:0'
    wait_for 20 grep -q 'pool.json cannot be written: No such file or directory' "$SCRATCH/log"
    event RUNNING "processname:worker-00 groupname:worker from_state:STARTING pid:$$"
    wait_for 20 answered 2
    mkdir "$SCRATCH/missing"
    wait_for 10 grep -q '"worker-00": {"state": "RUNNING"' "$SCRATCH/missing/pool.json"
    # Said once.
    (($(grep -c 'cannot be written' "$SCRATCH/log") == 1))
}

@test "one worker that cannot start leaves the socket open for the others, and two of two close it" {
    local number
    mkdir "$SCRATCH/pool"
    mkfifo "$SCRATCH/events"
    exec {events}<>"$SCRATCH/events"
    $PYTHON -I -S -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$SCRATCH/socket"
    chmod 0660 "$SCRATCH/socket"
    echo "3 $((EPOCHSECONDS + 600))" >"$SCRATCH/pool/worker-00.failed-starts"
    HASHPOST_HANG_SECONDS=1 $PYTHON -I -S "$ROOT/service/pool_events.py" "$SCRATCH/pool/pool.json" "$SCRATCH/socket" \
        <"$SCRATCH/events" >"$SCRATCH/answers" 2>"$SCRATCH/log" 3>&- {events}>&- &
    LISTENER_PID=$!
    for number in 0 1; do event STARTING "processname:worker-0$number groupname:worker from_state:STOPPED tries:0"; done
    event RUNNING "processname:worker-01 groupname:worker from_state:STARTING pid:$$"
    wait_for 20 grep -q '"worker-00".*"failed_starts": 3' "$SCRATCH/pool/pool.json"
    wait_for 20 answered 3
    [[ $(stat -c %a "$SCRATCH/socket") == 660 ]]
    echo "2 $((EPOCHSECONDS + 600))" >"$SCRATCH/pool/worker-01.failed-starts"
    wait_for 20 is_closed
    rm "$SCRATCH/pool/worker-01.failed-starts"
    wait_for 20 not is_closed
}
is_closed() { [[ $(stat -c %a "$SCRATCH/socket") == 0 ]]; }
event() { printf 'len:%d eventname:PROCESS_STATE_%s\n%s' "${#2}" "$1" "$2" >&"$events"; }
answered() { (($(grep -c '^RESULT 2' "$SCRATCH/answers") >= $1)); }

@test "the pool's listener goes on when a stopped process vanishes before it is killed, or is another user's" {
    cat >"$SCRATCH/end.py" <<'END'
import errno, os, signal, subprocess, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import stopped_processes

lines = []
process = subprocess.Popen(["sleep", "60"])
process.send_signal(signal.SIGSTOP)
os.waitpid(process.pid, os.WUNTRACED)
stopped = stopped_processes.StoppedProcesses(0, lambda level, text: lines.append(text))
real = signal.pidfd_send_signal
for error in (errno.ESRCH, errno.EPERM):
    def refuse(fd, number):
        raise OSError(error, os.strerror(error))
    signal.pidfd_send_signal = refuse
    stopped.end([process.pid, 1 << 30], {})
    stopped.end([process.pid], {})
assert len(lines) == 1 and "cannot be killed" in lines[0], lines
signal.pidfd_send_signal = real
stopped.complained.clear()
stopped.end([process.pid], {})
assert process.wait() == -signal.SIGKILL
END
    $PYTHON -I -S "$SCRATCH/end.py" "$ROOT/service"
}

@test "a worker that is stopped and continued over and over gives no wrong answer" {
    local pid number
    stack_start
    load_begin --allow 502,503
    pid=$(worker_pid 0)
    for ((number = 0; number < 300; number++)); do
        kill -s STOP "$pid"
        wait_for 20 is_stopped "$pid"
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
    wait_for 20 pool_is_whole "$stuck"
    load_goes_on
    load_end
    (($(load_value unexpected) == 0 && $(load_value failed_connections) == 0))
    [[ $(worker_pid 1) == "$sibling" ]]
    log_says worker-00 'committing messages for [0-9]* s without progress; this worker aborts'
    log_says pool 'worker-00 (pid '"$stuck"') crashed'
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
    wait_for 20 status_has 'next try in'
    ask /messages -H 'Content-Type: text/plain' -d hello
    expect_problem 503 unavailable
    [[ $(field retry-after) =~ ^[0-9]+$ ]]
    # Nobody waits: the socket is closed, also after its listener has been restarted.
    local listener
    wait_for 20 socket_has_mode 0
    listener=$(started_processes SUPERVISOR_PROCESS_NAME=pool)
    kill -s KILL "$listener"
    wait_for 20 another_listener "$listener"
    wait_for 20 socket_has_mode 0
    ask /messages -H 'Content-Type: text/plain' -d hello --max-time 5
    expect_problem 503 unavailable
    ask /readyz
    [[ $code == 503 ]]
    rm "$SCRATCH/broken"
    wait_for 20 pool_is_whole
    wait_for 20 socket_has_mode 660
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
