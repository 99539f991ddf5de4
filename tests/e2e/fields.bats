#!/usr/bin/env bats
# Header fields as RFC 9110 has them, behind each web server and over both versions of HTTP: several lines of one name
# are one list (§5.3), and a name with an underscore or a dot is another name (§17.10). What a web server refuses or
# drops by itself is in docs/fronts.md.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034,SC2153  # ask sets $code; each test is a process of its own; ${!HASHPOST_FRONT}

load stack.bash

HELLO=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
RIGHT='sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:'
WRONG='sha-256=:AAJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:'
TAG="\"$HELLO.json\""
EARLY='Sun, 06 Nov 1994 08:49:37 GMT'
LATE='Sun, 07 Nov 2094 08:49:37 GMT'

setup_file() {
    stack_new
    stack_start
    post_text hello
}
teardown_file() { stack_end; }

# send METHOD FIELD…: asks for (or POSTs) the message hello, over $version.
send() {
    local options=() field
    for field in "${@:2}"; do options+=(-H "$field"); done
    if [[ $1 == POST ]]; then
        [[ ${*,,} == *' content-type:'* ]] || options+=(-H 'Content-Type: text/plain')
        ask /messages "--http$version" --data-binary hello "${options[@]}"
    else
        ask "/messages/$HELLO" "--http$version" -X "$1" "${options[@]}"
    fi
}

# lines_table < METHOD|APACHE|NGINX|LIGHTTPD|FIELD|FIELD…: the status behind each of them. The message stays.
lines_table() {
    local version method apache nginx lighttpd fields row
    mapfile -t rows
    for version in 1.1 2; do
        for row in "${rows[@]}"; do
            IFS='|' read -r method apache nginx lighttpd row <<<"$row"
            IFS='|' read -ra fields <<<"$row"
            # (Where lighttpd 1.4.79 refuses a line, it ends the HTTP/2 stream: error 92 of curl.)
            send "$method" "${fields[@]}" 2>/dev/null || { [[ $? == 92 && $HASHPOST_FRONT$version == lighttpd2 ]] && code=400; }
            [[ $code == "${!HASHPOST_FRONT}" ]] || said "${!HASHPOST_FRONT} over HTTP/$version for $method and ${fields[*]}" || return
            ask "/messages/$HELLO"
            expect_json 200 '{"message":"hello"}' || { echo "after $method and ${fields[*]} over HTTP/$version"; return 1; }
        done
    done
}

@test "several lines of a list field count as one list" {
    lines_table <<END
GET|200|200|200|Accept: text/html|Accept: text/plain
GET|406|406|406|Accept: text/html|Accept: image/png
GET|304|400|200|If-None-Match: "x"|If-None-Match: $TAG
GET|304|400|304|If-None-Match: $TAG|If-None-Match: "x"
GET|200|400|200|If-Match: "x"|If-Match: $TAG
GET|412|400|412|If-Match: "x"|If-Match: "y"
DELETE|412|400|412|If-None-Match: "x"|If-None-Match: $TAG
DELETE|412|400|412|If-None-Match: $TAG|If-None-Match: "x"
DELETE|412|400|412|If-None-Match: "x"|If-None-Match: *
DELETE|412|400|412|If-Match: "x"|If-Match: "y"
POST|200|200|200|Content-Digest: md5=:AAAA:|Content-Digest: $RIGHT
POST|200|200|200|Content-Digest: $WRONG|Content-Digest: $RIGHT
POST|400|400|400|Content-Digest: $RIGHT|Content-Digest: $WRONG
POST|400|400|400|Content-Digest: $RIGHT|Content-Digest: garbage
POST|400|400|400|Repr-Digest: $RIGHT|Repr-Digest: $WRONG
POST|400|400|400|Content-Digest: $RIGHT|Repr-Digest: $WRONG
POST|200|200|200|Content-Encoding: identity|Content-Encoding: Identity
POST|415|415|415|Content-Encoding: identity|Content-Encoding: gzip
POST|415|415|415|Content-Encoding: gzip|Content-Encoding: identity
GET|200|200|200|Range: bytes=0-1|Range: bytes=2-3
END
}

@test "several lines of a field that may come once never make a request mean something else" {
    lines_table <<END
POST|400|400|400|Content-Type: text/plain|Content-Type: application/json
POST|400|400|400|Content-Type: application/json|Content-Type: text/plain
POST|400|400|400|Content-Type: text/plain|Content-Type: application/x-ndjson
POST|400|400|400|Content-Type: application/x-ndjson|Content-Type: text/plain
POST|400|400|400|Content-Type: text/plain, application/json
POST|400|400|200|Content-Type: text/plain|Content-Type: text/plain
GET|200|400|400|If-Modified-Since: $EARLY|If-Modified-Since: $LATE
GET|200|200|200|If-Modified-Since: $LATE, $LATE
GET|200|400|200|If-Unmodified-Since: $EARLY|If-Unmodified-Since: $LATE
GET|412|412|412|If-Unmodified-Since: $EARLY
END
}

@test "several lines of Host, Content-Length or Transfer-Encoding are refused unless they say the same" {
    local head='POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n' lines body apache nginx lighttpd
    local chunked='5\r\nhello\r\n0\r\n\r\n'
    while IFS='|' read -r apache nginx lighttpd lines body; do
        raw_answer send "$head$lines\\r\\n\\r\\n$body" answer
        [[ $code == "${!HASHPOST_FRONT}" ]] || said "${!HASHPOST_FRONT} for $lines"
        [[ $code == 200 ]] || $PYTHON -I -S -c 'import json, sys; assert json.load(sys.stdin)["err_msg"]' <"$BODY"
    done <<END
200|200|200|Content-Length: 5|hello
400|400|400|Content-Length: 5\\r\\nContent-Length: 5|hello
400|400|400|Content-Length: 5\\r\\nContent-Length: 6|hello!
400|400|400|Content-Length: 5, 5|hello
400|400|400|Content-Length: +5|hello
400|400|400|Content-Length: -5|hello
400|400|400|Content-Length: 0x5|hello
400|400|400|Content-Length: 18446744073709551621|hello
200|200|200|Content-Length: 005|hello
200|200|200|Content-Length: 0000000000000000000005|hello
413|413|413|Content-Length: 000000999999999999|hello
200|200|200|Transfer-Encoding: chunked|$chunked
200|200|200|Transfer-Encoding: CHUNKED|$chunked
501|501|501|Transfer-Encoding: foo, chunked|$chunked
501|501|501|Transfer-Encoding: gzip, chunked|$chunked
501|501|501|Transfer-Encoding: chunked, chunked|$chunked
501|501|501|Transfer-Encoding: identity, chunked|$chunked
501|400|501|Transfer-Encoding: foo\\r\\nTransfer-Encoding: chunked|$chunked
501|400|200|Transfer-Encoding: chunked\\r\\nTransfer-Encoding: chunked|$chunked
400|501|501|Transfer-Encoding: chunked, identity|$chunked
400|501|501|Transfer-Encoding: xchunked|$chunked
200|400|400|Transfer-Encoding: chunked\\r\\nContent-Length: 5|$chunked
400|400|200|Host: localhost\\r\\nContent-Length: 5|hello
400|400|400|Host: elsewhere\\r\\nContent-Length: 5|hello
END
}

@test "a field whose name has an underscore, a dot or the like is another field, which nobody reads" {
    local version mark field misspelt
    local fields=('If-None-Match: *' "If-Modified-Since: $LATE" 'If-Match: "x"' "If-Unmodified-Since: $EARLY" "Content-Digest: $WRONG"
        "Repr-Digest: $WRONG" 'Content-Encoding: gzip' 'Content-Type: application/x-ndjson' 'Content-Length: 3' 'Transfer-Encoding: chunked')
    for version in 1.1 2; do
        for mark in _ . '!' '*' '~'; do
            misspelt=()
            for field in "${fields[@]}"; do misspelt+=("${field/-/$mark}"); done
            send GET "${misspelt[@]}"
            expect_json 200 '{"message":"hello"}' || { echo "with $mark over HTTP/$version"; false; }
            send POST "${misspelt[@]}"
            expect_json 200 "{\"digest\":\"$HELLO\"}" || { echo "with $mark over HTTP/$version"; false; }
            # Beside the field itself, and with one mark of two.
            send GET "If${mark}None${mark}Match: $TAG" 'If-None-Match: "x"'
            [[ $code == 200 ]] || said "200 beside If-None-Match"
            send GET "If-None${mark}Match: $TAG"
            [[ $code == 200 ]] || said 200
            send POST "Content${mark}Type: application/json" 'Content-Type: text/plain' "X${mark}Y: 1"
            [[ $code == 200 ]] || said "200 beside Content-Type"
        done
    done
    # A DELETE that a field of that kind would have refused: it is not read.
    send DELETE 'If_Match: "x"' 'If.Unmodified.Since: Sun, 06 Nov 1994 08:49:37 GMT' 'If_None_Match: *'
    expect_json 200 "{\"message_deleted\":\"$HELLO\"}"
}
