#!/usr/bin/env bats
# Versions of HTTP and TLS, kept-alive connections, and two instances beside each other.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

load stack.bash

HELLO=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
GET='GET /messages/'$HELLO' HTTP/1.1\r\nHost: localhost\r\n\r\n'
HEAD='HEAD /messages/'$HELLO' HTTP/1.1\r\nHost: localhost\r\n\r\n'
MISS='GET /messages/x HTTP/1.1\r\nHost: localhost\r\n\r\n'
POST='POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello'

setup_file() {
    stack_new
    stack_start
    post_text hello
}
teardown_file() { stack_end; }

@test "HTTP/2 and HTTP/1.1 are spoken, and HTTP/2 is what a client that can gets" {
    [[ $(curl -sS --cacert "$CACERT" -o "$BATS_TEST_TMPDIR/x" -w '%{http_version}' "$URL/") == 2 ]]
    [[ $(curl -sS --cacert "$CACERT" --http1.1 -o "$BATS_TEST_TMPDIR/x" -w '%{http_version}' "$URL/") == 1.1 ]]
}

@test "TLS 1.2 and 1.3 are spoken, 1.1 and weak ciphers are not" {
    ask / --tls-max 1.2
    [[ $code == 200 ]]
    ask / --tlsv1.3
    [[ $code == 200 ]]
    local options
    for options in '-tls1_1 -cipher ALL:@SECLEVEL=0' '-tls1 -cipher ALL:@SECLEVEL=0' '-tls1_2 -cipher AES128-SHA:@SECLEVEL=0' \
        '-tls1_2 -cipher ECDHE-RSA-AES128-SHA:@SECLEVEL=0'; do
        # shellcheck disable=SC2086  # a list of options
        run openssl s_client -connect "localhost:$HASHPOST_PORT" $options </dev/null
        ((status != 0)) || { echo "accepted: $options"; false; }
        [[ $output == *alert* ]]
    done
}

@test "the certificate is valid for localhost and the loopback addresses" {
    curl -sS --cacert "$CACERT" -o "$BATS_TEST_TMPDIR/x" "https://127.0.0.1:$HASHPOST_PORT/"
    run curl -sS --cacert "$CACERT" --resolve "elsewhere:$HASHPOST_PORT:127.0.0.1" "https://elsewhere:$HASHPOST_PORT/"
    ((status == 60))
}

@test "many requests on one connection are answered in order, also when they are sent at once" {
    run raw send "$GET" status send "$POST" status send "$MISS" status send "$GET" status
    [[ $output == $'200\n200\n404\n200' ]]
    run raw send "$GET$POST$MISS$GET$POST$GET" status status status status status status
    [[ $output == $'200\n200\n404\n200\n200\n200' ]]
    # Fifty at once, in one write.
    run raw send "$GET@50" status status status status status status status status status status
    [[ $output == $'200\n200\n200\n200\n200\n200\n200\n200\n200\n200' ]]
}

@test "HEAD, 304 and 204 have no body that would be taken for the next answer" {
    local cached=${GET%'\r\n'}'If-None-Match: "'$HELLO'.json"\r\n\r\n'
    local bodyless="import sys; data = sys.stdin.buffer.read(); sys.exit(data.count(b'HTTP/1.1') != 2 or b'200 OK' not in data)"
    local options='OPTIONS /messages HTTP/1.1\r\nHost: localhost\r\n\r\n' request
    for request in "$HEAD" "$cached" "$options"; do
        raw send "$request${GET%'\r\n'}Connection: close\r\n\r\n" end >"$BATS_TEST_TMPDIR/answers"
        $PYTHON -I -S -c "$bodyless" <"$BATS_TEST_TMPDIR/answers"
        # The first answer's head is followed by the second answer at once.
        [[ $(sed '1,/^\r$/d' "$BATS_TEST_TMPDIR/answers" | head -c 12) == 'HTTP/1.1 200' ]]
    done
}

@test "a refused body does not become the next request" {
    # The body of a 415, a 405 and a 400 reads like a request of its own.
    local body='GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n' line
    for line in 'POST /messages' 'PUT /messages' "POST /messages/$HELLO" 'DELETE /nothing'; do
        run raw send "$line HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Type: image/png\\r\\nContent-Length: 40\\r\\n\\r\\n$body$MISS" status status
        [[ ${lines[0]} == 4* && ${lines[1]} == 404 && ${#lines[@]} == 2 ]] || { echo "after $line: $output"; false; }
    done
}

@test "a GET with a body is answered, and its body does not stay behind" {
    run raw send "${GET%'\r\n'}Content-Length: 7\\r\\n\\r\\nignored$MISS" status status
    [[ $output == $'200\n404' ]]
}

@test "100-continue is answered before the body is sent" {
    run raw send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n' \
        interim send hello status
    [[ ${lines[0]} == 'HTTP/1.1 100 Continue' && ${lines[1]} == 200 ]]
}

@test "a chunked body is taken" {
    raw_answer send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n' \
        send '2\r\nhe\r\n' send '3;x=y\r\nllo\r\n' send '0\r\nTrailer: x\r\n\r\n' answer
    expect_json 200 "{\"digest\":\"$HELLO\"}"
    raw_answer send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' answer
    [[ $code == 201 || $code == 200 ]]
}

@test "100 streams on one HTTP/2 connection are all answered" {
    nghttp -n -s -m 100 --no-dep "https://localhost:$HASHPOST_PORT/messages/$HELLO" >"$BATS_TEST_TMPDIR/out"
    (($(grep -cE ' 200 +[0-9]+ /messages/' "$BATS_TEST_TMPDIR/out") == 100)) || { cat "$BATS_TEST_TMPDIR/out"; false; }
}

@test "clients that hang up anywhere cost the others nothing" {
    local cut before digest
    before=$(worker_pids)
    digest=$(printf 'x%.0s' {1..500000} | tee "$BATS_TEST_TMPDIR/long" | sha256)
    ask /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/long"
    [[ $code == 201 ]]
    make_load --clients 16 --seconds 4 >"$BATS_TEST_TMPDIR/load" 3>&- &
    local pid=$!
    for _ in {1..4}; do
        for cut in 'GET /mess' "$GET" "$GET$GET$GET" "${POST%llo}" "GET /messages/$digest HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"; do
            raw send "$cut" reset
            raw send "$GET" status send "$cut" reset >"$BATS_TEST_TMPDIR/x"
        done
        raw --plain send '\x16\x03\x01' reset
    done
    wait "$pid" || { cat "$BATS_TEST_TMPDIR/load"; false; }
    [[ $(worker_pids) == "$before" ]]
}

@test "uploads that trickle hold nobody up" {
    local pids=() number milliseconds
    for number in {1..24}; do
        raw send "POST /messages HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Type: text/plain\\r\\nContent-Length: 40\\r\\n\\r\\nstarted $number" \
            until "$BATS_TEST_TMPDIR/done" silence reset 3>&- &
        pids+=($!)
    done
    for number in {1..20}; do
        milliseconds=$(curl -sS --cacert "$CACERT" -o "$BATS_TEST_TMPDIR/x" --max-time 10 -w '%{time_starttransfer}' "$URL/messages/$HELLO" |
            awk '{ print int($1 * 1000) }')
        ((milliseconds < 5000)) || { echo "a GET took $milliseconds ms"; false; }
    done
    # All of them were still open.
    for number in "${pids[@]}"; do kill -0 "$number"; done
    touch "$BATS_TEST_TMPDIR/done"
    for number in "${pids[@]}"; do wait "$number"; done
}

@test "a reader that does not read its answer holds nobody up" {
    local pids=() pid digest
    digest=$(printf 'y%.0s' {1..1000000} | tee "$BATS_TEST_TMPDIR/big" | sha256)
    ask /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/big"
    [[ $code == 201 ]]
    for _ in {1..24}; do
        raw send "GET /messages/$digest HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n@8" until "$BATS_TEST_TMPDIR/done" reset 3>&- &
        pids+=($!)
    done
    make_load --clients 8 --requests 400 >"$BATS_TEST_TMPDIR/load" || { cat "$BATS_TEST_TMPDIR/load"; false; }
    for pid in "${pids[@]}"; do kill -0 "$pid"; done
    touch "$BATS_TEST_TMPDIR/done"
    for pid in "${pids[@]}"; do wait "$pid"; done
}

@test "two instances run beside each other, each with its own messages" {
    local first=$URL
    post_text 'only in the first'
    [[ $code == 201 ]]
    (
        stack_new
        stack_start
        trap stack_end EXIT
        [[ $URL != "$first" ]]
        ask "/messages/$(printf 'only in the first' | sha256)"
        expect_problem 404 message-not-found
        post_text 'only in the second'
        [[ $code == 201 ]]
        URL=$first ask "/messages/$(printf 'only in the second' | sha256)"
        expect_problem 404 message-not-found
    )
    # The second one's end was not the first one's.
    ask "/messages/$HELLO"
    expect_json 200 '{"message":"hello"}'
    [[ -n $(worker_pid 0) && -n $(worker_pid 1) ]]
}

@test "512 clients at once are all answered" {
    make_load --clients 512 --requests 15000 >"$BATS_TEST_TMPDIR/load" || { cat "$BATS_TEST_TMPDIR/load"; false; }
    grep -q '"failed_requests": 0' "$BATS_TEST_TMPDIR/load"
}
