#!/bin/bash
# Who may do what: from the HASHPOST_ACCESS_* that were given to the HASHPOST_RULE_* that the web servers enforce
# (httpd-conf/access.conf and the like). Sourced by settings.sh, once the form of the settings is checked.

access_operations=(READ WRITE DELETE UPLOAD)

# is_loopback ADDRESS…: only this machine reaches any of them. (127.0.0.0/8 and the forms of ::1; whatever is not certain is not.)
is_loopback() {
    local address
    for address in "$@"; do [[ $address =~ ^127(\.[0-9]{1,3}){3}$ || $address =~ ^[0:]+:0{0,3}1$ ]] || return 1; done
}

# What `loopback` comes to, and whether others reach the service. The address tells, unless something else stands before
# it: a container is reached where its engine publishes it, and a proxy on this machine passes on everybody's requests
# from an address of this machine.
loopback_rule=loopback
case $HASHPOST_EXPOSED in
yes) exposed=yes loopback_rule=none ;;
no) exposed=no loopback_rule=all ;;
*)
    exposed=no
    # shellcheck disable=SC2086  # a list of addresses
    is_loopback $HASHPOST_LISTEN || exposed=yes
    [[ -z $HASHPOST_TRUSTED_PROXIES ]] || exposed=yes loopback_rule=none
    ;;
esac

# default_access OPERATION
default_access() {
    if [[ $1 != DELETE ]]; then
        echo all
    elif [[ -n $HASHPOST_PASSWORD_FILE ]]; then
        echo password
    elif [[ $exposed == yes ]]; then
        echo none
    else
        echo all
    fi
}

for operation in "${access_operations[@]}"; do
    name=HASHPOST_ACCESS_$operation
    rule=${!name:-$(default_access "$operation")}
    case $rule in
    all | none) ;;
    loopback) rule=$loopback_rule ;;
    password)
        [[ -n $HASHPOST_PASSWORD_FILE ]] ||
            refuse "$name=password needs HASHPOST_PASSWORD_FILE, a file of names and passwords made with htpasswd; set it, or choose another value."
        ;;
    certificate)
        [[ $HASHPOST_FRONT == apache ]] ||
            refuse "$name=certificate needs HASHPOST_FRONT=apache; choose all, loopback, password or none for $HASHPOST_FRONT."
        # (In a virtual host of somebody else's, TLS is that host's.)
        [[ -n $HASHPOST_CLIENT_CA || ${web_server_is_ours:-yes} == no ]] ||
            refuse "$name=certificate needs HASHPOST_CLIENT_CA, a PEM file of who signs the certificates of clients; set it, or choose another value."
        ;;
    *) refuse "$name=$rule must be all, loopback, password, certificate or none." ;;
    esac
    printf -v "HASHPOST_RULE_$operation" '%s' "$rule"
done

derived+=(HASHPOST_RULE_READ HASHPOST_RULE_WRITE HASHPOST_RULE_DELETE HASHPOST_RULE_UPLOAD)

# has_rule RULE: some operation has it.
has_rule() { [[ " $HASHPOST_RULE_READ $HASHPOST_RULE_WRITE $HASHPOST_RULE_DELETE $HASHPOST_RULE_UPLOAD " == *" $1 "* ]]; }

# with_rule RULE: prints the operations that have it, in lower case, with commas between.
with_rule() {
    local operation name list=""
    for operation in "${access_operations[@]}"; do
        name=HASHPOST_RULE_$operation
        [[ ${!name} != "$1" ]] || list+=", ${operation,,}"
    done
    echo "${list:2}"
}

# reached_of FIRST MORE: the addresses in words.
reached_of() { echo "$1${2:+ and ${2// / and }}"; }
# The addresses where others reach the service, if any.
reached_at=
[[ $exposed == no ]] || reached_at=$(reached_of "$HASHPOST_LISTEN_AT" "$HASHPOST_LISTEN_MORE")
# shellcheck disable=SC2086  # a list of addresses
[[ -z $HASHPOST_PLAIN_LISTEN_AT || $HASHPOST_EXPOSED == no ]] || { [[ $exposed == no ]] && is_loopback $SERVER_IP; } ||
    reached_at+=${reached_at:+ and }$(reached_of "$HASHPOST_PLAIN_LISTEN_AT" "$HASHPOST_PLAIN_LISTEN_MORE")

# One line that says what they may do.
tell_access() {
    local rule operations said=""
    local -A who=([all]="may" [password]="with a password may" [certificate]="with a certificate may"
        [loopback]="on this machine only may" [none]="may not")
    for rule in all password certificate loopback none; do
        operations=$(with_rule "$rule")
        [[ -z $operations ]] || said+="; ${who[$rule]} $operations"
    done
    echo "Everybody who reaches $reached_at${said:1} (docs/security.md)."
}
