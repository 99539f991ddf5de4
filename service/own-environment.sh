#!/bin/bash
# exec_alone COMMAND…: becomes it, with only those environment variables that Hashpost's programs read: settings, what
# supervisord says of a process, options of sanitizers. Whoever types "make up" may have passwords of other programs in theirs,
# and they would stand in /proc and in core dumps for as long as the service runs. Sourced.
# shellcheck shell=bash

exec_alone() {
    local name own=()
    while read -r name; do
        case $name in
        HASHPOST_* | SUPERVISOR_* | SENDER_* | RECEIVER_* | OUTPUT_* | SERVER_*) ;;
        INPUT_DIR | SCAN_INTERVAL | STATUS_DB_PATH | ENCRYPTION_KEY | DECRYPTION_KEY | LOG_LEVEL | MESSAGES_REDIS_HOST) ;;
        ASAN_OPTIONS | LSAN_OPTIONS | TSAN_OPTIONS | UBSAN_OPTIONS) ;;
        *) continue ;;
        esac
        own+=("$name=${!name}")
    done < <(compgen -e)
    exec /usr/bin/env -i "${own[@]}" "$@"
}
