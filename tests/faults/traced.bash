# Workers whose system calls strace watches, or makes fail. Sourced by *.bats, after stack.bash.
# shellcheck shell=bash

# trace_worker NUMBER STRACE_OPTION…: attaches, and returns when the calls are watched.
trace_worker() {
    local pid
    pid=$(worker_pid "$1")
    strace -f -qq -yy -s 64 -o "$SCRATCH/trace-$1" -p "$pid" "${@:2}" 3>&- &
    STRACES="${STRACES:-} $!"
    wait_for 10 all_threads_traced "$pid"
}
straces_end() {
    # shellcheck disable=SC2086  # a list of process ids
    kill -s INT $STRACES
    # shellcheck disable=SC2086
    wait $STRACES || true
    STRACES=
}
all_threads_traced() {
    local file
    for file in /proc/"$1"/task/*/status; do
        ! grep -q '^TracerPid:[[:space:]]0$' "$file" || return 1
    done
}

# For teardown: those that a failed test left.
straces_abort() {
    local pid
    for pid in ${STRACES:-}; do kill -s KILL "$pid" 2>/dev/null || true; done
}
