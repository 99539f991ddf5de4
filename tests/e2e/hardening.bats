#!/usr/bin/env bats
# What an attacker who found a fault in a worker or in the sender would still have against them.
# shellcheck disable=SC2154,SC2030,SC2031  # stack.bash sets variables; tests are processes

bats_require_minimum_version 1.5.0
load stack.bash

SENDER=${HASHPOST_SENDER_BIN:-$ROOT/build/release/hashpost-sender}

setup_file() {
    stack_new
    export HASHPOST_SENDER_BIN=$SENDER INPUT_DIR=$SCRATCH/in SERVER_PORT RECEIVER_PORT
    SERVER_PORT=$(free_port)
    # (Only Apache takes uploads there; elsewhere the sender waits for its receiver.)
    [[ $HASHPOST_FRONT == apache ]] || SERVER_PORT=
    RECEIVER_PORT=${SERVER_PORT:-1}
    install -d -m 0777 "$INPUT_DIR"
    A_PASSWORD=secret AWS_SECRET_ACCESS_KEY=secret http_proxy=http://user:secret@localhost:1 stack_start
    wait_for 20 sender_pid
}
teardown_file() { stack_end; }

sender_pid() { started_processes SUPERVISOR_PROCESS_NAME=sender | grep .; }
programs() {
    worker_pids
    sender_pid
}

@test "release builds are position-independent, with full RELRO, stack protector and fortified calls" {
    local file symbols
    for file in "$HASHPOST_WORKER_BIN" "$SENDER"; do
        [[ $file == */release/* ]] || skip "this is no release build"
        readelf -hW "$file" | grep -q '^ *Type: *DYN'
        readelf -dW "$file" | grep -q 'FLAGS_1.*PIE'
        readelf -lW "$file" | grep -q '^ *GNU_RELRO'
        readelf -dW "$file" | grep -q 'FLAGS_1.*NOW'
        readelf -lW "$file" | grep -q '^ *GNU_STACK.* RW '
        symbols=$(readelf --dyn-syms -W "$file")
        grep -q ' __stack_chk_fail@' <<<"$symbols"
        grep -qE ' __(read|memcpy|memmove|recv|snprintf|fprintf|pread64|readlinkat|poll|fdelt)_chk@' <<<"$symbols"
    done
}

@test "workers and sender gain no rights, whatever they execute" {
    local pid count=0
    for pid in $(programs); do
        grep -qx $'NoNewPrivs:\t1' "/proc/$pid/status"
        count=$((count + 1))
    done
    ((count == 3))
}

@test "workers and sender have no variable of whoever started them but settings of theirs" {
    local pid count=0
    for pid in $(programs); do
        tr '\0' '\n' <"/proc/$pid/environ" >"$SCRATCH/environ"
        run -1 grep -F secret "$SCRATCH/environ"
        run -1 grep -vE '^(HASHPOST_|SUPERVISOR_|RECEIVER_|SENDER_|OUTPUT_|SERVER_|(INPUT_DIR|STATUS_DB_PATH|ENCRYPTION_KEY|DECRYPTION_KEY|LOG_LEVEL|SCAN_INTERVAL)=|[A-Z]+SAN_OPTIONS=)' "$SCRATCH/environ"
        count=$((count + 1))
    done
    ((count == 3))
}

@test "every setting that a program reads reaches it" {
    local name names=()
    mapfile -t names < <(awk -F ' *[|] *' '/^[A-Z]/ && $5 ~ /worker|sender/ { print $1 }' "$ROOT/service/settings.table"
        grep -ohE 'getenv\("[A-Z_]+"' "$ROOT"/{fcgi-worker,file-sender}/*.cc | grep -oE '[A-Z_]+')
    ((${#names[@]} > 25))
    # shellcheck disable=SC2016  # for the other shell
    env "${names[@]/%/=x}" bash -euo pipefail -c 'source "$1/service/own-environment.sh"; exec_alone /usr/bin/env' _ "$ROOT" >"$SCRATCH/kept"
    for name in "${names[@]}"; do
        grep -qx "$name=x" "$SCRATCH/kept" || { echo "$name is lost: service/own-environment.sh"; false; }
    done
}
