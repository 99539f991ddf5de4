#!/bin/bash
# What runs in HASHPOST_HOME, with which settings, and in which of them it differs from what is set now. Sourced by service/hashpost.
# shellcheck disable=SC2034,SC2153,SC2154,SC2016  # settings are set by name, and table.sh sets the table

# Prints the process id of this home's supervisord, or fails.
supervisord_pid() {
    local pid
    pid=$(cat "$HASHPOST_HOME/supervisord.pid" 2>/dev/null) && [[ $pid =~ ^[0-9]+$ ]] && running "$pid" &&
        grep -qzxF "HASHPOST_HOME=$HASHPOST_HOME" "/proc/$pid/environ" 2>/dev/null && echo "$pid"
}

# The web server reads certificate and key through two links, which a reload can point elsewhere. (What it runs with has its
# environment from supervisord, which keeps that of its start.)
served=$HASHPOST_HOME/tls
serve_certificate() {
    make_folder "$served" 0750 "root:$HASHPOST_GROUP"
    point "$HASHPOST_CERT" "$served/certificate.pem"
    point "$HASHPOST_KEY" "$served/key.pem"
}
# point TARGET LINK: at no moment is there no link.
point() {
    [[ $(readlink "$2") != "$1" ]] || return 0
    ln -sfn "$1" "$2.new"
    mv -fT "$2.new" "$2"
}

# read_running PID: sets $has to what that supervisord was started with, and to the certificate that is served since.
declare -A has=()
read_running() {
    local setting file
    has=()
    while IFS= read -rd '' setting; do has[${setting%%=*}]=${setting#*=}; done <"/proc/$1/environ"
    ! file=$(readlink "$served/certificate.pem") || has[HASHPOST_CERT]=$file
    ! file=$(readlink "$served/key.pem") || has[HASHPOST_KEY]=$file
}

# comparable NAME VALUE: sets $REPLY to the value, or the default without one; sizes as numbers.
comparable() {
    REPLY=$2
    [[ -n $REPLY ]] || resolve "${table_default[$1]}"
    [[ ${table_kind[$1]} != bytes ]] || in_bytes "$REPLY" || true
}

# find_others [given]: sets $others to the settings that what runs has otherwise than a start would now; with "given" only those
# that the environment or the file of settings says.
find_others() {
    local name wanted
    others=()
    for name in "${table_names[@]}"; do
        case $name in
        # They are about the start, or the same by the choice of HASHPOST_HOME.
        HASHPOST_CONF | HASHPOST_HOME | HASHPOST_START_SECONDS) continue ;;
        esac
        case ${table_readers[$name]} in
        *service* | *worker*) ;;
        sender) [[ -n $INPUT_DIR ]] || continue ;;
        *) continue ;;
        esac
        # (The limits of whoever types may make another number of threads.)
        [[ -n ${given[$name]:-} ]] || [[ ${1:-} != given && ${table_default[$name]} != '$threads' ]] || continue
        comparable "$name" "${!name:-}"
        wanted=$REPLY
        comparable "$name" "${has[$name]:-}"
        [[ $wanted == "$REPLY" ]] || others+=("$name")
    done
}

# What runs keeps its settings, whatever the caller's are: nginx's configuration is written from them again.
take_running() {
    local name
    for name in "${table_names[@]}"; do [[ ${table_readers[$name]} != @(worker|sender|worker,sender) ]] || unset "$name"; done
    # (An older version has exported fewer.)
    INPUT_DIR="" HASHPOST_LISTEN_MORE="" HASHPOST_PLAIN_LISTEN_MORE="" HASHPOST_CORS="" HASHPOST_GZIP=""
    for name in "${!has[@]}"; do
        [[ $name != HASHPOST_* && -z ${table_kind[$name]:-} ]] || export "$name=${has[$name]}"
    done
    take_older_rules
}

# listens_at ADDRESS PORT: it is what runs that listens there.
listens_at() {
    local pair any=0.0.0.0
    [[ $1 != *:* ]] || any=::
    for pair in "HASHPOST_PORT HASHPOST_LISTEN" "SERVER_PORT SERVER_IP"; do
        [[ ${has[${pair% *}]:-} != "$2" || " ${has[${pair#* }]:-} " != *" "@("$1"|"$any")" "* ]] || return 0
    done
    return 1
}
