#!/usr/bin/env bats
# Conditional requests: each method, representation and condition of a table, in the order of RFC 9110 §13.2.2, behind each
# web server and over both versions of HTTP.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

load stack.bash

TEXT='on condition'
EARLY='Sun, 06 Nov 1994 08:49:37 GMT'
LATE='Sun, 07 Nov 2094 08:49:37 GMT'

setup_file() {
    stack_new
    stack_start
    DIGEST=$(printf '%s' "$TEXT" | sha256)
    export DIGEST
}
teardown_file() { stack_end; }

setup() {
    post_text "$TEXT"
    [[ $code == 201 || $code == 200 ]]
    JSON="\"$DIGEST.json\"" PLAIN="\"$DIGEST.txt\""
    ask "/messages/$DIGEST"
    STORED=$(field last-modified)
}

# conditions < GET-JSON|GET-TEXT|DELETE|FIELD|FIELD…: the status of GET and HEAD for each representation, and of DELETE.
# A DELETE that is refused changes nothing.
conditions() {
    local version json text deleted fields options field row rows
    mapfile -t rows
    for version in 1.1 2; do
        for row in "${rows[@]}"; do
            IFS='|' read -r json text deleted row <<<"$row"
            IFS='|' read -ra fields <<<"$row"
            options=("--http$version")
            for field in "${fields[@]}"; do options+=(-H "$field"); done
            reads "$json" -H 'Accept: application/json' "${options[@]}" || return
            reads "$text" -H 'Accept: text/plain' "${options[@]}" || return
            [[ $deleted != '-' ]] || continue
            ask "/messages/$DIGEST" -X DELETE "${options[@]}"
            [[ $code == "$deleted" ]] || said "$deleted for DELETE ${options[*]}" || return
            [[ $code != 412 ]] || expect_problem 412 precondition-failed || return
            post_text "$TEXT"
            [[ $code == $((deleted == 200 ? 201 : 200)) ]] || said "what a DELETE with $deleted leaves" || return
        done
    done
}

# reads STATUS CURL_OPTION…: GET and HEAD give it, with what belongs to it.
reads() {
    local method
    for method in -XGET --head; do
        ask "/messages/$DIGEST" "$method" "${@:2}"
        [[ $code == "$1" ]] || said "$1 for $method ${*:2}" || return
        case $code in
        304)
            # RFC 9110 §15.4.5: what a cache needs to know which response it may use, and no length of another one.
            [[ $(field etag) =~ ^\"$DIGEST\.(json|txt)\"$ && $(field vary) == Accept && -n $(field cache-control) &&
                -n $(field last-modified) ]] || said "the fields of a 304" || return
            [[ $method == --head || ! -s $BODY ]] || said "no body" || return
            ! field content-length || said "no Content-Length" || return
            ;;
        412) [[ $method == --head ]] || expect_problem 412 precondition-failed || return ;;
        esac
    done
}

@test "If-Match wants a tag of what is asked for" {
    conditions <<END
200|200|200|If-Match: *
200|412|200|If-Match: $JSON
412|200|200|If-Match: $PLAIN
200|200|200|If-Match: "x", $JSON, $PLAIN
412|412|412|If-Match: "x"
412|412|412|If-Match: W/$JSON
412|412|412|If-Match: "$DIGEST"
END
}

@test "If-None-Match wants none of the tags, and is 304 for reads and 412 for a DELETE" {
    # Behind lighttpd each forbids a DELETE (docs/fronts.md).
    local other=200
    [[ $HASHPOST_FRONT != lighttpd ]] || other=412
    conditions <<END
304|304|412|If-None-Match: *
304|200|412|If-None-Match: $JSON
200|304|412|If-None-Match: $PLAIN
304|200|412|If-None-Match: W/$JSON
304|304|412|If-None-Match: "x", $PLAIN, $JSON
200|200|$other|If-None-Match: "x"
200|200|$other|If-None-Match: "$DIGEST"
END
}

@test "dates are compared to the second at which the message was stored" {
    conditions <<END
304|304|-|If-Modified-Since: $STORED
200|200|-|If-Unmodified-Since: $STORED
END
    # (What was deleted and stored again has a new date.)
    conditions <<END
200|200|200|If-Modified-Since: $EARLY
304|304|-|If-Modified-Since: $LATE
200|200|200|If-Modified-Since: yesterday
412|412|412|If-Unmodified-Since: $EARLY
200|200|200|If-Unmodified-Since: $LATE
200|200|200|If-Unmodified-Since: yesterday
END
    # Only reads know If-Modified-Since (RFC 9110 §13.1.3).
    ask "/messages/$DIGEST" -X DELETE -H "If-Modified-Since: $LATE"
    expect_json 200 "{\"message_deleted\":\"$DIGEST\"}"
}

@test "several conditions are weighed in the order of RFC 9110" {
    local other=200
    [[ $HASHPOST_FRONT != lighttpd ]] || other=412
    conditions <<END
200|412|200|If-Match: $JSON|If-Unmodified-Since: $EARLY
412|412|412|If-Match: "x"|If-Unmodified-Since: $LATE
200|200|$other|If-None-Match: "x"|If-Modified-Since: $LATE
304|200|412|If-None-Match: $JSON|If-Modified-Since: $EARLY
412|412|412|If-Match: "x"|If-None-Match: $JSON
304|412|412|If-Match: $JSON|If-None-Match: $JSON
200|412|$other|If-Match: $JSON|If-None-Match: "x"
200|412|412|If-Match: $JSON|If-None-Match: $PLAIN
412|412|412|If-Unmodified-Since: $EARLY|If-None-Match: $JSON
304|200|412|If-Unmodified-Since: $LATE|If-None-Match: $JSON
END
}

@test "a condition changes no other outcome" {
    local method absent=${DIGEST//[0-9]/a} condition
    for condition in 'If-Match: *' 'If-Match: "x"' 'If-None-Match: *' "If-Modified-Since: $LATE" "If-Unmodified-Since: $EARLY"; do
        # Without it the response would be no 2xx (RFC 9110 §13.2.1).
        for method in GET DELETE; do
            ask "/messages/$absent" -X "$method" -H "$condition"
            expect_problem 404 message-not-found
        done
        ask "/messages/$DIGEST" -H 'Accept: image/png' -H "$condition"
        expect_problem 406 not-acceptable
        ask "/messages/$DIGEST" -X PUT -H "$condition" -H 'Content-Length: 0'
        expect_problem 405 method-not-allowed
        ask "/messages/$DIGEST" -X OPTIONS -H "$condition"
        [[ $code == 204 ]] || said "204 for $condition"
        ask /livez -H "$condition"
        [[ $code == 200 || $condition == If-Match* ]] || said "200 for $condition"
    done
}

@test "a POST has nothing to match, so If-Match is 412 and stores nothing, and other conditions hold" {
    local condition new type
    for type in text/plain application/x-ndjson; do
        ask /messages -H "Content-Type: $type" -H 'If-Match: *' --data-binary '{"message":"unmatched"}'
        expect_problem 412 precondition-failed
    done
    for new in '{"message":"unmatched"}' unmatched; do
        ask "/messages/$(printf '%s' "$new" | sha256)"
        expect_problem 404 message-not-found
    done
    for condition in 'If-None-Match: *' "If-None-Match: $PLAIN" "If-Modified-Since: $LATE" "If-Unmodified-Since: $EARLY"; do
        ask /messages -H 'Content-Type: text/plain' -H "$condition" --data-binary "$TEXT"
        expect_json 200 "{\"digest\":\"$DIGEST\"}"
    done
}
