#!/bin/bash
# The settings that the shell code reads: from settings.table, which has each one's default and bounds. Sourced by service/hashpost
# and others, exported to all that it starts. A value in the environment wins, then one in hashpost.conf.
# shellcheck disable=SC2034,SC2153  # settings are assigned by name (table.sh), and what is exported is for others

service=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
HASHPOST_ROOT=${service%/*}
# Where the certificate for localhost is made, and what people type.
certs=$HASHPOST_ROOT/certs
run_by="make"

refuse() {
    echo "Hashpost cannot start: $*" >&2
    exit 78 # EX_CONFIG
}

# The names of what follows from settings and is exported like them.
derived=()

# shellcheck source=service/table.sh
source "$service/table.sh"
read_table

# Where it was installed, the file and some defaults are others.
if [[ -e $HASHPOST_ROOT/installed.sh ]]; then
    # shellcheck source=packaging/installed.sh
    source "$HASHPOST_ROOT/installed.sh"
else
    read_file "$HASHPOST_ROOT/hashpost.conf"
fi
# What was given, before any is added here.
given_names=("${!HASHPOST_@}" "${!RECEIVER_@}" "${!SENDER_@}")

# --- facts on which defaults depend ----------------------------------------------------------------

own_name=$(id -un)
# Both loopback addresses, since "localhost" may mean either; one, where the kernel has no ::1.
loopback=127.0.0.1
! grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null || loopback+=,::1
# shellcheck disable=SC2034  # table.sh reads it
declare -A facts=([root]=$HASHPOST_ROOT [certs]=$certs [loopback]=$loopback [user]=$own_name)
((EUID != 0)) || facts[user]=www-data

# fact_threads: sets $REPLY: for Apache one for each MiB of memory, 640 to 2560, since each client that holds a thread takes up to 140 KiB;
# and no more than the limits on threads and open files allow (HASHPOST_OPEN_FILES below).
fact_threads() {
    local name kib cgroup limit threads=640
    if [[ $HASHPOST_FRONT == apache ]]; then
        read -r name kib _ </proc/meminfo
        [[ $name == MemTotal: ]] || kib=0
        IFS=: read -r _ _ cgroup < <(grep ^0:: /proc/self/cgroup) || cgroup=/
        if limit=$(cat "/sys/fs/cgroup$cgroup/memory.max" 2>/dev/null) && [[ $limit != max ]]; then
            ((limit / 1024 >= kib)) || kib=$((limit / 1024))
        fi
        threads=$((kib / 1024 < 640 ? 640 : kib / 1024 > 2560 ? 2560 : kib / 1024))
        # Half of them for mod_http2's threads and all other processes.
        if limit=$(cat "/sys/fs/cgroup$cgroup/pids.max" 2>/dev/null) && [[ $limit != max ]]; then
            ((limit / 2 >= threads)) || threads=$((limit / 2))
        fi
        limit=$(ulimit -Hn)
        ((EUID == 0)) || [[ $limit == unlimited ]] || (((limit - 512) / 4 >= threads)) || threads=$(((limit - 512) / 4))
    fi
    REPLY=$threads
}

read_settings

# --- checks of several together --------------------------------------------------------------------

if [[ -n $SERVER_PORT ]]; then
    ((SERVER_PORT != HASHPOST_PORT)) || refuse "SERVER_PORT=$SERVER_PORT is also HASHPOST_PORT, which speaks TLS; choose another."
    [[ $HASHPOST_FRONT == apache ]] ||
        refuse "SERVER_PORT=$SERVER_PORT (uploads over plain HTTP) needs HASHPOST_FRONT=apache; unset it to take uploads over TLS only."
fi
check_plain-path HASHPOST_ROOT
check_plain-path certs

# supervisord binds supervisor.sock.<its pid> and renames it; the kernel takes 107 bytes for the path.
longest_socket=$HASHPOST_HOME/supervisor.sock.4194304
((${#longest_socket} <= 107)) ||
    refuse "HASHPOST_HOME=$HASHPOST_HOME is too long for the sockets in it (by $((${#longest_socket} - 107)) bytes); set HASHPOST_HOME to a shorter path."

# --- what follows from the settings ----------------------------------------------------------------

# JSON may spell one byte of a message with six (\u0041); the rest is room for the object around it.
HASHPOST_MAX_BODY_BYTES=$((6 * HASHPOST_MAX_MESSAGE_BYTES + 65536))
HASHPOST_MAX_BODY_KIB=$(((HASHPOST_MAX_BODY_BYTES + 1023) / 1024))
# Some larger bodies are spooled all the same so that the worker can refuse them (httpd-conf/hashpost.conf).
HASHPOST_MAX_SPOOL_BYTES=$((HASHPOST_MAX_BODY_BYTES > 8388608 ? 2 * HASHPOST_MAX_BODY_BYTES : 16777216))
# For httpd, 15 digits stand for no limit.
HASHPOST_BULK_LIMIT=$((HASHPOST_MAX_BULK_BYTES > 0 ? HASHPOST_MAX_BULK_BYTES : 999999999999999))
# A request may wait for a hung worker until the watchdog ends it; the front must not give up before.
HASHPOST_PROXY_SECONDS=$((HASHPOST_HANG_SECONDS + 30))
# Longer than anything that drains, so that supervisord's KILL is the last resort.
HASHPOST_STOP_SECONDS=$((HASHPOST_DRAIN_SECONDS + 10))
# A thread holds a client and a FastCGI connection; idle keep-alive clients come on top.
HASHPOST_OPEN_FILES=$((4 * HASHPOST_HTTPD_THREADS + 512))
HASHPOST_CORES=$(nproc)
# A client that was quiet may send what comes in ten seconds at once.
HASHPOST_LOGIN_BURST=$((10 * HASHPOST_LOGIN_RATE))
# A server of ours has no other site (httpd-conf/hashpost.conf).
HASHPOST_PREFIX=
HASHPOST_GROUP=$(id -gn "$HASHPOST_USER")
HASHPOST_SUPERVISOR_USER=$own_name

# at_port NAME ADDRESSES PORT: each of them with the port, as web servers write them: the first one becomes NAME_AT, the
# others NAME_MORE. (httpd's configuration can say one, and the command line of one that runs already says no others.)
at_port() {
    local address list=()
    for address in $2; do
        [[ $address != *:* ]] || address="[$address]"
        list+=("$address:$3")
    done
    printf -v "$1_AT" '%s' "${list[0]}"
    printf -v "$1_MORE" '%s' "${list[*]:1}"
}
# Where a client on this machine finds the service.
at_port HASHPOST_LISTEN "$HASHPOST_LISTEN" "$HASHPOST_PORT"
case " $HASHPOST_LISTEN " in
*' 127.0.0.1 '* | *' 0.0.0.0 '* | *' :: '* | *' ::1 '*) HASHPOST_URL=https://localhost:$HASHPOST_PORT ;;
*) HASHPOST_URL=https://$HASHPOST_LISTEN_AT ;;
esac
HASHPOST_PLAIN_LISTEN_AT="" HASHPOST_PLAIN_LISTEN_MORE=""
[[ -z $SERVER_PORT ]] || at_port HASHPOST_PLAIN_LISTEN "$SERVER_IP" "$SERVER_PORT"

# shellcheck source=service/access.sh
source "$HASHPOST_ROOT/service/access.sh"
# shellcheck source=service/cors.sh
source "$HASHPOST_ROOT/service/cors.sh"

# The sender. For a receiver on this machine it encrypts with the receiver's key, which a worker makes if need be.
HASHPOST_SENDERS=0
if [[ -n $INPUT_DIR ]]; then
    HASHPOST_SENDERS=1
    receiver=${RECEIVER_ADDRESS:-${table_default[RECEIVER_ADDRESS]}}
    if [[ $OUTPUT_DIR != none ]] && { [[ $receiver == localhost ]] || is_loopback "$receiver"; }; then
        : "${ENCRYPTION_KEY:=$DECRYPTION_KEY}"
    fi
    # (supervisord starts it in another folder.)
    for name in "${table_names[@]}"; do
        [[ ${table_readers[$name]} != sender || ${table_kind[$name]} != path ]] || read_setting "$name"
    done
fi

# What differs between the fronts for supervisord: the signal for a graceful stop, and how many of its logs are
# read by a program of their own (service/read-log).
HASHPOST_FRONT_LOG_READERS=0
case $HASHPOST_FRONT in
apache) HASHPOST_FRONT_STOP_SIGNAL=WINCH ;;
lighttpd) HASHPOST_FRONT_STOP_SIGNAL=INT HASHPOST_FRONT_LOG_READERS=2 ;;
nginx) HASHPOST_FRONT_STOP_SIGNAL=QUIT HASHPOST_FRONT_LOG_READERS=2 ;;
esac

derived+=(HASHPOST_ROOT HASHPOST_BULK_LIMIT HASHPOST_PLAIN_LISTEN_AT HASHPOST_PLAIN_LISTEN_MORE HASHPOST_MAX_BODY_BYTES \
    HASHPOST_MAX_BODY_KIB HASHPOST_MAX_SPOOL_BYTES HASHPOST_PROXY_SECONDS HASHPOST_STOP_SECONDS HASHPOST_OPEN_FILES HASHPOST_CORES \
    HASHPOST_PREFIX HASHPOST_GROUP HASHPOST_SUPERVISOR_USER HASHPOST_URL HASHPOST_LISTEN_AT HASHPOST_LISTEN_MORE HASHPOST_LOGIN_BURST \
    HASHPOST_FRONT_STOP_SIGNAL HASHPOST_FRONT_LOG_READERS HASHPOST_SENDERS)
export "${derived[@]}"
