#!/usr/bin/env bats
# Bulk uploads: many messages in one POST, answered while they come.
# HASHPOST_TEST_BULK_MIB: how much the test of memory uploads.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

load stack.bash

TYPE='Content-Type: application/x-ndjson'

setup_file() {
    export HASHPOST_BULK_UPLOADS=2 HASHPOST_MAX_BULK_BYTES=4G
    stack_new
    stack_start
}
teardown_file() { stack_end; }
# For what lighttpd cannot do (front_lighttpd.bats, docs/fronts.md).
needs_unknown_length() {
    [[ $HASHPOST_FRONT != lighttpd ]] || skip 'lighttpd takes no bulk upload of unknown length'
}
teardown() {
    local pid
    for pid in ${PIDS:-}; do kill -s KILL "$pid" 2>/dev/null || true; done
    [[ -z ${OWN_STACK:-} ]] || stack_end
}

ndjson() { $PYTHON -I -S "$ROOT/tests/tools/ndjson.py" "$@"; }
# bulk FILE [CURL OPTION…]
bulk() {
    local type=(-H "$TYPE")
    [[ ${*,,} != *content-type:* ]] || type=()
    ask /messages -X POST "${type[@]}" -T "$1" "${@:2}"
}
stored() { printf '{"status":%s,"digest":"%s"}\n' "$1" "$(printf %s "$2" | sha256)"; }
# expect_answer STATUS TEXT: the last answer is NDJSON, exactly that.
expect_answer() {
    [[ $code == 200 && $(field content-type) == application/x-ndjson && $(<"$BODY") == "$1" ]] || said "$1"
}

# slow_begin NAME: an upload whose lines the test writes to descriptor $SLOW; its answers go to $ANSWER.
slow_begin() {
    ANSWER=$BATS_TEST_TMPDIR/$1.answer
    mkfifo "$BATS_TEST_TMPDIR/$1"
    # (Not the writing end of another slow upload, which would not end then.)
    ( [[ -z ${SLOW:-} ]] || exec {SLOW}>&-
        exec curl -sS --cacert "$CACERT" --http1.1 -N --max-time 60 -X POST -H "$TYPE" -T - "${URL:?}/messages" \
            <"$BATS_TEST_TMPDIR/$1" >"$ANSWER" 2>/dev/null 3>&- ) &
    CURL=$!
    PIDS="${PIDS:-} $!"
    exec {SLOW}>"$BATS_TEST_TMPDIR/$1"
}
gone_after_another_line() {
    taken_by_another_line 1
    is_gone "$CURL"
}
# slow_until LINES: keeps sending lines until so many were taken. (Apache passes an answer on when it next has
# content to pass on, so each try sends one.)
slow_until() { wait_for 30 taken_by_another_line "$1"; }
taken_by_another_line() {
    echo "{\"message\":\"slow $BATS_TEST_NUMBER $((++SLOW_LINES))\"}" | tee -a "$ANSWER.sent" >&"$SLOW"
    were_taken "$1" "$ANSWER.sent" "$ANSWER"
}
# were_taken LINES SENT ANSWER: so many lines are answered; behind nginx, which answers after the last one: stored.
were_taken() {
    if [[ $HASHPOST_FRONT == nginx ]]; then
        has_lines "$2" "$1" && ask "/messages/$(message_of_line "$1" "$2" | sha256)" && [[ $code == 200 ]]
    else
        has_lines "$3" "$1"
    fi
}
message_of_line() { sed -n "$1{s/^{\"message\":\"\(.*\)\"}\$/\1/;p;q}" "$2" | tr -d '\n'; }
slow_end() { exec {SLOW}>&-; }
# No upload runs: both places are free.
places_are_free() {
    local name pids=()
    for name in a b; do
        echo '{"message":"place"}' >"$BATS_TEST_TMPDIR/place"
        curl -sS --cacert "$CACERT" -X POST -H "$TYPE" -T "$BATS_TEST_TMPDIR/place" -o "$BATS_TEST_TMPDIR/place.$name" \
            -w '%{http_code}\n' --max-time 20 "$URL/messages" >"$BATS_TEST_TMPDIR/place.code.$name" 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}" || true
    [[ $(cat "$BATS_TEST_TMPDIR"/place.code.*) == $'200\n200' ]]
}
acknowledged_is_there() {
    local digest
    ndjson check "$1" "$2" >"$BATS_TEST_TMPDIR/digests"
    [[ -s $BATS_TEST_TMPDIR/digests ]]
    for digest in $(head -n 3 "$BATS_TEST_TMPDIR/digests") $(tail -n 3 "$BATS_TEST_TMPDIR/digests"); do
        ask "/messages/$digest" -H 'Accept: text/plain'
        [[ $code == 200 && $(sha256 "$BODY") == "$digest" ]] || said "200 for $digest"
    done
}

@test "each line has its answer, in order, however the upload is sent" {
    local options expected number=0
    local -a ways=('--http1.1' '--http1.1 -HExpect:100-continue' '--http2' '--tls-max 1.2')
    [[ $HASHPOST_FRONT == lighttpd ]] || ways+=('--http1.1 -HTransfer-Encoding:chunked')
    for options in "${ways[@]}"; do
        number=$((number + 1))
        printf '{"message":"a %s"}\n{"message":"b"}\r\n{"message":"a %s"}\n{"x":[],"message":""}\n' $number $number >"$BATS_TEST_TMPDIR/lines"
        # shellcheck disable=SC2086  # a list of options
        bulk "$BATS_TEST_TMPDIR/lines" $options
        expected=$(stored 201 "a $number"; stored $((number == 1 ? 201 : 200)) b; stored 200 "a $number"; stored $((number == 1 ? 201 : 200)) '')
        expect_answer "$expected"
        # The last line needs no end; and the length need not be known.
        printf '{"message":"b"}\n{"message":"c %s"}' $number >"$BATS_TEST_TMPDIR/lines"
        # shellcheck disable=SC2086
        bulk "$BATS_TEST_TMPDIR/lines" $options
        expect_answer "$(stored 200 b; stored 201 "c $number")"
        [[ $HASHPOST_FRONT != lighttpd ]] || continue
        # shellcheck disable=SC2086
        bulk - $options <"$BATS_TEST_TMPDIR/lines"
        expect_answer "$(stored 200 b; stored 200 "c $number")"
    done
    : >"$BATS_TEST_TMPDIR/lines"
    bulk "$BATS_TEST_TMPDIR/lines"
    expect_answer ''
}

@test "each media type of lines, in any case and with parameters, is an upload for web server and worker" {
    local type version
    # Longer than a web server takes of anything else: 8 lines of 1 MiB each.
    $PYTHON -I -S -c 'print(*(["{\"message\":\"a\",\"pad\":\"%s\"}" % ("x" * (1 << 20))] * 8), sep="\n")' >"$BATS_TEST_TMPDIR/long"
    printf '%s\n' '{"message":"a"}' >"$BATS_TEST_TMPDIR/one"
    bulk "$BATS_TEST_TMPDIR/one"
    while IFS='|' read -r version type; do
        bulk "$BATS_TEST_TMPDIR/long" "--http$version" -H "Content-Type: $type"
        expect_answer "$(for _ in {1..8}; do stored 200 a; done)" || { echo "with $type over HTTP/$version"; false; }
    done <<'END'
1.1|application/x-ndjson
2|application/ndjson
1.1|application/jsonl
2|Application/JSONL; charset=utf8
1.1|application/NDJSON;charset=utf-8;a=b
2|APPLICATION/X-NDJSON ; charset="UTF-8"
END
    for type in 'application/jsonl; charset=latin1' 'application/ndjson; charset'; do
        bulk "$BATS_TEST_TMPDIR/one" -H "Content-Type: $type"
        expect_problem 415 unsupported-media-type
    done
}

@test "a line that cannot be taken is told so by its number, and the others are taken" {
    local -a bad=('nope' '' '[]' '"text"' '{}' '{"message":1}' '{"message":"a","message":"a"}' '{"message":"\udc00"}' $'{"message":"\xff"}'
        '{"message":"a"}}' '{"message":"a"' $'\xef\xbb\xbf{"message":"a"}')
    local line number=0
    for line in "${bad[@]}"; do printf '%s\n{"message":"good %s"}\n' "$line" $((number++)); done >"$BATS_TEST_TMPDIR/lines"
    bulk "$BATS_TEST_TMPDIR/lines"
    [[ $code == 200 ]]
    $PYTHON -I -S -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin]
assert len(lines) == 2 * int(sys.argv[1]), len(lines)
for number, line in enumerate(lines):
    if number % 2:
        assert line["status"] == 201, line
    else:
        assert line["status"] == 400 and line["line"] == number + 1 and len(line["err_msg"].split()) > 4, line' \
        "${#bad[@]}" <"$BODY"
}

@test "a line that is too long is passed over, and one as long as may be is taken" {
    {
        echo '{"message":"before"}'
        printf '{"message":"'
        head -c 1048576 /dev/zero | tr '\0' x
        printf '"}\n{"message":"'
        head -c 1048577 /dev/zero | tr '\0' x
        printf '"}\n{"message":"'
        head -c 30000000 /dev/zero | tr '\0' x
        printf '"}\n{"message":"after"}\n'
    } >"$BATS_TEST_TMPDIR/lines"
    bulk "$BATS_TEST_TMPDIR/lines"
    [[ $code == 200 && $(cut -c 1-13 "$BODY") == $'{"status":201\n{"status":201\n{"status":413\n{"status":413\n{"status":201' ]] || said 201 201 413 413 201
    [[ $(sed -n 4p "$BODY") == *'"line":4}' ]]
    [[ $(sed -n 2p "$BODY") == *$(head -c 1048576 /dev/zero | tr '\0' x | sha256)* ]]
}

@test "thousands of lines with repetitions are answered in their order" {
    ndjson make 30000 64 "$RANDOM" 7 >"$BATS_TEST_TMPDIR/lines"
    bulk "$BATS_TEST_TMPDIR/lines"
    [[ $code == 200 ]]
    cp "$BODY" "$BATS_TEST_TMPDIR/answer"
    ndjson check "$BATS_TEST_TMPDIR/lines" "$BATS_TEST_TMPDIR/answer" whole >"$BATS_TEST_TMPDIR/digests"
    acknowledged_is_there "$BATS_TEST_TMPDIR/lines" "$BATS_TEST_TMPDIR/answer"
    # Once more, over HTTP/2: now all are known.
    bulk "$BATS_TEST_TMPDIR/lines" --http2
    [[ $code == 200 ]]
    diff <(sed 's/"status":201/"status":200/' "$BATS_TEST_TMPDIR/answer") "$BODY"
}

@test "answers come while lines are sent, and uploads that last hold nobody up" {
    needs_unknown_length
    local number milliseconds answers=()
    for number in 1 2; do
        slow_begin "upload$number"
        slow_until 5
        answers+=("$SLOW:$CURL:$ANSWER")
    done
    for number in {1..10}; do
        post_text "beside uploads $number"
        [[ $code == 201 ]]
        milliseconds=$(curl -sS --cacert "$CACERT" -o "$BATS_TEST_TMPDIR/x" --max-time 10 -w '%{time_starttransfer}' \
            "$URL/messages/$(printf 'beside uploads %s' "$number" | sha256)" | awk '{ print int($1 * 1000) }')
        ((milliseconds < 5000)) || { echo "a GET took $milliseconds ms"; false; }
    done
    for number in "${answers[@]}"; do
        IFS=: read -r SLOW CURL ANSWER <<<"$number"
        slow_end
        wait "$CURL"
        ndjson check "$ANSWER.sent" "$ANSWER" whole >/dev/null || [[ $number == "${answers[1]}" ]]
    done
}

@test "a slow upload gives its place to another one, and what it was told is stored" {
    needs_unknown_length
    export HASHPOST_BULK_UPLOADS=1
    stack_new
    OWN_STACK=1
    stack_start
    local number slow=()
    for number in {1..5}; do # more than both workers have places
        slow_begin "upload$number"
        echo "{\"message\":\"slow $number\"}" | tee -a "$ANSWER.sent" >&"$SLOW"
        slow+=("$ANSWER")
    done
    echo '{"message":"another"}' >"$BATS_TEST_TMPDIR/lines"
    bulk "$BATS_TEST_TMPDIR/lines" --retry 5
    expect_answer "$(stored 201 another)"
    for number in "${slow[@]}"; do
        [[ ! -s $number || $(<"$number") != '{"status":20'* ]] || acknowledged_is_there "$number.sent" "$number"
    done
}

@test "what was acknowledged before the client died stays, and what was not whole is not stored" {
    needs_unknown_length
    slow_begin upload
    slow_until 5
    printf '{"message":"whole but for its end %s"}' "$BATS_TEST_NUMBER" >&"$SLOW"
    kill -s KILL "$CURL"
    slow_end
    if [[ $HASHPOST_FRONT == nginx ]]; then
        [[ ! -s $ANSWER ]]
    else
        acknowledged_is_there "$ANSWER.sent" "$ANSWER"
    fi
    wait_for 20 places_are_free
    ask "/messages/$(printf 'whole but for its end %s' "$BATS_TEST_NUMBER" | sha256)"
    expect_problem 404 message-not-found
}

@test "a last line of an upload that is shorter than announced, or whose last chunk is missing, is not stored" {
    local line='{"message":"never whole"}' upload
    local -a uploads=("Content-Length: 100\\r\\n\\r\\n$line")
    [[ $HASHPOST_FRONT == lighttpd ]] ||
        uploads+=("Transfer-Encoding: chunked\\r\\n\\r\\n19\\r\\n$line" "Transfer-Encoding: chunked\\r\\n\\r\\n19\\r\\n$line\\r\\n")
    for upload in "${uploads[@]}"; do
        raw send "POST /messages HTTP/1.1\\r\\nHost: localhost\\r\\n$TYPE\\r\\n$upload" reset
        raw send "POST /messages HTTP/1.1\\r\\nHost: localhost\\r\\n$TYPE\\r\\n$upload" silence reset
    done
    wait_for 20 places_are_free
    ask "/messages/$(printf 'never whole' | sha256)"
    expect_problem 404 message-not-found
}

@test "a worker that is killed keeps what was acknowledged, and the rest can be sent again" {
    ndjson make 60000 64 "$RANDOM" >"$BATS_TEST_TMPDIR/lines"
    # (curl 7.88 does not see that HTTP/2 reset its stream, and waits.)
    curl -sS --cacert "$CACERT" --http1.1 -N --max-time 60 -X POST -H "$TYPE" -T "$BATS_TEST_TMPDIR/lines" --limit-rate 200K "$URL/messages" \
        >"$BATS_TEST_TMPDIR/answer" 2>"$BATS_TEST_TMPDIR/errors" 3>&- &
    local curl=$!
    PIDS=$curl
    wait_for 20 were_taken 2000 "$BATS_TEST_TMPDIR/lines" "$BATS_TEST_TMPDIR/answer"
    local pids
    mapfile -t pids < <(worker_pids)
    kill -s KILL "${pids[@]}"
    wait "$curl" || true
    (($(wc -l <"$BATS_TEST_TMPDIR/answer") < 60000))
    wait_for 10 pool_is_whole
    [[ $HASHPOST_FRONT == nginx ]] || acknowledged_is_there "$BATS_TEST_TMPDIR/lines" "$BATS_TEST_TMPDIR/answer"
    bulk "$BATS_TEST_TMPDIR/lines"
    (($(grep -cE '^\{"status":20[01],"digest":"[0-9a-f]{64}"\}$' "$BODY") == 60000))
}

@test "an upload goes on while the workers are replaced" {
    needs_unknown_length
    slow_begin upload
    slow_until 5
    (exec {SLOW}>&-; stack_reload >"$BATS_TEST_TMPDIR/reload") &
    local reload=$!
    slow_until $(($(wc -l <"$ANSWER") + 20))
    slow_end
    wait "$CURL"
    ndjson check "$ANSWER.sent" "$ANSWER" whole >/dev/null
    wait "$reload"
}

@test "an upload that outlasts a drain is cut: what was taken is answered, and the rest can be sent again" {
    needs_unknown_length
    export HASHPOST_DRAIN_SECONDS=1
    stack_new
    OWN_STACK=1
    stack_start
    slow_begin upload
    slow_until 5
    (exec {SLOW}>&-; stack_reload >"$BATS_TEST_TMPDIR/reload") &
    local reload=$! status=0
    wait_for 30 gone_after_another_line
    wait "$CURL" || status=$?
    slow_end
    wait "$reload"
    if [[ $HASHPOST_FRONT == nginx ]]; then
        grep -q '/problems/upload-broken-off' "$ANSWER"
    else
        ((status != 0)) # the answer was cut, not ended
        acknowledged_is_there "$ANSWER.sent" "$ANSWER"
    fi
    [[ $(worker_logs) != *'connections are cut'* ]]
    bulk "$ANSWER.sent"
    (($(grep -cE '^\{"status":20[01],' "$BODY") == $(wc -l <"$ANSWER.sent")))
}

@test "memory does not grow with the upload" {
    [[ $HASHPOST_WORKER_BIN == */release/* ]] || skip "a sanitizer needs memory of its own"
    local mib=${HASHPOST_TEST_BULK_MIB:-96} most=0 curl
    ndjson make $((mib * 1024)) 1008 "$RANDOM" >"$BATS_TEST_TMPDIR/lines"
    local before
    before=$(anonymous_kib)
    curl -sS --cacert "$CACERT" -X POST -H "$TYPE" -T "$BATS_TEST_TMPDIR/lines" -o "$BATS_TEST_TMPDIR/answer" "$URL/messages" 3>&- &
    curl=$!
    PIDS=$curl
    wait_for 300 has_ended_after_a_look "$curl"
    wait "$curl"
    # (lighttpd keeps in files what it has got and the worker has not taken yet.)
    [[ -z ${SPOOLED:-} || $HASHPOST_FRONT == lighttpd ]] || { echo "spooled: $SPOOLED"; false; }
    echo "RssAnon of all workers: $before KiB before, $most KiB at most"
    ((most - before < 16384))
    (($(wc -l <"$BATS_TEST_TMPDIR/answer") == mib * 1024))
}
# Notes in $most and $SPOOLED what it sees.
has_ended_after_a_look() {
    local now
    now=$(anonymous_kib)
    ((now <= most)) || most=$now
    SPOOLED+=$(find "$HASHPOST_HOME/tmp" -type f -size +1M)
    is_gone "$1"
}
anonymous_kib() {
    local pid
    for pid in $(worker_pids); do grep RssAnon "/proc/$pid/status"; done | awk '{ sum += $2 } END { print sum }'
}

@test "what cannot be an upload is refused before its first line" {
    echo '{"message":"refused"}' >"$BATS_TEST_TMPDIR/lines"
    bulk "$BATS_TEST_TMPDIR/lines" -H "Content-Digest: sha-256=:$(openssl dgst -sha256 -binary "$BATS_TEST_TMPDIR/lines" | base64):"
    expect_problem 400 digest-of-upload
    bulk "$BATS_TEST_TMPDIR/lines" -H 'Content-Encoding: gzip'
    expect_problem 415 unsupported-content-coding
    ask /messages -X POST -H "$TYPE; charset=utf-16" -T "$BATS_TEST_TMPDIR/lines"
    expect_problem 415 unsupported-media-type
    raw_answer send "POST /messages HTTP/1.1\\r\\nHost: localhost\\r\\n$TYPE\\r\\nContent-Length: 99999999999\\r\\n\\r\\n" answer
    expect_problem 413 too-large
    ask /messages -X PUT -H "$TYPE" -T "$BATS_TEST_TMPDIR/lines"
    expect_problem 405 method-not-allowed
    ask "/messages/$(printf refused | sha256)"
    expect_problem 404 message-not-found
    # The way that uploads take inside is not for clients.
    ask /.bulk -X POST -H "$TYPE" -T "$BATS_TEST_TMPDIR/lines"
    expect_problem 404 not-found
}

# expect_end_after_bad_lines NUMBER: the last line of the response says why the upload ends before line NUMBER.
expect_end_after_bad_lines() {
    [[ $code == 200 && $(wc -l <"$BODY") == "$1" ]] || said "200 and $1 lines"
    [[ $(tail -n 1 "$BODY") == '{"status":400,"err_msg":"'*'nothing from this line on was taken'*'","line":'"$1}" ]] || said 'why it ends'
}
spooled_bytes() { find "$HASHPOST_HOME/tmp" -type f -printf '%s\n' 2>/dev/null | awk '{ sum += $1 } END { print sum + 0 }'; }

@test "2 MB of empty lines cost a thousand lines of response, and the upload ends there" {
    head -c 2000000 /dev/zero | tr '\0' '\n' >"$BATS_TEST_TMPDIR/lines"
    local options
    for options in --http1.1 --http2; do
        bulk "$BATS_TEST_TMPDIR/lines" "$options"
        expect_end_after_bad_lines 1001
        (($(stat -c %s "$BODY") < 200000 && $(spooled_bytes) < 1000000))
    done
    # What is stored before counts, and so does who comes next.
    { ndjson make 20 64 "$RANDOM"; cat "$BATS_TEST_TMPDIR/lines"; } >"$BATS_TEST_TMPDIR/more"
    bulk "$BATS_TEST_TMPDIR/more"
    expect_end_after_bad_lines 1021
    wait_for 20 places_are_free
}

@test "a short upload of bad lines, of unknown length, is answered at once" {
    needs_unknown_length
    local options
    head -c 1500 /dev/zero | tr '\0' '\n' >"$BATS_TEST_TMPDIR/lines"
    for options in --http1.1 --http2; do
        ask /messages -X POST -H "$TYPE" -T - "$options" --max-time 15 <"$BATS_TEST_TMPDIR/lines"
        expect_end_after_bad_lines 1001
    done
}

@test "an upload of bad lines without an end is told why it ends, and gives its place back" {
    needs_unknown_length
    ANSWER=$BATS_TEST_TMPDIR/answer
    yes 'no JSON' 2>/dev/null 3>&- | curl -sS --cacert "$CACERT" --http1.1 -N --max-time 120 -X POST -H "$TYPE" -T - --limit-rate 16M -o "$ANSWER" "$URL/messages" \
        2>/dev/null 3>&- &
    local curl=$!
    PIDS=$curl
    wait_for 60 has_lines "$ANSWER" 1001
    [[ $(tail -n 1 "$ANSWER") == '{"status":400,'*'nothing from this line on was taken'*'"line":1001}' ]]
    # The client goes on sending, if the web server lets it.
    wait_for 60 places_are_free
    (($(spooled_bytes) < 1000000))
    kill -s KILL "$curl" 2>/dev/null || true
}

@test "a full store is 507 for each line that does not fit, and an upload over its limit ends there" {
    export HASHPOST_MAX_STORE_BYTES=3M HASHPOST_MAX_BULK_BYTES=8M
    stack_new
    OWN_STACK=1
    stack_start
    ndjson make 100 60000 "$RANDOM" >"$BATS_TEST_TMPDIR/lines"
    bulk "$BATS_TEST_TMPDIR/lines"
    [[ $code == 200 ]]
    (($(wc -l <"$BODY") == 100 && $(grep -c '"status":201' "$BODY") > 10 && $(grep -c '"status":507' "$BODY") > 40)) || said 507
    grep '"status":507' "$BODY" | tail -n 1 | grep -q '"line":100}'
    local digest
    grep '"status":201' "$BODY" | grep -oE '[0-9a-f]{64}' >"$BATS_TEST_TMPDIR/digests"
    while read -r digest; do
        ask "/messages/$digest" -H 'Accept: text/plain'
        [[ $code == 200 && $(sha256 "$BODY") == "$digest" ]] || said "200 for $digest"
    done <"$BATS_TEST_TMPDIR/digests"
    needs_unknown_length
    # (The same line again and again is known, so it takes no room.)
    local line size
    line=$(head -n 1 "$BATS_TEST_TMPDIR/lines")
    size=$((${#line} + 1))
    yes "$line" 2>/dev/null | head -c 9000000 >"$BATS_TEST_TMPDIR/again"
    bulk - <"$BATS_TEST_TMPDIR/again"
    [[ $code == 200 && $(tail -n 1 "$BODY") == '{"status":413,'*',"line":'"$((8388608 / size + 1))}" ]] || said 413
}
