#!/usr/bin/env bats
# Who may do what: HASHPOST_ACCESS_READ, _WRITE, _DELETE and _UPLOAD, alike behind each web server.
# shellcheck disable=SC2154,SC2034,SC2030,SC2031  # ask sets $code; each test is a process of its own

load stack.bash

NOBODYS=0000000000000000000000000000000000000000000000000000000000000000
OPERATIONS="read write delete upload"

setup() {
    stack_new
    htpasswd -cbB -C 4 "$SCRATCH/passwords" admin secret 2>/dev/null
    chmod 0644 "$SCRATCH/passwords"
}
teardown() {
    [[ -z ${vhost_pid:-} ]] || vhost_stop
    stack_end
}

# close OPERATION… VALUE: sets that value for them.
close() {
    local operation
    for operation in "${@:1:$#-1}"; do export "HASHPOST_ACCESS_${operation^^}=${!#}"; done
    [[ ${!#} != password ]] || export HASHPOST_PASSWORD_FILE=$SCRATCH/passwords
}

# act OPERATION [CURL OPTION…]: a request of that kind, whose code tells whether a worker saw it (saw).
act() {
    broken_off=no
    send_act "$@" || {
        # lighttpd may end the stream of a request that it refuses before the body has come (docs/fronts.md).
        [[ $? == 92 && $HASHPOST_FRONT == lighttpd && $1 =~ ^(write|bulk|upload)$ ]] && broken_off=yes
    }
}
send_act() {
    case $1 in
    read) ask "/messages/$NOBODYS" "${@:2}" ;;
    write) ask /messages -H 'Content-Type: text/plain' --data-binary hello "${@:2}" ;;
    bulk) ask /messages -H 'Content-Type: application/x-ndjson' --data-binary '{"message":"hello"}' "${@:2}" ;;
    delete) ask "/messages/$NOBODYS" -X DELETE "${@:2}" ;;
    upload) ask /upload/name -F "file=@$ROOT/LICENSE" "${@:2}" ;;
    esac
}
# saw OPERATION: so a worker responds to what act asks for.
saw() {
    [[ $broken_off == no ]] || said "a response to $1" || return
    local -A codes=([read]=404 [write]=20[01] [bulk]=200 [delete]=404 [upload]=400)
    # shellcheck disable=SC2053  # a pattern
    [[ $code == ${codes[$1]} ]] || said "${codes[$1]} for $1"
}
# refused OPERATION STATUS SLUG: the last response is that problem document, and says what to do.
refused() {
    [[ $broken_off == no ]] || return 0
    if [[ $1 == upload && $HASHPOST_FRONT != lighttpd ]]; then
        [[ $code == "$2" && $(field content-type) == application/problem+json &&
            $(<"$BODY") == *"\"type\": \"/problems/$3\""*"\"status_code\": $2"* ]] || said "$2 $3 for $1"
    else
        expect_problem "$2" "$3" || said "$2 $3 for $1"
    fi
}

@test "a password opens each operation that wants one, on HTTP/1.1 and HTTP/2, and nothing else is asked for one" {
    local operation version
    # shellcheck disable=SC2086  # words
    close $OPERATIONS password
    stack_start
    for version in --http1.1 --http2; do
        for operation in $OPERATIONS bulk; do
            act "$operation" $version
            refused "$operation" 401 unauthorized
            [[ $(field www-authenticate) == Basic* ]] || said "a challenge for $operation"
            act "$operation" $version -u admin:wrong
            refused "$operation" 401 unauthorized
            act "$operation" $version -u admin:secret
            saw "$operation"
        done
    done
    ask / && [[ $code == 200 ]]
    ask /livez && [[ $code == 200 ]]
    ask /readyz -I && [[ $code == 200 ]]
    ask /problems/unauthorized && [[ $code == 200 ]]
    ask /messages -X OPTIONS && [[ $code == 204 ]]
}

@test "a refusal over HTTP/2 that overtakes the body is a whole response, and the stream ends without an error" {
    local status
    close write password
    stack_start
    for _ in {1..20}; do
        status=$($PYTHON -I "$ROOT/tests/tools/h2_refusal.py" "$HASHPOST_PORT" "$CACERT" /messages)
        [[ $status == 401 ]] || { echo "$status"; false; }
    done
}

@test "an operation that is closed is 403 whatever is sent along, and the others go on" {
    local closed operation version
    for closed in $OPERATIONS; do
        # (The password file is for another operation.)
        HASHPOST_PASSWORD_FILE=$SCRATCH/passwords HASHPOST_ACCESS_DELETE=all eval "HASHPOST_ACCESS_${closed^^}=none stack_start"
        for version in --http1.1 --http2; do
            for operation in $OPERATIONS bulk; do
                act "$operation" $version -u admin:secret
                if [[ ${operation/bulk/write} == "$closed" ]]; then
                    refused "$operation" 403 forbidden
                else
                    saw "$operation"
                fi
            done
        done
        ask /readyz && [[ $code == 200 ]]
        stack_stop
    done
}

@test "loopback lets in who is on this machine, and nobody where a proxy stands in front" {
    local operation elsewhere from
    # shellcheck disable=SC2086  # words
    close $OPERATIONS loopback
    # An address of this machine that is not loopback stands for another machine's.
    elsewhere=$(ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
    export HASHPOST_LISTEN=0.0.0.0
    stack_start
    for operation in $OPERATIONS bulk; do
        for from in 127.0.0.1 127.1.2.3; do
            act "$operation" --interface "$from" --resolve "localhost:$HASHPOST_PORT:127.0.0.1"
            saw "$operation"
        done
        [[ -n $elsewhere ]] || continue
        act "$operation" --resolve "localhost:$HASHPOST_PORT:$elsewhere" --interface "$elsewhere" -H 'X-Forwarded-For: 127.0.0.1' -H 'X-Real-IP: ::1'
        refused "$operation" 403 forbidden
    done
    stack_stop
    for from in HASHPOST_TRUSTED_PROXIES=127.0.0.1 HASHPOST_EXPOSED=yes; do
        HASHPOST_LISTEN=127.0.0.1 eval "$from stack_start"
        for operation in $OPERATIONS bulk; do
            act "$operation" -H 'X-Forwarded-For: 127.0.0.1'
            refused "$operation" 403 forbidden
        done
        stack_stop
    done
    # A container that is published on loopback only: its clients come from the engine's address.
    HASHPOST_EXPOSED=no stack_start
    for operation in $OPERATIONS; do
        act "$operation" ${elsewhere:+--resolve "localhost:$HASHPOST_PORT:$elsewhere" --interface "$elsewhere"}
        saw "$operation"
    done
    [[ -n $elsewhere ]] || skip "this machine has no address but loopback"
}

# --- spellings -------------------------------------------------------------------------------------------

# tries OPERATION [OPTION…]: asks for it in every spelling.
tries() {
    $PYTHON "$ROOT/tests/tools/spellings.py" --port "${port:-$HASHPOST_PORT}" --cacert "$CACERT" --token "$SCRATCH/token" "${@:2}" "$1"
}
make_token() {
    [[ -e $SCRATCH/token ]] || $PYTHON -I "$ROOT/tests/tools/drop.py" seal "$HASHPOST_DATA/drop/decryption_key" <<<x >"$SCRATCH/token"
}
files_taken() { find "$HASHPOST_DATA/drop/output" -type f | wc -l; }
# stays_closed OPERATION [OPTION…]: in no spelling has it an effect.
stays_closed() {
    run tries "$1" --closed "${@:2}"
    [[ $status == 0 && $output == *" sent, 0 carried out" ]] || { echo "$1 is closed: $output"; false; }
}

@test "no spelling of path and method gets round a rule" {
    local operation
    stack_start
    make_token
    post_text hello
    # Open, they do have effects: else the rest would prove nothing.
    for operation in read upload; do
        run tries "$operation"
        ((status == 0 && $(sed -nE 's/^[0-9]+ sent, ([0-9]+) carried out$/\1/p' <<<"$output") > 40)) || { echo "$operation is open: $output"; false; }
    done
    (($(files_taken) > 20))
    rm -f "$HASHPOST_DATA"/drop/output/*
    stack_stop
    for operation in $OPERATIONS; do
        eval "HASHPOST_ACCESS_${operation^^}=none stack_start"
        stays_closed "$operation"
        if [[ $operation != read ]]; then
            ask "/messages/$(printf hello | sha256)"
            expect_json 200 '{"message":"hello"}'
        fi
        [[ $(files_taken) == 0 ]]
        stack_stop
    done
}

@test "HTTP over plain TCP has the same rules" {
    [[ $HASHPOST_FRONT == apache ]] || skip "uploads over plain HTTP are Apache's"
    SERVER_PORT=$(free_port)
    export SERVER_PORT
    local PLAIN=http://127.0.0.1:$SERVER_PORT
    close upload none
    stack_start
    make_token
    port=$SERVER_PORT stays_closed upload --plain
    [[ $(files_taken) == 0 ]]
    URL=$PLAIN act upload -u admin:secret
    refused upload 403 forbidden
    URL=$PLAIN ask /readyz
    [[ $code == 200 ]]
    stack_stop
    close upload password
    stack_start
    URL=$PLAIN act upload
    refused upload 401 unauthorized
    URL=$PLAIN act upload -u admin:secret
    saw upload
    stack_stop
    close upload certificate
    export HASHPOST_CLIENT_CA=$CACERT
    stack_start
    URL=$PLAIN act upload
    refused upload 403 forbidden
    stack_stop
    # The main address is loopback, and this one is not.
    close upload loopback
    SERVER_IP=0.0.0.0 stack_start
    URL=$PLAIN act upload
    saw upload
    local elsewhere
    elsewhere=$(ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
    [[ -n $elsewhere ]] || skip "this machine has no address but loopback"
    URL=http://$elsewhere:$SERVER_PORT act upload
    refused upload 403 forbidden
}

# --- below a prefix ----------------------------------------------------------------------------------------

# vhost_start: an Apache of somebody else's, with the settings that are written for it, and a rule of its own.
vhost_start() {
    "$ROOT/service/write-vhost-settings" "$SCRATCH/vhost.conf" >/dev/null
    {
        grep -h '^LoadModule' "$ROOT/httpd-conf/httpd.conf" | sed "s/\${HASHPOST_HTTPD_MPM}/event/g"
        printf 'LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n' filter filter substitute substitute
        printf '%s\n' "ServerName localhost" "PidFile $SCRATCH/vhost.pid" "ErrorLog $SCRATCH/vhost.log" "DefaultRuntimeDir $SCRATCH" "User www-data" \
            "Listen 127.0.0.1:$VHOST_PORT" "<VirtualHost *:$VHOST_PORT>" "<Location />" "Require all granted" "</Location>" \
            "<Location /below/messages/1>" "Require all denied" "</Location>" \
            "Define HASHPOST_PREFIX /below" "Include $SCRATCH/vhost.conf" "Include $ROOT/httpd-conf/hashpost.conf" "</VirtualHost>"
    } >"$SCRATCH/vhost-httpd.conf"
    /usr/sbin/apache2 -f "$SCRATCH/vhost-httpd.conf" 3>&-
    wait_for 10 test -s "$SCRATCH/vhost.pid"
    vhost_pid=$(<"$SCRATCH/vhost.pid")
    wait_for 10 curl -sf -o /dev/null "http://127.0.0.1:$VHOST_PORT/below/readyz"
}
vhost_stop() {
    kill "$vhost_pid"
    wait_for 10 is_gone "$vhost_pid"
    vhost_pid=""
    rm -f "$SCRATCH/vhost.pid"
}

@test "below a prefix of somebody else's virtual host the rules are the same, and its own hold too" {
    [[ $HASHPOST_FRONT == apache ]] || skip "a virtual host is Apache's"
    ((EUID == 0)) || skip "the other Apache is www-data's"
    VHOST_PORT=$(free_port)
    local operation VHOST=http://127.0.0.1:$VHOST_PORT/below
    stack_start
    make_token
    post_text hello
    for operation in $OPERATIONS; do
        (
            close "$operation" none
            HASHPOST_EXPOSED=no vhost_start
            port=$VHOST_PORT stays_closed "$operation" --plain --prefix /below
            URL=$VHOST act "$operation"
            [[ $code == 403 && $(<"$BODY") == *'"type": "/below/problems/forbidden"'* ]] || said "403 for $operation"
            vhost_stop
        )
    done
    [[ $(files_taken) == 0 ]]
    # shellcheck disable=SC2086  # words
    close $OPERATIONS password
    vhost_start
    for operation in $OPERATIONS bulk; do
        URL=$VHOST act "$operation"
        [[ $code == 401 ]] || said "401 for $operation"
        URL=$VHOST act "$operation" -u admin:secret
        saw "$operation"
    done
    URL=$VHOST ask /messages/1 -u admin:secret
    [[ $code == 403 ]] || said "the host's own rule"
    vhost_stop
    # Nobody knows who reaches that host; and a virtual host of an older version protects what it did.
    # shellcheck disable=SC2086  # words
    close $OPERATIONS loopback
    vhost_start
    for operation in $OPERATIONS; do
        URL=$VHOST act "$operation"
        [[ $code == 403 ]] || said "403 for $operation"
    done
    vhost_stop
    unset HASHPOST_ACCESS_{READ,WRITE,DELETE,UPLOAD}
    HASHPOST_PASSWORD_FILE="" HASHPOST_EXPOSED=no vhost_start
    URL=$VHOST act delete
    saw delete
    vhost_stop
    sed -i "1a Define HashpostExposed" "$SCRATCH/vhost-httpd.conf"
    /usr/sbin/apache2 -f "$SCRATCH/vhost-httpd.conf" 3>&-
    wait_for 10 test -s "$SCRATCH/vhost.pid"
    vhost_pid=$(<"$SCRATCH/vhost.pid")
    URL=$VHOST wait_for 10 act delete
    URL=$VHOST act delete
    [[ $code == 403 ]] || said "403 with HashpostExposed"
}

# --- certificates ------------------------------------------------------------------------------------------

# issue NAME [CA]: a key and a certificate, signed by that one or by itself.
issue() {
    local by=()
    [[ -z ${2:-} ]] || by=(-CA "$SCRATCH/$2.pem" -CAkey "$SCRATCH/$2.key")
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj "/CN=$1" "${by[@]}" \
        -keyout "$SCRATCH/$1.key" -out "$SCRATCH/$1.pem" 2>/dev/null
}

@test "a client's certificate opens what wants one, with TLS 1.2 and 1.3, on HTTP/1.1 and HTTP/2" {
    [[ $HASHPOST_FRONT == apache ]] || skip "certificates of clients are Apache's"
    local operation options tls version
    issue ca
    issue client ca
    issue stranger
    # shellcheck disable=SC2086  # words
    close $OPERATIONS certificate
    export HASHPOST_CLIENT_CA=$SCRATCH/ca.pem HASHPOST_LISTEN=0.0.0.0
    run stack_start
    [[ $status == 0 && $output == *"with a certificate may read, write, delete, upload"* ]] || { echo "$output"; false; }
    for tls in "--tlsv1.2 --tls-max 1.2" "--tlsv1.3"; do
        for version in --http1.1 --http2; do
            read -ra options <<<"$tls $version"
            for operation in $OPERATIONS bulk; do
                act "$operation" "${options[@]}"
                refused "$operation" 403 forbidden
                act "$operation" "${options[@]}" --cert "$SCRATCH/client.pem" --key "$SCRATCH/client.key"
                saw "$operation"
            done
            # A certificate of somebody else's ends the handshake.
            ! act read "${options[@]}" --cert "$SCRATCH/stranger.pem" --key "$SCRATCH/stranger.key" || said "no connection"
            ask /livez "${options[@]}"
            [[ $code == 200 ]]
        done
    done
}

@test "certificates of clients are refused as a value where the web server or the CA is missing" {
    local said
    HASHPOST_ACCESS_READ=certificate run "$ROOT/service/hashpost" check
    if [[ $HASHPOST_FRONT == apache ]]; then said=HASHPOST_CLIENT_CA; else said=HASHPOST_FRONT=apache; fi
    [[ $status == 78 && $output == *"HASHPOST_ACCESS_READ=certificate needs $said"* ]] || { echo "$output"; false; }
    HASHPOST_ACCESS_WRITE=password run "$ROOT/service/hashpost" check
    [[ $status == 78 && $output == *"HASHPOST_ACCESS_WRITE=password needs HASHPOST_PASSWORD_FILE"* ]]
    HASHPOST_ACCESS_UPLOAD=me run "$ROOT/service/hashpost" check
    [[ $status == 78 && $output == *"HASHPOST_ACCESS_UPLOAD=me must be"* ]]
    HASHPOST_CLIENT_CA=$ROOT/LICENSE run "$ROOT/service/hashpost" check
    [[ $status == 78 && $output == *"HASHPOST_CLIENT_CA=$ROOT/LICENSE is not"* ]]
}

# --- what make up says ---------------------------------------------------------------------------------------

@test "make up says in one line what everybody may do where others reach the service, and nothing where they do not" {
    run stack_start
    [[ $status == 0 && $output != *Everybody* ]]
    stack_stop
    export HASHPOST_LISTEN=0.0.0.0
    run stack_start
    [[ ${lines[-1]} == "Everybody who reaches 0.0.0.0:$HASHPOST_PORT may read, write, upload; may not delete "* ]] || { echo "$output"; false; }
    stack_stop
    close write delete password
    close read loopback
    close upload none
    run stack_start
    [[ ${lines[-1]} == *"$HASHPOST_PORT with a password may write, delete; on this machine only may read; may not upload "* ]] || { echo "$output"; false; }
}

# --- guessing passwords ----------------------------------------------------------------------------------------

# guesses COUNT: that many wrong passwords over one connection; prints the status of each.
guesses() {
    local number wrong=()
    for ((number = 0; number < $1; number++)); do
        wrong+=(-o /dev/null -u "admin:wrong$number" --next -sS --cacert "$CACERT" -w '%{http_code}\n' -X DELETE "$URL/messages/$NOBODYS")
    done
    curl -sS --cacert "$CACERT" -o /dev/null -w '%{http_code}\n' -X DELETE "$URL/messages/$NOBODYS" "${wrong[@]}" -o /dev/null
}
right_password() { act delete --interface 127.0.0.1 -u admin:secret && saw delete; }

@test "nginx lets one address try few passwords a second, and nobody else waits for it" {
    [[ $HASHPOST_FRONT == nginx ]] || skip "behind the others fail2ban counts (docs/security.md)"
    local tried
    close delete password
    HASHPOST_LOGIN_RATE=1 stack_start
    tried=$(guesses 100 | sort | uniq -c)
    [[ $tried == *" 401"* && $tried == *" 429"* ]] || { echo "$tried"; false; }
    act delete -u admin:secret --interface 127.0.0.1
    expect_problem 429 too-many-logins
    [[ $(field retry-after) =~ ^[0-9]+$ ]]
    # Without a password, and from other addresses, all goes on.
    act read
    saw read
    act delete
    refused delete 401 unauthorized
    act delete -u admin:secret --interface 127.0.0.9 --resolve "localhost:$HASHPOST_PORT:127.0.0.1"
    saw delete
    wait_for 30 right_password
}

# filtered LOG: the address of each line that counts. (fail2ban takes the time out of a line before it looks at it.)
filtered() {
    local pattern
    pattern=$(sed -n 's/^failregex = //p' "$ROOT/packaging/fail2ban/hashpost.conf")
    pattern=${pattern/<ADDR>/[0-9a-f.:]+}
    sed -E 's,\[[0-9]+/[A-Z][a-z]+/[0-9:]+ [+-][0-9]+\],[],' <<<"$1" | grep -P -- "$pattern" | cut -d' ' -f1
}

@test "each failed login, and nothing else, is a line of the log that the filter of fail2ban counts" {
    local log
    close delete password
    stack_start
    act delete -u admin:wrong --interface 127.0.0.7 --resolve "localhost:$HASHPOST_PORT:127.0.0.1"
    ask '/messages/%22%20401%201%20%22x' -X DELETE -u 'admin 401:" 401 1 "' --interface 127.0.0.7 --resolve "localhost:$HASHPOST_PORT:127.0.0.1" -H 'X-Forwarded-For: 127.0.0.8'
    [[ $code == 401 ]]
    act delete -u admin:secret
    act read
    ask /messages/last
    stack_stop
    log=$(cat "$HASHPOST_HOME"/logs/httpd/access-*.log)
    [[ $log == *"/messages/last "* && $log == *'"DELETE /messages/'*' 401 '* ]]
    [[ $(filtered "$log") == $'127.0.0.7\n127.0.0.7' ]] || { filtered "$log"; echo "$log"; false; }
}
