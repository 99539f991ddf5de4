#!/bin/bash
# Every setting, its default and its check; sourced by service/hashpost and others, exported to all that it starts.
# A value that is already in the environment wins. The README has the table. HASHPOST_MAX_INFLIGHT_BYTES and
# HASHPOST_BLOCKING_THREADS have no entry here: unless set, the worker derives them from the others.

HASHPOST_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# Where the certificate for localhost is made, and what people type.
certs=$HASHPOST_ROOT/certs
run_by="make"
# Where it was installed, some defaults are others.
# shellcheck source=packaging/installed.sh
[[ ! -e $HASHPOST_ROOT/installed.sh ]] || source "$HASHPOST_ROOT/installed.sh"

refuse() {
    echo "Hashpost cannot start: $*" >&2
    exit 78 # EX_CONFIG
}

# httpd_threads: for Apache one for each MiB of memory, 640 to 2560, since each client that holds a thread takes up to 140 KiB;
# and no more than the limits on threads and open files allow (HASHPOST_OPEN_FILES below).
httpd_threads() {
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
    echo "$threads"
}

# --- defaults --------------------------------------------------------------------------------------

if ((EUID == 0)); then default_user=www-data; else default_user=$(id -un); fi
# Both loopback addresses, since "localhost" may mean either; one, where the kernel has no ::1.
loopback=127.0.0.1
! grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null || loopback+=,::1

: "${HASHPOST_FRONT:=apache}"
: "${HASHPOST_HOME:=$HASHPOST_ROOT/run}"
: "${HASHPOST_DATA:=$HASHPOST_ROOT/lmdb-data}"
: "${HASHPOST_LISTEN:=$loopback}"
: "${HASHPOST_PORT:=5000}"
: "${HASHPOST_EXPOSED:=auto}"
: "${HASHPOST_TRUSTED_PROXIES:=}"
: "${HASHPOST_CORS_ORIGINS:=}"
: "${HASHPOST_GZIP:=no}"
: "${HASHPOST_CERT:=$certs/localhost.pem}"
: "${HASHPOST_KEY:=$certs/localhost.key}"
: "${HASHPOST_USER:=$default_user}"
: "${HASHPOST_WORKERS:=2}"
: "${HASHPOST_THREADS:=2}"
: "${HASHPOST_MAX_MESSAGE_BYTES:=1M}"
: "${HASHPOST_MAX_STORE_BYTES:=64G}"
: "${HASHPOST_BULK_UPLOADS:=4}"
: "${HASHPOST_BULK_BATCH_LINES:=1024}"
: "${HASHPOST_MAX_BULK_BYTES:=0}"
: "${OUTPUT_DIR:=$HASHPOST_DATA/drop/output}"
: "${DECRYPTION_KEY:=}"
: "${SERVER_IP:=$loopback}"
: "${SERVER_PORT:=}"
: "${HASHPOST_FILE_UPLOADS:=4}"
: "${HASHPOST_MAX_FILE_BYTES:=0}"
: "${HASHPOST_FILE_MODE:=0640}"
: "${HASHPOST_FILE_GROUP:=}"
: "${HASHPOST_TOKEN_MAX_AGE:=0}"
: "${HASHPOST_HANG_SECONDS:=30}"
: "${HASHPOST_DRAIN_SECONDS:=30}"
: "${HASHPOST_START_SECONDS:=20}"
: "${HASHPOST_LOG_BYTES:=10M}"
: "${HASHPOST_LOG_FILES:=5}"
: "${HASHPOST_HTTPD_MPM:=event}"
: "${HASHPOST_HTTPD_THREADS:=$(httpd_threads)}"
: "${HASHPOST_PASSWORD_FILE:=}"
: "${HASHPOST_CLIENT_CA:=}"
: "${HASHPOST_LOGIN_RATE:=10}"
: "${HASHPOST_ACCESS_READ:=all}"
: "${HASHPOST_ACCESS_WRITE:=all}"
# (Unless set, it follows from the address and the password file.)
: "${HASHPOST_ACCESS_DELETE:=}"
: "${HASHPOST_ACCESS_UPLOAD:=all}"
: "${HASHPOST_WORKER_BIN:=$HASHPOST_ROOT/build/release/hashpost-worker}"
: "${HASHPOST_SENDER_BIN:=$HASHPOST_ROOT/build/release/hashpost-sender}"
: "${LOG_LEVEL:=info}"
# The sender of the file drop runs when this is set; it checks its other settings itself.
: "${INPUT_DIR:=}"

# --- checks of form --------------------------------------------------------------------------------

[[ -z ${MESSAGES_REDIS_HOST:-} ]] ||
    refuse "MESSAGES_REDIS_HOST=$MESSAGES_REDIS_HOST asks for the Redis store, which is not supported yet; unset it to use LMDB."

# check_number NAME LOWEST HIGHEST
check_number() {
    [[ ${!1} =~ ^(0|[1-9][0-9]{0,8})$ && ${!1} -ge $2 && ${!1} -le $3 ]] ||
        refuse "$1=${!1} must be a whole number from $2 to $3."
}

# make_bytes NAME LOWEST HIGHEST: replaces 10M by 10485760 and so on (1024-based K, M, G, T).
make_bytes() {
    local -A factors=([K]=1024 [M]=1048576 [G]=1073741824 [T]=1099511627776)
    local value=${!1} factor=1
    [[ $value =~ ^([1-9][0-9]{0,14})([KMGT]?)$ ]] ||
        refuse "$1=$value must be a number of bytes, such as 65536, 64K, 1M or 2G."
    [[ -z ${BASH_REMATCH[2]} ]] || factor=${factors[${BASH_REMATCH[2]}]}
    value=${BASH_REMATCH[1]}
    ((value <= $3 / factor && value * factor >= $2)) ||
        refuse "$1=${!1} must be from $2 to $3 bytes."
    printf -v "$1" '%s' $((value * factor))
}

[[ $HASHPOST_FRONT =~ ^(apache|lighttpd|nginx)$ ]] ||
    refuse "HASHPOST_FRONT=$HASHPOST_FRONT must be apache, lighttpd or nginx."
[[ $HASHPOST_EXPOSED =~ ^(auto|yes|no)$ ]] ||
    refuse "HASHPOST_EXPOSED=$HASHPOST_EXPOSED must be auto, yes or no."
[[ $HASHPOST_GZIP =~ ^(yes|no)$ ]] || refuse "HASHPOST_GZIP=$HASHPOST_GZIP must be yes or no."
[[ $HASHPOST_HTTPD_MPM =~ ^(event|worker)$ ]] ||
    refuse "HASHPOST_HTTPD_MPM=$HASHPOST_HTTPD_MPM must be event or worker."
check_number HASHPOST_PORT 1 65535
check_number HASHPOST_WORKERS 2 64
check_number HASHPOST_HANG_SECONDS 1 3600
check_number HASHPOST_DRAIN_SECONDS 1 3600
check_number HASHPOST_START_SECONDS 1 3600
check_number HASHPOST_BULK_UPLOADS 1 64
check_number HASHPOST_BULK_BATCH_LINES 1 16384
check_number HASHPOST_FILE_UPLOADS 1 64
check_number HASHPOST_TOKEN_MAX_AGE 0 999999999
check_number HASHPOST_LOG_FILES 2 1000
check_number HASHPOST_HTTPD_THREADS 8 10000
check_number HASHPOST_LOGIN_RATE 1 100000
make_bytes HASHPOST_LOG_BYTES 4096 1099511627776
make_bytes HASHPOST_MAX_MESSAGE_BYTES 1 67108864
[[ $HASHPOST_MAX_BULK_BYTES == 0 ]] || make_bytes HASHPOST_MAX_BULK_BYTES 1 17592186044416
[[ $HASHPOST_MAX_FILE_BYTES == 0 ]] || make_bytes HASHPOST_MAX_FILE_BYTES 1 17592186044416
[[ $HASHPOST_FILE_MODE =~ ^0?6[046][046]$ ]] ||
    refuse "HASHPOST_FILE_MODE=$HASHPOST_FILE_MODE must be 0600, 0640, 0660, 0644 or the like, in octal."
octet='(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])'
# check_addresses NAME: a list of IP addresses, which gets spaces in place of its commas.
check_addresses() {
    local list address
    IFS=', ' read -ra list <<<"${!1}"
    for address in "${list[@]}"; do
        [[ $address =~ ^($octet\.){3}$octet$ || ($address == *:* && $address =~ ^[0-9a-fA-F:]+$) ]] ||
            refuse "$1=${!1} must be IP addresses with commas between them, such as 127.0.0.1,::1 or 0.0.0.0."
    done
    [[ ${#list[@]} == "$(printf '%s\n' "${list[@]}" | sort -u | wc -l)" ]] || refuse "$1=${!1} names an address twice."
    printf -v "$1" '%s' "${list[*]}"
}
check_addresses HASHPOST_LISTEN
check_addresses SERVER_IP
IFS=', ' read -ra proxies <<<"$HASHPOST_TRUSTED_PROXIES"
for proxy in "${proxies[@]}"; do
    [[ $proxy =~ ^($octet\.){3}$octet(/(3[0-2]|[12]?[0-9]))?$ ||
        (${proxy%/*} == *:* && $proxy =~ ^[0-9a-fA-F:]+(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?$) ]] ||
        refuse "HASHPOST_TRUSTED_PROXIES=$HASHPOST_TRUSTED_PROXIES must be IP addresses or networks with commas between them, such as 192.0.2.7,10.0.0.0/8."
done
HASHPOST_TRUSTED_PROXIES=${proxies[*]}
if [[ -n $SERVER_PORT ]]; then
    check_number SERVER_PORT 1 65535
    ((SERVER_PORT != HASHPOST_PORT)) || refuse "SERVER_PORT=$SERVER_PORT is HASHPOST_PORT, too, which speaks TLS; choose another."
    [[ $HASHPOST_FRONT == apache ]] ||
        refuse "SERVER_PORT=$SERVER_PORT (uploads over plain HTTP) needs HASHPOST_FRONT=apache; unset it to take uploads over TLS only."
fi

# Paths become part of the configuration of the front and supervisord, which have their own quoting rules.
for name in HASHPOST_HOME HASHPOST_DATA HASHPOST_CERT HASHPOST_KEY HASHPOST_PASSWORD_FILE HASHPOST_CLIENT_CA \
    HASHPOST_WORKER_BIN HASHPOST_SENDER_BIN HASHPOST_ROOT certs; do
    [[ -z ${!name} || ${!name} == /* ]] || printf -v "$name" '%s' "$PWD/${!name}"
    [[ ${!name} =~ ^[A-Za-z0-9_./+@:,~-]*$ ]] ||
        refuse "$name=${!name} may hold only letters, digits and the signs _ . / + @ : , ~ - ; move or rename the folder."
done

# These two are for the worker alone, and may have any name.
[[ $OUTPUT_DIR == none || $OUTPUT_DIR == /* ]] || OUTPUT_DIR=$PWD/$OUTPUT_DIR
DECRYPTION_KEY=${DECRYPTION_KEY:-$HASHPOST_DATA/drop/decryption_key}
[[ $DECRYPTION_KEY == /* ]] || DECRYPTION_KEY=$PWD/$DECRYPTION_KEY

id -u "$HASHPOST_USER" >/dev/null 2>&1 ||
    refuse "HASHPOST_USER=$HASHPOST_USER is not a user of this machine; create it or name another."
((EUID == 0)) || [[ $HASHPOST_USER == "$(id -un)" ]] ||
    refuse "HASHPOST_USER=$HASHPOST_USER needs root; leave it unset to run as $(id -un)."

[[ -z $HASHPOST_FILE_GROUP ]] || {
    group_id=$(getent group "$HASHPOST_FILE_GROUP" | cut -d : -f 3) || group_id=""
    [[ -n $group_id || ! $HASHPOST_FILE_GROUP =~ ^[0-9]+$ ]] || group_id=$HASHPOST_FILE_GROUP
    [[ -n $group_id ]] || refuse "HASHPOST_FILE_GROUP=$HASHPOST_FILE_GROUP is not a group of this machine; create it or name another."
    [[ " $(id -G "$HASHPOST_USER") " == *" $group_id "* ]] ||
        refuse "HASHPOST_FILE_GROUP=$HASHPOST_FILE_GROUP is a group that $HASHPOST_USER does not belong to; add it (usermod -aG) or name another."
}

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
HASHPOST_SUPERVISOR_USER=$(id -un)

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

# The sender. For a receiver on this machine it seals with the receiver's key, which a worker makes if need be.
HASHPOST_SENDERS=0
if [[ -n $INPUT_DIR ]]; then
    HASHPOST_SENDERS=1
    : "${STATUS_DB_PATH:=$HASHPOST_DATA/sender}"
    receiver=${RECEIVER_ADDRESS:-127.0.0.1}
    if [[ $OUTPUT_DIR != none ]] && { [[ $receiver == localhost ]] || is_loopback "$receiver"; }; then
        : "${ENCRYPTION_KEY:=$DECRYPTION_KEY}"
    fi
    : "${ENCRYPTION_KEY:=/run/secrets/encryption_key}"
    # (supervisord starts it in another folder.)
    for name in INPUT_DIR STATUS_DB_PATH ENCRYPTION_KEY RECEIVER_CA_FILE RECEIVER_CERT RECEIVER_KEY; do
        [[ -z ${!name:-} || ${!name} == /* ]] || printf -v "$name" '%s' "$PWD/${!name}"
        [[ -z ${!name:-} ]] || export "${name?}"
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

export HASHPOST_FRONT HASHPOST_ROOT HASHPOST_HOME HASHPOST_DATA HASHPOST_LISTEN HASHPOST_PORT HASHPOST_CERT HASHPOST_KEY \
    HASHPOST_USER HASHPOST_WORKERS HASHPOST_THREADS HASHPOST_MAX_MESSAGE_BYTES HASHPOST_MAX_STORE_BYTES \
    HASHPOST_BULK_UPLOADS HASHPOST_BULK_BATCH_LINES HASHPOST_MAX_BULK_BYTES HASHPOST_BULK_LIMIT \
    OUTPUT_DIR DECRYPTION_KEY SERVER_IP SERVER_PORT HASHPOST_PLAIN_LISTEN_AT HASHPOST_PLAIN_LISTEN_MORE \
    HASHPOST_FILE_UPLOADS HASHPOST_MAX_FILE_BYTES HASHPOST_FILE_MODE HASHPOST_FILE_GROUP HASHPOST_TOKEN_MAX_AGE \
    HASHPOST_HANG_SECONDS HASHPOST_DRAIN_SECONDS HASHPOST_START_SECONDS HASHPOST_LOG_BYTES \
    HASHPOST_LOG_FILES HASHPOST_HTTPD_MPM HASHPOST_HTTPD_THREADS HASHPOST_PASSWORD_FILE HASHPOST_WORKER_BIN LOG_LEVEL \
    HASHPOST_MAX_BODY_BYTES HASHPOST_MAX_BODY_KIB HASHPOST_MAX_SPOOL_BYTES HASHPOST_PROXY_SECONDS HASHPOST_STOP_SECONDS \
    HASHPOST_OPEN_FILES HASHPOST_CORES HASHPOST_PREFIX HASHPOST_GROUP HASHPOST_SUPERVISOR_USER HASHPOST_URL HASHPOST_LISTEN_AT HASHPOST_LISTEN_MORE \
    HASHPOST_CLIENT_CA HASHPOST_LOGIN_RATE HASHPOST_LOGIN_BURST HASHPOST_TRUSTED_PROXIES HASHPOST_GZIP HASHPOST_FRONT_STOP_SIGNAL HASHPOST_FRONT_LOG_READERS HASHPOST_SENDER_BIN HASHPOST_SENDERS
