#!/bin/bash
# What differs between the HTTP servers in front (HASHPOST_FRONT). Sourced after settings.sh, or by what was started
# with its settings.

# What an older version has started knows one rule, by another name, and neither gzip nor other origins.
take_older_rules() {
    export HASHPOST_LOGIN_RATE=${HASHPOST_LOGIN_RATE:-10} HASHPOST_LOGIN_BURST=${HASHPOST_LOGIN_BURST:-100}
    export HASHPOST_GZIP=${HASHPOST_GZIP:-no}
    # shellcheck source=service/cors.sh
    [[ -n ${HASHPOST_CORS:-} ]] || HASHPOST_CORS_ORIGINS="" source "$HASHPOST_ROOT/service/cors.sh"
    [[ -n ${HASHPOST_ACCESS:-} ]] || return 0
    export HASHPOST_RULE_READ=all HASHPOST_RULE_WRITE=all HASHPOST_RULE_UPLOAD=all HASHPOST_RULE_DELETE=none
    case $HASHPOST_ACCESS in
    local) HASHPOST_RULE_DELETE=all ;;
    passwords) HASHPOST_RULE_DELETE=password ;;
    esac
}

# A reload may point these links elsewhere (running.sh).
use_served_certificate() {
    [[ ! -L $HASHPOST_HOME/tls/key.pem ]] || export HASHPOST_CERT=$HASHPOST_HOME/tls/certificate.pem HASHPOST_KEY=$HASHPOST_HOME/tls/key.pem
}

apache_defines() {
    local operation rule
    for operation in Read Write Delete Upload; do
        rule=HASHPOST_RULE_${operation^^}
        [[ ${!rule} == all ]] || echo "-D Hashpost$operation"
        [[ ${!rule} != certificate ]] || echo "-D HashpostCertificate"
    done
    [[ ${HASHPOST_GZIP:-no} == no ]] || echo "-D HashpostGzip"
    [[ ${HASHPOST_CORS:-off} == off ]] || echo "-D HashpostCors"
    [[ ${HASHPOST_CORS:-off} != any ]] || echo "-D HashpostCorsAny"
    [[ -z $HASHPOST_PLAIN_LISTEN_AT ]] || echo "-D HashpostPlain"
    [[ -z ${HASHPOST_TRUSTED_PROXIES:-} ]] || echo "-D HashpostProxied"
}

# One Listen for each address but the first, which is all that the configuration file can say.
apache_listens() {
    local at
    for at in ${HASHPOST_LISTEN_MORE:-} ${HASHPOST_PLAIN_LISTEN_MORE:-}; do printf '%s\n' -c "Listen $at"; done
}

# render FILE: prints it with each ${HASHPOST_…} replaced. (The values hold no sign that nginx would read as more than
# a letter: settings.sh sees to it.)
render() {
    local text
    text=$(<"$1")
    while [[ $text =~ \$\{(HASHPOST_[A-Z_]+)\} ]]; do
        text=${text//"${BASH_REMATCH[0]}"/"${!BASH_REMATCH[1]}"}
    done
    printf '%s\n' "$text"
}

# write_nginx_conf [FOLDER]: to HASHPOST_HOME, or for a check, which must touch neither a FIFO nor what runs, to another.
write_nginx_conf() {
    local HASHPOST_ACCESS_LOG=$HASHPOST_HOME/front-access.fifo HASHPOST_ERROR_LOG=$HASHPOST_HOME/front-error.fifo
    # shellcheck disable=SC2034  # render names it
    local at HASHPOST_NGINX_LISTEN=""
    for at in $HASHPOST_LISTEN_AT ${HASHPOST_LISTEN_MORE:-}; do HASHPOST_NGINX_LISTEN+="listen $at ssl http2 backlog=4096; "; done
    # shellcheck disable=SC2034
    local HASHPOST_NGINX_PROXIES=${HASHPOST_TRUSTED_PROXIES:+set_real_ip_from ${HASHPOST_TRUSTED_PROXIES// /; set_real_ip_from };}
    if (($#)); then
        local HASHPOST_HOME=$1
        # shellcheck disable=SC2034  # render names them
        HASHPOST_ACCESS_LOG=/dev/null HASHPOST_ERROR_LOG=stderr
    fi
    render "$HASHPOST_ROOT/httpd-conf/nginx.conf" >"$HASHPOST_HOME/nginx.conf"
}

# lighttpd takes its documents from files that are called <status>.html.
write_lighttpd_errors() (
    umask 022
    mkdir -p "$HASHPOST_HOME/errors"
    for file in "$HASHPOST_ROOT"/httpd-conf/errors/*.json; do
        name=${file##*/}
        cp "$file" "$HASHPOST_HOME/errors/${name%.json}.html"
    done
)

# Prints what the front says against its configuration and fails, or prints nothing.
check_front() {
    local said folder listens
    case $HASHPOST_FRONT in
    apache)
        mapfile -t listens < <(apache_listens)
        # shellcheck disable=SC2046  # a list of options
        said=$(/usr/sbin/apache2 -t $(apache_defines) "${listens[@]}" -f "$HASHPOST_ROOT/httpd-conf/httpd.conf" 2>&1) || {
            echo "$said"
            return 1
        }
        ;;
    lighttpd)
        said=$(/usr/sbin/lighttpd -tt -f "$HASHPOST_ROOT/httpd-conf/lighttpd.conf" 2>&1) || {
            echo "$said"
            return 1
        }
        ;;
    nginx)
        folder=$(mktemp -d)
        chmod 0755 "$folder"
        mkdir "$folder/tmp"
        write_nginx_conf "$folder"
        said=$(/usr/sbin/nginx -t -q -e stderr -c "$folder/nginx.conf" 2>&1) || {
            echo "$said"
            rm -rf "$folder"
            return 1
        }
        rm -rf "$folder"
        ;;
    esac
}

# reload_front PID: it reads its certificate and configuration again; requests that are under way end in the old one.
# (lighttpd may not read the key any more once it runs: it ends, and supervisord starts it anew.)
reload_front() {
    case $HASHPOST_FRONT in
    apache) reload_apache "$1" ;;
    lighttpd) kill -s INT "$1" ;;
    nginx)
        (use_served_certificate && write_nginx_conf)
        kill -s HUP "$1"
        ;;
    esac
}

# A graceful restart closes idle connections at once, and a client may be about to use one. So for as long as Apache keeps an
# idle connection each response ends its own (limits.conf), and then there are none; the file goes when the new child serves,
# since the old one knows by then.
reload_apache() {
    local seconds old deadline
    seconds=$(sed -nE 's/^KeepAliveTimeout ([0-9]+)$/\1/p' "$HASHPOST_ROOT/httpd-conf/limits.conf")
    trap 'rm -f "$HASHPOST_HOME/closing"' EXIT
    : >"$HASHPOST_HOME/closing"
    echo "apache: each response ends its connection for $((seconds + 1)) s, so that no request is lost"
    sleep $((seconds + 1))
    old=$(apache_children "$1" | sort)
    kill -s USR1 "$1"
    deadline=$((SECONDS + HASHPOST_START_SECONDS))
    until [[ -n $(comm -13 <(echo "$old") <(apache_children "$1" | sort)) ]] || ((SECONDS >= deadline)); do sleep 0.02; done
    rm -f "$HASHPOST_HOME/closing"
}
# apache_children PID: prints the ids of the children that serve.
apache_children() {
    local pid children
    read -ra children 2>/dev/null <"/proc/$1/task/$1/children" || true
    for pid in "${children[@]}"; do
        [[ $(cat "/proc/$pid/comm" 2>/dev/null) != apache2 ]] || echo "$pid"
    done
}

# Into a home that was prepared; whoever opens a FIFO must find the same one until the service ends.
make_front_fifos() {
    rm -f "$HASHPOST_HOME"/front-{access,error}.fifo
    ((HASHPOST_FRONT_LOG_READERS > 0)) || return 0
    mkfifo -m 0600 "$HASHPOST_HOME"/front-{access,error}.fifo
    # (It opens them as that user.)
    [[ $HASHPOST_FRONT != lighttpd ]] || ((EUID != 0)) || chown -h "$HASHPOST_USER:$HASHPOST_GROUP" "$HASHPOST_HOME"/front-{access,error}.fifo
}

# Asks a front that is still there, whichever it is, to finish and end, in the way of each; then KILLs it.
end_front() {
    local pids second
    signal_front
    for ((second = 0; second < HASHPOST_DRAIN_SECONDS; second++)); do
        mapfile -t pids < <(started_processes SUPERVISOR_PROCESS_NAME=front)
        ((${#pids[@]})) || return 0
        wait_for_end 1 "${pids[@]}" && return 0
        # An httpd that was only starting did not know the signal yet, and passed over it.
        signal_front apache2
    done
    end_processes CONT 0 SUPERVISOR_PROCESS_NAME=front
}
# signal_front [COMMAND]: all of it, or only what runs that.
signal_front() {
    local pid command signal
    for pid in $(started_processes SUPERVISOR_PROCESS_NAME=front); do
        command=$(cat "/proc/$pid/comm" 2>/dev/null)
        [[ -z ${1:-} || $command == "$1" ]] || continue
        case $command in
        apache2) signal=WINCH ;;
        lighttpd) signal=INT ;;
        nginx) signal=QUIT ;;
        *) continue ;; # a log's reader, which ends by itself
        esac
        kill -s "$signal" "$pid" 2>/dev/null || true
    done
}
