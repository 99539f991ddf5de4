# Waiting in tests: for a condition, with a bound, never for a time. Sourced.
# shellcheck shell=bash

WAIT_FOR_PAUSE=0.02

# wait_for SECONDS COMMAND…: runs the command until it succeeds; fails, and says so, when the time is over. SECONDS is what an idle
# machine needs at most; a busy one needs longer, so the bound is four times that.
wait_for() {
    local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 4000000))
    shift
    until "$@" >/dev/null 2>&1; do
        if ((${EPOCHREALTIME/[.,]/} > deadline)); then
            echo "waited in vain for: $*"
            return 1
        fi
        sleep "$WAIT_FOR_PAUSE"
    done
}

# Conditions.
not() { ! "$@"; }
is_gone() { ! kill -0 "$1" 2>/dev/null || ! grep -qs '^State:[[:space:]][^Z]' "/proc/$1/status"; }
has_lines() { [[ -f $1 ]] && (($(wc -l <"$1") >= $2)); }
