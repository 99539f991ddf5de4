#!/usr/bin/env bats
# Every documented answer of the message resources and the health paths.
# shellcheck disable=SC2154  # ask sets $code

load stack.bash

HELLO=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
HELLO_BASE64=LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=
EMPTY=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
ABSENT=$(printf 'a%.0s' {1..64})

setup_file() {
    stack_new
    # Room for one of the largest messages as JSON with every byte escaped, in each worker.
    export HASHPOST_MAX_MESSAGE_BYTES=64M
    stack_start
    post_text hello
}
teardown_file() { stack_end; }

# random_text BYTES: so many bytes of text, from all planes of Unicode, with all control characters.
random_text() {
    $PYTHON -I -S -c '
import random, sys
wanted, parts, length = int(sys.argv[1]), [], 0
ranges = [(0, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF)]
while length < wanted - 4:
    part = "".join(chr(random.randint(*random.choice(ranges))) for _ in range(min(4096, (wanted - length) // 4))).encode()
    parts.append(part)
    length += len(part)
if wanted > 1 << 20:  # one random mebibyte is enough; the rest repeats it
    unit = b"".join(parts)
sys.stdout.buffer.write(b"".join(parts) + b"." * (wanted - length))' "$1"
}

# as_json < TEXT > {"message": …}; from_json < {"message": …} > TEXT
as_json() { $PYTHON -I -S -c 'import json, sys; sys.stdout.write(json.dumps({"message": sys.stdin.buffer.read().decode()}))'; }
from_json() { $PYTHON -I -S -c 'import json, sys; sys.stdout.buffer.write(json.load(sys.stdin.buffer)["message"].encode())'; }

@test "POST of new JSON is 201 with the digest and its Location, and 200 when it is known" {
    local digest
    digest=$(printf 'new one' | sha256)
    post_json '{"message": "new one"}'
    expect_json 201 "{\"digest\":\"$digest\"}"
    [[ $(field location) == "/messages/$digest" ]]
    [[ $(field cache-control) == no-store ]]
    post_json '{"message": "new one"}'
    expect_json 200 "{\"digest\":\"$digest\"}"
    [[ $(field location) == "/messages/$digest" ]]
}

@test "POST of text is the same message as POST of JSON" {
    post_text 'the same'
    expect_json 201 "{\"digest\":\"$(printf 'the same' | sha256)\"}"
    post_json '{"message":"the same"}'
    [[ $code == 200 ]]
}

@test "POST takes each spelling of the two media types" {
    local type
    for type in application/json 'application/json; charset=utf-8' 'Application/JSON;charset="UTF-8"' \
        'application/json; profile=x'; do
        ask /messages -H "Content-Type: $type" -d '{"message":"hello"}'
        expect_json 200 "{\"digest\":\"$HELLO\"}" || { echo "with $type"; false; }
    done
    for type in text/plain 'text/plain;charset=utf-8' 'TEXT/plain; charset=UTF-8' 'text/plain; charset=us-ascii'; do
        ask /messages -H "Content-Type: $type" -d hello
        expect_json 200 "{\"digest\":\"$HELLO\"}" || { echo "with $type"; false; }
    done
}

@test "POST ignores other members, takes any order and white space, and members nested deep" {
    post_json '  { "a": [1, 2.5e3, null, {"message": "inner"}], "message" : "hello", "z": {"message": 1} }
'
    expect_json 200 "{\"digest\":\"$HELLO\"}"
    post_json '{"message":"\u0068\u0065\u006c\u006c\u006f"}'
    expect_json 200 "{\"digest\":\"$HELLO\"}"
    post_json '{"\u006dessage":"hello"}'
    expect_json 200 "{\"digest\":\"$HELLO\"}"
}

@test "GET is exactly the one member as JSON, with validators" {
    ask "/messages/$HELLO"
    expect_json 200 '{"message":"hello"}'
    [[ $(field etag) == "\"$HELLO.json\"" ]]
    [[ $(field vary) == Accept ]]
    [[ $(field cache-control) == "private, no-cache" ]]
    [[ $(field content-length) == 19 ]]
    [[ $(field last-modified) =~ ^(Mon|Tue|Wed|Thu|Fri|Sat|Sun),\ [0-9]{2}\ [A-Z][a-z]{2}\ [0-9]{4}\ [0-9:]{8}\ GMT$ ]]
    (($(date +%s) - $(date -d "$(field last-modified)" +%s) < 600))
}

@test "GET with Accept: text/plain is the raw bytes, with Repr-Digest and an ETag of its own" {
    ask "/messages/$HELLO" -H 'Accept: text/plain'
    [[ $code == 200 && $(<"$BODY") == hello ]]
    [[ $(field content-type) == "text/plain; charset=utf-8" ]]
    [[ $(field repr-digest) == "sha-256=:$HELLO_BASE64:" ]]
    [[ $(field etag) == "\"$HELLO.txt\"" ]]
    [[ $(field vary) == Accept ]]
}

@test "HEAD answers what GET would, without the body" {
    local accept name
    for accept in application/json text/plain; do
        ask "/messages/$HELLO" -H "Accept: $accept"
        cp "$FIELDS" "$BATS_TEST_TMPDIR/get"
        ask "/messages/$HELLO" -H "Accept: $accept" --head
        [[ $code == 200 ]]
        for name in content-length content-type etag last-modified vary cache-control; do
            field "$name"
            [[ $(field "$name") == "$(FIELDS=$BATS_TEST_TMPDIR/get field "$name")" ]]
        done
    done
    ask "/messages/$ABSENT" --head
    [[ $code == 404 ]]
}

@test "Accept chooses the representation by quality and specificity, and 406 says what there is" {
    local accept wanted
    while IFS='|' read -r accept wanted; do
        ask "/messages/$HELLO" -H "Accept: $accept"
        [[ $wanted == "$code $(field content-type)" ]] || said "$wanted for $accept"
    done <<'END'
*/*|200 application/json
application/json|200 application/json
text/plain|200 text/plain; charset=utf-8
text/*|200 text/plain; charset=utf-8
text/plain;q=0.5, application/json;q=0.4|200 text/plain; charset=utf-8
text/plain;q=0.5, application/json|200 application/json
application/json;q=0, */*|200 text/plain; charset=utf-8
text/plain, application/json|200 application/json
text/html, application/xhtml+xml, */*;q=0.8|200 application/json
TEXT/PLAIN|200 text/plain; charset=utf-8
text/plain; charset=utf-8|200 text/plain; charset=utf-8
text/html|406 application/problem+json
image/png, text/html;q=0.3|406 application/problem+json
*/*;q=0|406 application/problem+json
application/json;q=0, text/plain;q=0|406 application/problem+json
END
    expect_problem 406 not-acceptable
    [[ $(field vary) == Accept ]]
}

@test "If-None-Match gives 304 for the tag of the same representation only" {
    local tag
    for tag in "\"$HELLO.json\"" "W/\"$HELLO.json\"" "\"other\", \"$HELLO.json\"" '*'; do
        ask "/messages/$HELLO" -H "If-None-Match: $tag"
        [[ $code == 304 && ! -s $BODY ]] || said "304 for $tag"
        [[ $(field etag) == "\"$HELLO.json\"" && $(field vary) == Accept && -n $(field last-modified) ]]
        ask "/messages/$HELLO" --head -H "If-None-Match: $tag"
        [[ $code == 304 ]] || said "304 for HEAD and $tag"
    done
    for tag in "\"$HELLO.txt\"" "\"$HELLO\"" '"other"' "$HELLO.json"; do
        ask "/messages/$HELLO" -H "If-None-Match: $tag"
        [[ $code == 200 ]] || said "200 for $tag"
    done
    ask "/messages/$HELLO" -H 'Accept: text/plain' -H "If-None-Match: \"$HELLO.txt\""
    [[ $code == 304 ]]
}

@test "If-Modified-Since gives 304 for its date and later ones, in all three forms, if there is no tag" {
    local since
    ask "/messages/$HELLO"
    since=$(field last-modified)
    ask "/messages/$HELLO" -H "If-Modified-Since: $since"
    [[ $code == 304 ]]
    ask "/messages/$HELLO" -H "If-Modified-Since: $(LC_ALL=C date -u -d "$since" '+%A, %d-%b-%y %H:%M:%S GMT')"
    [[ $code == 304 ]]
    ask "/messages/$HELLO" -H "If-Modified-Since: $(LC_ALL=C date -u -d "$since" '+%a %b %e %H:%M:%S %Y')"
    [[ $code == 304 ]]
    ask "/messages/$HELLO" -H 'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT'
    [[ $code == 200 ]]
    ask "/messages/$HELLO" -H 'If-Modified-Since: yesterday'
    [[ $code == 200 ]]
    ask "/messages/$HELLO" -H "If-Modified-Since: $since" -H 'If-None-Match: "other"'
    [[ $code == 200 ]]
}

@test "If-Match and If-Unmodified-Since refuse with 412" {
    ask "/messages/$HELLO" -H "If-Match: \"$HELLO.json\""
    [[ $code == 200 ]]
    ask "/messages/$HELLO" -H 'If-Match: "other"'
    expect_problem 412 precondition-failed
    ask "/messages/$HELLO" -H 'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT'
    expect_problem 412 precondition-failed
    ask "/messages/$HELLO" -X DELETE -H 'If-Match: "other"'
    expect_problem 412 precondition-failed
    ask "/messages/$HELLO"
    expect_json 200 '{"message":"hello"}'
}

@test "a digest in upper case finds the message and is answered in lower case" {
    ask "/messages/${HELLO^^}"
    expect_json 200 '{"message":"hello"}'
    [[ $(field etag) == "\"$HELLO.json\"" ]]
    ask "/messages/${ABSENT^^}"
    expect_problem 404 message-not-found
    [[ $(<"$BODY") == *"\"err_msg\":\"Message not found for hash: $ABSENT\""* ]]
    post_text 'to be deleted'
    ask "/messages/$(printf 'to be deleted' | sha256 | tr a-f A-F)" -X DELETE
    expect_json 200 "{\"message_deleted\":\"$(printf 'to be deleted' | sha256)\"}"
}

@test "DELETE is 200 once, then 404, and the message is gone at once from every worker" {
    local digest
    digest=$(printf 'short life' | sha256)
    post_text 'short life'
    [[ $code == 201 ]]
    ask "/messages/$digest" -X DELETE
    expect_json 200 "{\"message_deleted\":\"$digest\"}"
    for _ in {1..8}; do
        ask "/messages/$digest"
        expect_problem 404 message-not-found
    done
    ask "/messages/$digest" -X DELETE
    expect_problem 404 message-not-found
    post_text 'short life'
    [[ $code == 201 ]]
}

@test "OPTIONS says what each path allows" {
    local path allow
    while IFS='|' read -r path allow; do
        ask "$path" -X OPTIONS
        [[ $code == 204 && $(field allow) == "$allow" && ! -s $BODY ]] || said "$allow at $path"
    done <<END
/messages|POST, OPTIONS
/messages/$HELLO|GET, HEAD, DELETE, OPTIONS
/|GET, HEAD, OPTIONS
/livez|GET, HEAD, OPTIONS
/readyz|GET, HEAD, OPTIONS
END
    ask /messages -X OPTIONS
    [[ $(field accept-post) == "application/json, text/plain;charset=utf-8, application/x-ndjson, application/ndjson, application/jsonl" ]]
}

@test "the health paths answer 200" {
    ask /
    expect_json 200 '{"msg":"Server is healthy","status_code":200}'
    ask /livez
    expect_json 200 '{"status":"alive"}'
    ask /readyz
    [[ $code == 200 && $(field content-type) == application/json ]]
    $PYTHON -I -S -c '
import json, sys
document = json.load(sys.stdin)
assert document["status"] == "ready", document
workers = document["pool"]["workers"]
assert sorted(workers) == ["worker-00", "worker-01"], workers
assert document["pool"]["crash_looping"] is False' <"$BODY"
    ask / --head
    [[ $code == 200 && $(field content-length) == 45 ]]
}

@test "a digest sent along is checked, and one of another algorithm is passed over" {
    local field
    for field in Content-Digest Repr-Digest; do
        ask /messages -H 'Content-Type: text/plain' -H "$field: sha-256=:$HELLO_BASE64:" -d hello
        expect_json 200 "{\"digest\":\"$HELLO\"}"
        ask /messages -H 'Content-Type: text/plain' -H "$field: md5=:AAAA:, sha-256=:$HELLO_BASE64:" -d hello
        expect_json 200 "{\"digest\":\"$HELLO\"}"
        ask /messages -H 'Content-Type: text/plain' -H "$field: sha-512=:AAAA:" -d hello
        expect_json 200 "{\"digest\":\"$HELLO\"}"
        ask /messages -H 'Content-Type: text/plain' -H "$field: sha-256=:$HELLO_BASE64:" -d 'hello, changed'
        expect_problem 400 digest-mismatch
        ask /messages -H 'Content-Type: text/plain' -H "$field: sha-256=$HELLO" -d hello
        expect_problem 400 bad-digest-field
        ask /messages -H 'Content-Type: text/plain' -H "$field: sha-256=:AAAA:" -d hello
        expect_problem 400 bad-digest-field
    done
    ask "/messages/$(printf 'hello, changed' | sha256)"
    expect_problem 404 message-not-found
}

@test "the empty message is a message" {
    post_json '{"message":""}'
    expect_json 201 "{\"digest\":\"$EMPTY\"}"
    post_text ''
    expect_json 200 "{\"digest\":\"$EMPTY\"}"
    ask "/messages/$EMPTY"
    expect_json 200 '{"message":""}'
    ask "/messages/$EMPTY" -H 'Accept: text/plain'
    [[ $code == 200 && ! -s $BODY && $(field content-length) == 0 ]]
}

@test "NUL, quotes, control characters and emoji come back as they were" {
    local digest
    post_json '{"message":"a\u0000b\"\\\/\b\f\n\r\t\u001f\u007f \ud83d\ude00 ❤"}'
    [[ $code == 201 ]]
    digest=$(printf 'a\0b"\\/\b\f\n\r\t\037\177 😀 ❤' | sha256)
    expect_json 201 "{\"digest\":\"$digest\"}"
    ask "/messages/$digest" -H 'Accept: text/plain'
    [[ $(sha256 "$BODY") == "$digest" ]]
    ask "/messages/$digest"
    [[ $(from_json <"$BODY" | sha256) == "$digest" ]]
}

# round_trip FILE: posts it as text or, with every character escaped, as JSON; reads it back as both.
round_trip() {
    local digest
    digest=$(sha256 "$1")
    ask /messages -H 'Content-Type: text/plain' -T "$1" -X POST
    [[ $code == 201 || $code == 200 ]] || said "201 for $1"
    [[ $(<"$BODY") == "{\"digest\":\"$digest\"}" ]] || said "$digest" || return
    as_json <"$1" >"$1.json"
    ask /messages -H 'Content-Type: application/json' -T "$1.json" -X POST
    expect_json 200 "{\"digest\":\"$digest\"}" || return
    ask "/messages/$digest" -H 'Accept: text/plain'
    cmp "$BODY" "$1" || return
    ask "/messages/$digest"
    from_json <"$BODY" | cmp - "$1"
}

@test "random text of any size comes back byte for byte in both representations" {
    local size
    for size in 1 2 63 4064 4065 65535 65536 65537 1000000; do
        random_text "$size" >"$BATS_TEST_TMPDIR/text"
        (($(wc -c <"$BATS_TEST_TMPDIR/text") == size))
        round_trip "$BATS_TEST_TMPDIR/text" || { echo "with $size bytes"; false; }
    done
}

@test "a message of 64 MiB comes back byte for byte in both representations, and one byte more is 413" {
    local file=$BATS_TEST_TMPDIR/big
    $PYTHON -I -S -c '
import os, sys
unit = os.urandom(1 << 19).hex().encode()  # 1 MiB
sys.stdout.buffer.write(unit * 63 + "é".encode() * (1 << 19))' >"$file"
    (($(wc -c <"$file") == 64 << 20))
    round_trip "$file"
    printf x >>"$file"
    ask /messages -H 'Content-Type: text/plain' -T "$file" -X POST
    expect_problem 413 too-large
    as_json <"$file" >"$file.json"
    ask /messages -H 'Content-Type: application/json' -T "$file.json" -X POST
    expect_problem 413 too-large
    ask "/messages/$HELLO"
    [[ $code == 200 ]]
}
