#!/usr/bin/env bats
# What the sender by itself does when an upload fails, ends unknown, takes long or overlaps another, and when it is killed.
# shellcheck disable=SC2154,SC2030,SC2031  # bats' run sets $status; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash
load drop.bash

setup() { sender_new; }
teardown() { sender_end; }

@test "while the receiver is away nothing is lost, and it is found when it is back" {
    put a.json '{"v": 1}'
    put b.json '{"v": 2}'
    once 1
    [[ $output == *'pending 2'* ]]
    sender_start
    wait_for 20 logged 'Unable to upload file. msg: http://127.0.0.1'
    run "$SENDER" --status
    [[ $status == 1 && $output == *'pending      2, the oldest for '* ]]
    old_receiver_start
    wait_for 40 has_uploads a 1
    wait_for 40 has_uploads b 1
    wait_for 20 "$SENDER" --status
    wait_for 20 logged 'The receiver can be reached again.'
}

@test "5xx, 408, 425 and 429 are tried again after a pause, and others go ahead" {
    old_receiver_start
    local status
    for status in 500 503 408 425 429 302 200; do
        echo "$status 1" >"$DROP/receiver/answer.s$status"
        put "s$status.json" '{"v": 1}'
    done
    sender_start
    put other.json '{"v": 2}'
    wait_for 20 has_uploads other 1
    for status in 500 503 408 425 429 302 200; do
        wait_for 20 has_uploads "s$status" 1
        logged "Unable to upload file. msg: s$status.json: status $status: told to say so"
    done
    not logged 'quarantined'
}

@test "what the receiver refuses for its time is sealed again after a pause" {
    old_receiver_start
    echo 409 >"$DROP/receiver/answer.a"
    put a.json '{"v": 1}'
    once 1
    [[ $output == *'a.json: status 409: told to say so It is sealed again after a pause.'* && $output == *'pending 1'* ]]
    once 0
    has_uploads a 1
}

@test "what the receiver refuses is quarantined until it changes, settings change, or --retry" {
    old_receiver_start
    local name
    for name in a b c d; do
        echo 403 >"$DROP/receiver/answer.$name"
        put $name.json '{"v": 1}'
    done
    once 1
    once 1
    has_requests 4 && not has_requests 5
    [[ $output == *'quarantined 4'* ]]
    put a.json '{"v": 2}'
    once 1
    has_uploads a 1 && has_uploads b 0
    rm "$INPUT_DIR/d.json"
    run "$SENDER" --retry
    [[ $output == '3 files will be tried again.' ]]
    echo 413 >"$DROP/receiver/answer.c"
    once 1
    has_uploads b 1 && has_uploads c 0
    export RECEIVER_ADDRESS=localhost
    once 0
    has_uploads c 1
}

@test "an upload whose answer got lost is repeated with the same result" {
    old_receiver_start
    touch "$DROP/receiver/cut.a"
    put a.json '{"v": 1}'
    sender_start
    wait_for 20 has_uploads a 1
    element a 1
    grep -q '^a cut' "$DROP/receiver/requests"
}

@test "content that changes back after an upload of unknown end arrives, though it had been delivered before" {
    old_receiver_start
    put a.json '{"v": 1}'
    once 0
    touch "$DROP/receiver/cut.a"
    put a.json '{"v": 2}'
    once 1
    element a 2
    put a.json '{"v": 1}'
    once 0
    element a 1
}

@test "no name is uploaded twice at a time, and the newest content wins" {
    old_receiver_start
    touch "$DROP/receiver/hold.a"
    put a.json '{"v": 1}'
    sender_start
    wait_for 20 element a 1
    local value
    for value in 2 3 4 5; do put a.json "{\"v\": $value}"; done
    put b.json '{"v": 1}'
    wait_for 20 has_uploads b 1
    rm "$DROP/receiver/hold.a"
    wait_for 20 element a 5
    wait_for 20 has_uploads a 2
    not grep TWICE "$DROP/receiver/requests"
}

@test "big files that the receiver takes long over do not hold up small ones" {
    local number files=60
    old_receiver_start
    for number in 1 2 3 4; do
        touch "$DROP/receiver/hold.big$number"
        printf '"%s"' "$(head -c 2000000 /dev/zero | tr '\0' x)" >"$INPUT_DIR/big$number.json"
    done
    sender_start
    for number in 1 2 3; do wait_for 20 arrived_of_big "$number"; done
    for ((number = 0; number < files; number++)); do put "f$number.json" '[]'; done
    wait_for 30 have_arrived "$files"
    not has_uploads big1 1
    rm "$DROP"/receiver/hold.*
    for number in 1 2 3 4; do wait_for 20 has_uploads "big$number" 1; done
}
arrived_of_big() { (($(find "$DROP/receiver/out" -name 'big*.xml' -size +1M | wc -l) >= $1)); }

@test "kill -9 at any moment loses nothing and repeats at most one file" {
    local kills=${HASHPOST_KILLS:-10} files=400 number
    old_receiver_start
    sender_start
    $PYTHON -I - "$INPUT_DIR" "$files" <<'END' &
import os, sys, time
for number in range(int(sys.argv[2])):
    path = os.path.join(sys.argv[1], ".new")
    with open(path, "w") as file:
        file.write('{"v": "%d", "w": "%s"}' % (number, "x" * (number * 37 % 50000)))
    os.rename(path, os.path.join(sys.argv[1], "f%d.json" % number))
    time.sleep(0.002)
END
    local writer=$!
    for ((number = 0; number < kills; number++)); do
        # At a random moment of the work: after so many more requests.
        wait_for 30 has_requests $(($(grep -c . "$DROP/receiver/requests" 2>/dev/null || true) + RANDOM % 20)) || true
        sender_stop KILL
        sender_start
    done
    wait "$writer"
    wait_for 60 have_arrived "$files"
    wait_for 60 "$SENDER" --status
    for ((number = 0; number < files; number += 7)); do element "f$number" "$number"; done
    local repeats
    repeats=$(cut -d' ' -f1 "$DROP/receiver/requests" | sort | uniq -d | wc -l)
    echo "# $kills kills, $repeats files sent once more" >&3
    ((repeats <= kills))
    once_more=$(grep -c . "$DROP/receiver/requests")
    sender_stop
    sender_start
    put last.json '{"v": 1}'
    wait_for 20 has_uploads last 1
    (($(grep -c . "$DROP/receiver/requests") == once_more + 1))
}
