# What every peer's `up` does alike: processes of their own groups, Redis, the Apache in front. Sourced.
# shellcheck shell=bash
# In: BENCH_DIR (empty, private), BENCH_PORT, BENCH_CERT, BENCH_KEY, HASHPOST_ROOT.
# Out: $BENCH_DIR/processes, a line "role pid" for each process group; $BENCH_DIR/<role>.log.

: "${BENCH_DIR:?}" "${BENCH_PORT:?}" "${BENCH_CERT:?}" "${BENCH_KEY:?}" "${HASHPOST_ROOT:?}"
PEERS=$HASHPOST_ROOT/bench/peers

# An nginx left behind would share the port (reuseport) and answer for the new one.
if (: <>"/dev/tcp/127.0.0.1/$BENCH_PORT") 2>/dev/null; then
    echo "Something listens on port $BENCH_PORT already; end it first." >&2
    exit 1
fi

# shellcheck source=tests/tools/wait_for.bash
source "$HASHPOST_ROOT/tests/tools/wait_for.bash"

# Like Hashpost's own processes: nobody but root's Apache and nginx parents stays root.
if ((EUID == 0)); then PEER_USER=www-data; else PEER_USER=$(id -un); fi
PEER_GROUP=$(id -gn "$PEER_USER")
export PEER_USER PEER_GROUP PEERS

as_user=()
if ((EUID == 0)); then
    as_user=(setpriv "--reuid=$PEER_USER" "--regid=$PEER_GROUP" --init-groups)
    chown "$PEER_USER:$PEER_GROUP" "$BENCH_DIR"
fi
# The same scheduling policy as Hashpost's processes (service/start-worker).
batch=(chrt --batch 0)
"${batch[@]}" true 2>/dev/null || batch=()
ulimit -S -n "$(ulimit -H -n)"

# What was started ends with a start that failed.
end_after_failure() {
    local status=$? role pid
    ((status)) && [[ -e $BENCH_DIR/processes ]] || exit "$status"
    while read -r role pid; do
        kill -KILL -- "-$pid" 2>/dev/null || true
        echo "--- $role:" && tail -n 20 "$BENCH_DIR/$role.log"
    done <"$BENCH_DIR/processes" >&2
    exit "$status"
}
trap end_after_failure EXIT

# start ROLE COMMAND…: in the background, as leader of a process group.
start() {
    local role=$1
    shift
    "${batch[@]}" setsid "$@" </dev/null >"$BENCH_DIR/$role.log" 2>&1 &
    echo "$role $!" >>"$BENCH_DIR/processes"
}

start_as_user() {
    local role=$1
    shift
    start "$role" "${as_user[@]}" "$@"
}

# Redis on $BENCH_DIR/redis.sock.
start_redis() {
    "${as_user[@]}" mkdir "$BENCH_DIR/redis"
    start_as_user redis redis-server "$PEERS/redis.conf" --dir "$BENCH_DIR/redis" --unixsocket "$BENCH_DIR/redis.sock"
    wait_for 10 redis-cli -s "$BENCH_DIR/redis.sock" ping
}

# start_apache PIECE: Hashpost's own httpd.conf, with the peer's PIECE in the place of hashpost.conf, so that
# MPM, TLS, limits and logs are the same for all behind Apache.
start_apache() {
    export HASHPOST_HOME=$BENCH_DIR HASHPOST_DATA=$BENCH_DIR/data HASHPOST_PORT=$BENCH_PORT \
        HASHPOST_CERT=$BENCH_CERT HASHPOST_KEY=$BENCH_KEY HASHPOST_USER=$PEER_USER HASHPOST_LISTEN=127.0.0.1 HASHPOST_CONF=/dev/null
    # shellcheck source=service/settings.sh
    source "$HASHPOST_ROOT/service/settings.sh"
    "${as_user[@]}" mkdir -p "$BENCH_DIR/logs/httpd" "$BENCH_DIR/tmp"
    awk -v piece="$1" '/^Include httpd-conf\/hashpost.conf$/ { $0 = "Include " piece; found = 1 } { print }
        END { exit !found }' "$HASHPOST_ROOT/httpd-conf/httpd.conf" >"$BENCH_DIR/httpd.conf"
    TMPDIR=$BENCH_DIR/tmp start apache /usr/sbin/apache2 -D FOREGROUND -f "$BENCH_DIR/httpd.conf"
}

# start_nginx CONF: nginx-shared.conf, with the peer's CONF for its events and http; ${…} are filled in.
start_nginx() {
    local names="\$BENCH_DIR \$BENCH_PORT \$BENCH_CERT \$BENCH_KEY \$PEERS \$NGINX_USER \$WEBDIS_PORT"
    export NGINX_USER=
    # Said by somebody else than root, nginx warns.
    ((EUID)) || NGINX_USER="user $PEER_USER $PEER_GROUP;"
    for conf in "$PEERS/nginx-tls.conf" "$1"; do
        envsubst "$names" <"$conf" >"$BENCH_DIR/${conf##*/}"
    done
    start nginx /usr/sbin/nginx -p "$BENCH_DIR" -e "$BENCH_DIR/nginx-error.log" -c "$BENCH_DIR/${1##*/}"
}

# A front may answer before what is behind it: only 200 and 404 count.
serves() {
    local digest=0000000000000000000000000000000000000000000000000000000000000000
    [[ $(curl -q --noproxy '*' -s --max-time 5 --cacert "$BENCH_CERT" -o /dev/null -w '%{http_code}' \
        "https://localhost:$BENCH_PORT/messages/$digest") =~ ^(200|404)$ ]]
}

# The last line of an `up`.
await_service() {
    wait_for 30 serves
}
