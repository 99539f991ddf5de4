#!/bin/bash
# The table of settings (settings.table) for shell code: defaults, checks by kind, and names that it does not have. Sourced by
# settings.sh, which has refuse, the facts on which defaults depend and $given_names.
# shellcheck disable=SC2154,SC2034

# read_table: sets $table_names, in their order, and what the table says of each. (A loop of builtins: this runs at each start.)
declare -A table_default table_kind table_bounds table_readers
read_table() {
    local name default kind bounds readers
    table_names=()
    while IFS=' |' read -r name default kind bounds readers _; do
        [[ $name == [A-Z]* ]] || continue
        table_names+=("$name")
        table_default[$name]=$default table_kind[$name]=$kind table_bounds[$name]=$bounds table_readers[$name]=$readers
    done <"$service/settings.table"
}

# read_file FILE: takes settings from that file, or the one that HASHPOST_CONF names, as far as the environment has not set them. One
# NAME=value a line; quotes around a value are removed. Paths are relative to the file's folder. $file_names are the names in it.
file_names=()
read_file() {
    local line name value number=0 folder
    HASHPOST_CONF=${HASHPOST_CONF:-$1}
    [[ $HASHPOST_CONF == /* ]] || HASHPOST_CONF=$PWD/$HASHPOST_CONF
    folder=${HASHPOST_CONF%/*}
    [[ -e $HASHPOST_CONF ]] || return 0
    [[ -r $HASHPOST_CONF ]] || refuse "the file of settings $HASHPOST_CONF cannot be read by $(id -un); correct its permissions."
    while IFS= read -r line || [[ -n $line ]]; do
        number=$((number + 1))
        line=${line%$'\r'}
        [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
        [[ $line =~ ^[[:space:]]*([A-Za-z_][A-Za-z0-9_]*)=(.*[^[:space:]])?[[:space:]]*$ ]] ||
            refuse "line $number of $HASHPOST_CONF is not NAME=value; correct it, or put # in front."
        name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
        [[ ! $value =~ ^\"(.*)\"$ && ! $value =~ ^\'(.*)\'$ ]] || value=${BASH_REMATCH[1]}
        file_names+=("$name")
        # (check_names tells of what is no setting, where something starts.)
        [[ -n ${table_kind[$name]:-} && $name != HASHPOST_CONF && -z ${!name:-} && -n $value ]] || continue
        [[ ${table_kind[$name]} != @(path|plain-path) || $value == /* || $value == "${table_bounds[$name]}" ]] || value=$folder/$value
        export "$name=$value"
    done <"$HASHPOST_CONF"
}

# resolve DEFAULT: sets $REPLY to it, with the setting or fact that it begins with in its place.
resolve() {
    REPLY=$1
    [[ $1 == '$'* ]] || return 0
    local name=${1#?} rest=""
    [[ $name != */* ]] || rest=/${name#*/} name=${name%%/*}
    if [[ $name == threads ]]; then
        fact_threads
    else
        REPLY=${facts[$name]:-${!name:-}}
    fi
    REPLY+=$rest
}

# read_setting NAME: takes it from the environment, else its default, and checks and exports it.
read_setting() {
    if [[ -z ${!1:-} ]]; then
        resolve "${table_default[$1]}"
        printf -v "$1" '%s' "$REPLY"
    fi
    [[ -z ${!1} ]] || "check_${table_kind[$1]}" "$1" "${table_bounds[$1]}"
    export "${1?}"
}

# read_settings: those of the shell code. Each program reads its own again, from the same table. $given has all that are set.
declare -A given=()
read_settings() {
    local name
    for name in "${table_names[@]}"; do
        [[ -z ${!name:-} ]] || given[$name]=yes
        [[ ${table_readers[$name]} != *service* ]] || read_setting "$name"
    done
}

# --- checks of form, by kind: check_KIND NAME BOUNDS. Some replace the value by one that programs take -----------------------------

check_text() { :; }

check_number() {
    [[ ${!1} =~ ^(0|[1-9][0-9]{0,17})$ && ${!1} -ge ${2%..*} && ${!1} -le ${2#*..} ]] ||
        refuse "$1=${!1} must be a whole number from ${2%..*} to ${2#*..}."
}
check_seconds() { check_number "$@"; }

# in_bytes TEXT: sets $REPLY to 10485760 for 10M and so on, or fails.
in_bytes() {
    local -A factors=([K]=1024 [M]=1048576 [G]=1073741824 [T]=1099511627776)
    [[ $1 =~ ^(0|[1-9][0-9]{0,14})([KMGT]?)$ ]] || return
    local factor=1
    [[ -z ${BASH_REMATCH[2]} ]] || factor=${factors[${BASH_REMATCH[2]}]}
    ((BASH_REMATCH[1] <= 9223372036854775807 / factor)) || return
    REPLY=$((BASH_REMATCH[1] * factor))
}
check_bytes() {
    local low high
    in_bytes "${2%..*}" && low=$REPLY && in_bytes "${2#*..}" && high=$REPLY
    in_bytes "${!1}" || refuse "$1=${!1} must be a number of bytes, such as 65536, 64K, 1M or 2G."
    ((REPLY >= low && REPLY <= high)) || refuse "$1=${!1} must be from ${2%..*} to ${2#*..} bytes."
    printf -v "$1" '%s' "$REPLY"
}

check_choice() {
    local words=${2//,/, }
    [[ ${!1} != *,* && ,$2, == *,${!1},* ]] || refuse "$1=${!1} must be ${words%, *} or ${words##*, }."
}
check_yes-no() { check_choice "$1" yes,no; }

check_path() { [[ ${!1} == /* || (-n $2 && ${!1} == "$2") ]] || printf -v "$1" '%s' "$PWD/${!1}"; }
# It becomes part of the configuration of the web server and supervisord, which have their own quoting rules.
check_plain-path() {
    [[ ${!1} == /* ]] || printf -v "$1" '%s' "$PWD/${!1}"
    [[ ${!1} =~ ^[A-Za-z0-9_./+@:,~-]*$ ]] ||
        refuse "$1=${!1} may hold only letters, digits and the signs _ . / + @ : , ~ - ; move or rename the folder."
}

octet='(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])'
# Both get spaces in place of their commas.
check_addresses() {
    local list address
    local -A seen=()
    IFS=', ' read -ra list <<<"${!1}"
    for address in "${list[@]}"; do
        [[ $address =~ ^($octet\.){3}$octet$ || ($address == *:* && $address =~ ^[0-9a-fA-F:]+$) ]] ||
            refuse "$1=${!1} must be IP addresses with commas between them, such as 127.0.0.1,::1 or 0.0.0.0."
        [[ -z ${seen[$address]:-} ]] || refuse "$1=${!1} names an address twice."
        seen[$address]=yes
    done
    printf -v "$1" '%s' "${list[*]}"
}
check_networks() {
    local list network
    IFS=', ' read -ra list <<<"${!1}"
    for network in "${list[@]}"; do
        [[ $network =~ ^($octet\.){3}$octet(/(3[0-2]|[12]?[0-9]))?$ ||
            (${network%/*} == *:* && $network =~ ^[0-9a-fA-F:]+(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?$) ]] ||
            refuse "$1=${!1} must be IP addresses or networks with commas between them, such as 192.0.2.7,10.0.0.0/8."
    done
    printf -v "$1" '%s' "${list[*]}"
}

check_user() {
    [[ ${!1} != "$own_name" ]] || return 0
    id -u "${!1}" >/dev/null 2>&1 || refuse "$1=${!1} is not a user of this machine; create it or name another."
    ((EUID == 0)) || refuse "$1=${!1} needs root; leave it unset to run as $own_name."
}
check_group() {
    local id
    id=$(getent group "${!1}" | cut -d : -f 3) || id=""
    [[ -n $id || ! ${!1} =~ ^[0-9]+$ ]] || id=${!1}
    [[ -n $id ]] || refuse "$1=${!1} is not a group of this machine; create it or name another."
    [[ " $(id -G "$HASHPOST_USER") " == *" $id "* ]] ||
        refuse "$1=${!1} is a group that $HASHPOST_USER does not belong to; add it (usermod -aG) or name another."
}

# --- names that the table does not have -------------------------------------------------------------------------------------------

# check_names: refuses a name in the file of settings that is not one. From the environment it refuses a HASHPOST_… that is spelled almost like a setting, and reports others. (RECEIVER_… and SENDER_… may belong to
# other programs: they are only reported, and only if they are spelled almost like a setting.)
check_names() {
    local name near known=" ${table_names[*]} ${derived[*]} "
    for name in "${file_names[@]}"; do
        [[ -z ${table_kind[$name]:-} || $name == HASHPOST_CONF ]] || continue
        near=$(nearest_setting "$name")
        refuse "$HASHPOST_CONF names $name, which is not a setting${near:+ (did you mean $near?)}; docs/settings.md has them all."
    done
    for name in "${given_names[@]}"; do
        [[ $known != *" $name "* ]] || continue
        near=$(nearest_setting "$name")
        [[ -z $near || $name != HASHPOST_* ]] || refuse "there is no setting $name; did you mean $near?"
        [[ -z $near && $name != HASHPOST_* ]] ||
            echo "There is no setting $name: it has no effect${near:+; did you mean $near?} (docs/settings.md has them all)." >&2
    done
}

# nearest_setting NAME: prints the setting that NAME was likely meant to be: in the part behind HASHPOST_ and the like up to five
# letters differ in one letter or two that are swapped, longer ones in two such places; or only underscores do.
nearest_setting() {
    local name
    for name in "${table_names[@]}"; do
        [[ ${table_readers[$name]} == @(apache|tests|containers) ]] || printf '%s\n' "$name"
    done | awk -v given="$1" '
        function least(a, b) { return a < b ? a : b }
        # The distance of Damerau and Levenshtein, in which swapped neighbours count once.
        function distance(a, b,    i, j, cost, d) {
            for (i = 0; i <= length(a); i++) d[i, 0] = i
            for (j = 0; j <= length(b); j++) d[0, j] = j
            for (i = 1; i <= length(a); i++) for (j = 1; j <= length(b); j++) {
                cost = substr(a, i, 1) != substr(b, j, 1)
                d[i, j] = least(least(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + cost)
                if (i > 1 && j > 1 && substr(a, i, 1) == substr(b, j - 1, 1) && substr(a, i - 1, 1) == substr(b, j, 1))
                    d[i, j] = least(d[i, j], d[i - 2, j - 2] + 1)
            }
            return d[length(a), length(b)]
        }
        function joined(text) { gsub(/_/, "", text); return text }
        BEGIN { prefix = substr(given, 1, index(given, "_")); best = 3 }
        index($0, prefix) == 1 {
            word = substr($0, length(prefix) + 1)
            far = joined(given) == joined($0) ? 0 : distance(substr(given, length(prefix) + 1), word)
            if (far < best && far <= (length(word) <= 5 ? 1 : 2)) { best = far; nearest = $0 }
        }
        END { if (nearest != "") print nearest }'
}
