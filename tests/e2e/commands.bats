#!/usr/bin/env bats
# Commands know what runs: with which settings, on which port, and what a start would not accept.
# shellcheck disable=SC2154,SC2030,SC2031  # bats' run sets variables; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

setup_file() {
    stack_new
    stack_start
}
teardown_file() { stack_end; }

hashpost() { "$ROOT/service/hashpost" "$@" 3>&-; }
# same PIDS: what runs is what ran.
same() { [[ $(started_processes) == "$1" ]] || { echo "something was stopped or started"; false; }; }

served_serial() {
    openssl s_client -connect "localhost:$HASHPOST_PORT" -servername localhost </dev/null 2>/dev/null | openssl x509 -noout -serial
}
serves() { [[ $(served_serial) == "$(openssl x509 -in "$1" -noout -serial)" ]]; }

@test "status finds the port of what runs, whatever port is set" {
    HASHPOST_PORT=1 run -0 hashpost status
    [[ $output == *"$URL/readyz: 200"* ]]
}

@test "up says that it runs already with other settings, in one sentence, and changes nothing" {
    local before setting
    before=$(started_processes)
    for setting in HASHPOST_WORKERS=3 HASHPOST_PORT=1 LOG_LEVEL=debug HASHPOST_MAX_STORE_BYTES=1G INPUT_DIR="$SCRATCH"; do
        run --separate-stderr env "$setting" "$ROOT/service/hashpost" up 3>&-
        # shellcheck disable=SC2154
        [[ $status == 1 && -z $output && ${#stderr_lines[@]} == 1 &&
            $stderr == "Hashpost runs already on port $HASHPOST_PORT, with other values of ${setting%%=*}"*"restart applies those of now." ]] ||
            { echo "$setting: $status $output $stderr"; false; }
    done
    # Another spelling of the same value is not a change. A setting that only concerns the start is not one either.
    HASHPOST_MAX_STORE_BYTES=65536M HASHPOST_START_SECONDS=59 hashpost up
    same "$before"
}

@test "reload tells which settings it does not apply" {
    HASHPOST_WORKERS=3 HASHPOST_MAX_MESSAGE_BYTES=4 run -0 --separate-stderr hashpost reload
    [[ $stderr == "Not applied by a reload: HASHPOST_WORKERS, HASHPOST_MAX_MESSAGE_BYTES; make restart does it." ]]
    pool_is_whole
    post_text fifth
    [[ $code == 20[01] ]]
    run -0 --separate-stderr hashpost reload
    [[ -z $stderr ]]
}

@test "reload applies another certificate and its key, which stay when the web server is started again" {
    local cert=$SCRATCH/other.pem key=$SCRATCH/other.key front
    "$ROOT/certs/make-dev-certs.sh" "$cert" "$key"
    run ! env HASHPOST_CERT="$cert" "$ROOT/service/hashpost" reload 3>&-
    serves "$CACERT"
    HASHPOST_CERT=$cert HASHPOST_KEY=$key hashpost reload
    wait_for 20 serves "$cert"
    # Not set again, they stay: at another reload, and when supervisord starts the web server.
    hashpost reload
    front=$(<"$HASHPOST_HOME/front.pid")
    kill -KILL "$front"
    wait_for 20 front_is_new "$front"
    wait_for 20 serves "$cert"
    # A start would take others.
    run -1 hashpost up
    [[ $output == *"HASHPOST_CERT HASHPOST_KEY"* ]]
    HASHPOST_CERT=$CACERT HASHPOST_KEY=$ROOT/certs/localhost.key hashpost reload
    wait_for 20 serves "$CACERT"
}
front_is_new() { [[ $(cat "$HASHPOST_HOME/front.pid") != "$1" ]]; }

@test "restart stops nothing that could not start again, and names the setting" {
    local before setting name format=$SCRATCH/format
    before=$(started_processes)
    mkdir "$SCRATCH/full" "$format"
    chmod 0777 "$format"
    echo kept >"$SCRATCH/full/file"
    HASHPOST_DATA=$format "$HASHPOST_WORKER_BIN" --check-format
    mdb_dump -s meta "$format" | sed 's/^ 31$/ 39/' >"$SCRATCH/meta"
    mdb_load -s meta -f "$SCRATCH/meta" "$format"
    for setting in HASHPOST_WORKERS=1 HASHPOST_LISTEN=192.0.2.1 HASHPOST_CERT="$SCRATCH/none" HASHPOST_CLIENT_CA="$SCRATCH/none" \
        HASHPOST_PASSWORD_FILE="$SCRATCH/none" HASHPOST_DATA="$format" HASHPOST_MAX_INFLIGHT_BYTES=1 HASHPOST_HOME="$SCRATCH/full" \
        HASHPOST_WORKER_BIN="$SCRATCH/none" HASHPOST_WORKRES=3 MESSAGES_REDIS_HOST=redis; do
        run env "$setting" "$ROOT/service/hashpost" restart 3>&-
        name=${setting%%=*}
        [[ $status == 78 && $output == *"$name"* && ${#lines[@]} == 1 ]] || { echo "$setting: $status $output"; false; }
        same "$before"
    done
    is_ready
}

@test "restart applies changed settings" {
    HASHPOST_MAX_MESSAGE_BYTES=4 hashpost restart
    post_text fifth
    expect_problem 413 too-large
    hashpost restart
    post_text fifth
    [[ $code == 20[01] ]]
}
