#!/usr/bin/env bats
# What is logged, what never is, and that the files stay few.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash
load ../faults/under_load.bash

setup() { stack_new; }
teardown() {
    load_abort
    [[ -z ${LOGS_PID:-} ]] || kill -s TERM "$LOGS_PID" 2>/dev/null || true
    stack_end
}

# Prints the lines of a log, oldest first (access.log is a link to the newest file).
lines_of() { cat "$HASHPOST_HOME/logs/httpd/$1"-*.log; }
# All but up's own questions, and what lighttpd says of a connection that becomes HTTP/2.
count_requests() { lines_of access | grep -vcE '"(GET /readyz|PRI \*) HTTP'; }
bytes_of() { find "$HASHPOST_HOME/logs/httpd" -type f -name "$1-*.log" -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }'; }
# The processes that write the access log.
rotatelogs_pids() {
    local pid
    for pid in $(started_processes SUPERVISOR_PROCESS_NAME=front) $(started_processes SUPERVISOR_PROCESS_NAME=front-log-0); do
        ! tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q '^rotatelogs .*/access-' || echo "$pid"
    done
}

@test "rotation under load loses no line" {
    export HASHPOST_LOG_BYTES=64K HASHPOST_LOG_FILES=1000
    stack_start
    make_load --clients 32 --requests 20000 >"$BATS_TEST_TMPDIR/load" || { cat "$BATS_TEST_TMPDIR/load"; false; }
    stack_stop
    local answered
    answered=$(sed -nE 's/^ "answered": ([0-9]+),/\1/p' "$BATS_TEST_TMPDIR/load")
    ((answered == 20000))
    # Names have seconds, and the load lasts more than one.
    (($(find "$HASHPOST_HOME/logs/httpd" -name 'access-*.log' | wc -l) > 1))
    count_requests >"$BATS_TEST_TMPDIR/lines"
    (($(<"$BATS_TEST_TMPDIR/lines") == answered)) || { cat "$BATS_TEST_TMPDIR/lines"; false; }
    # Every line is whole.
    run grep -chvE '"PRI \* HTTP|^[0-9.]+ - \S+ \[[^]]+\] "[^"]+" [0-9]{3} [0-9]+ "TLSv1\.[23]" [0-9]+ [0-9]+$' "$HASHPOST_HOME"/logs/httpd/access.log
    [[ $output == 0 ]]
}

@test "all files of a log together are bounded" {
    export HASHPOST_LOG_BYTES=16K HASHPOST_LOG_FILES=3
    stack_start
    make_load --clients 16 --requests 5000 >"$BATS_TEST_TMPDIR/load" || { cat "$BATS_TEST_TMPDIR/load"; false; }
    # (Within one second, what is too much goes into the same file.)
    wait_for 10 bounded_after_a_request || { ls -l "$HASHPOST_HOME/logs/httpd"; false; }
}
bounded_after_a_request() {
    ask /livez
    (($(bytes_of access) <= 3 * 16384))
}

# snapshot NUMBER: copies what is written by now. kept: all of it is still there.
snapshot() {
    mkdir -p "$SCRATCH/snapshots/$1"
    cp -p "$HASHPOST_HOME"/logs/httpd/access-*.log "$SCRATCH/snapshots/$1"
}
kept() {
    local file
    for file in "$SCRATCH"/snapshots/*/*; do
        cmp -n "$(stat -c %s "$file")" "$file" "$HASHPOST_HOME/logs/httpd/${file##*/}" || return 1
    done
}

# HASHPOST_LOG_EVENTS says how many restarts, reloads and kills there are (default 2 of each).
@test "restarts and reloads under load lose no line of the log" {
    local number answered requests lines
    cp "$ROOT/certs/localhost.pem" "$SCRATCH/cert.pem"
    export HASHPOST_CERT=$SCRATCH/cert.pem HASHPOST_LOG_BYTES=256K HASHPOST_LOG_FILES=1000
    stack_start
    load_begin --seconds 3600
    for ((number = 0; number < ${HASHPOST_LOG_EVENTS:-2}; number++)); do
        snapshot "restart-$number"
        stack_stop
        stack_start
        load_goes_on 30
        snapshot "reload-$number"
        # It is new by its ctime.
        chmod 0640 "$HASHPOST_CERT"
        stack_reload
        load_goes_on 30
    done
    load_end
    stack_stop
    kept
    answered=$(load_value answered) requests=$(load_value requests) lines=$(count_requests)
    echo "$answered answered of $requests, $lines lines"
    ((answered > 0 && lines >= answered && lines <= requests))
}

@test "kills of rotatelogs under load erase no line that was written" {
    local number pid answered lines
    export HASHPOST_LOG_BYTES=256K HASHPOST_LOG_FILES=1000
    stack_start
    load_begin --seconds 3600
    for ((number = 0; number < ${HASHPOST_LOG_EVENTS:-2}; number++)); do
        snapshot "kill-$number"
        pid=$(rotatelogs_pids)
        [[ $pid =~ ^[0-9]+$ ]]
        kill -s KILL "$pid"
        wait_for 30 another_rotatelogs "$pid"
        load_goes_on 30
    done
    load_end
    stack_stop
    kept
    answered=$(load_value answered) lines=$(count_requests)
    echo "$answered answered, $lines lines"
    (($(load_value failed_requests) == 0))
    # What it had read and not written yet goes with it: one read, of 64 KiB at most.
    ((lines * 60 >= answered * 60 - ${HASHPOST_LOG_EVENTS:-2} * 65536))
}
another_rotatelogs() {
    local pid
    pid=$(rotatelogs_pids)
    [[ -n $pid && $pid != "$1" ]]
}

@test "logs follows a log into its next file" {
    local before
    export HASHPOST_LOG_BYTES=4K
    stack_start
    "$ROOT/service/hashpost" logs >"$SCRATCH/followed" 2>/dev/null 3>&- &
    LOGS_PID=$!
    wait_for 10 test -L "$HASHPOST_HOME/logs/httpd/access.log"
    before=$(readlink "$HASHPOST_HOME/logs/httpd/access.log")
    wait_for 20 another_newest "$before"
    ask /the-last-one
    wait_for 20 grep -q the-last-one "$SCRATCH/followed"
    grep -q '\[worker\] - Ready' "$SCRATCH/followed"
    kill -s TERM "$LOGS_PID"
    # Both of its tails end.
    wait_for 10 not follower_is_left
}
another_newest() {
    ask /livez
    [[ $(readlink "$HASHPOST_HOME/logs/httpd/access.log") != "$1" ]]
}
follower_is_left() { pgrep -f "tail .*$HASHPOST_HOME/logs"; }

# --- the pruning by itself ------------------------------------------------------------------------------

# prune NAME: as rotatelogs does after it has opened it.
prune() {
    : >>"$SCRATCH/logs/$1"
    HASHPOST_LOG_BYTES=8192 HASHPOST_LOG_FILES=3 "$ROOT/service/prune-logs" "$SCRATCH/logs/$1"
}
log_files() { find "$SCRATCH/logs" -type f -printf '%f\n' | sort | tr '\n' ' '; }
# log_file NAME BYTES
log_file() {
    mkdir -p "$SCRATCH/logs"
    head -c "$2" /dev/zero >"$SCRATCH/logs/$1"
}

@test "the oldest log files go first, and many small ones stay as long as they are small together" {
    local number
    for number in 1 2 3 4; do log_file "access-2026010${number}T000000Z.log" 4096; done
    log_file error-20250101T000000Z.log 100000
    prune access-20260109T000000Z.log
    [[ $(log_files) == "access-20260101T000000Z.log access-20260102T000000Z.log access-20260103T000000Z.log access-20260104T000000Z.log access-20260109T000000Z.log error-20250101T000000Z.log " ]]
    log_file access-20260105T000000Z.log 8192
    prune access-20260110T000000Z.log
    [[ $(log_files) == "access-20260104T000000Z.log access-20260105T000000Z.log access-20260109T000000Z.log access-20260110T000000Z.log error-20250101T000000Z.log " ]] || { log_files; false; }
    [[ $(readlink "$SCRATCH/logs/access.log") == access-20260110T000000Z.log ]]
}

@test "after the clock was set back, files from the future go before what is written now" {
    log_file access-29990101T000000Z.log 16384
    log_file access-20260101T000000Z.log 16384
    prune access-20260102T000000Z.log
    [[ $(log_files) == "access-20260101T000000Z.log access-20260102T000000Z.log " ]] || { log_files; false; }
    [[ $(readlink "$SCRATCH/logs/access.log") == access-20260102T000000Z.log ]]
}

@test "a log file that somebody still writes is not removed" {
    log_file access-20260101T000000Z.log 20000
    exec 7>>"$SCRATCH/logs/access-20260101T000000Z.log"
    prune access-20260102T000000Z.log
    [[ $(log_files) == "access-20260101T000000Z.log access-20260102T000000Z.log " ]]
    exec 7>&-
    prune access-20260103T000000Z.log
    [[ $(log_files) == "access-20260102T000000Z.log access-20260103T000000Z.log " ]] || { log_files; false; }
}

@test "a log that begins while another one is pruned has its link, too" {
    local pid
    log_file error-20260101T000000Z.log 1
    exec 7<"$SCRATCH/logs"
    flock 7
    prune access-20260101T000000Z.log 7<&- 3>&- &
    pid=$!
    wait_for 10 ended_or_waits "$pid"
    exec 7<&-
    wait "$pid"
    [[ $(readlink "$SCRATCH/logs/access.log") == access-20260101T000000Z.log ]]
}
ended_or_waits() { is_gone "$1" || grep -q -- "-> FLOCK .*:$(stat -c %i "$SCRATCH/logs") " /proc/locks; }

@test "log files of an earlier version are kept and grow old like the others" {
    mkdir "$SCRATCH/logs"
    echo newest >"$SCRATCH/logs/access.log"
    echo older >"$SCRATCH/logs/access.log.1"
    echo as-old >"$SCRATCH/logs/access.log.2"
    touch -d 2026-01-02T03:04:05Z "$SCRATCH/logs/access.log"
    touch -d 2026-01-01T00:00:00Z "$SCRATCH"/logs/access.log.[12]
    prune access-20260103T000000Z.log
    [[ $(log_files) == "access-20251231T235959Z.log access-20260101T000000Z.log access-20260102T030405Z.log access-20260103T000000Z.log " ]]
    [[ $(<"$SCRATCH/logs/access-20260102T030405Z.log") == newest ]]
}

@test "no message, key or password reaches a log, at the chattiest level" {
    export LOG_LEVEL=debug
    htpasswd -cbB "$SCRATCH/passwords" admin pass-phrase-7741 2>/dev/null
    chmod 0644 "$SCRATCH/passwords"
    export HASHPOST_PASSWORD_FILE=$SCRATCH/passwords
    stack_start
    local digest
    digest=$(printf 'a-secret-0815 in text' | sha256)
    post_text 'a-secret-0815 in text'
    [[ $code == 201 ]]
    post_json '{"message":"a-secret-0815 in JSON"}'
    [[ $code == 201 ]]
    post_json '{"message":"a-secret-0815 cut off'
    [[ $code == 400 ]]
    post_json '{"message":"a-secret-0815","a-secret-0815":tru}'
    [[ $code == 400 ]]
    ask /messages -H 'Content-Type: a-secret-0815/x' -H 'X-Secret: a-secret-0815' -d a-secret-0815
    [[ $code == 415 ]]
    ask "/messages/$digest" -X DELETE -u admin:wrong-pass-phrase-7741
    [[ $code == 401 ]]
    ask "/messages/$digest" -X DELETE -u admin:pass-phrase-7741
    [[ $code == 200 ]]
    stack_stop
    grep -q "DELETE /messages/$digest" "$HASHPOST_HOME/logs/httpd/access.log"
    run grep -rEl 'a-secret-0815|pass-phrase-7741|PRIVATE KEY' "$HASHPOST_HOME/logs"
    [[ -z $output ]] || { grep -rE 'a-secret-0815|pass-phrase-7741|PRIVATE KEY' "$HASHPOST_HOME/logs"; false; }
    [[ -z $(find "$HASHPOST_HOME/tmp" -type f) ]]
}

@test "no control character of a client reaches a log, not even in the name of a failed login" {
    local name
    htpasswd -cbB "$SCRATCH/passwords" admin secret 2>/dev/null
    chmod 0644 "$SCRATCH/passwords"
    export HASHPOST_PASSWORD_FILE=$SCRATCH/passwords
    stack_start
    # ESC, a C1 control character, one that turns the direction of writing, and no UTF-8.
    name=$(printf 'evil\033[31m\302\233\342\200\256\233x')
    ask "/messages/$(printf x | sha256)" -X DELETE -u "$name:wrong"
    [[ $code == 401 ]]
    ask "/$(printf '%s' "$name" | od -An -v -tx1 | tr -d '\n' | tr ' ' %)"
    stack_stop
    # The web server's own line about the login is there.
    grep -q evil "$HASHPOST_HOME/logs/httpd/error.log"
    run grep -rlP '[^\x20-\x7e\t]' "$HASHPOST_HOME/logs"
    [[ -z $output ]] || { grep -rhP '[^\x20-\x7e\t]' "$HASHPOST_HOME/logs" | cat -v; false; }
}

@test "a worker's failed start is logged in UTC" {
    local before
    mkdir -p "$SCRATCH/home/pool"
    echo 1 >"$SCRATCH/home/pool/worker-00.failed-starts"
    before=$EPOCHSECONDS
    TZ=Asia/Tokyo SUPERVISOR_PROCESS_NAME=worker-00 HASHPOST_WORKER_BIN=/bin/true "$ROOT/service/start-worker" 2>"$SCRATCH/said"
    local said
    said=$(date -d "$(sed -E 's/^\[([^]]+)\] .*/\1/' "$SCRATCH/said")" +%s)
    ((said >= before && said <= EPOCHSECONDS)) || { cat "$SCRATCH/said"; false; }
}

@test "every line of the workers and of the pool has the one format" {
    stack_start
    post_text hello
    raw --plain send 'garbage\r\n\r\n' end >"$BATS_TEST_TMPDIR/x"
    stack_stop
    run grep -hvE '^\[[0-9-]+[T ][0-9:.]+Z?\] - \[[A-Za-z]+\] - \[[a-z-]+\] - ' "$HASHPOST_HOME"/logs/worker-*.log "$HASHPOST_HOME"/logs/pool.log
    [[ -z $output ]]
    grep -q ' - \[INFO\] - \[worker\] - Ready' "$HASHPOST_HOME/logs/worker-00.log"
}
