#!/usr/bin/env bats
# What clients do wrong: each has a status, a problem document with its type, and a sentence.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

load stack.bash

HELLO=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

setup_file() {
    stack_new
    export HASHPOST_MAX_MESSAGE_BYTES=65536
    stack_start
    post_text hello
    # These need limits.conf's own time to be refused, so they begin first and are looked at last.
    slow body send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nslow' answer
    slow head send 'GET / HTTP/1.1\r\nHost: localhost\r\n' end
}
teardown_file() { stack_end; }
# (A file says that one has ended: by then another process may have its number.)
slow() {
    {
        raw "${@:2}" >"$SCRATCH/slow-$1" 2>&1 || true
        touch "$SCRATCH/slow-$1.ended"
    } 3>&- &
}

# After whatever was sent, the service still works, with the same workers.
setup() { WORKERS_BEFORE=$(worker_pids); }
teardown() {
    ask "/messages/$HELLO"
    expect_json 200 '{"message":"hello"}'
    [[ $(worker_pids) == "$WORKERS_BEFORE" ]] || { echo "a worker was replaced"; worker_logs; false; }
}

# expect_for STATUS SLUG WHAT: expect_problem, naming the case.
expect_for() { expect_problem "$1" "$2" || { echo "the case: $3"; return 1; }; }

# json_table SLUG < a body a line, with printf's escapes: each POST is 400 with that slug.
json_table() {
    local line
    while IFS= read -r line; do
        printf '%b' "$line" >"$BATS_TEST_TMPDIR/sent"
        ask /messages -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/sent"
        expect_for 400 "$1" "$line" || return
    done
}

# --- bodies --------------------------------------------------------------------------------------------

@test "JSON that is malformed is 400" {
    json_table malformed-json <<'END'

 
x
{
{"message"
{"message":
{"message":"a
{"message":"a"
{"message":"a",}
{"message":"a"}}
{"message":"a"} x
{"message":"a"}{"message":"b"}
{"message":"a"}\000
{"message":"a"}\000{}
\0357\0273\0277
\0357\0273{"message":"a"}
{'message':'a'}
{message:"a"}
{"message":"a\tb"}
{"message":"a\nb"}
{"message":"a\000b"}
{"message":"\\x41"}
{"message":"\\u12"}
{"message":"\\u12g4"}
{"a":NaN,"message":"a"}
{"a":01,"message":"a"}
{"a":+1,"message":"a"}
{"a":1.,"message":"a"}
{"a":.5,"message":"a"}
{"a":1e,"message":"a"}
{"a":-,"message":"a"}
{"a":tru,"message":"a"}
{"message":"a" /* comment */}
// comment
END
}

@test "text that is not UTF-8, or half a surrogate pair, is 400" {
    json_table not-utf-8 <<'END'
{"message":"\0377"}
{"message":"\0300\0257"}
{"message":"\0355\0240\0200"}
{"message":"\0364\0220\0200\0200"}
{"message":"\0342\0202"}
{"\0377":1,"message":"a"}
{"message":"\\ud800"}
{"message":"\\udc00"}
{"message":"\\ud800\\u0041"}
{"message":"\\ud800\\ud800"}
{"message":"\\udc00\\ud800"}
{"a":"\\udfff","message":"a"}
END
    local bytes
    for bytes in '\xff' 'a\xc0\xaf' '\xed\xa0\x80' '\xf4\x90\x80\x80' '\xe2\x82' 'a\x80'; do
        printf '%b' "$bytes" >"$BATS_TEST_TMPDIR/sent"
        ask /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/sent"
        expect_for 400 not-utf-8 "$bytes"
    done
}

@test "JSON that is something else than an object is 400" {
    json_table not-an-object <<'END'
[]
[{"message":"a"}]
"message"
1
-0.5e7
null
true
END
}

@test "a missing message is 400, and err_msg names the member" {
    json_table message-missing <<'END'
{}
{"Message":"a"}
{"message ":"a"}
{"messag":"a"}
{"a":{"message":"a"}}
{"a":[{"message":"a"}]}
{"":"message"}
{"message\\u0000":"a"}
END
    post_json '{}'
    [[ $(<"$BODY") == *'"err_msg":"'*message*'"'* ]]
}

@test "a message given twice is 400" {
    json_table message-duplicate <<'END'
{"message":"a","message":"a"}
{"message":"a","b":1,"message":"c"}
{"message":"a","\\u006dessage":"b"}
{"message":"a","message":1}
END
}

@test "a message that is no string is 400" {
    json_table message-not-a-string <<'END'
{"message":1}
{"message":1.5e300}
{"message":null}
{"message":true}
{"message":false}
{"message":[]}
{"message":["a"]}
{"message":{}}
{"message":{"message":"a"}}
END
}

@test "JSON nested without end is 400, and costs the worker nothing" {
    local count
    for count in 1000 60000; do
        { printf '{"a":'; printf '[%.0s' $(seq "$count"); } >"$BATS_TEST_TMPDIR/deep"
        ask /messages -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/deep"
        expect_for 400 json-too-deep "$count arrays"
        printf '{"a":%.0s' $(seq "$count") >"$BATS_TEST_TMPDIR/deep"
        ask /messages -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/deep"
        expect_for 400 json-too-deep "$count objects"
    done
}

@test "a number of any size or length is read over, since only its grammar counts" {
    local number zeros
    zeros=$(printf '0%.0s' {1..320})
    for number in 128.74836467836484838364836483643636483648e-336 1e-400 -0 12345678901234567890123456789 1.8e308 \
        9.99e310 1e309 0e400 -1e999999999 "1${zeros}e-320" "1$zeros" "0.${zeros}1"; do
        post_json "{\"a\":$number,\"message\":\"hello\"}"
        expect_json 200 "{\"digest\":\"$HELLO\"}" || { echo "with $number"; false; }
    done
}

@test "a wrong or missing media type is 415 with Accept-Post" {
    local type
    for type in image/png text/html application/xml application/jsonx application/x-jsonl application/jsonlines json text/ /json '*/*' \
        'application/json; charset=iso-8859-1' 'text/plain; charset=latin1' 'text/plain; charset="utf-8' \
        'application/x-www-form-urlencoded' 'multipart/form-data; boundary=x'; do
        ask /messages -H "Content-Type: $type" -d '{"message":"a"}'
        expect_for 415 unsupported-media-type "$type"
        [[ $(field accept-post) == "application/json, text/plain;charset=utf-8, application/x-ndjson, application/ndjson, application/jsonl" ]]
    done
    for type in Content-Type: 'Content-Type;'; do # not sent; sent empty
        ask /messages -H "$type" -d '{"message":"a"}'
        expect_for 415 unsupported-media-type "$type"
        [[ -n $(field accept-post) ]]
    done
}

@test "a content coding is 415 with Accept-Encoding" {
    ask /messages -H 'Content-Type: application/json' -H 'Content-Encoding: gzip' -d '{"message":"a"}'
    expect_problem 415 unsupported-content-coding
    [[ $(field accept-encoding) == identity ]]
}

# --- sizes ---------------------------------------------------------------------------------------------

@test "a message of the limit is taken, and one byte more is 413 in either form" {
    head -c 65536 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/limit"
    ask /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/limit"
    [[ $code == 201 ]]
    { printf '{"message":"'; cat "$BATS_TEST_TMPDIR/limit"; printf '"}'; } >"$BATS_TEST_TMPDIR/json"
    ask /messages -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/json"
    [[ $code == 200 ]]
    # Each byte as six: the body may be that much larger than the message.
    { printf '{"message":"'; sed 's/x/\\u0078/g' "$BATS_TEST_TMPDIR/limit"; printf '"}'; } >"$BATS_TEST_TMPDIR/json"
    ask /messages -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/json"
    [[ $code == 200 ]]
    printf x >>"$BATS_TEST_TMPDIR/limit"
    ask /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/limit"
    expect_for 413 too-large text
    { printf '{"message":"'; cat "$BATS_TEST_TMPDIR/limit"; printf '"}'; } >"$BATS_TEST_TMPDIR/json"
    ask /messages -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/json"
    expect_for 413 too-large JSON
}

@test "an oversize Content-Length is 413 before the body is sent" {
    local length
    for length in 100000000 99999999999999 999999999999999999 ; do
        raw_answer send "POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: $length\r\n\r\n" answer
        expect_for 413 too-large "$length"
    done
}

@test "an oversize chunked body is 413, and is not kept" {
    # Little more than a JSON message of the limit may need. (lighttpd resets the connection of whoever sends on, and clients may
    # lose the response then.)
    {
        printf 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n'
        for _ in {1..58}; do
            printf '2000\r\n'
            head -c 8192 /dev/zero
            printf '\r\n'
        done
        printf '0\r\n\r\n'
    } >"$BATS_TEST_TMPDIR/request"
    raw_answer file "$BATS_TEST_TMPDIR/request" answer
    expect_for 413 too-large HTTP/1.1
    [[ -z $(find "$HASHPOST_HOME/tmp" -type f) ]]
}

@test "a body shorter than its Content-Length is never stored, whatever the client still hears" {
    raw send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nonly this' reset
    ask "/messages/$(printf 'only this' | sha256)"
    expect_problem 404 message-not-found
    # Chunked without its last chunk.
    raw send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n' reset
    ask "/messages/$(printf 'only this' | sha256)"
    expect_problem 404 message-not-found
}

@test "a chunk size that is no number is 400" {
    raw_answer send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nonly this\r\n0\r\n\r\n' answer
    expect_problem 400 bad-request
}

@test "two framings of one body, or a transfer coding that is unknown, are refused" {
    raw_answer send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!' answer
    expect_for 400 bad-request 'two lengths'
    raw_answer send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: -1\r\n\r\nhello' answer
    expect_for 400 bad-request 'negative length'
    raw_answer send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 5x\r\n\r\nhello' answer
    expect_for 400 bad-request 'length with a tail'
    raw_answer send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: snail\r\n\r\nhello' answer
    [[ $code == 501 ]] && expect_for 501 not-implemented 'transfer coding' || expect_for 400 bad-request 'transfer coding'
}

# --- paths and methods ---------------------------------------------------------------------------------

@test "garbage where the digest belongs is 404 with the same sentence" {
    local hash
    while IFS='|' read -r hash shown; do
        ask "/messages/$hash" --path-as-is
        expect_for 404 message-not-found "$hash"
        [[ $(<"$BODY") == *'"err_msg":"Message not found for hash: '"$shown"'"'* ]] || said "$shown"
    done <<END
x|x
$HELLO!|$HELLO!
${HELLO:1}|${HELLO:1}
${HELLO}0|${HELLO}0
$HELLO/|$HELLO/
$HELLO/x|$HELLO/x
g${HELLO:1}|g${HELLO:1}
%20$HELLO| $HELLO
|
END
    ask "/messages/$(printf 'x%.0s' {1..800})"
    expect_for 404 message-not-found '800 characters'
    ask '/messages/x' -X DELETE
    expect_for 404 message-not-found DELETE
}

@test "an unknown path is 404" {
    local path
    for path in /nothing /messagesx /message /livez/ /readyz/x /messages/%2F /index.html /.git/config /cgi-bin/ \
        /messages%2fx /.problem/404.json /icons/ /server-status; do
        ask "$path" --path-as-is
        [[ $code == 404 ]] || said "404 for $path"
        $PYTHON -I -S "$ROOT/tests/tools/problem.py" 404 not-found <"$BODY" ||
            $PYTHON -I -S "$ROOT/tests/tools/problem.py" 404 message-not-found <"$BODY"
    done
    for path in /../etc/passwd /%2e%2e/etc/passwd; do
        ask "$path" --path-as-is
        [[ $code == 404 ]] && expect_for 404 not-found "$path" || expect_for 400 bad-request "$path"
    done
}

@test "a wrong method is 405 with Allow" {
    local method path allow
    while IFS='|' read -r method path allow; do
        ask "$path" -X "$method" -H 'Content-Length: 0'
        expect_for 405 method-not-allowed "$method $path"
        [[ $(field allow) == "$allow" ]] || said "Allow: $allow"
    done <<END
GET|/messages|POST, OPTIONS
PUT|/messages|POST, OPTIONS
DELETE|/messages|POST, OPTIONS
PATCH|/messages|POST, OPTIONS
POST|/messages/$HELLO|GET, HEAD, DELETE, OPTIONS
PUT|/messages/$HELLO|GET, HEAD, DELETE, OPTIONS
POST|/|GET, HEAD, OPTIONS
DELETE|/livez|GET, HEAD, OPTIONS
POST|/readyz|GET, HEAD, OPTIONS
END
}

@test "TRACE and methods that nobody knows are refused" {
    ask / -X TRACE
    expect_for 405 method-not-allowed TRACE
    [[ -n $(field allow) ]]
    local method
    for method in BREW get FOO-BAR PROPFIND; do
        ask /messages -X "$method"
        if [[ $code == 501 ]]; then
            expect_for 501 not-implemented "$method"
        elif [[ $method == get && $code == 400 ]]; then
            expect_for 400 bad-request "$method"
        else
            expect_for 405 method-not-allowed "$method"
            [[ -n $(field allow) ]]
        fi
    done
    raw_answer send 'CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n' answer
    [[ $code == 405 || $code == 400 || $code == 403 ]]
    $PYTHON -I -S -c 'import json, sys; assert json.load(sys.stdin)["err_msg"]' <"$BODY"
}

# --- headers -------------------------------------------------------------------------------------------

@test "an Accept that cannot be read is passed over, and one that is full of noise costs little" {
    local accept
    for accept in ';;;' 'text' '/' 'a/b/c' 'text/plain;q=2' '"' 'application/json;q="x'; do
        ask "/messages/$HELLO" -H "Accept: $accept"
        [[ $code == 406 ]] && expect_for 406 not-acceptable "$accept" && continue
        [[ $code == 200 ]] || said "200 for $accept"
    done
    ask "/messages/$HELLO" -H "Accept: $(printf 'x/y;q=0.%d, ' {1..900})*/*"
    [[ $code == 200 || $code == 400 || $code == 431 ]]
}

@test "a digest field that cannot be read is 400" {
    local field
    for field in 'sha-256' 'sha-256=' 'sha-256=:=' 'sha-256=:!!!!:' '=:AAAA:' 'sha-256=:AAAA:' \
        'sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:,'; do
        ask /messages -H 'Content-Type: text/plain' -H "Content-Digest: $field" -d hello
        expect_for 400 bad-digest-field "$field"
    done
    ask /messages -H 'Content-Type: text/plain' -d hello \
        -H 'Content-Digest: sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:' \
        -H 'Repr-Digest: sha-256=:AAJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:'
    expect_for 400 bad-digest-field 'two that disagree'
}

@test "what is not HTTP is 400" {
    local request
    for request in 'GET / HTTP/1.1\r\n\r\n' 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n' 'GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n' \
        'GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n' 'GET / HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n' \
        'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n'; do
        raw_answer send "$request" answer
        expect_for 400 bad-request "$request"
    done
}

# --- where Apache and nginx agree -----------------------------------------------------------------------

skip_lighttpd() {
    [[ $HASHPOST_FRONT != lighttpd ]] || skip "lighttpd's own way: front_lighttpd.bats"
}

@test "a URL that is too long is 414" {
    skip_lighttpd
    local version
    for version in --http1.1 --http2; do
        ask "/messages/$(printf 'x%.0s' {1..3000})" "$version"
        expect_for 414 uri-too-long "$version"
    done
}

@test "a body without a length is taken on HTTP/2, and one that is too large is 413 and is not kept" {
    skip_lighttpd
    printf '{"message":"hello"}' >"$BATS_TEST_TMPDIR/body-of-h2"
    ask /messages --http2 -H 'Content-Type: application/json' -T - -X POST <"$BATS_TEST_TMPDIR/body-of-h2"
    expect_json 200 "{\"digest\":\"$HELLO\"}"
    head -c 5000000 /dev/zero >"$BATS_TEST_TMPDIR/zeros"
    ask /messages --http2 -H 'Content-Type: text/plain' -T - -X POST <"$BATS_TEST_TMPDIR/zeros"
    expect_problem 413 too-large
    [[ -z $(find "$HASHPOST_HOME/tmp" -type f) ]]
}

@test "a path with bytes that are not UTF-8 reaches the worker" {
    skip_lighttpd
    ask '/messages/%ff%fe%22%5c%0a'
    expect_problem 404 message-not-found
}

@test "a percent sign without its digits is 400" {
    skip_lighttpd
    raw_answer send 'GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n' answer
    expect_problem 400 bad-request
}

@test "a version of HTTP that is none is 400" {
    skip_lighttpd
    raw_answer send 'GET / HTTP/x.y\r\nHost: localhost\r\n\r\n' answer
    expect_problem 400 bad-request
}

@test "plain HTTP on the TLS port is 400 with a problem document" {
    skip_lighttpd
    FIELDS=$BATS_TEST_TMPDIR/fields BODY=$BATS_TEST_TMPDIR/body
    code=$(curl -sS -D "$FIELDS" -o "$BODY" -w '%{http_code}' "http://localhost:$HASHPOST_PORT/")
    expect_problem 400 bad-request
}

# --- connections ---------------------------------------------------------------------------------------

@test "garbage on the TLS port is cut off" {
    local garbage
    for garbage in '\x16\x03\x01\xff\xff\x00@500' '\x00@500' '\x80\x2e\x01\x03\x01@20' 'SSH-2.0-x\r\n'; do
        raw --plain send "$garbage" end >"$BATS_TEST_TMPDIR/got"
        (($(wc -c <"$BATS_TEST_TMPDIR/got") < 2000))
    done
    raw --plain reset
}

@test "HTTP/2 frames that make no sense end that connection only" {
    run raw send 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff' end
    ask /livez --http2
    [[ $code == 200 ]]
}

@test "a body or a header that does not arrive in time ends its connection; Apache says 408 about a body" {
    wait_for 60 test -e "$SCRATCH/slow-body.ended" -a -e "$SCRATCH/slow-head.ended"
    cat "$SCRATCH/slow-body"
    if [[ $HASHPOST_FRONT == apache ]]; then
        raw_parse "$SCRATCH/slow-body"
        expect_problem 408 timeout
    fi
    raw_parse "$SCRATCH/slow-head"
    [[ ! -s $SCRATCH/slow-head ]] || expect_problem 408 timeout
}
