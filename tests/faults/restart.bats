#!/usr/bin/env bats
# Planned ends: SIGTERM and reload fail no request. HASHPOST_RESTARTS says how many workers are restarted
# under load (default 10).
# shellcheck disable=SC2153,SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load ../e2e/stack.bash
load under_load.bash

setup() { stack_new; }
teardown() {
    load_abort
    stack_end
}

@test "SIGTERM of busy workers, one at a time, fails no request" {
    local number pid
    stack_start
    load_begin
    for ((number = 0; number < ${HASHPOST_RESTARTS:-10}; number++)); do
        pid=$(worker_pid $((number % 2)))
        kill -s TERM "$pid"
        wait_for 10 pool_is_whole "$pid"
        load_goes_on
    done
    load_end
    nothing_failed
    nothing_was_lost
    wait_for 10 have_drained "${HASHPOST_RESTARTS:-10}"
    run ! grep -q crashed "$HASHPOST_HOME/logs/pool.log"
}

@test "SIGTERM of an idle worker ends it at once and in order, and its kept connections still work" {
    local pid
    stack_start
    # Leaves kept FastCGI connections in both workers.
    make_load --clients 16 --requests 500 >/dev/null
    for number in 0 1 0; do
        pid=$(worker_pid "$number")
        kill -s TERM "$pid"
        wait_for 20 is_gone "$pid"
        make_load --clients 16 --requests 200 >"$SCRATCH/load.json" || { cat "$SCRATCH/load.json"; false; }
        wait_for 20 pool_is_whole "$pid"
    done
    wait_for 10 have_drained 3
    run ! grep -q crashed "$HASHPOST_HOME/logs/pool.log"
}

have_drained() { (($(grep -c 'has drained and ended' "$HASHPOST_HOME/logs/pool.log") == $1)); }

# big_message: stores one of 12 MiB, more than all socket buffers on the way, and sets $digest.
big_message() {
    head -c 9437184 /dev/urandom | base64 -w 0 >"$SCRATCH/big"
    digest=$(sha256 "$SCRATCH/big")
    ask /messages -H 'Content-Type: text/plain' -T "$SCRATCH/big" -X POST
    [[ $code == 201 ]]
}

@test "an answer that is being read slowly is finished by the worker that drains" {
    [[ $HASHPOST_FRONT != lighttpd ]] || skip "lighttpd takes whole answers: no worker waits for a client"
    local digest reader pids pid
    export HASHPOST_MAX_MESSAGE_BYTES=16M
    stack_start
    big_message
    raw send "GET /messages/$digest HTTP/1.1\\r\\nHost: localhost\\r\\nAccept: text/plain\\r\\n\\r\\n" \
        until "$SCRATCH/go" answer >"$SCRATCH/answer" 3>&- &
    reader=$!
    wait_for 20 a_worker_writes
    mapfile -t pids < <(worker_pids)
    for pid in "${pids[@]}"; do kill -s TERM "$pid"; done
    # One of the two ends and is replaced; the other waits for its reader.
    wait_for 10 replaced_one "${pids[@]}"
    ask /livez
    [[ $code == 200 ]]
    touch "$SCRATCH/go"
    wait "$reader"
    raw_parse "$SCRATCH/answer"
    [[ $code == 200 && $(sha256 "$BODY") == "$digest" ]]
    wait_for 10 is_gone "${pids[0]}"
    wait_for 10 is_gone "${pids[1]}"
    wait_for 10 pool_is_whole "${pids[0]}"
}
replaced_one() {
    local gone=0
    ! is_gone "$1" || gone=$((gone + 1))
    ! is_gone "$2" || gone=$((gone + 1))
    ((gone >= 1))
}

@test "a reader that never reads delays an end no longer than the drain limit" {
    [[ $HASHPOST_FRONT != lighttpd ]] || skip "lighttpd takes whole answers: no worker waits for a client"
    local digest pids
    export HASHPOST_MAX_MESSAGE_BYTES=16M HASHPOST_DRAIN_SECONDS=2
    stack_start
    big_message
    raw send "GET /messages/$digest HTTP/1.1\\r\\nHost: localhost\\r\\nAccept: text/plain\\r\\n\\r\\n" \
        until "$SCRATCH/go" reset 3>&- &
    local client=$!
    wait_for 20 a_worker_writes
    mapfile -t pids < <(worker_pids)
    kill -s TERM "${pids[@]}"
    wait_for 6 is_gone "${pids[0]}"
    wait_for 6 is_gone "${pids[1]}"
    wait_for 20 is_ready
    touch "$SCRATCH/go"
    wait "$client"
    log_says worker 'The drain limit is over; 1 connection'
}
# A big answer is under way: a worker has the thread that writes it.
a_worker_writes() { ss -Hxp state connected | grep 'fcgi\.sock' | awk '$4 > 0 { found = 1 } END { exit !found }'; }

@test "reload replaces the next worker only when the one before it is ready" {
    local real=${HASHPOST_WORKER_BIN:-$ROOT/build/release/hashpost-worker} second
    # (Of the same name, by which a worker is known.)
    mkdir "$SCRATCH/bin"
    cat >"$SCRATCH/bin/hashpost-worker" <<END
#!/bin/bash
until [[ \$# != 0 || ! -e $SCRATCH/slow ]]; do sleep 0.05; done
exec $real "\$@"
END
    chmod 0755 "$SCRATCH/bin/hashpost-worker"
    # How long a reload waits for one, too.
    export HASHPOST_WORKER_BIN=$SCRATCH/bin/hashpost-worker HASHPOST_START_SECONDS=20
    stack_start
    second=$(worker_pid 1)
    touch "$SCRATCH/slow"
    run stack_reload
    echo "$output"
    [[ $status != 0 && $output == *"worker-00 did not come back within 20 s; the others were left as they are"* ]]
    [[ $(worker_pid 1) == "$second" ]]
    is_ready
    rm "$SCRATCH/slow"
    wait_for 30 pool_is_whole
    stack_reload
    pool_is_whole "$second"
}

@test "reload lets a worker finish what it is doing" {
    [[ $HASHPOST_FRONT != lighttpd ]] || skip "lighttpd takes whole answers: no worker waits for a client"
    local digest reader reload before
    export HASHPOST_MAX_MESSAGE_BYTES=16M
    stack_start
    big_message
    raw send "GET /messages/$digest HTTP/1.1\\r\\nHost: localhost\\r\\nAccept: text/plain\\r\\n\\r\\n" \
        until "$SCRATCH/go" answer >"$SCRATCH/answer" 3>&- &
    reader=$!
    wait_for 20 a_worker_writes
    before=$(worker_pids)
    stack_reload >"$SCRATCH/said" 2>&1 &
    reload=$!
    # It waits for the one that is read from: the other has been replaced before, or waits for its turn.
    run ! wait_for 3 all_are_gone "$before"
    kill -0 "$reload"
    touch "$SCRATCH/go"
    wait "$reader"
    raw_parse "$SCRATCH/answer"
    [[ $code == 200 && $(sha256 "$BODY") == "$digest" ]]
    wait "$reload"
    all_are_gone "$before"
}
all_are_gone() {
    local pid
    for pid in $1; do pool_is_whole "$pid" || return 1; done
}

@test "reload under load replaces every worker and fails no request" {
    local before pid
    stack_start
    before=$(worker_pids)
    load_begin
    stack_reload
    load_goes_on
    load_end
    for pid in $before; do pool_is_whole "$pid"; done # (its number may be another process's by now)
    pool_is_whole
    nothing_failed
    nothing_was_lost
}

@test "reload under load serves a new certificate, and behind Apache no request is lost" {
    local before old_serial
    cp "$ROOT/certs/localhost.pem" "$SCRATCH/cert.pem"
    cp "$ROOT/certs/localhost.key" "$SCRATCH/key.pem"
    export HASHPOST_CERT=$SCRATCH/cert.pem HASHPOST_KEY=$SCRATCH/key.pem
    stack_start
    before=$(worker_pids)
    old_serial=$(served_certificate)
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout "$SCRATCH/new.key" -out "$SCRATCH/new.pem" 2>/dev/null
    # The load trusts both.
    cat "$ROOT/certs/localhost.pem" "$SCRATCH/new.pem" >"$SCRATCH/both.pem"
    CACERT=$SCRATCH/both.pem load_begin
    mv "$SCRATCH/new.pem" "$SCRATCH/cert.pem"
    mv "$SCRATCH/new.key" "$SCRATCH/key.pem"
    CACERT=$SCRATCH/both.pem stack_reload
    wait_for 10 serves_new_certificate
    load_goes_on
    load_end
    [[ $old_serial != "$(served_certificate)" ]]
    local pid
    for pid in $before; do CACERT=$SCRATCH/both.pem pool_is_whole "$pid"; done # (its number may be another process's by now)
    if [[ $HASHPOST_FRONT == apache ]]; then
        nothing_failed
    else
        # A graceful reload of nginx, and the end of lighttpd, closes idle connections. Whoever sends at that moment gets a
        # close and no byte of a response, which RFC 9112 §9.3.1 lets every client repeat; once for each connection at most.
        (($(load_value unexpected) == 0))
        # lighttpd ends for it, and resets what waits to be accepted then.
        (($(load_value failed_connections) <= $([[ $HASHPOST_FRONT == lighttpd ]] && echo 32 || echo 0)))
        (($(load_value failed_requests) == $(load_value failed_unanswered)))
        (($(load_value failed_requests) <= 32))
    fi
    [[ ! -e $HASHPOST_HOME/closing ]]
    CACERT=$SCRATCH/both.pem nothing_was_lost
}
serves_new_certificate() { [[ $(served_certificate) == "$(openssl x509 -in "$SCRATCH/cert.pem" -noout -serial)" ]]; }
served_certificate() {
    openssl s_client -connect "localhost:$HASHPOST_PORT" -servername localhost </dev/null 2>/dev/null | openssl x509 -noout -serial
}

@test "reload with a certificate that is wrong changes nothing" {
    local before
    cp "$ROOT/certs/localhost.pem" "$SCRATCH/cert.pem"
    export HASHPOST_CERT=$SCRATCH/cert.pem
    stack_start
    before=$(started_processes)
    echo garbage >"$SCRATCH/cert.pem"
    run stack_reload
    ((status != 0))
    [[ $output == *HASHPOST_CERT* ]]
    [[ $(started_processes) == "$before" ]]
    is_ready
}
