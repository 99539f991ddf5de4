#!/usr/bin/env bats
# What the existing acceptance client and the cleaning tool do.

load stack.bash

FOO=2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
BAR=fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9

setup_file() {
    stack_new
    stack_start
}
teardown_file() { stack_end; }

client() { $PYTHON -I "$ROOT/tests/e2e/acceptance.py" "$1" "$URL" "$CACERT"; }

@test "the acceptance sequence passes on an empty store" {
    client run
}

@test "the cleaning tool deletes both messages, and finds neither the second time" {
    run client clean
    [[ ${lines[0]} == "200 {\"message_deleted\": \"$FOO\"}" ]]
    [[ ${lines[1]} == "200 {\"message_deleted\": \"$BAR\"}" ]]
    run client clean
    [[ ${lines[0]} == 404\ * && ${lines[1]} == 404\ * ]]
}

@test "the acceptance sequence passes again after cleaning" {
    client run
}

@test "a client that does not trust the certificate is refused by its own check" {
    run curl -sS --cacert /etc/ssl/certs/ca-certificates.crt "$URL/"
    ((status == 60))
}

@test "messages survive a restart, and the sequence passes after it" {
    stack_stop
    stack_start
    ask "/messages/$FOO"
    expect_json 200 '{"message":"foo"}'
    client clean
    client run
}

@test "up says how to use it, and the line that it prints works" {
    local line
    line=$(stack_start | grep '^curl ')
    [[ $(bash -c "$line" 2>/dev/null) == '{"digest":"'$(printf hello | sha256)'"}' ]]
}
