#!/usr/bin/env bats
# What one client sends, and how slowly, harms no other client.
# HASHPOST_ISOLATION=full: the whole table of tests/tools/isolation_cases.py (a quarter of an hour), and every shape of slowness
# by itself.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

setup_file() {
    stack_new
    # One I/O thread in each worker: whatever blocks it stops everything. Apache's threads: as many as with enough memory.
    export HASHPOST_THREADS=1 HASHPOST_HTTPD_THREADS=2560 LOG_LEVEL=debug
    stack_start
}
teardown_file() { stack_end; }
teardown() {
    slow_end
    [[ -z ${READERS:-} ]] || kill "$READERS" 2>/dev/null || true
    [[ -z ${OWN_STACK:-} ]] || stack_end
}

FULL='' SECONDS_EACH=2
[[ ${HASHPOST_ISOLATION:-} != full ]] || FULL=yes SECONDS_EACH=10

isolation() { $PYTHON -I "$ROOT/tests/tools/isolation.py" --port "$HASHPOST_PORT" --cacert "$CACERT" --server "$HASHPOST_FRONT" "$@"; }
# slow_begin SHAPE [OPTION…]: clients of tests/tools/slow.py, in the background until slow_end.
slow_begin() {
    local number=$((${SLOW_COUNT:-0} + 1))
    SLOW_COUNT=$number
    $PYTHON -I "$ROOT/tests/tools/slow.py" --port "$HASHPOST_PORT" --cacert "$CACERT" --seconds 120 --ready "$BATS_TEST_TMPDIR/slow.$number" \
        "$@" >"$BATS_TEST_TMPDIR/slow.$number.json" 3>&- &
    SLOW_PIDS="${SLOW_PIDS:-} $!"
}
# All that slow_begin began are there, each connection of them at once.
slow_are_there() {
    local number
    for ((number = 1; number <= SLOW_COUNT; number++)); do [[ -e $BATS_TEST_TMPDIR/slow.$number ]] || return; done
}
slow_end() {
    local pid
    for pid in ${SLOW_PIDS:-}; do kill -s TERM "$pid" 2>/dev/null || true; done
    # shellcheck disable=SC2086  # a list
    [[ -z ${SLOW_PIDS:-} ]] || wait $SLOW_PIDS || true
    SLOW_PIDS='' SLOW_COUNT=0
    cat "$BATS_TEST_TMPDIR"/slow.*.json 2>/dev/null || true
}
# What is measured is shown even where all is well.
figure() { printf '# %s\n' "$HASHPOST_FRONT: ${*//$'\n'/; }" >&3; }

@test "beside 1000 slow headers, 1000 half handshakes and 640 slow HTTP/2 streams, nobody else fails or waits" {
    local found
    found=$(isolation beside --seconds 1) || { echo "$found"; false; }
    figure "alone, $found"
    slow_begin --connections 1000 --every 5 header
    slow_begin --connections 1000 --every 5 handshake
    slow_begin --connections 16 --h2 --streams 40 --every 2 body
    wait_for 60 slow_are_there
    found=$(isolation beside --seconds 3) || { echo "$found"; false; }
    figure "beside the crowd, $found"
}

@test "whatever is sent, in whatever spelling and however slowly, others are served at once and nothing of theirs is lost" {
    local found
    found=$(isolation --logs "$HASHPOST_HOME/logs" ${FULL:+--full} table) || { echo "$found"; false; }
    figure "$found"
    # Nor did an I/O thread wait for a client.
    run ! grep -h 'without progress' "$HASHPOST_HOME"/logs/worker-*.log
}

# beside_slow LARGE SHAPE…: others ask beside ten slow requests of each shape; a shape is one word, SHAPE:OPTION:….
beside_slow() {
    local large=$1 shape found
    shift
    for shape in "$@"; do
        # lighttpd takes no bulk upload of unknown length.
        [[ $HASHPOST_FRONT != lighttpd || $shape != bulk:--length:-1 ]] || continue
        shape=${shape/LARGE/$large}
        # shellcheck disable=SC2086  # a list of options
        slow_begin ${shape//:/ }
    done
    wait_for 20 slow_are_there
    found=$(isolation --large --seconds "$SECONDS_EACH" beside) || { echo "beside $*: $found"; false; }
    figure "beside ${*//:/ }: $found"
    slow_end
}

@test "big messages that are read slowly take no more memory than the worker may, and keep nobody from small ones" {
    [[ $HASHPOST_FRONT != lighttpd ]] || skip "lighttpd takes whole answers: no worker waits for a client"
    local digest
    OWN_STACK=1
    stack_new
    # Each worker has room for ten of this size, by what the largest message may need as JSON.
    export HASHPOST_MAX_MESSAGE_BYTES=12M HASHPOST_BLOCKING_THREADS=64
    stack_start
    head -c 9437184 /dev/urandom | base64 -w 0 >"$BATS_TEST_TMPDIR/big"
    digest=$(sha256 "$BATS_TEST_TMPDIR/big")
    ask /messages -H 'Content-Type: text/plain' -T "$BATS_TEST_TMPDIR/big" -X POST
    [[ $code == 201 ]]
    post_text small
    $PYTHON -I -c '
import socket, ssl, sys, time
context = ssl.create_default_context(cafile=sys.argv[2])
readers = []
for number in range(160):
    readers.append(context.wrap_socket(socket.create_connection(("localhost", int(sys.argv[1]))), server_hostname="localhost"))
    readers[-1].sendall(b"GET /messages/%s HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n" % sys.argv[3].encode())
time.sleep(600)' "$HASHPOST_PORT" "$CACERT" "$digest" 3>&- &
    READERS=$!
    wait_for 20 is_busy "/messages/$digest"
    expect_problem 503 busy
    [[ $(field retry-after) =~ ^[0-9]+$ ]]
    ask "/messages/$(printf small | sha256)"
    expect_json 200 '{"message":"small"}'
    post_text 'small, too'
    [[ $code == 201 ]]
    kill "$READERS"
    wait_for 20 is_read "/messages/$digest"
}
is_busy() { ask "$1" -H 'Accept: text/plain' && [[ $code == 503 ]]; }
is_read() { ask "$1" -H 'Accept: text/plain' && [[ $code == 200 ]]; }

@test "beside ten slow requests of each shape, others are served soon, uploads too" {
    local -a ordinary=(header body body:--length:-1 reader:--path:/messages/LARGE)
    local -a streams=({body,bulk,upload,reader:--path:/messages/LARGE}:--h2:--connections:5:--streams:2)
    head -c 1000000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/large"
    post_text "@$BATS_TEST_TMPDIR/large"
    LARGE=$(sha256 "$BATS_TEST_TMPDIR/large")
    if [[ -n $FULL ]]; then
        local shape
        for shape in "${ordinary[@]}" bulk bulk:--length:-1 upload "${streams[@]}"; do beside_slow "$LARGE" "$shape"; done
        return
    fi
    beside_slow "$LARGE" "${ordinary[@]}"
    beside_slow "$LARGE" bulk
    beside_slow "$LARGE" upload
    beside_slow "$LARGE" "${streams[@]}"
}
