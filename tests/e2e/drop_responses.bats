#!/usr/bin/env bats
# What the sender takes for the receiver's word: responses of odd receivers, and of what may stand in their place
# (tests/tools/odd_receiver.py).
# shellcheck disable=SC2154,SC2153,SC2034,SC2030,SC2031  # of drop.bash and bats; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash
load drop.bash

setup() {
    sender_new
    export RECEIVER_ADDRESS=localhost
    cd "$DROP" || return
}
teardown() {
    cd /
    sender_end
}

@test "a 201 that came before the file was sent is not taken for a delivery" {
    odd_receiver_start
    # Larger than the buffers of a connection.
    printf '["%s"]' "$(head -c 12000000 /dev/zero | tr '\0' x)" >"$INPUT_DIR/early.json"
    once 1
    [[ $output == *'early.json: http://localhost:'*'status 201 came before the whole file was sent'*'pending 1'* ]]
    run "$SENDER" --status
    [[ $output == *'delivered    0'* ]]
}

@test "a 4xx without the members of a receiver is tried again, and one with them stands" {
    odd_receiver_start
    put foreign.json '{"v": 1}'
    put foreign-json.json '{"v": 1}'
    put refused.json '{"v": 1}'
    once 1
    [[ $output == *'quarantined 1, pending 2'* && $output == *'status 404: <html>Not here.</html> This is not how a receiver responds'* ]]
    sender_start
    wait_for 30 was_asked 3 foreign
    wait_for 30 was_asked 3 foreign-json
    was_asked 1 refused
}

@test "a redirect is not followed, and the message says where it leads" {
    odd_receiver_start
    put moved.json '{"v": 1}'
    once 1
    [[ $output == *'moved.json: status 301: '*'It redirects to https://moved.example/upload/moved'*'RECEIVER_SCHEME'*'pending 1'* ]]
}

@test "a response without an end is broken off" {
    odd_receiver_start
    export RECEIVER_SILENT_SECONDS=2
    put endless.json '{"v": 1}'
    put trickle.json '{"v": 1}'
    once 1
    [[ $output == *'the response is longer than 65536 bytes'* && $output == *'the response had not ended 2 s after the last byte was sent'*'pending 2'* ]]
    # One that begins before the whole file was sent, of which then nothing more is sent.
    printf '["%s"]' "$(head -c 12000000 /dev/zero | tr '\0' x)" >"$INPUT_DIR/dripping.json"
    once 1
    [[ $output == *'dripping.json: status 404: xxx'* ]]
}

@test "a refusal in a receiver's own words is not questioned" {
    odd_receiver_start
    put refused.json '{"v": 1}'
    once 1
    [[ $output == *'refused.json is quarantined until it changes. status 400: no key fits'* ]]
    # (TLS to the same port would be none of the requests that it can read.)
    was_asked 1 refused && was_asked 0 unreadable
}

@test "RECEIVER_SILENT_SECONDS bounds how long a receiver may take to respond" {
    odd_receiver_start
    echo 3 >receiver/seconds
    put slow.json '{"v": 1}'
    RECEIVER_SILENT_SECONDS=1 once 1
    [[ $output == *'slow.json: http://localhost:'*'RECEIVER_SILENT_SECONDS'*'pending 1'* ]]
    RECEIVER_SILENT_SECONDS=100 once 0
}

@test "a receiver that stops reading in the middle of an upload is given up after RECEIVER_SILENT_SECONDS" {
    odd_receiver_start
    printf '["%s"]' "$(head -c 12000000 /dev/zero | tr '\0' x)" >"$INPUT_DIR/deaf.json"
    RECEIVER_SILENT_SECONDS=1 once 1
    [[ $output == *'deaf.json: http://localhost:'*'RECEIVER_SILENT_SECONDS'*'pending 1'* ]]
}

@test "RECEIVER_CONNECT_SECONDS bounds how long a connection may take" {
    # A port whose backlog is full: one that accepts nothing.
    $PYTHON -I -c '
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(0)
held = [socket.socket() for _ in range(4)]
for other in held:
    other.setblocking(False)
    other.connect_ex(s.getsockname())
open(sys.argv[2], "w").close()
time.sleep(600)' "$RECEIVER_PORT" "$DROP/listening" 3>&- &
    receiver_pid=$!
    wait_for 20 test -e listening
    put a.json '{"v": 1}'
    RECEIVER_ADDRESS=127.0.0.1 RECEIVER_CONNECT_SECONDS=1 once 1
    [[ $output == *'RECEIVER_CONNECT_SECONDS'*'pending 1'* ]]
}

conversions() { grep -c ' is converted to ' "$1"; }
all_have_arrived() { (($(grep -c ' 201$' receiver/requests) == $1)); }

@test "while the receiver takes no file, one at a time is tried, and the others are not even converted" {
    local number files=60
    odd_receiver_start
    : >receiver/unavailable
    for ((number = 0; number < files; number++)); do put "f$number.json" "{\"v\": $number}"; done
    sender_start
    wait_for 20 logged 'The receiver takes no file: status 503: The file drop is not available. One file at a time is tried'
    # Some trials later.
    wait_for 60 has_requests 11
    (($(conversions log) <= 20 && $(wc -l <receiver/requests) <= 20))
    rm receiver/unavailable
    wait_for 60 all_have_arrived $files
    wait_for 20 logged 'The receiver takes files again.'
    # One attempt for each file, and those that failed: no storm when it is back.
    (($(wc -l <receiver/requests) <= files + 20))
}

@test "--once gives up a receiver that takes no file" {
    local number
    odd_receiver_start
    : >receiver/unavailable
    for ((number = 0; number < 60; number++)); do put "f$number.json" "{\"v\": $number}"; done
    once 1
    [[ $output == *'delivered 0, known 0, quarantined 0, pending 60'* ]]
    (($(conversions <(echo "$output")) <= 20 && $(wc -l <receiver/requests) <= 20))
}

@test "files that are never taken do not hold up a new one that is" {
    local number
    odd_receiver_start
    for ((number = 0; number < 12; number++)); do echo "{}" >"$INPUT_DIR/never$number.json"; done
    sender_start
    wait_for 20 logged 'The receiver takes no file'
    wait_for 120 all_have_failed 12
    put good.json '{"v": 1}'
    wait_for 30 grep -q '^good 201' receiver/requests
}
all_have_failed() { (($(sort -u receiver/requests | grep -c '^never.* 503') == $1)); }
