#!/bin/bash
# The workers under supervisord: how they fare, and how they are replaced one at a time. Sourced after settings.sh and
# processes.sh; $pool is the name of their program there, $logs the folder of their logs, and supervisorctl speaks to
# the right supervisord.
# shellcheck disable=SC2154  # those three

worker_state() { sed -nE "s/^\"$1\": \{\"state\": \"([A-Z]+)\".*/\1/p" "$HASHPOST_HOME/pool/pool.json" 2>/dev/null; }

# worker_pid NAME: prints the id of its process, or fails. restart_worker NAME: drains it if it is there, and starts it.
worker_pid() { [[ $(worker_state "$1") == RUNNING ]] && supervisorctl pid "$pool:$1"; }
restart_worker() { supervisorctl restart "$pool:$1" >/dev/null; }

# Prints the process id of a worker that is ready, or fails. (Until start-worker has counted the start, a script runs.)
running_pid() {
    local pid program=${HASHPOST_WORKER_BIN##*/}
    pid=$(worker_pid "$1") && [[ ! -e $HASHPOST_HOME/pool/$1.failed-starts ]] &&
        [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "${program:0:15}" ]] && echo "$pid"
}

# One worker drains and ends by itself; supervisord starts its successor with the binary of now.
reload_worker() {
    local name=$1 old new deadline
    if ! old=$(running_pid "$name"); then
        restart_worker "$name"
        echo "$name: was not running; started again"
        return
    fi
    kill -s TERM "$old"
    wait_for_end "$HASHPOST_STOP_SECONDS" "$old" || kill -s KILL "$old" 2>/dev/null || true
    deadline=$((SECONDS + HASHPOST_START_SECONDS))
    until new=$(running_pid "$name") && [[ $new != "$old" ]]; do
        ((SECONDS < deadline)) || refuse "$name did not come back within $HASHPOST_START_SECONDS s; the others were left as they are. See $logs/$name.log."
        sleep 0.02
    done
    echo "$name: process $old has been replaced by $new"
}

# What pool_events.py knows of them.
print_pool() {
    sed -nE 's/^"(worker-[0-9]+)": \{"state": "([A-Z]+)", "crashes_last_minute": ([0-9]+), "failed_starts": ([0-9]+), "retrying_in_seconds": ([0-9]+|null).*/\1 is \2; crashes within the last minute: \3; failed starts in a row: \4; next try in \5 s/p' \
        "$HASHPOST_HOME/pool/pool.json" | sed 's/; next try in null s//; s/; failed starts in a row: 0//'
    ! grep -q '"crash_looping": true' "$HASHPOST_HOME/pool/pool.json" ||
        echo "The pool keeps crashing. It is retried for ever, with pauses that grow by a second; see $logs."
}
