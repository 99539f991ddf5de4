#!/usr/bin/env bats
# nginx's own ways, and what it cannot do.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
export HASHPOST_FRONT=nginx
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

@test "header fields that are too large are 431, and their number has no limit" {
    local big fields=() number
    big=$(printf 'x%.0s' {1..40000})
    ask / --http1.1 -H "X-Big: $big"
    expect_problem 431 header-too-large
    for number in {1..150}; do fields+=(-H "X-Field-$number: x"); done
    ask / --http1.1 "${fields[@]}"
    [[ $code == 200 ]]
    ask / --http2 "${fields[@]}"
    [[ $code == 200 ]]
    # On HTTP/2 the connection ends instead.
    run ! ask / --http2 -H "X-Big: $big"
    ask /livez
    [[ $code == 200 ]]
}

@test "FastCGI connections are kept" {
    make_load --clients 16 --requests 2000 --mix get=80,post=20 >"$BATS_TEST_TMPDIR/load" || { cat "$BATS_TEST_TMPDIR/load"; false; }
    local open
    open=$(ss -Hx state connected | grep -c "$HASHPOST_HOME/fcgi\.sock" || true)
    ((open > 0))
}

@test "the readers of the logs may be killed: no request waits, and no line is lost" {
    local pids before
    mapfile -t pids < <(started_processes SUPERVISOR_PROCESS_NAME=front-log-0)
    ((${#pids[@]} == 1))
    before=$(cat "$HASHPOST_HOME"/logs/httpd/access-*.log | grep -c nothing-in-the-log || true)
    kill -s KILL "${pids[0]}"
    for _ in {1..20}; do
        ask /nothing-in-the-log --max-time 10
        [[ $code == 404 ]]
    done
    wait_for 20 logged_since "$before" 20
}
logged_since() { (($(cat "$HASHPOST_HOME"/logs/httpd/access-*.log | grep -c nothing-in-the-log) == $1 + $2)); }

@test "a bulk upload is not spooled: a line is stored before the next one comes; the answer comes after the last" {
    local line='{"message":"bulk line"}\n'
    local digest pid
    digest=$(printf 'bulk line' | sha256)
    raw send "POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n" \
        send "18\r\n$line\r\n" silence until "$BATS_TEST_TMPDIR/go-on" send '0\r\n\r\n' seen '"status":201' >/dev/null 3>&- &
    pid=$!
    wait_for 10 answers "/messages/$digest"
    touch "$BATS_TEST_TMPDIR/go-on"
    wait "$pid"
}
answers() {
    ask "$1"
    [[ $code == 200 ]]
}

@test "slow bulk uploads keep nobody from one, and the path of bulk uploads is not found" {
    local number pids=() pid
    for ((number = 0; number < 20; number++)); do
        raw send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100\r\n\r\n' \
            send "{\"message\":\"upload $number\"}\n" until "$BATS_TEST_TMPDIR/done" reset 3>&- &
        pids+=($!)
    done
    for ((number = 0; number < 4; number++)); do wait_for 20 answers "/messages/$(printf 'upload %s' "$number" | sha256)"; done
    ask /messages -H 'Content-Type: application/x-ndjson' -d '{"message":"hello"}' --retry 10
    [[ $code == 200 && $(<"$BODY") == '{"status":200,'* ]] || said 200
    touch "$BATS_TEST_TMPDIR/done"
    for pid in "${pids[@]}"; do wait "$pid" || true; done
    ask /.bulk
    expect_problem 404 not-found
}
