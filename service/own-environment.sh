#!/bin/bash
# exec_alone COMMAND…: becomes it, with only those environment variables that Hashpost's programs read: settings (settings.table), what
# supervisord says of a process, options of sanitizers. Whoever types "make up" may have passwords of other programs in theirs,
# and they would stand in /proc and in core dumps for as long as the service runs. Sourced.
# shellcheck shell=bash

exec_alone() {
    local name settings=" " own=()
    while IFS=' |' read -r name _; do
        [[ $name != [A-Z]* ]] || settings+="$name "
    done <"${BASH_SOURCE[0]%/*}/settings.table"
    while read -r name; do
        [[ $settings == *" $name "* || $name == @(HASHPOST_*|SUPERVISOR_*|[ALT]SAN_OPTIONS|UBSAN_OPTIONS) ]] || continue
        own+=("$name=${!name}")
    done < <(compgen -e)
    exec /usr/bin/env -i "${own[@]}" "$@"
}
