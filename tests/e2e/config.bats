#!/usr/bin/env bats
# A setting that is wrong stops the start with one sentence that names it.
# shellcheck disable=SC2154,SC2030,SC2031  # bats' run sets $status; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

setup() { stack_new; }
teardown() { stack_end; }

# refused WORD…: up fails, in one sentence on stderr that has these words, and starts nothing.
refused() {
    local word
    run --separate-stderr "$ROOT/service/hashpost" up 3>&-
    # shellcheck disable=SC2154  # set by run
    [[ $status != 0 && -z $output ]] || { echo "up ended with $status: $output $stderr"; return 1; }
    ((${#stderr_lines[@]} == 1)) || { echo "more than a sentence: $stderr"; return 1; }
    [[ $stderr == *. ]] || { echo "no sentence: $stderr"; return 1; }
    for word in "$@"; do
        [[ $stderr == *"$word"* ]] || { echo "$word is not in: $stderr"; return 1; }
    done
    [[ -z $(started_processes) ]] || { echo "something was started"; return 1; }
}

@test "each number and size that is out of its range, or is none, is refused by name" {
    local name values value
    while read -r name values; do
        for value in $values; do
            (
                export "$name=$value"
                refused "$name" "$value"
            ) || { echo "the case: $name=$value"; false; }
        done
    done <<'END'
HASHPOST_PORT 0 65536 x -1 80x 5000.5
HASHPOST_WORKERS 0 1 65 two
HASHPOST_THREADS 0 65 x
HASHPOST_BLOCKING_THREADS 0 257 x
HASHPOST_MAX_MESSAGE_BYTES 0 65M 1m 1MB -1 1.5M 99999999999999999999T
HASHPOST_MAX_STORE_BYTES 0 1023K 17T x
HASHPOST_MAX_INFLIGHT_BYTES 0 1M x
HASHPOST_FILE_UPLOADS 0 65 x
HASHPOST_MAX_FILE_BYTES 17T x -1
HASHPOST_FILE_MODE 0750 0440 4640 00640 64 u=rw
HASHPOST_FILE_GROUP no-such-group
HASHPOST_TOKEN_MAX_AGE x 1h
SERVER_PORT 0 x 65536
HASHPOST_HANG_SECONDS 0 3601 x
HASHPOST_DRAIN_SECONDS 0 3601 x
HASHPOST_START_SECONDS 0 x
HASHPOST_LOG_BYTES 0 100 10X
HASHPOST_LOG_FILES 0 1 x
HASHPOST_LOGIN_RATE 0 x 100001
HASHPOST_ACCESS_READ everybody ALL local
HASHPOST_ACCESS_DELETE yes
HASHPOST_HTTPD_THREADS 0 x 20000
HASHPOST_HTTPD_MPM prefork x
HASHPOST_FRONT httpd Apache nginx-light
LOG_LEVEL loud 1
END
}

@test "plain HTTP for uploads needs a port of its own, and Apache" {
    SERVER_PORT=$HASHPOST_PORT refused SERVER_PORT "$HASHPOST_PORT"
    HASHPOST_FRONT=nginx SERVER_PORT=8080 refused SERVER_PORT 8080 HASHPOST_FRONT=apache
    SERVER_IP=nowhere refused SERVER_IP nowhere
}

@test "an address that is none is refused" {
    local value
    for value in localhost 127.0.0.1:80 '*' 300.1.1.1 1.2.3 12 ::zz; do
        HASHPOST_LISTEN=$value refused HASHPOST_LISTEN "$value" || { echo "the case: $value"; false; }
    done
}

@test "the Redis store is refused rather than ignored" {
    MESSAGES_REDIS_HOST=redis.example refused MESSAGES_REDIS_HOST
    MESSAGES_REDIS_HOST=redis.example run "${HASHPOST_WORKER_BIN:-$ROOT/build/release/hashpost-worker}" --check
    ((status == 78))
    [[ $output == *MESSAGES_REDIS_HOST* ]]
}

@test "a user that is not there is refused" {
    HASHPOST_USER=nobody-of-this-name refused HASHPOST_USER nobody-of-this-name
}

@test "a home whose socket paths would be too long is refused" {
    HASHPOST_HOME=$SCRATCH/$(printf 'long%.0s' {1..30}) refused HASHPOST_HOME 'too long'
    # The longest that fits works.
    local room=$((107 - ${#SCRATCH} - 1 - 24))
    HASHPOST_HOME=$SCRATCH/$(printf 'x%.0s' $(seq "$room"))
    export HASHPOST_HOME
    stack_start
    is_ready
}

@test "folders that the user cannot reach are refused" {
    ((EUID == 0)) || skip "only root starts as another user"
    mkdir -p "$SCRATCH/private"
    chmod 0700 "$SCRATCH/private"
    HASHPOST_HOME=$SCRATCH/private/home refused HASHPOST_HOME
    HASHPOST_DATA=$SCRATCH/private/data refused HASHPOST_DATA
    mkdir "$SCRATCH/not-mine"
    touch "$SCRATCH/not-mine/file" # an empty one would be taken over
    HASHPOST_DATA=$SCRATCH/not-mine refused HASHPOST_DATA
}

@test "a store of another format is told without a start" {
    local data=$SCRATCH/format worker=${HASHPOST_WORKER_BIN:-$ROOT/build/release/hashpost-worker}
    mkdir "$data"
    HASHPOST_DATA=$data "$worker" --check-format
    mdb_dump -s meta "$data" | sed 's/^ 31$/ 39/' >"$SCRATCH/meta"
    mdb_load -s meta -f "$SCRATCH/meta" "$data"
    HASHPOST_DATA=$data run "$worker" --check-format
    [[ $status == 69 && $output == *"has format 9, and this program knows format 1"* ]]
}

@test "a checkout or a worker that the user cannot reach is refused" {
    ((EUID == 0)) || skip "only root starts as another user"
    mkdir -p "$SCRATCH/private"
    chmod 0700 "$SCRATCH/private"
    cp "${HASHPOST_WORKER_BIN:-$ROOT/build/release/hashpost-worker}" "$SCRATCH/private/"
    HASHPOST_WORKER_BIN=$SCRATCH/private/hashpost-worker refused "$SCRATCH/private/hashpost-worker"
    mkdir "$SCRATCH/private/checkout"
    cp -r "$ROOT/service" "$ROOT/httpd-conf" "$ROOT/supervisord.conf" "$ROOT/certs" "$SCRATCH/private/checkout/"
    (
        ROOT=$SCRATCH/private/checkout
        export HASHPOST_WORKER_BIN=${HASHPOST_WORKER_BIN:-/bin/true}
        refused "$SCRATCH/private/checkout" HASHPOST_USER
    )
}

@test "a file that its reader cannot read is refused with that user, the owner and the command that mends it" {
    ((EUID == 0)) || skip "only root starts as another user"
    local file=$SCRATCH/file name key=$SCRATCH/key command
    "$ROOT/certs/make-dev-certs.sh" "$SCRATCH/cert" "$key"
    # mended NAME FILE: is refused, and no longer once what the sentence tells was typed.
    mended() {
        run --separate-stderr env "$1=$2" "$ROOT/service/hashpost" check 3>&-
        [[ $status == 78 && $stderr == *"$1=$2 cannot be read by the user www-data"*"it belongs to root:root, mode"* ]] || { echo "$1: $status $stderr"; false; }
        [[ $stderr =~ ': '(ch[a-z]+\ .*)' '(gives it the right|lets it in) ]]
        bash -c "${BASH_REMATCH[1]}"
        run --separate-stderr env "$1=$2" "$ROOT/service/hashpost" check 3>&-
        [[ $stderr != *'cannot be read'* ]] || { echo "$1: $stderr"; false; }
    }
    export INPUT_DIR=$SCRATCH/in
    mkdir -m 0755 "$INPUT_DIR"
    for name in HASHPOST_PASSWORD_FILE ENCRYPTION_KEY RECEIVER_CA_FILE; do
        install -m 0600 /dev/null "$file"
        mended "$name" "$file"
    done
    mkdir -m 0700 "$SCRATCH/closed"
    install -m 0644 /dev/null "$SCRATCH/closed/file"
    mended HASHPOST_PASSWORD_FILE "$SCRATCH/closed/file"
    install -m 0700 "$HASHPOST_WORKER_BIN" "$SCRATCH/worker"
    run -78 env HASHPOST_WORKER_BIN="$SCRATCH/worker" "$ROOT/service/hashpost" check 3>&-
    [[ $output == *"HASHPOST_WORKER_BIN=$SCRATCH/worker cannot be read by the user www-data"* ]]
    # Who starts the service reads these.
    chown www-data "$SCRATCH" "$INPUT_DIR"
    chmod 0600 "$key"
    export HASHPOST_KEY=$key HASHPOST_CERT=$SCRATCH/cert HASHPOST_HOME=$SCRATCH/own
    run -78 setpriv --reuid=www-data --regid=www-data --init-groups "$ROOT/service/hashpost" check 3>&-
    command="chgrp www-data $key && chmod g+r $key"
    [[ $output == *"HASHPOST_KEY=$key cannot be read by the user www-data"*"$command"* ]] || { echo "$output"; false; }
}

@test "a limit of memory that would end workers in the middle of requests is refused" {
    [[ $HASHPOST_WORKER_BIN == */release/* ]] || skip "a sanitizer needs memory of its own"
    (
        ulimit -d 90000
        refused 'limit of memory' 'ulimit -d'
    )
}

@test "a worker that is not there is refused" {
    HASHPOST_WORKER_BIN=$SCRATCH/nothing refused "$SCRATCH/nothing"
}

@test "a home that holds other things is refused, and they stay as they were" {
    mkdir "$HASHPOST_HOME"
    echo mine >"$HASHPOST_HOME/file"
    chmod 0755 "$HASHPOST_HOME"
    refused HASHPOST_HOME
    [[ $(<"$HASHPOST_HOME/file") == mine && $(stat -c %a "$HASHPOST_HOME") == 755 ]]
}

@test "paths with signs that configuration files could misread are refused" {
    HASHPOST_HOME="$SCRATCH/a b" refused HASHPOST_HOME
    HASHPOST_DATA="$SCRATCH/a%b" refused HASHPOST_DATA
    HASHPOST_CERT="$SCRATCH/\$x" refused HASHPOST_CERT
}

@test "a certificate or key that is missing, or two that do not belong together, are refused" {
    HASHPOST_CERT=$SCRATCH/nothing.pem refused HASHPOST_CERT "$SCRATCH/nothing.pem"
    HASHPOST_KEY=$SCRATCH/nothing.key refused HASHPOST_KEY "$SCRATCH/nothing.key"
    echo garbage >"$SCRATCH/garbage.pem"
    HASHPOST_CERT=$SCRATCH/garbage.pem refused HASHPOST_CERT
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$SCRATCH/other.key" 2>/dev/null
    HASHPOST_KEY=$SCRATCH/other.key refused HASHPOST_KEY
    # Nobody is asked for a passphrase: not by openssl in the checks, and not by a web server at its start.
    openssl pkey -in "$SCRATCH/other.key" -aes256 -passout pass:secret -out "$SCRATCH/locked.key"
    HASHPOST_KEY=$SCRATCH/locked.key refused HASHPOST_KEY "$SCRATCH/locked.key" passphrase
    openssl ec -in "$SCRATCH/other.key" -aes256 -passout pass:secret -out "$SCRATCH/locked-ec.key" 2>/dev/null
    HASHPOST_KEY=$SCRATCH/locked-ec.key refused HASHPOST_KEY "$SCRATCH/locked-ec.key" passphrase
    # Both unreadable as what they should be: nothing equals nothing, and still it is no pair.
    HASHPOST_CERT=$SCRATCH/garbage.pem HASHPOST_KEY=$SCRATCH/garbage.pem refused HASHPOST_CERT
}

@test "a password file that is not there is refused" {
    HASHPOST_PASSWORD_FILE=$SCRATCH/nothing refused "$SCRATCH/nothing"
}

@test "a port that is taken is refused" {
    stack_start
    (
        SCRATCH_BEFORE=$SCRATCH PORT_BEFORE=$HASHPOST_PORT
        stack_new
        HASHPOST_PORT=$PORT_BEFORE
        refused "$PORT_BEFORE" HASHPOST_PORT
        rm -rf "$SCRATCH"
        SCRATCH=$SCRATCH_BEFORE
    )
    is_ready
}

@test "up a second time changes nothing" {
    stack_start
    local before
    before=$(started_processes)
    stack_start
    [[ $(started_processes) == "$before" ]]
}

@test "settings given on make's command line are the ones in force" {
    make -s -C "$ROOT" up "HASHPOST_PORT=$HASHPOST_PORT" "HASHPOST_HOME=$HASHPOST_HOME" "HASHPOST_DATA=$HASHPOST_DATA" \
        HASHPOST_MAX_MESSAGE_BYTES=4 3>&-
    post_text four
    [[ $code == 201 ]]
    post_text fifth
    expect_problem 413 too-large
}

@test "down without anything to stop says so and succeeds" {
    run stack_stop
    ((status == 0))
    run "$ROOT/service/hashpost" status
    ((status == 3))
}

@test "proxies and curl settings that are meant for other programs do not keep the service from starting" {
    local name
    "$ROOT/certs/make-dev-certs.sh"
    mkdir "$SCRATCH/user"
    echo 'proxy = http://127.0.0.1:1' >"$SCRATCH/user/.curlrc"
    unset NO_PROXY no_proxy
    for name in http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY; do export "$name=http://127.0.0.1:1"; done
    HOME=$SCRATCH/user HASHPOST_START_SECONDS=15 stack_start
    HOME=$SCRATCH/user "$ROOT/service/hashpost" status 3>&-
}

@test "a sender for a port of this machine on which the service takes no uploads is reported at the start" {
    local plain
    plain=$(free_port)
    export INPUT_DIR=$SCRATCH/in OUTPUT_DIR=$SCRATCH/out
    mkdir "$INPUT_DIR"
    "$ROOT/certs/make-dev-certs.sh"
    # check SETTINGS…: what it says on stderr, beside that the settings are good.
    check() {
        run --separate-stderr env "$@" "$ROOT/service/hashpost" check 3>&-
        [[ $status == 0 && $output == 'The settings are good.' ]]
    }
    check RECEIVER_PORT=8080
    [[ $stderr == *'port 8080 of this machine over plain HTTP, for which this service has no port: set SERVER_PORT=8080'* ]]
    check SERVER_PORT="$plain"
    [[ $stderr == *"port 8080 of this machine, and this service takes uploads on SERVER_PORT=$plain: set RECEIVER_PORT=$plain"* ]]
    check RECEIVER_SCHEME=https RECEIVER_ADDRESS=::1 SERVER_PORT="$plain" RECEIVER_PORT="$plain"
    [[ $stderr == *"HASHPOST_PORT=$HASHPOST_PORT: set RECEIVER_PORT=$HASHPOST_PORT"* ]]
    check SERVER_PORT="$plain" RECEIVER_PORT="$plain"
    [[ -z $stderr ]]
    check RECEIVER_SCHEME=https RECEIVER_PORT="$HASHPOST_PORT"
    [[ -z $stderr ]]
    check RECEIVER_ADDRESS=192.0.2.1
    [[ -z $stderr ]]
    check OUTPUT_DIR=none
    [[ -z $stderr ]]
}
