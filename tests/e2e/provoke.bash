# How to provoke each failure of the list in docs/http-api.md. Sourced by problems.bats, after stack.bash, with a stack as its
# setup_file starts it. Each function is called after its problem type, sends one request over HTTP/$VERSION (1.1 or 2) and sets
# $code, $FIELDS and $BODY like `ask`; by_NAME is for a type that the web server makes itself, worker_NAME for one of a worker.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2119,SC2120  # ask sets $code; VERSION is problems.bats'

v() { ask "$1" "--http$VERSION" --path-as-is "${@:2}"; }
v_json() { v /messages -H 'Content-Type: application/json' --data-binary "$1"; }
v_text() { v /messages -H 'Content-Type: text/plain' --data-binary "$@"; }
v_upload() { v "/upload/$1" "${@:2}"; }

# v_file FILE [NGHTTP OPTION…]: posts a file whose refusal curl 7.88 does not see over HTTP/2, because it comes before the end.
v_file() {
    local said=$BATS_TEST_TMPDIR/said
    FIELDS=$BATS_TEST_TMPDIR/fields BODY=$BATS_TEST_TMPDIR/body
    if [[ $VERSION == 2 ]]; then
        nghttp -v -t 60 -d "$1" -H 'content-type: text/plain' "${@:2}" "$URL/messages" >"$said" 2>&1
        code=$(sed -nE 's/.*recv \(stream_id=[0-9]+\) :status: ([0-9]+)$/\1/p' "$said")
        sed -nE 's/.*recv \(stream_id=[0-9]+\) ([a-z-]+: .*)$/\1\r/p' "$said" >"$FIELDS"
        grep -ao '^{"type".*}' "$said" >"$BODY"
    elif [[ ${2:-} == --no-content-length ]]; then
        v /messages -H 'Content-Type: text/plain' -H 'Expect:' -X POST -T - <"$1"
    else
        v /messages -H 'Content-Type: text/plain' --data-binary "@$1"
    fi
}

# v_raw REQUEST: of HTTP/1.1 only.
v_raw() { raw_answer send "$1" answer; }

# --- in place of a worker: --------------------------------------------------------------------------------

# with_fake_worker MODE COMMAND…: meanwhile it listens where the workers do (tests/tools/fake_worker.py). Bulk uploads have a
# FastCGI connection of their own behind each web server, so they come to it.
with_fake_worker() {
    local pid status=0 socket=$HASHPOST_HOME/fcgi.sock
    mv "$socket" "$socket.real"
    $PYTHON -I -S "$ROOT/tests/tools/fake_worker.py" "$socket" "$1" 3>&- &
    pid=$!
    wait_for 10 test -S "$socket"
    "${@:2}" || status=$?
    kill "$pid"
    wait "$pid" || true
    mv -f "$socket.real" "$socket"
    return "$status"
}
v_bulk() { v "/messages${1:-}" --max-time 100 -H 'Content-Type: application/x-ndjson' --data-binary '{"message":"hello"}'; }

# --- made by web servers ----------------------------------------------------------------------------------

by_bad_request() { if [[ $HASHPOST_FRONT == lighttpd ]]; then v '/%00'; else v '/%zz'; fi; }
by_unauthorized() { v /messages/x -X DELETE && field www-authenticate >/dev/null; }
by_forbidden() { v "/messages/$HELLO"; } # where reading is closed
by_not_found() { v /.problem/404.json; }
by_method_not_allowed() {
    if [[ $HASHPOST_FRONT != lighttpd ]]; then
        v /messages -X TRACE && [[ $(field allow) == 'POST, OPTIONS' ]]
    else
        $PYTHON -I "$ROOT/tests/tools/h2_connect.py" --port "$HASHPOST_PORT" --cacert "$CACERT" >"$BATS_TEST_TMPDIR/raw" || return
        raw_parse "$BATS_TEST_TMPDIR/raw"
        code=$(sed -nE '1s/^HTTP\/2 ([0-9]+)\r$/\1/p' "$FIELDS")
        [[ $(field allow) == 'GET, HEAD, OPTIONS' ]]
    fi
}
by_timeout() {
    wait_for 60 is_gone "$SLOW"
    raw_parse "$SCRATCH/slow"
}
by_length_required() {
    if [[ $VERSION == 2 ]]; then
        v_file "$SCRATCH/small" --no-content-length
    else
        v_raw 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n'
    fi
}
by_too_large() { v_file "$SCRATCH/large"; }
by_uri_too_long() { v "/messages/$(printf 'x%.0s' {1..3000})"; }
by_expectation_failed() { v /livez -H 'Expect: fish'; }
by_too_many_logins() {
    local number
    for ((number = 0; number < 200; number++)); do
        v /messages/x -X DELETE -u nobody:wrong
        [[ $code != 429 ]] || break
    done
    field retry-after >/dev/null
}
# (Random, since HTTP/2 makes less of what is not.)
by_header_too_large() { v /livez -H "X-Big: $(head -c 30000 /dev/urandom | base64 -w 0)"; }
by_internal_error() { with_fake_worker close v_bulk; }
by_not_implemented() {
    if [[ $HASHPOST_FRONT == lighttpd ]]; then
        v /messages -X BREW
    else
        v_raw 'POST /messages HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: snail, chunked\r\n\r\n0\r\n\r\n'
    fi
}
by_bad_gateway() { if [[ $HASHPOST_FRONT == lighttpd ]]; then with_fake_worker garbage v_bulk; else with_fake_worker close v_bulk; fi; }
by_unavailable() {
    mv "$HASHPOST_HOME/fcgi.sock" "$HASHPOST_HOME/fcgi.sock.real"
    v_bulk
    mv "$HASHPOST_HOME/fcgi.sock.real" "$HASHPOST_HOME/fcgi.sock"
    [[ $HASHPOST_FRONT == lighttpd ]] || field retry-after >/dev/null
}
# (Takes as long as the web server waits for a worker: both versions at once.)
by_gateway_timeout() {
    [[ -s $SCRATCH/mute-2 ]] || with_fake_worker mute both_versions_of_bulk
    FIELDS=$SCRATCH/mute-fields-$VERSION BODY=$SCRATCH/mute-body-$VERSION code=$(<"$SCRATCH/mute-$VERSION")
}
bulk_reaches_a_worker() { v_bulk && [[ $code != 503 ]]; }
both_versions_of_bulk() {
    local version pids=() pid
    for version in 1.1 2; do
        (
            BATS_TEST_TMPDIR=$(mktemp -d "$SCRATCH/mute.XXXXXX") VERSION=$version
            # (lighttpd takes a worker for gone up to a second after it is back.)
            wait_for 10 bulk_reaches_a_worker
            mv "$FIELDS" "$SCRATCH/mute-fields-$version"
            mv "$BODY" "$SCRATCH/mute-body-$version"
            echo "$code" >"$SCRATCH/mute-$version"
        ) 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
}
by_http_version() { v_raw 'GET /livez HTTP/9.9\r\nHost: localhost\r\n\r\n'; }

# --- made by workers --------------------------------------------------------------------------------------

worker_malformed_json() { v_json '{"message":'; }
worker_not_utf_8() { v_json '{"message":"\ud800"}'; }
worker_json_too_deep() { v_json "{\"a\":$(printf '[%.0s' {1..100})"; }
worker_not_an_object() { v_json '[]'; }
worker_message_missing() { v_json '{}'; }
worker_message_duplicate() { v_json '{"message":"a","message":"b"}'; }
worker_message_not_a_string() { v_json '{"message":1}'; }
worker_bad_form() { v_upload x -F other=hello; }
worker_bad_token() { v_upload x -F file=hello; }
worker_bad_file_name() { v_upload .x -F file=hello; }
worker_repeated_field() { v /messages -H 'Content-Type: text/plain, application/json' -d hello; }
worker_bad_digest_field() { v_text hello -H 'Content-Digest: sha-256=:!:'; }
worker_digest_mismatch() { v_text hello -H 'Content-Digest: sha-256=:AAJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:'; }
worker_digest_of_upload() {
    v /messages -H 'Content-Type: application/x-ndjson' -d '{"message":"a"}' -H 'Content-Digest: sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:'
}
worker_message_not_found() { v /messages/x; }
worker_not_found() { v /nothing; }
worker_method_not_allowed() { v "/messages/$HELLO" -X PUT -H 'Content-Length: 0' && [[ $(field allow) == 'GET, HEAD, DELETE, OPTIONS' ]]; }
worker_not_acceptable() { v "/messages/$HELLO" -H 'Accept: image/png'; }
worker_length_required() { v_raw 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n\r\n'; }
worker_precondition_failed() { v "/messages/$HELLO" -H 'If-Match: "another"'; }
worker_too_large() { v /messages -H 'Content-Type: text/plain' --data-binary "@$SCRATCH/over"; }
worker_unsupported_media_type() { v /messages -H 'Content-Type: image/png' -d x; }
worker_unsupported_content_coding() { v_text hello -H 'Content-Encoding: snail'; }
worker_drop_off() { v_upload x -F file=hello; }
worker_store_full() { v /messages -H 'Content-Type: text/plain' --data-binary "@$SCRATCH/rest"; }
worker_not_ready() { v /readyz; }
