#!/usr/bin/env bats
# Whom the sender trusts: certificates, keys and proxies.
# shellcheck disable=SC2154,SC2153,SC2034,SC2030,SC2031  # of drop.bash and bats; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash
load drop.bash

setup() {
    sender_new
    export RECEIVER_ADDRESS=localhost
    cd "$DROP" || return
}
teardown() {
    cd /
    sender_end
}

# make_ca NAME: NAME.pem and NAME.key.
make_ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
# make_certificate NAME HOST CA: NAME.pem and NAME.key, signed by that CA.
make_certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=$2" -keyout "$1.key" -out "$1.csr" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3.key" -CAcreateserial -days 2 -extfile <(echo "subjectAltName=DNS:$2") -out "$1.pem" 2>/dev/null
}

check() {
    run timeout 20 setsid "$SENDER" --check </dev/null
    [[ $status == "$1" ]] || { echo "--check ended with $status, not $1: $output"; return 1; }
}
NAMESPACES=(--mount)
((EUID == 0)) || NAMESPACES+=(--map-root-user)
# trusted_by_machine CA COMMAND…: runs it on a machine whose system trusts that CA.
trusted_by_machine() {
    local certs=$DROP/etc-ssl-certs
    mkdir -p "$certs"
    cp "$1.pem" "$certs/$(openssl x509 -in "$1.pem" -noout -hash).0"
    cp "$1.pem" "$certs/ca-certificates.crt"
    # shellcheck disable=SC2016  # for the inner shell
    unshare "${NAMESPACES[@]}" sh -c 'mount --bind "$0" /etc/ssl/certs && exec "$@"' "$certs" "${@:2}"
}

@test "RECEIVER_CA_FILE replaces the CAs of the system, which are trusted without it" {
    unshare "${NAMESPACES[@]}" true || skip 'no mount namespace can be made here'
    make_ca public
    make_ca ours
    make_certificate receiver localhost public
    odd_receiver_start receiver.pem receiver.key
    export RECEIVER_SCHEME=https
    put a.json '{"v": 1}'
    RECEIVER_CA_FILE=$DROP/ours.pem run trusted_by_machine public timeout 60 "$SENDER" --once
    [[ $status == 1 && $output == *'pending 1'* ]]
    not grep -q '^a ' receiver/requests
    run trusted_by_machine public timeout 60 "$SENDER" --once
    ((status == 0))
    # Nor do files that the environment names for other programs count.
    put b.json '{"v": 1}'
    printf '%s\n' 'openssl_conf = a' '[a]' 'ssl_conf = b' '[b]' 'system_default = c' '[c]' "VerifyCAFile = $DROP/public.pem" >openssl.cnf
    SSL_CERT_FILE=$DROP/public.pem SSL_CERT_DIR=$DROP/etc-ssl-certs CURL_CA_BUNDLE=$DROP/public.pem OPENSSL_CONF=$DROP/openssl.cnf \
        RECEIVER_CA_FILE=$DROP/ours.pem once 1
    not grep -q '^b ' receiver/requests
}

@test "a certificate of the right CA for another host is refused" {
    make_ca ours
    make_certificate other other.example ours
    make_certificate right localhost ours
    export RECEIVER_SCHEME=https RECEIVER_CA_FILE=$DROP/ours.pem
    put a.json '{"v": 1}'
    odd_receiver_start other.pem other.key
    once 1
    [[ $output == *"Unable to upload file. msg: https://localhost:$RECEIVER_PORT/upload: SSL: "*'pending 1'* ]]
    not grep -q '^a ' receiver/requests
    old_receiver_stop
    odd_receiver_start right.pem right.key
    once 0
}

@test "a replaced RECEIVER_CA_FILE counts for the next upload, also on a connection that was kept" {
    make_ca ours
    make_ca next
    make_certificate receiver localhost ours
    odd_receiver_start receiver.pem receiver.key
    cp ours.pem trusted.pem
    export RECEIVER_SCHEME=https RECEIVER_CA_FILE=$DROP/trusted.pem SENDER_PARALLEL=1
    sender_start
    put a.json '{"v": 1}'
    wait_for 20 grep -q '^a 201' receiver/requests
    cp next.pem new.pem && mv new.pem trusted.pem
    put b.json '{"v": 1}'
    wait_for 20 logged 'Unable to upload file. msg: https://localhost:'
    not grep -q '^b ' receiver/requests
    cp ours.pem new.pem && mv new.pem trusted.pem
    wait_for 40 grep -q '^b 201' receiver/requests
}

@test "proxies of the environment are ignored, and RECEIVER_PROXY is shown without its password and used" {
    local name port=$RECEIVER_PORT scheme
    odd_receiver_start
    unset NO_PROXY no_proxy
    for name in http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY; do export "$name=http://localhost:$port"; done
    put a.json '{"v": 1}'
    for scheme in http https; do RECEIVER_SCHEME=$scheme RECEIVER_PORT=1 once 1; done
    not grep -q proxy receiver/requests
    once 0
    grep -q '^a 201' receiver/requests
    rm "$INPUT_DIR/a.json"
    # One that was set is used, whatever NO_PROXY says, and what it says is not the receiver's verdict.
    export RECEIVER_PROXY=http://user:secret@localhost:$port NO_PROXY='*'
    check 0
    [[ $output == *"RECEIVER_PROXY=http://...@localhost:$port"* && $output != *secret* ]]
    for scheme in http https; do
        put "through-$scheme.json" '{"v": 1}'
        RECEIVER_SCHEME=$scheme RECEIVER_PORT=1 once 1
        [[ $output == *'quarantined 0, pending 1'* ]]
        rm "$INPUT_DIR/through-$scheme.json"
    done
    (($(grep -c '^proxy 403' receiver/requests) == 2))
    for name in localhost:3128 https://localhost:3128 http://localhost http://user:secret@localhost http://localhost:x; do
        RECEIVER_PROXY=$name check 78
        [[ $output == *'RECEIVER_PROXY must be '* && $output != *secret* ]]
    done
}

@test "no secret of a connection is written to the file that SSLKEYLOGFILE names" {
    make_ca ours
    make_certificate receiver localhost ours
    odd_receiver_start receiver.pem receiver.key
    put a.json '{"v": 1}'
    SSLKEYLOGFILE=$DROP/secrets RECEIVER_SCHEME=https RECEIVER_CA_FILE=$DROP/ours.pem once 0
    [[ ! -e $DROP/secrets ]]
}

@test "certificate, key and CAs are loaded and matched by --check and at the start, and nobody is asked for a passphrase" {
    make_ca ours
    make_certificate mine sender ours
    make_certificate another sender ours
    openssl pkey -in mine.key -aes256 -passout pass:secret -out locked.key
    : >empty.pem
    mkfifo fifo.pem
    local case names expected
    while IFS='|' read -r names expected; do
        (
            for case in $names; do export "${case?}"; done
            for case in --check --once ''; do
                # A terminal, at which a prompt would wait.
                # shellcheck disable=SC2086  # no option is none
                run timeout 20 script -qec "'$SENDER' $case" /dev/null
                [[ $status == 78 && $output == *"$expected"* ]] || { echo "$names $case: $status $output"; exit 1; }
            done
        )
    done <<END
RECEIVER_CERT=mine.pem RECEIVER_KEY=locked.key|RECEIVER_KEY=locked.key has a passphrase, and nobody is there to type it
RECEIVER_CERT=mine.pem RECEIVER_KEY=another.key|RECEIVER_KEY=another.key is not the key of the certificate in mine.pem.
RECEIVER_CERT=mine.pem RECEIVER_KEY=mine.pem|RECEIVER_KEY=mine.pem holds no private key in PEM form.
RECEIVER_CERT=mine.key RECEIVER_KEY=mine.key|RECEIVER_CERT=mine.key does not begin with a certificate in PEM form.
RECEIVER_CERT=nowhere RECEIVER_KEY=mine.key|RECEIVER_CERT=nowhere cannot be read: No such file or directory.
RECEIVER_CA_FILE=empty.pem|RECEIVER_CA_FILE=empty.pem holds no certificate in PEM form.
RECEIVER_CA_FILE=mine.key|RECEIVER_CA_FILE=mine.key holds no certificate in PEM form.
RECEIVER_CA_FILE=fifo.pem|RECEIVER_CA_FILE=fifo.pem is not a regular file.
END
    RECEIVER_CERT=mine.pem RECEIVER_KEY=mine.key RECEIVER_CA_FILE=ours.pem check 0
}

@test "a key that gets a passphrase while the sender runs is reported, and nobody is asked for it" {
    make_ca ours
    make_certificate receiver localhost ours
    make_certificate mine sender ours
    openssl pkey -in mine.key -aes256 -passout pass:secret -out locked.key
    odd_receiver_start receiver.pem receiver.key
    export RECEIVER_SCHEME=https RECEIVER_CA_FILE=$DROP/ours.pem RECEIVER_CERT=$DROP/mine.pem RECEIVER_KEY=$DROP/mine.key
    # At a terminal whose user types nothing: a prompt would wait.
    mkfifo keyboard
    script -qefc "exec '$SENDER'" log <>keyboard >/dev/null 2>&1 3>&- &
    sender_pid=$!
    put a.json '{"v": 1}'
    wait_for 20 grep -q '^a 201' receiver/requests
    mv locked.key mine.key
    put b.json '{"v": 1}'
    wait_for 20 logged "Unable to upload file. msg: https://localhost:$RECEIVER_PORT/upload: unable to set private key file"
    not logged 'pass phrase'
    sender_stop
}

@test "plain HTTP to a port for TLS, and TLS to one for plain HTTP, are reported with RECEIVER_SCHEME" {
    make_ca ours
    make_certificate receiver localhost ours
    odd_receiver_start receiver.pem receiver.key
    put a.json '{"v": 1}'
    once 1
    [[ $output == *'The port speaks TLS: set RECEIVER_SCHEME=https.'*'pending 1'* ]]
    old_receiver_stop
    odd_receiver_start
    RECEIVER_SCHEME=https once 1
    [[ $output == *'The port speaks plain HTTP: set RECEIVER_SCHEME=http'*'pending 1'* ]]
}
