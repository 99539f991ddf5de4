#!/usr/bin/env bats
# The receiver of the file drop, as senders see it: POST /upload/<name>.
# shellcheck disable=SC2154,SC2153,SC2030,SC2031  # ask sets $code and $BODY; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

setup_file() {
    stack_new
    export OUTPUT_DIR=$SCRATCH/out KEY=$SCRATCH/key DECRYPTION_KEY=$SCRATCH/key HASHPOST_MAX_FILE_BYTES=10M
    if [[ $HASHPOST_FRONT == apache ]]; then
        SERVER_PORT=$(free_port)
        export SERVER_PORT PLAIN_URL=http://127.0.0.1:$SERVER_PORT
    fi
    drop key >"$KEY"
    chown --reference="$SCRATCH" "$KEY"
    chmod 0644 "$KEY"
    stack_start
}
teardown_file() { stack_end; }
teardown() {
    [[ -z ${OWN_STACK:-} ]] || stack_end
}

drop() { $PYTHON -I "$ROOT/tests/tools/drop.py" "$@"; }
# seal TEXT [TIME]: a token in the file $TOKEN.
seal() {
    TOKEN=$BATS_TEST_TMPDIR/token
    printf %s "$1" | drop seal "$KEY" "${@:2}" >"$TOKEN"
}
# upload NAME [CURL OPTION…]: sends $TOKEN.
upload() { ask "/upload/$1" -F "file=@$TOKEN;filename=$1.xml.enc" "${@:2}"; }
# upload_body NAME [CURL OPTION…]: sends standard input as it is, as a form whose boundary is B.
upload_body() { ask "/upload/$1" -H 'Content-Type: multipart/form-data; boundary=B' --data-binary @- "${@:2}"; }

expect_saved() { expect_json 201 "{\"msg\":\"File is decrypted and saved to $OUTPUT_DIR/$1.xml\",\"status_code\":201}"; }
# expect_refusal STATUS SLUG: a problem document that has the members that senders read, too.
expect_refusal() {
    [[ $code == "$1" && $(field content-type) == application/problem+json ]] || said "$1 $2" || return
    $PYTHON -I -S -c '
import json, sys
problem = json.load(sys.stdin)
sentence = problem["detail"]
wanted = {"type": "/problems/" + sys.argv[2], "title": problem["title"], "status": int(sys.argv[1]), "detail": sentence,
          "err_msg": sentence, "msg": sentence, "status_code": int(sys.argv[1])}
assert problem == wanted and len(sentence.split()) > 4, problem' "$1" "$2" <"$BODY" || said "$1 $2"
}
# What is in the output folder, hidden files, too.
output_names() { (cd "$OUTPUT_DIR" && find . -mindepth 1 | sort); }

@test "a sealed file lands as XML, however it is sent" {
    local options number=0
    for options in '--http1.1' '--http1.1 -HTransfer-Encoding:chunked' '--http1.1 -HExpect:100-continue' '--http2' '-HExpect:'; do
        # (lighttpd wants a length.)
        [[ $HASHPOST_FRONT != lighttpd || $options != *chunked* ]] || continue
        number=$((number + 1))
        seal "<all>$number</all>"
        # shellcheck disable=SC2086  # a list of options
        upload "books$number" $options
        expect_saved "books$number"
        [[ $(<"$OUTPUT_DIR/books$number.xml") == "<all>$number</all>" ]]
    done
    [[ $(stat -c '%a %U' "$OUTPUT_DIR/books1.xml") == "640 $(stat -c %U "$OUTPUT_DIR")" ]]
    # A key in the other alphabet is the same key; an empty file is one, too.
    seal ''
    upload empty
    expect_saved empty
    [[ -f $OUTPUT_DIR/empty.xml && ! -s $OUTPUT_DIR/empty.xml ]]
    rm "$OUTPUT_DIR"/*
}

@test "a sender of the old kind is served, over TLS and over plain HTTP" {
    local url
    for url in "$URL" ${PLAIN_URL:+"$PLAIN_URL"}; do
        seal "<all>$url</all>"
        cp "$TOKEN" "$BATS_TEST_TMPDIR/books.xml.enc"
        run drop post "$url/upload/books" "$BATS_TEST_TMPDIR/books.xml.enc" "$CACERT"
        [[ $output == "201 {\"msg\":\"File is decrypted and saved to $OUTPUT_DIR/books.xml\",\"status_code\":201}" ]]
        [[ $(<"$OUTPUT_DIR/books.xml") == "<all>$url</all>" ]]
    done
    rm "$OUTPUT_DIR"/*
}

@test "the plain listener serves uploads and health, and nothing else" {
    local path status
    [[ -n ${PLAIN_URL:-} ]] || skip "only Apache has one"
    while read -r status path; do
        [[ $(curl -s -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' "$PLAIN_URL$path") == "$status" ]] || {
            echo "the case: $path"
            false
        }
    done <<'END'
200 /
200 /livez
200 /readyz
404 /messages
404 /messages/2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
404 /.bulk
405 /upload/books
404 /upload
END
    [[ $(curl -s "$PLAIN_URL/") == '{"msg":"Server is healthy","status_code":200}' ]]
    [[ $(curl -s -o /dev/null -w '%{http_code}' -d '{"message":"a"}' -H 'Content-Type: application/json' "$PLAIN_URL/messages") == 404 ]]
    [[ $(head -c 200000 /dev/zero | curl -s -o /dev/null -w '%{http_code}' --data-binary @- "$PLAIN_URL/") == 413 ]]
}

@test "a form that is not exactly one whole file is refused" {
    local head='Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n' body
    seal '<all/>'
    for body in '' 'no form' '--B--\r\n' "--B\\r\\n${head}TOKEN" "--B\\r\\n${head}TOKEN\\r\\n--B" "--C\\r\\n${head}TOKEN\\r\\n--C--\\r\\n" \
        "--B\\r\\nContent-Disposition: form-data; name=\"data\"\\r\\n\\r\\nTOKEN\\r\\n--B--\\r\\n" \
        "--B\\r\\n${head}TOKEN\\r\\n--B\\r\\n${head}TOKEN\\r\\n--B--\\r\\n" "--B\\r\\n\\r\\nTOKEN\\r\\n--B--\\r\\n"; do
        upload_body books < <(printf %b "${body//TOKEN/$(<"$TOKEN")}")
        expect_refusal 400 bad-form
    done
    ask /upload/books -H 'Content-Type: application/octet-stream' --data-binary "@$TOKEN"
    expect_refusal 415 unsupported-media-type
    ask /upload/books -d '' -H 'Content-Type:'
    expect_refusal 415 unsupported-media-type
    ask /upload/books -H 'Content-Type: multipart/form-data' --data-binary "@$TOKEN"
    expect_refusal 400 bad-form
    upload books -H 'Content-Encoding: gzip'
    expect_refusal 415 unsupported-content-coding
    ask /upload/books
    expect_refusal 405 method-not-allowed
    [[ -z $(output_names) ]]
}

@test "a token that is none, or of another key, is refused and leaves nothing" {
    local token good
    seal '<all/>'
    good=$(<"$TOKEN")
    drop key >"$BATS_TEST_TMPDIR/other"
    for token in '' 'x' '!!!!' "${good:4}" "${good::-4}" "h${good:1}" "${good::60}AAAA${good:64}" "$good$good" \
        "$(printf '<all/>' | drop seal "$BATS_TEST_TMPDIR/other")"; do
        printf %s "$token" >"$TOKEN"
        upload books
        expect_refusal 400 bad-token
    done
    [[ -z $(output_names) ]]
    run ! grep -rF "$(<"$KEY")" "$HASHPOST_HOME/logs"
}

@test "a name that is no plain file name is refused" {
    local name
    seal '<all/>'
    for name in '.hidden' 'a%0ab' 'a%7fb' 'a%ffb' 'a%c2%9bb' 'a%e2%80%aeb' 'a%e2%80%8bb' "$(printf 'n%.0s' {1..201})" ''; do
        if [[ $HASHPOST_FRONT == lighttpd && $name == *%* ]]; then
            # It refuses by itself, while the client may still be sending.
            upload "$name" --path-as-is || code=none
            [[ $code == 400 || $code == none ]]
        else
            upload "$name" --path-as-is
            expect_refusal 400 bad-file-name
        fi
    done
    # Nor does any log let it act on a terminal.
    run ! grep -rE $'\u009b|\u202e|\u200b|\x7f' "$HASHPOST_HOME/logs"
    for name in '../books' '..%2fbooks' 'a/../../books' '%2e%2e/books' 'a%2fb' 'a/b' 'a%00b'; do
        upload "$name" --path-as-is || [[ $HASHPOST_FRONT == lighttpd ]]
        [[ $code =~ ^4 || ($HASHPOST_FRONT == lighttpd && $code == 000) ]] || said 4xx
    done
    [[ -z $(output_names) && ! -e $SCRATCH/books.xml ]]
    for name in 'b%c3%bccher' 'a%20b' '%d9%85%db%8c%e2%80%8c%d8%ae' "$(printf 'n%.0s' {1..200})" 'a;b&c' 'a\b' 'a%25b' 'a%3fb' 'a%2525b'; do
        upload "$name"
        [[ $code == 201 ]] || said 201
    done
    [[ -f "$OUTPUT_DIR/bücher.xml" && -f "$OUTPUT_DIR/a b.xml" && -f "$OUTPUT_DIR/a%b.xml" && -f "$OUTPUT_DIR/a?b.xml" && -f "$OUTPUT_DIR/a%25b.xml" ]]
    rm "$OUTPUT_DIR"/*
}

@test "a token that is sent again later does not bring old content back, not even after a restart" {
    local now=$EPOCHSECONDS
    seal old $((now - 100))
    cp "$TOKEN" "$BATS_TEST_TMPDIR/old"
    upload again
    expect_saved again
    seal new "$now"
    upload again
    expect_saved again
    cp "$BATS_TEST_TMPDIR/old" "$TOKEN"
    upload again
    expect_refusal 409 replayed
    stack_reload >/dev/null
    upload again
    expect_refusal 409 replayed
    [[ $(<"$OUTPUT_DIR/again.xml") == new ]]
    # The same content again is welcome, whatever its time.
    seal new $((now - 50))
    upload again
    expect_saved again
    # So is what was changed back, since it is sealed anew.
    seal old $((now + 1))
    upload again
    expect_saved again
    [[ $(<"$OUTPUT_DIR/again.xml") == old ]]
    rm "$OUTPUT_DIR"/*
}

@test "a file that is too large is refused, whether its length is stated or not" {
    seal "$(head -c 10485760 /dev/zero | tr '\0' x)"
    upload books
    expect_saved books
    rm "$OUTPUT_DIR"/*
    seal "$(head -c 12000000 /dev/zero | tr '\0' x)"
    upload books
    expect_refusal 413 too-large
    [[ $HASHPOST_FRONT == lighttpd ]] || {
        upload books -H 'Transfer-Encoding: chunked' --http1.1
        expect_refusal 413 too-large
    }
    [[ -z $(output_names) ]]
}

@test "an upload that is cut leaves nothing" {
    seal "$(head -c 100000 /dev/zero | tr '\0' x)"
    # (One that is reset before the front has read its head comes to no worker.)
    wait_for 30 have_broken_off_after_another 3
    [[ -z $(output_names) ]]
}
have_broken_off_after_another() {
    raw --timeout 10 send 'POST /upload/books HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 2000000\r\n\r\n--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n' \
        file "$TOKEN" silence reset
    (($(worker_logs | grep -c 'upload/books broke off') >= $1))
}

@test "content that never ends holds nobody up, whatever the method" {
    local number pids=()
    for number in {1..10}; do
        raw send 'PUT /upload/books HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n' \
            seen 'HTTP/1.1 ' until "$BATS_TEST_TMPDIR/done" reset 3>&- &
        pids+=($!)
    done
    # (nginx closes a connection with its answer.)
    [[ $HASHPOST_FRONT == nginx ]] || wait_for 20 are_connected 10
    for number in {1..20}; do
        ask /livez --max-time 5
        [[ $code == 200 ]]
    done
    touch "$BATS_TEST_TMPDIR/done"
    for number in "${pids[@]}"; do wait "$number"; done
}

are_connected() { (($(ss -Htn state established "( dport = :$HASHPOST_PORT )" | wc -l) >= $1)); }

@test "an output folder that is gone or full is told, and messages go on" {
    seal '<all/>'
    mv "$OUTPUT_DIR" "$OUTPUT_DIR.away"
    upload books
    expect_refusal 503 drop-unavailable
    [[ -n $(field retry-after) ]]
    post_json '{"message":"meanwhile"}'
    [[ $code == 201 ]]
    mv "$OUTPUT_DIR.away" "$OUTPUT_DIR"
    chmod 0500 "$OUTPUT_DIR"
    upload books
    expect_refusal 503 drop-unavailable
    chmod 0750 "$OUTPUT_DIR"
    upload books
    expect_saved books
    rm "$OUTPUT_DIR"/*
}

@test "many uploads of one name at once end with the newest of them, whole" {
    local number pids=() now=$EPOCHSECONDS
    for number in {1..24}; do
        seal "$(printf "<all>$number</all>%.0s" {1..200})" $((now + number))
        cp "$TOKEN" "$BATS_TEST_TMPDIR/$number"
    done
    for number in {1..24}; do
        curl -sS --cacert "$CACERT" --retry 20 --retry-all-errors --retry-delay 1 -F "file=@$BATS_TEST_TMPDIR/$number" -o "$BATS_TEST_TMPDIR/answer.$number" \
            -w '%{http_code}\n' "$URL/upload/one" >"$BATS_TEST_TMPDIR/code.$number" 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    [[ $(<"$OUTPUT_DIR/one.xml") == $(printf "<all>24</all>%.0s" {1..200}) ]]
    [[ $(<"$BATS_TEST_TMPDIR/code.24") == 201 ]]
    run ! grep -vE '^(201|409)$' "$BATS_TEST_TMPDIR"/code.*
    [[ $(output_names) == ./one.xml ]]
    rm "$OUTPUT_DIR"/*
}

@test "the key's fingerprint is logged, a warning if everybody can read it, and never the key" {
    log_says worker 'fingerprint of the first: [0-9a-f]\{16\}'
    log_says worker '\[WARNING\] - \[receiver\] - Every user of this machine can read the key file'
}

@test "with OUTPUT_DIR=none there is no drop, and with a bad key neither, but messages are served" {
    OWN_STACK=1
    stack_new
    export OUTPUT_DIR=none
    unset DECRYPTION_KEY SERVER_PORT
    stack_start
    seal '<all/>'
    upload books
    expect_refusal 404 drop-off
    stack_stop
    export OUTPUT_DIR=$SCRATCH/out DECRYPTION_KEY=$SCRATCH/key
    echo 'no key' >"$DECRYPTION_KEY"
    chmod 0644 "$DECRYPTION_KEY"
    stack_start
    upload books
    expect_refusal 503 drop-unavailable
    log_says worker '\[ERROR\] - \[receiver\] - The file drop does not start'
    post_json '{"message":"all the same"}'
    [[ $code == 201 ]]
    # A key that is missing is made, once for all workers.
    stack_stop
    export DECRYPTION_KEY=$HASHPOST_DATA/drop/decryption_key
    stack_start
    log_says worker -F "Decryption key is not available in $DECRYPTION_KEY."
    [[ $(stat -c %a "$DECRYPTION_KEY") == 600 ]]
    KEY=$DECRYPTION_KEY
    for _ in 1 2 3 4 5 6; do
        seal "<all>$_</all>"
        upload books
        expect_saved books
    done
    run ! grep -rF "$(<"$KEY")" "$HASHPOST_HOME/logs"
}

@test "the web server's own refusals of uploads have the members that senders read" {
    $PYTHON -I -S -c '
import json, pathlib, sys
documents = list(pathlib.Path(sys.argv[1]).glob("*.json"))
assert len(documents) > 10
for path in documents:
    problem = json.loads(path.read_text())
    assert problem["msg"] == problem["err_msg"] and problem["status_code"] == problem["status"], path' \
        "$ROOT/httpd-conf/errors"
    [[ $HASHPOST_FRONT != lighttpd ]] || skip "lighttpd leaves a long path to the worker"
    ask "/upload/$(printf 'n%.0s' {1..2000})"
    expect_refusal 414 uri-too-long
}

@test "a sender that speaks plain HTTP to the port for TLS is told of RECEIVER_SCHEME, and quarantines nothing" {
    mkdir "$BATS_TEST_TMPDIR/in"
    printf '{}' >"$BATS_TEST_TMPDIR/in/a.json"
    run env INPUT_DIR="$BATS_TEST_TMPDIR/in" STATUS_DB_PATH="$BATS_TEST_TMPDIR/state" ENCRYPTION_KEY="$KEY" RECEIVER_ADDRESS=localhost \
        RECEIVER_PORT="$HASHPOST_PORT" timeout 60 "${HASHPOST_SENDER_BIN:-$ROOT/build/release/hashpost-sender}" --once
    [[ $status == 1 && $output == *'The port speaks TLS: set RECEIVER_SCHEME=https.'*'quarantined 0, pending 1'* ]]
}
