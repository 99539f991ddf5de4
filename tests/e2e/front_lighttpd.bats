#!/usr/bin/env bats
# lighttpd's own ways, and what it cannot do.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
export HASHPOST_FRONT=lighttpd
load stack.bash

setup_file() {
    stack_new
    export HASHPOST_MAX_MESSAGE_BYTES=65536
    stack_start
    post_text hello
}
teardown_file() { stack_end; }

@test "a header that is too large in all is 431" {
    local big
    big=$(printf 'x%.0s' {1..40000})
    ask / --http1.1 -H "X-Big: $big"
    expect_problem 431 header-too-large
    ask /livez
    [[ $code == 200 ]]
}

@test "a POST without a length is 411" {
    echo hello >"$BATS_TEST_TMPDIR/body"
    # (It answers before the body comes. curl takes that, now and then, for no answer.)
    nghttp -v --no-content-length -d "$BATS_TEST_TMPDIR/body" -H 'content-type: text/plain' "$URL/messages" >"$BATS_TEST_TMPDIR/said"
    # (Newer ones count a body that has come whole with its header.)
    if is_newer_lighttpd; then
        grep -qF ':status: 201' "$BATS_TEST_TMPDIR/said"
    else
        grep -qF ':status: 411' "$BATS_TEST_TMPDIR/said"
        grep -qF '"type": "/problems/length-required"' "$BATS_TEST_TMPDIR/said"
    fi
    raw_answer send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n\r\n' answer
    expect_problem 411 length-required
}

@test "a path with bytes that are not UTF-8 is 400" {
    ask '/messages/%ff%fe%22%5c%0a'
    expect_problem 400 bad-request
}

@test "a percent sign without its digits is 404" {
    raw_answer send 'GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n' answer
    expect_problem 404 not-found
}

@test "a version of HTTP that is none is 505, or 400 from Debian 13 on" {
    raw_answer send 'GET / HTTP/x.y\r\nHost: localhost\r\n\r\n' answer
    if is_newer_lighttpd; then expect_problem 400 bad-request; else expect_problem 505 http-version; fi
}

@test "plain HTTP on the TLS port is cut off" {
    run curl -sS "http://localhost:$HASHPOST_PORT/"
    ((status != 0))
}

@test "no FastCGI connection is kept" {
    make_load --clients 16 --requests 2000 --mix get=80,post=20 >"$BATS_TEST_TMPDIR/load" || { cat "$BATS_TEST_TMPDIR/load"; false; }
    wait_for 20 no_connection_to_the_pool
}
no_connection_to_the_pool() { ! ss -Hx state connected | grep -q "$HASHPOST_HOME/fcgi\.sock"; }

@test "a bulk upload of a stated length works, and a chunked one is 411" {
    ask /messages -H 'Content-Type: application/x-ndjson' -d '{"message":"hello"}'
    [[ $code == 200 && $(<"$BODY") == *'"status":200'* ]] || said 200
    # (One that comes whole with its header would be taken.)
    raw_answer send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n' answer
    expect_problem 411 length-required
}
