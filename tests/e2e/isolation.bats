#!/usr/bin/env bats
# What one client sends, and how slowly, harms no other client.
# HASHPOST_ISOLATION=full: the whole table of tests/tools/isolation_cases.py (a quarter of an hour), and every shape of slowness
# by itself.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

setup_file() {
    stack_new
    # One I/O thread in each worker: whatever blocks it stops everything. Apache's threads: as many as with enough memory.
    export HASHPOST_THREADS=1 HASHPOST_HTTPD_THREADS=2560 LOG_LEVEL=debug
    stack_start
}
teardown_file() { stack_end; }
teardown() { slow_end; }

isolation() { $PYTHON -I "$ROOT/tests/tools/isolation.py" --port "$HASHPOST_PORT" --cacert "$CACERT" --server "$HASHPOST_FRONT" "$@"; }
# slow_begin SHAPE [OPTION…]: clients of tests/tools/slow.py, in the background until slow_end.
slow_begin() {
    local number=$((${SLOW_COUNT:-0} + 1))
    SLOW_COUNT=$number
    $PYTHON -I "$ROOT/tests/tools/slow.py" --port "$HASHPOST_PORT" --cacert "$CACERT" --seconds 120 --ready "$BATS_TEST_TMPDIR/slow.$number" \
        "$@" >"$BATS_TEST_TMPDIR/slow.$number.json" 3>&- &
    SLOW_PIDS="${SLOW_PIDS:-} $!"
}
# All that slow_begin began are there, each connection of them at once.
slow_are_there() {
    local number
    for ((number = 1; number <= SLOW_COUNT; number++)); do [[ -e $BATS_TEST_TMPDIR/slow.$number ]] || return; done
}
slow_end() {
    local pid
    for pid in ${SLOW_PIDS:-}; do kill -s TERM "$pid" 2>/dev/null || true; done
    # shellcheck disable=SC2086  # a list
    [[ -z ${SLOW_PIDS:-} ]] || wait $SLOW_PIDS || true
    SLOW_PIDS='' SLOW_COUNT=0
    cat "$BATS_TEST_TMPDIR"/slow.*.json 2>/dev/null || true
}
# What is measured is shown even where all is well.
figure() { printf '# %s\n' "$HASHPOST_FRONT: ${*//$'\n'/; }" >&3; }

@test "beside 1000 slow headers, 1000 half handshakes and 640 slow HTTP/2 streams, nobody else fails or waits" {
    local found
    found=$(isolation beside --seconds 2) || { echo "$found"; false; }
    figure "alone, $found"
    slow_begin --connections 1000 --every 5 header
    slow_begin --connections 1000 --every 5 handshake
    slow_begin --connections 16 --h2 --streams 40 --every 2 body
    wait_for 60 slow_are_there
    found=$(isolation beside --seconds 4) || { echo "$found"; false; }
    figure "beside the crowd, $found"
}
