# Load in the background while a test breaks something, and proof afterwards that nothing acknowledged was lost.
# Sourced by *.bats, after stack.bash.
# shellcheck shell=bash

# load_begin LOAD_OPTION…: returns when it runs at full speed.
load_begin() {
    ACKS=$SCRATCH/acks LOAD=$SCRATCH/load.json
    rm -f "$ACKS"
    $PYTHON -I "$ROOT/tests/tools/load.py" --port "$HASHPOST_PORT" --cacert "$CACERT" --clients "${CLIENTS:-32}" \
        --acks "$ACKS" --seconds 300 "$@" >"$LOAD" 2>&1 3>&- &
    LOAD_PID=$!
    wait_for 20 has_lines "$ACKS" 300
}

# load_goes_on: waits until some more has been acknowledged.
load_goes_on() { wait_for "${1:-10}" has_lines "$ACKS" $(($(wc -l <"$ACKS") + 200)); }

load_end() {
    kill -s TERM "$LOAD_PID"
    wait "$LOAD_PID" || true
    # Shown by bats if the test fails.
    cat "$LOAD"
}

# For teardown: a load that a failed test left, and that would delay the end.
load_abort() { [[ -z ${LOAD_PID:-} ]] || kill -s TERM "$LOAD_PID" 2>/dev/null || true; }

# load_value NAME: a number of the summary, such as answered or failed_requests.
load_value() { sed -nE "s/^ \"$1\": ([0-9]+),?$/\1/p" "$LOAD"; }
# load_status STATUS: how often it was answered.
load_status() {
    local count
    count=$(sed -nE "s/^  \"$1\": ([0-9]+),?$/\1/p" "$LOAD")
    echo "${count:-0}"
}

nothing_failed() {
    (($(load_value answered) > 0 && $(load_value answered) == $(load_value requests) && $(load_value failed_connections) == 0))
}

# Every message that was acknowledged is there, and every one whose deletion was is not.
nothing_was_lost() {
    # (lighttpd's processes look for a worker again once a second, each for itself.)
    wait_for 10 everyone_is_served
    make_load --verify "$ACKS" --clients 16 >"$SCRATCH/verify.json" || {
        cat "$SCRATCH/verify.json"
        return 1
    }
    (($(sed -nE 's/^ "answered": ([0-9]+),$/\1/p' "$SCRATCH/verify.json") >= 300))
    # What a kill leaves of a commit is not damage.
    [[ $(worker_logs) != *'is damaged'* ]] || { worker_logs | grep 'is damaged'; return 1; }
}

everyone_is_served() { make_load --clients 32 --requests 128 --mix get=100; }

# Connections that Apache has open to the process: each carries one request at most.
open_connections() { ss -Hxp state connected 2>/dev/null | grep -cE "fcgi\.sock .*pid=$1," || true; }
