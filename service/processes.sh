#!/bin/bash
# Finding and ending what supervisord started for this HASHPOST_HOME, and starting things as its user. Sourced.

# as_user COMMAND…: as HASHPOST_USER.
as_user() {
    if ((EUID == 0)); then
        setpriv "--reuid=$HASHPOST_USER" "--regid=$HASHPOST_GROUP" --init-groups -- "$@"
    else
        "$@"
    fi
}

# running PID: is it there, and more than a zombie?
running() {
    local status
    status=$(cat "/proc/$1/status" 2>/dev/null) || return 1
    [[ $status != *$'\nState:\tZ'* ]]
}

# nginx overwrites its environment; its processes of this home are those that work in its folder (service/start-front).
nginx_processes() {
    local folder file
    folder=$(cd -P -- "$HASHPOST_HOME" 2>/dev/null && pwd) || return 0
    find /proc/[0-9]* -maxdepth 1 -name cwd -lname "$folder" 2>/dev/null | while read -r file; do
        [[ $(cat "${file%cwd}comm" 2>/dev/null) != nginx ]] || echo "${file//[!0-9]/}"
    done || true
}

# started_processes [VARIABLE=value]: prints the ids of the processes that a supervisord started for this
# home (with that variable in their environment). Not this script's own process group: under supervisord
# it has one of its own, and its greps would find themselves.
started_processes() {
    {
        processes_of_home "${1:-}"
        [[ -n ${1:-} && $1 != SUPERVISOR_PROCESS_NAME=front ]] || nginx_processes
    } | sort -un
}
processes_of_home() {
    local file pid stat own_group
    read -r _ _ _ _ own_group _ </proc/self/stat
    grep -lzxF "HASHPOST_HOME=$HASHPOST_HOME" /proc/[0-9]*/environ 2>/dev/null | while read -r file; do
        pid=${file//[!0-9]/}
        grep -qzxF SUPERVISOR_ENABLED=1 "$file" 2>/dev/null || continue
        [[ -z $1 ]] || grep -qzxF -- "$1" "$file" 2>/dev/null || continue
        stat=$(cat "/proc/$pid/stat" 2>/dev/null) || continue
        read -r _ _ group _ <<<"${stat##*) }"
        [[ $group != "$own_group" ]] && running "$pid" && echo "$pid"
    done || true
}

# wait_for_end SECONDS PID…: false when one of them is still there at the end of that time (0: some 100 ms).
wait_for_end() {
    local tries=$(($1 * 50 + 5)) pid
    for pid in "${@:2}"; do
        while running "$pid"; do
            ((tries-- > 0)) || return 1
            sleep 0.02
        done
    done
}

# end_processes SIGNAL SECONDS [VARIABLE=value]: asks those processes to end, then KILLs the rest.
end_processes() {
    local pids
    mapfile -t pids < <(started_processes "${@:3}")
    ((${#pids[@]})) || return 0
    kill -s "$1" "${pids[@]}" 2>/dev/null || true
    wait_for_end "$2" "${pids[@]}" && return 0
    mapfile -t pids < <(started_processes "${@:3}")
    ((${#pids[@]})) || return 0
    kill -s KILL "${pids[@]}" 2>/dev/null || true
    wait_for_end 5 "${pids[@]}"
}
