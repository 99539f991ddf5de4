#!/usr/bin/env bats
# Apache's own ways.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
export HASHPOST_FRONT=apache
load stack.bash

setup_file() {
    stack_new
    export HASHPOST_MAX_MESSAGE_BYTES=65536
    stack_start
    post_text hello
}
teardown_file() { stack_end; }

# expect_for STATUS SLUG WHAT: expect_problem, naming the case.
expect_for() { expect_problem "$1" "$2" || { echo "the case: $3"; return 1; }; }

@test "header fields that are too large are 400 on HTTP/1.1 and 431 on HTTP/2" {
    local big
    big=$(printf 'x%.0s' {1..9000})
    ask / --http1.1 -H "X-Big: $big"
    expect_for 400 bad-request 'one field on HTTP/1.1'
    ask / --http2 -H "X-Big: $big"
    expect_for 431 header-too-large 'one field on HTTP/2'
    local fields=()
    for number in {1..150}; do fields+=(-H "X-Field-$number: x"); done
    ask / --http1.1 "${fields[@]}"
    expect_for 400 bad-request 'many fields on HTTP/1.1'
    ask / --http2 "${fields[@]}"
    expect_for 431 header-too-large 'many fields on HTTP/2'
}

@test "every line of the error log has the one format" {
    raw --plain send 'garbage\r\n\r\n' end >"$BATS_TEST_TMPDIR/x"
    wait_for 5 test -s "$HASHPOST_HOME/logs/httpd/error.log"
    run grep -vE '^\[[0-9-]+[T ][0-9:.]+Z?\] - \[[A-Za-z]+\] - \[[a-z-]+\] - ' "$HASHPOST_HOME/logs/httpd/error.log"
    [[ -z $output ]]
}

@test "with HASHPOST_HTTPD_MPM=worker it serves, too" {
    "$ROOT/service/hashpost" down
    HASHPOST_HTTPD_MPM=worker "$ROOT/service/hashpost" up
    grep -q mod_mpm_worker "/proc/$(<"$HASHPOST_HOME/front.pid")/maps"
    make_load --clients 16 --requests 1000 --mix get=80,post=20 >"$BATS_TEST_TMPDIR/load" || { cat "$BATS_TEST_TMPDIR/load"; false; }
}
