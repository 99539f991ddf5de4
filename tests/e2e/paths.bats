#!/usr/bin/env bats
# Spellings of paths and media types: paths are case-sensitive and media types are not (RFC 9110 §4.2.3, §8.3.1), alike behind
# each web server and for each way that a body takes. What differs is in docs/fronts.md.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

HELLO=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

setup_file() {
    stack_new
    export HASHPOST_MAX_MESSAGE_BYTES=4096
    stack_start
    post_text hello
}
teardown_file() { stack_end; }

# paths_table METHOD [CURL OPTION…] < PATH|STATUS|TYPE OF PROBLEM: over both versions of HTTP.
paths_table() {
    local version path row_status slug rows row
    mapfile -t rows
    for row in "${rows[@]}"; do
        IFS='|' read -r path row_status slug <<<"$row"
        for version in 1.1 2; do
            ask "$path" "--http$version" --path-as-is -X "$@"
            [[ $code == "$row_status" ]] || said "$row_status for $1 $path over HTTP/$version" || return
            [[ -z $slug || $(<"$BODY") == *"/problems/$slug\""* ]] || said "$slug for $1 $path" || return
        done
    done
}
messages_table() {
    paths_table POST -H "Content-Type: $1" --data-binary '{"message":"hello"}' <<'END'
/messages|200
/messages?a=b|200
/messages?application/x-ndjson|200
/%6dessages|200
//messages|200
/./messages|200
/x/../messages|200
/MESSAGES|404|not-found
/Messages|404|not-found
/%4Dessages|404|not-found
/messages;a=b|404|not-found
/messages%3Fa|404|not-found
/messages%20application/x-ndjson;|404|not-found
/messages/|405|method-not-allowed
/messages//|405|method-not-allowed
END
}

@test "the path of messages has one spelling, for a single message" {
    post_json '{"message":"hello"}'
    messages_table application/json
}

@test "the path of messages has one spelling, for many at once" {
    messages_table application/x-ndjson
}

@test "the path of a message, of the file drop and of what tells about the service has one spelling" {
    paths_table GET <<END
/messages/$HELLO|200
/messages/${HELLO^^}|200
/messages/%32${HELLO:1}|200
//messages//$HELLO|200
/messages/./$HELLO|200
/messages/$HELLO?a=b|200
/Messages/$HELLO|404|not-found
/messages/$HELLO/|404|message-not-found
/messages/$HELLO;a=b|404|message-not-found
/livez|200
/%6civez|200
//livez|200
/a/../livez|200
/livez?|200
/LIVEZ|404|not-found
/livez/|404|not-found
/livez;a=b|404|not-found
/problems/x|200
/Problems/x|404|not-found
/problems/X|404|not-found
END
    paths_table POST -F other=x <<'END'
/upload/x|400|bad-form
/%75pload/x|400|bad-form
//upload//x|400|bad-form
/upload/x;a=b|400|bad-form
/Upload/x|404|not-found
/UPLOAD/x|404|not-found
/upload/x/|400|bad-file-name
END
}

@test "an encoded slash is a slash, or nothing is there" {
    local wanted=200
    [[ $HASHPOST_FRONT != apache ]] || wanted=404
    paths_table GET <<<"/messages%2F$HELLO|$wanted"
}

@test "a media type may be in upper case, whatever the way of its body" {
    local type version
    # (More than one message may have.)
    for _ in {1..2000}; do echo '{"message":"hello"}'; done >"$BATS_TEST_TMPDIR/lines"
    for _ in {1..6}; do cat "$BATS_TEST_TMPDIR/lines"; done >"$BATS_TEST_TMPDIR/many"
    for version in 1.1 2; do
        for type in application/x-ndjson APPLICATION/X-NDJSON 'Application/X-Ndjson ; charset=utf-8'; do
            ask /messages "--http$version" -H "Content-Type: $type" -T "$BATS_TEST_TMPDIR/many" -X POST
            [[ $code == 200 && $(wc -l <"$BODY") == 12000 ]] || said "200 for $type"
        done
        for type in APPLICATION/JSON 'Application/Json;Charset=UTF-8'; do
            ask /messages "--http$version" -H "Content-Type: $type" --data-binary '{"message":"hello"}'
            expect_json 200 "{\"digest\":\"$HELLO\"}"
        done
        ask /messages "--http$version" -H 'Content-Type: TEXT/Plain; CHARSET=utf-8' --data-binary hello
        expect_json 200 "{\"digest\":\"$HELLO\"}"
        ask /upload/x "--http$version" -H 'Content-Type: Multipart/Form-Data; boundary=b' --data-binary $'--b\r\n\r\n--b--'
        expect_problem 400 bad-form
    done
}
