#!/usr/bin/env bats
# HASHPOST_GZIP: messages that are read are coded by the web server, and Apache inflates what is sent.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

setup_file() {
    stack_new
    export LARGE=$SCRATCH/large
    HASHPOST_GZIP=yes stack_start
    seq 10000 >"$LARGE"
    ask /messages -H 'Content-Type: text/plain' --data-binary "@$LARGE"
    [[ $code == 201 ]]
}
teardown_file() { stack_end; }

setup() { DIGEST=$(sha256 "$LARGE"); }

# get [CURL OPTION…]: the large message, as text.
get() { ask "/messages/$DIGEST" -H 'Accept: text/plain' "$@"; }
is_coded() { [[ $code == 200 && $(field content-encoding) == gzip ]] && gzip -dc "$BODY" | cmp - "$LARGE"; }
is_plain() { [[ $code == 200 && -z $(field content-encoding) ]] && cmp "$BODY" "$LARGE"; }
varies() { [[ ,$(field vary | tr -d ' '), == *,Accept-Encoding,* ]]; }

# The tag of the coded text: nginx makes it weak, the others make another one.
coded_tag() {
    if [[ $HASHPOST_FRONT == nginx ]]; then echo "W/\"$DIGEST.txt\""; else echo "\"$DIGEST.txt-gzip\""; fi
}

@test "a large message is coded for who takes gzip, and each representation has its own tag and no other's digest" {
    local http
    for http in --http1.1 --http2; do
        get $http -H 'Accept-Encoding: gzip'
        is_coded || said "coded"
        [[ $(field etag) == "$(coded_tag)" && -z $(field repr-digest) && -z $(field content-digest) ]] || said "$(coded_tag)"
        varies || said 'Vary: Accept-Encoding'
        get $http
        is_plain || said "plain"
        [[ $(field etag) == "\"$DIGEST.txt\"" && -n $(field repr-digest) && $(field content-length) == $(stat -c %s "$LARGE") ]] || said "$DIGEST.txt"
        varies || said 'Vary: Accept-Encoding'
    done
    ask "/messages/$DIGEST" -H 'Accept-Encoding: br, gzip;q=0.5'
    [[ $(field content-encoding) == gzip && $(field content-type) == application/json ]] || said "JSON, coded"
    gzip -dc "$BODY" | $PYTHON -I -c 'import json, sys; sys.stdout.write(json.load(sys.stdin)["message"])' | cmp - "$LARGE"
}

@test "who does not take gzip gets no coding" {
    local value
    for value in '' identity br 'gzip;q=0' 'gzip;q=0.000, *;q=0'; do
        get -H "Accept-Encoding: $value"
        is_plain || said "plain for: $value"
    done
}

@test "what is small, and every problem document, is sent as it is" {
    post_text small
    ask "/messages/$(printf small | sha256)" -H 'Accept-Encoding: gzip'
    [[ -z $(field content-encoding) && $(<"$BODY") == '{"message":"small"}' ]] || said plain
    ask "/$(printf 'x%.0s' {1..900})" -H 'Accept-Encoding: gzip'
    expect_problem 404 not-found
    ask "/messages/$(printf 'x%.0s' {1..900})" -H 'Accept-Encoding: gzip'
    expect_problem 404 message-not-found
}

@test "HEAD tells of one representation, whichever it is" {
    get -I -H 'Accept-Encoding: gzip'
    varies || said 'Vary: Accept-Encoding'
    if [[ -n $(field content-encoding) ]]; then
        [[ $(field etag) == "$(coded_tag)" && $(field content-length) != $(stat -c %s "$LARGE") ]] || said coded
    else
        [[ $(field etag) == "\"$DIGEST.txt\"" && $(field content-length) == $(stat -c %s "$LARGE") ]] || said plain
    fi
}

@test "a 304 names the representation that the client has, and no other tag is taken for it" {
    local tag
    for tag in "$(coded_tag)" "\"$DIGEST.txt\"" "\"other\", $(coded_tag)"; do
        get -H 'Accept-Encoding: gzip' -H "If-None-Match: $tag"
        [[ $code == 304 && ! -s $BODY && -z $(field content-length) ]] || said "304 for $tag"
        [[ $tag == *"$(field etag)" ]] || said "the tag $tag"
        varies || said 'Vary: Accept-Encoding'
    done
    for tag in "\"$DIGEST.json\"" "\"$DIGEST.json-gzip\"" "\"$DIGEST.txt-br\""; do
        get -H 'Accept-Encoding: gzip' -H "If-None-Match: $tag"
        is_coded || said "200 for $tag"
    done
    # Without gzip the coded representation is not what would be sent.
    get -H "If-None-Match: \"$DIGEST.txt-gzip\""
    is_plain || said 200
}

@test "If-Match takes the strong tag of a coded representation, and so does DELETE" {
    get -H 'Accept-Encoding: gzip' -H "If-Match: $(coded_tag)"
    if [[ $HASHPOST_FRONT == nginx ]]; then expect_problem 412 precondition-failed; else is_coded || said 200; fi
    get -H 'Accept-Encoding: gzip' -H 'If-Match: "other-gzip"'
    expect_problem 412 precondition-failed
    ask "/messages/$DIGEST" -X DELETE -H "If-None-Match: $(coded_tag)"
    expect_problem 412 precondition-failed
    [[ $HASHPOST_FRONT != nginx ]] || return 0
    ask "/messages/$DIGEST" -X DELETE -H "If-Match: $(coded_tag)"
    [[ $code == 200 ]] || said 200
    ask /messages -H 'Content-Type: text/plain' --data-binary "@$LARGE"
    [[ $code == 201 ]] || said 201
}

# --- requests ------------------------------------------------------------------------------------------

inflates() { [[ $HASHPOST_FRONT == apache ]]; }
# send FILE [CURL OPTION…]: as a coded text.
send() { ask /messages -H 'Content-Type: text/plain' -H 'Content-Encoding: gzip' --data-binary "@$1" "${@:2}"; }
# refused ACCEPTED: 415, and what is accepted instead.
refused() {
    expect_problem 415 unsupported-content-coding || return
    [[ $(field accept-encoding) == "$1" ]] || said "Accept-Encoding: $1"
}

@test "a coded request is inflated by Apache, and 415 behind the others, which say what they take" {
    gzip -c "$LARGE" >"$BATS_TEST_TMPDIR/coded"
    local http
    for http in --http1.1 --http2; do
        send "$BATS_TEST_TMPDIR/coded" $http
        if inflates; then
            [[ $code == 200 && $(<"$BODY") == *"$DIGEST"* ]] || said 200
        else
            refused identity
        fi
    done
    ask /messages -H 'Content-Type: text/plain' -H 'Content-Encoding: br' -d x
    if inflates; then refused gzip; else refused identity; fi
}

@test "Apache stores nothing of a coded request that is cut, changed, or not one stream" {
    inflates || skip "only Apache inflates"
    local file folder=$BATS_TEST_TMPDIR
    printf 'to be cut' | gzip >"$folder/whole"
    head -c -3 "$folder/whole" >"$folder/cut-in-length"
    head -c -9 "$folder/whole" >"$folder/cut"
    head -c 5 "$folder/whole" >"$folder/cut-in-header"
    cat "$folder/whole" "$folder/whole" >"$folder/two"
    (cat "$folder/whole" && printf garbage) >"$folder/followed"
    printf 'to be cut' >"$folder/plain"
    $PYTHON -I - "$folder" <<'END'
import sys
whole = open(sys.argv[1] + "/whole", "rb").read()
for name, place in ("checksum", -6), ("length", -2):
    changed = bytearray(whole)
    changed[place] ^= 1
    open(sys.argv[1] + "/" + name, "wb").write(changed)
END
    for file in cut-in-length cut cut-in-header two followed plain checksum length; do
        send "$folder/$file"
        expect_problem 400 bad-request || { echo "the case: $file"; false; }
    done
    ask "/messages/$(printf 'to be cut' | sha256)"
    expect_problem 404 message-not-found
}

@test "a digest of coded content cannot be checked, so it is 415; so is any other coding" {
    inflates || skip "only Apache inflates"
    local digest coded=$BATS_TEST_TMPDIR/coded value
    printf 'with a digest' | gzip >"$coded"
    digest="sha-256=:$(openssl dgst -sha256 -binary "$coded" | base64):"
    send "$coded" -H "Content-Digest: $digest"
    refused gzip
    send "$coded" -H "Repr-Digest: $digest"
    refused gzip
    for value in 'gzip, gzip' 'identity, gzip' 'gzip, br' deflate 'gzip;q=1'; do
        ask /messages -H 'Content-Type: text/plain' -H "Content-Encoding: $value" --data-binary "@$coded"
        refused gzip || { echo "the case: $value"; false; }
    done
    send "$coded" -H 'Transfer-Encoding: chunked' --http1.1
    refused gzip
    send /dev/null
    refused gzip
    ask "/messages/$(printf 'with a digest' | sha256)"
    expect_problem 404 message-not-found
}

# Resident memory of httpd, in KiB.
httpd_memory() {
    local pid sum=0
    for pid in $(started_processes SUPERVISOR_PROCESS_NAME=front); do
        sum=$((sum + $(sed -nE 's/^VmRSS:[[:space:]]+([0-9]+) kB/\1/p' "/proc/$pid/status")))
    done
    echo "$sum"
}

@test "a small request that would become gigabytes is 413, and takes neither memory nor disk" {
    inflates || skip "only Apache inflates"
    local before
    before=$(httpd_memory)
    $PYTHON -I "$ROOT/tests/tools/bomb.py" 5000 '\0' >"$BATS_TEST_TMPDIR/bomb"
    (($(stat -c %s "$BATS_TEST_TMPDIR/bomb") < 6000000))
    send "$BATS_TEST_TMPDIR/bomb" --http1.1
    expect_problem 413 too-large
    # (Over HTTP/2 curl takes a response that comes while it sends for a broken stream: this one is sent before.)
    $PYTHON -I "$ROOT/tests/tools/bomb.py" 40 '\0' >"$BATS_TEST_TMPDIR/bomb"
    send "$BATS_TEST_TMPDIR/bomb" --http2
    expect_problem 413 too-large
    (($(httpd_memory) < before + 65536)) || { echo "httpd grew from $before to $(httpd_memory) KiB"; false; }
    # A message over the limit, of a body that is not.
    head -c 2097152 /dev/zero | tr '\0' x | gzip >"$BATS_TEST_TMPDIR/two"
    send "$BATS_TEST_TMPDIR/two"
    expect_problem 413 too-large
    [[ -z $(find "$HASHPOST_HOME/tmp" -type f) ]]
}

@test "a coded bulk upload is answered line by line, and one that would become gigabytes ends" {
    inflates || skip "only Apache inflates"
    local bulk=(-H 'Content-Type: application/x-ndjson' -H 'Content-Encoding: gzip') kind
    seq -f '{"message":"coded %g"}' 3000 | gzip >"$BATS_TEST_TMPDIR/lines"
    ask /messages "${bulk[@]}" --data-binary "@$BATS_TEST_TMPDIR/lines"
    [[ $code == 200 && $(grep -c '"status":201' "$BODY") == 3000 ]] || said "200, 3000 lines"
    ask "/messages/$(printf 'coded 3000' | sha256)"
    expect_json 200 '{"message":"coded 3000"}'
    for kind in '\0' '{"message":"x"}\n' '\n'; do
        $PYTHON -I "$ROOT/tests/tools/bomb.py" 5000 "$kind" >"$BATS_TEST_TMPDIR/bomb"
        run ask /messages "${bulk[@]}" --data-binary "@$BATS_TEST_TMPDIR/bomb"
        # (It ended, and not for curl's patience.)
        ((status != 28 && $(stat -c %s "$BATS_TEST_TMPDIR/body") < 20000000)) || { echo "$kind: curl ended with $status"; false; }
    done
    # The place is free again.
    ask /messages "${bulk[@]}" --data-binary "@$BATS_TEST_TMPDIR/lines"
    [[ $code == 200 && $(grep -c '"status":200' "$BODY") == 3000 ]] || said "200, 3000 lines"
}

@test "unless it is set, nothing is coded or inflated" {
    (
        stack_new
        stack_start
        trap stack_end EXIT
        ask /messages -H 'Content-Type: text/plain' --data-binary "@$LARGE"
        get -H 'Accept-Encoding: gzip'
        is_plain || said plain
        [[ $(field vary) == Accept && -n $(field repr-digest) ]] || said 'Vary: Accept'
        gzip -c "$LARGE" >"$BATS_TEST_TMPDIR/coded"
        send "$BATS_TEST_TMPDIR/coded"
        refused identity
        HASHPOST_GZIP=maybe run "$ROOT/service/hashpost" check
        [[ $status == 78 && $output == *"HASHPOST_GZIP=maybe must be"* ]]
    )
}
