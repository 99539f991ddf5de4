#!/usr/bin/env bats
# What an instance allows that others can reach.
# shellcheck disable=SC2154,SC2034,SC2153,SC2030,SC2031  # ask sets $code and reads CACERT; stack.bash sets HASHPOST_PORT

load stack.bash

setup() { stack_new; }
teardown() { stack_end; }

DIGEST=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

@test "on an address that others can reach DELETE is 403, and the rest works" {
    export HASHPOST_LISTEN=0.0.0.0
    stack_start
    post_text hello
    [[ $code == 201 ]]
    ask "/messages/$DIGEST" -X DELETE
    expect_problem 403 forbidden
    ask "/messages/$DIGEST" -X DELETE --http1.1 -u admin:secret
    expect_problem 403 forbidden
    ask "/messages/$DIGEST"
    expect_json 200 '{"message":"hello"}'
}

@test "HASHPOST_EXPOSED says it where the address does not: a container, a proxy in front" {
    local listen exposed code_wanted
    while read -r listen exposed code_wanted; do
        export HASHPOST_LISTEN=$listen HASHPOST_EXPOSED=$exposed
        stack_start
        post_text hello
        ask "/messages/$DIGEST" -X DELETE
        [[ $code == "$code_wanted" ]] || said "$code_wanted for $listen, exposed: $exposed"
        stack_stop
    done <<<$'0.0.0.0 no 200\n127.0.0.1 yes 403'
    export HASHPOST_EXPOSED=maybe
    run stack_start
    [[ $status == 78 && $output == *"HASHPOST_EXPOSED=maybe must be"* ]]
}

@test "a reload by somebody without the settings opens nothing" {
    export HASHPOST_CERT=$SCRATCH/cert.pem HASHPOST_KEY=$SCRATCH/key.pem
    "$ROOT/certs/make-dev-certs.sh" "$HASHPOST_CERT" "$HASHPOST_KEY"
    HASHPOST_EXPOSED=yes stack_start
    # The front reads its configuration again only if there is something new.
    rm "$HASHPOST_CERT" "$HASHPOST_KEY"
    "$ROOT/certs/make-dev-certs.sh" "$HASHPOST_CERT" "$HASHPOST_KEY"
    stack_reload
    CACERT=$HASHPOST_CERT
    wait_for 10 is_ready
    ask "/messages/$DIGEST" -X DELETE
    expect_problem 403 forbidden
}

@test "with a password file DELETE wants a name and the right password, on any address" {
    htpasswd -cbB "$SCRATCH/passwords" admin secret 2>/dev/null
    chmod 0644 "$SCRATCH/passwords"
    export HASHPOST_PASSWORD_FILE=$SCRATCH/passwords
    for HASHPOST_LISTEN in 127.0.0.1 0.0.0.0; do
        export HASHPOST_LISTEN
        stack_start
        post_text hello
        [[ $code == 201 ]]
        ask "/messages/$DIGEST" -X DELETE
        expect_problem 401 unauthorized
        [[ $(field www-authenticate) == Basic* ]]
        ask "/messages/$DIGEST" -X DELETE -u admin:wrong
        expect_problem 401 unauthorized
        ask "/messages/$DIGEST"
        expect_json 200 '{"message":"hello"}'
        ask "/messages/$DIGEST" -X DELETE -u admin:secret
        expect_json 200 "{\"message_deleted\":\"$DIGEST\"}"
        stack_stop
    done
}

# What DELETE is for an address, or "refused" if it is not taken.
delete_at() {
    # shellcheck disable=SC2016  # for the inner shell
    HASHPOST_LISTEN=$1 bash -c 'source "$ROOT/service/settings.sh" && echo "$HASHPOST_RULE_DELETE"' 2>/dev/null || echo refused
}

@test "of all addresses only loopback ones open DELETE" {
    local address wanted wrong=""
    while read -r address wanted; do
        [[ $(delete_at "$address") == "$wanted" ]] || wrong+=" $address"
    done <<'END'
127.0.0.1 all
127.1.2.3 all
127.255.255.255 all
::1 all
0:0:0:0:0:0:0:1 all
0000:0000:0000:0000:0000:0000:0000:0001 all
127.0.0.1,::1 all
0.0.0.0 none
:: none
0:0:0:0:0:0:0:0 none
10.0.0.5 none
172.16.0.1 none
192.0.2.7 none
128.0.0.1 none
126.255.255.255 none
1.2.3.4 none
1.27.0.1 none
12.7.0.1 none
12.70.0.1 none
27.0.0.1 none
2001:db8::1 none
fe80::1 none
::2 none
::11 none
1::1 none
1:: none
::1:0 none
::1:1 none
::127 none
::ffff:7f00:1 none
::7f00:1 none
127:: none
127.0.0.1,10.0.0.5 none
10.0.0.5,127.0.0.1 none
::1,2001:db8::1 none
::ffff:127.0.0.1 refused
127.0.0.1.example.org refused
127.1 refused
localhost refused
END
    [[ -z $wrong ]] || { echo "decided otherwise:$wrong"; false; }
}

# --- sessions of TLS -------------------------------------------------------------------------------------

# tls_session VERSION FILE [OPTION…]: one request; what s_client says of it. The session is kept in FILE.
tls_session() {
    printf 'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' |
        timeout 20 openssl s_client -ign_eof "-$1" -connect "127.0.0.1:$HASHPOST_PORT" -servername localhost -CAfile "$CACERT" "${@:3}" -sess_out "$2" 2>&1 |
        tr -d '\0'
}

@test "a TLS session resumes while the service runs and not after a restart, and Apache and nginx give no tickets" {
    local version said
    stack_start
    for version in tls1_2 tls1_3; do
        said=$(tls_session $version "$SCRATCH/$version")
        [[ $said == *"New, TLS"* ]] || { echo "$said"; false; }
        if [[ $HASHPOST_FRONT != lighttpd ]]; then
            # With TLS 1.3 what the server calls a ticket may be the 32 bytes of a session's name in its cache.
            [[ $version == tls1_3 || $said != *"TLS session ticket:"* ]] || { echo "$said"; false; }
            [[ $said != *"    0020 - "* ]] || { echo "a ticket of more than 32 bytes: $said"; false; }
        fi
        [[ $(tls_session $version "$SCRATCH/again" -sess_in "$SCRATCH/$version") == *"Reused, TLS"* ]]
    done
    stack_stop
    stack_start
    for version in tls1_2 tls1_3; do
        [[ $(tls_session $version "$SCRATCH/again" -sess_in "$SCRATCH/$version") == *"New, TLS"* ]]
    done
}

# --- modes and owners --------------------------------------------------------------------------------------

# Of every file and folder that the service makes: its kind (d f s p l, as find has them), mode, owner and path.
ALL_MADE='
d 700 www-data:www-data data
f 640 www-data:www-data data/(data|lock)\.mdb
f 640 www-data:www-data data/turns\.lock
d 700 www-data:www-data data/drop
f 600 www-data:www-data data/drop/decryption_key
f 640 www-data:www-data data/drop/names\.lock
d 700 www-data:www-data data/drop/incoming
d 700 www-data:www-data data/drop/ledger
f 640 www-data:www-data data/drop/ledger/(data|lock)\.mdb
d 750 www-data:www-data data/drop/output
f 640 www-data:www-data data/drop/output/books\.xml
d 700 www-data:www-data data/sender
f 640 www-data:www-data data/sender/(data|lock)\.mdb
d 750 root:www-data home
s 660 www-data:www-data home/fcgi\.sock
s 700 root:root home/supervisor\.sock
f 640 root:root home/supervisord\.pid
d 750 root:www-data home/logs
f 640 root:root home/logs/(front|front-log|pool|sender|supervisord|worker-0[01])\.log
d 750 www-data:www-data home/logs/httpd
f 640 www-data:www-data home/logs/httpd/(access|error)-[0-9TZ]+\.log
l 777 www-data:www-data home/logs/httpd/(access|error)\.log
d 750 www-data:www-data home/pool
f 640 www-data:www-data home/pool/pool\.json
d 750 root:www-data home/tls
l 777 root:root home/tls/(certificate|key)\.pem
d 700 www-data:www-data home/tmp
f 600 root:root key\.pem
f 644 root:root cert\.pem'
MADE_BY_APACHE='
f 644 root:root home/front\.pid
f 600 www-data:www-data home/tmp/modproxy\.tmp\.[A-Za-z0-9]+'
MADE_BY_NGINX='
f 640 root:root home/front\.pid
f 640 root:root home/nginx\.conf
p 600 root:root home/front-(access|error)\.fifo
d 700 www-data:root home/tmp/nginx-(answers|bodies|unused)'
MADE_BY_LIGHTTPD='
f 640 root:root home/front\.pid
p 600 www-data:www-data home/front-(access|error)\.fifo
d 755 root:root home/errors
f 644 root:root home/errors/[0-9]{3}\.html
f 600 www-data:www-data home/tmp/lighttpd-upload-[A-Za-z0-9]+'

has_spooled() { [[ -n $(find "$HASHPOST_HOME/tmp" -type f -size +0) ]]; }
@test "every file and folder that the service makes has the mode and owner of the table" {
    ((EUID == 0)) || skip "only root starts as another user"
    local own=MADE_BY_${HASHPOST_FRONT^^} rows slow
    mkdir "$SCRATCH/in"
    chown www-data "$SCRATCH/in"
    export INPUT_DIR=$SCRATCH/in HASHPOST_CERT=$SCRATCH/cert.pem HASHPOST_KEY=$SCRATCH/key.pem
    export RECEIVER_SCHEME=https RECEIVER_PORT=$HASHPOST_PORT RECEIVER_CA_FILE=$HASHPOST_CERT RECEIVER_ADDRESS=localhost SCAN_INTERVAL=1
    "$ROOT/certs/make-dev-certs.sh" "$HASHPOST_CERT" "$HASHPOST_KEY"
    CACERT=$HASHPOST_CERT
    stack_start
    post_text hello
    [[ $code == 201 ]]
    echo '{"title": "Dune"}' >"$INPUT_DIR/books.json"
    wait_for 30 test -e "$HASHPOST_DATA/drop/output/books.xml"
    # A body that is being spooled.
    raw send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 900001\r\n\r\n' send 'x@900000' \
        until "$SCRATCH/seen" send x answer >"$SCRATCH/slow" 3>&- &
    slow=$!
    # (nginx removes the name of its file at once.)
    [[ $HASHPOST_FRONT == nginx ]] || wait_for 20 has_spooled
    (cd "$SCRATCH" && find data home cert.pem key.pem -printf '%y %m %u:%g %p\n') >"$SCRATCH/made"
    touch "$SCRATCH/seen"
    wait "$slow"
    mapfile -t rows < <(grep . <<<"$ALL_MADE${!own}")
    run grep -vxE -f <(printf '%s\n' "${rows[@]}") "$SCRATCH/made"
    [[ -z $output ]] || { echo "not in the table: $output"; false; }
}

@test "everything but httpd's parent and supervisord runs as the unprivileged user" {
    ((EUID == 0)) || skip "only root starts as another user"
    stack_start
    local pid user httpd
    httpd=$(<"$HASHPOST_HOME/front.pid")
    for pid in $(started_processes); do
        user=$(stat -c %U "/proc/$pid")
        [[ $user == www-data || $pid == "$httpd" ]] || { ps -fp "$pid"; false; }
    done
    [[ $(stat -c %a "$HASHPOST_HOME/fcgi.sock") == 660 ]]
    [[ $(stat -c %U:%G "$HASHPOST_HOME/fcgi.sock") == www-data:www-data ]]
    [[ $(stat -c %a "$HASHPOST_HOME/supervisor.sock") == 700 ]]
    [[ $(stat -c %a "$HASHPOST_DATA") == 700 ]]
}

# In $HASHPOST_HOME and its logs root works by name.
# (A socket or FIFO can only be written into.)
open_to_user() {
    find "$HASHPOST_HOME" "$HASHPOST_HOME/logs" -maxdepth 1 ! -name fcgi.sock ! -type p \
        \( -user www-data -o -perm /002 -o -group www-data -perm /020 -o -type l \) -printf '%P\n' | sort
}

@test "where root works by name, the unprivileged user can write nothing but its own folders" {
    ((EUID == 0)) || skip "only root starts as another user"
    stack_start
    post_text hello
    [[ $code == 201 ]]
    run open_to_user
    [[ $output == $'httpd\npool\ntmp' ]] || { echo "$output"; false; }
    [[ $(stat -c '%a %U:%G' "$HASHPOST_HOME" "$HASHPOST_HOME/logs" | sort -u) == '750 root:www-data' ]]
    run setpriv --reuid=www-data --regid=www-data --init-groups touch "$HASHPOST_HOME/new" "$HASHPOST_HOME/logs/new"
    ((status != 0))
    [[ ! -e $HASHPOST_HOME/new && ! -e $HASHPOST_HOME/logs/new ]]
}

@test "a link in place of a folder is refused, and what it points to stays as it was" {
    ((EUID == 0)) || skip "only root starts as another user"
    local name target=$SCRATCH/target
    mkdir -m 0755 "$target"
    touch "$target/file"
    for name in tmp pool logs/httpd; do
        mkdir -p "$HASHPOST_HOME/logs"
        ln -s "$target" "$HASHPOST_HOME/$name"
        run stack_start
        [[ $status != 0 && $output == *"$HASHPOST_HOME/$name is a link"* ]] || { echo "$name: $output"; false; }
        [[ $(stat -c '%a %U' "$target") == '755 root' && -e $target/file ]]
        rm -r "$HASHPOST_HOME"
    done
    ln -s "$target" "$HASHPOST_DATA"
    run stack_start
    [[ $status != 0 && $output == *HASHPOST_DATA* ]] || { echo "$output"; false; }
    [[ $(stat -c '%a %U' "$target") == '755 root' ]]
    ln -sfn "$SCRATCH/nothing" "$HASHPOST_DATA"
    run stack_start
    [[ $status != 0 && $output == *"$HASHPOST_DATA is a link"* && ! -e $SCRATCH/nothing ]] || { echo "$output"; false; }
}

@test "root makes no folder through a link that the unprivileged user has put there" {
    ((EUID == 0)) || skip "only root starts as another user"
    local setting
    install -d -m 0700 "$SCRATCH/private"
    install -d -m 0700 -o www-data "$HASHPOST_DATA" "$SCRATCH/theirs"
    setpriv --reuid=www-data --clear-groups ln -s "$SCRATCH/private" "$HASHPOST_DATA/drop"
    setpriv --reuid=www-data --clear-groups ln -s "$SCRATCH/private" "$SCRATCH/theirs/link"
    for setting in STACK= "OUTPUT_DIR=$SCRATCH/theirs/link/output" "OUTPUT_DIR=$SCRATCH/theirs/link/a/b"; do
        (
            export "${setting?}"
            stack_start
            stack_stop
        )
        [[ -z $(ls -A "$SCRATCH/private") ]] || { echo "$setting"; ls -lR "$SCRATCH/private"; false; }
    done
    for setting in "HASHPOST_DATA=$SCRATCH/theirs/link/data" "STATUS_DB_PATH=$SCRATCH/theirs/link/status"; do
        (
            export INPUT_DIR=$SCRATCH/private "${setting?}"
            run stack_start
            ((status != 0))
            [[ $output == *"cannot be made: the user www-data may not"* ]] || { echo "$output"; false; }
        )
        [[ -z $(ls -A "$SCRATCH/private") ]] || { echo "$setting"; ls -lR "$SCRATCH/private"; false; }
    done
}

@test "a runtime folder of an older version, where the user could write, is taken over without its links" {
    ((EUID == 0)) || skip "only root starts as another user"
    install -d -m 1770 -o root -g www-data "$HASHPOST_HOME" "$HASHPOST_HOME/logs"
    install -d -m 0700 -o www-data -g www-data "$HASHPOST_HOME/tmp"
    install -m 0640 -o www-data /dev/null "$HASHPOST_HOME/pool.json"
    echo earlier >"$HASHPOST_HOME/logs/error.log.1"
    chown www-data "$HASHPOST_HOME/logs/error.log.1"
    echo mine >"$SCRATCH/file"
    ln -s "$SCRATCH/file" "$HASHPOST_HOME/logs/worker-00.log"
    ln -s "$SCRATCH/file" "$HASHPOST_HOME/supervisord.pid"
    ln "$SCRATCH/file" "$HASHPOST_HOME/logs/pool.log"
    stack_start
    run open_to_user
    [[ $output == $'httpd\npool\ntmp' ]] || { echo "$output"; false; }
    [[ $(<"$SCRATCH/file") == mine ]]
    # (Named by its time as soon as rotatelogs opens a new one, which it does for the first line: nginx may have none to write.)
    wait_for 20 earlier_log_is_kept
}
earlier_log_is_kept() { grep -qxsh earlier "$HASHPOST_HOME"/logs/httpd/{error-*.log,error.log.1}; }

@test "every answer forbids the browser to guess its type" {
    stack_start
    local path
    for path in / /livez /problems/not-found /nothing "/messages/$DIGEST"; do
        ask "$path"
        [[ $(field x-content-type-options) == nosniff ]] || said "nosniff at $path"
    done
    ask / -X TRACE
    [[ $(field x-content-type-options) == nosniff ]]
}
