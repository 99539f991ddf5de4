#!/usr/bin/env bats
# The store and its disk: full, failing, damaged; and the order of commit and answer.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load ../e2e/stack.bash
load under_load.bash

setup() { stack_new; }
teardown() {
    load_abort
    local pid
    for pid in ${STRACES:-}; do kill -s KILL "$pid" 2>/dev/null || true; done
    if [[ -n ${MOUNTED:-} ]]; then
        stack_stop
        umount "$MOUNTED"
    fi
    stack_end
}

# trace_worker NUMBER STRACE_OPTION…: attaches, and returns when the calls are watched.
trace_worker() {
    local pid
    pid=$(worker_pid "$1")
    strace -f -qq -yy -s 64 -o "$SCRATCH/trace-$1" -p "$pid" "${@:2}" 3>&- &
    STRACES="${STRACES:-} $!"
    wait_for 10 all_threads_traced "$pid"
}
straces_end() {
    # shellcheck disable=SC2086  # a list of process ids
    kill -s INT $STRACES
    # shellcheck disable=SC2086
    wait $STRACES || true
    STRACES=
}
all_threads_traced() {
    local file
    for file in /proc/"$1"/task/*/status; do
        ! grep -q '^TracerPid:[[:space:]]0$' "$file" || return 1
    done
}

# fill_until_full BYTES: posts random messages of that size until one is not 201, and leaves that answer. Their
# digests go to $SCRATCH/stored.
fill_until_full() {
    local number
    for ((number = 0; number < 1000; number++)); do
        head -c "$1" /dev/urandom | base64 -w 0 | head -c "$1" >"$BATS_TEST_TMPDIR/text"
        ask /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/text"
        [[ $code == 201 ]] || return 0
        sha256 "$BATS_TEST_TMPDIR/text" >>"$SCRATCH/stored"
    done
    echo "$number messages, and still not full"
    return 1
}

# every_stored_message_is_read: each hashes to its digest.
every_stored_message_is_read() {
    local digest
    while read -r digest; do
        ask "/messages/$digest" -H 'Accept: text/plain'
        [[ $code == 200 && $(sha256 "$BODY") == "$digest" ]] || said "200 for $digest" || return
    done <"$SCRATCH/stored"
    [[ -s $SCRATCH/stored ]]
}

@test "a full store is 507, reads and deletes go on, and after deletes it takes messages again" {
    export HASHPOST_MAX_STORE_BYTES=3M
    stack_start
    local before
    before=$(worker_pids)
    fill_until_full 60000
    expect_problem 507 store-full
    (($(wc -l <"$SCRATCH/stored") > 30))
    ask /readyz
    expect_problem 503 not-ready
    ask /livez
    [[ $code == 200 ]]
    every_stored_message_is_read
    # A known message needs no room.
    head -c 60000 /dev/urandom | base64 -w 0 | head -c 60000 >"$BATS_TEST_TMPDIR/text"
    local digest number=0
    while read -r digest; do
        ask "/messages/$digest" -X DELETE
        expect_json 200 "{\"message_deleted\":\"$digest\"}"
        number=$((number + 1))
        ((number < 10)) || break
    done <"$SCRATCH/stored"
    sed -i 1,10d "$SCRATCH/stored"
    # Pages are free once no older reader can see them.
    wait_for 10 is_ready
    post_text 'again room'
    expect_json 201 "{\"digest\":\"$(printf 'again room' | sha256)\"}"
    every_stored_message_is_read
    [[ $(worker_pids) == "$before" ]]
}

@test "a full disk is 507, reads go on, and once there is room it takes messages again" {
    ((EUID == 0)) || skip "only root can mount a small disk"
    truncate -s 48M "$SCRATCH/disk.img"
    mkfs.ext4 -q -m 0 "$SCRATCH/disk.img"
    mkdir "$SCRATCH/disk"
    mount -o loop "$SCRATCH/disk.img" "$SCRATCH/disk" || skip "no mount here"
    MOUNTED=$SCRATCH/disk
    chmod 0755 "$SCRATCH/disk"
    export HASHPOST_DATA=$SCRATCH/disk/data
    stack_start
    local before
    before=$(worker_pids)
    fallocate -l 20M "$SCRATCH/disk/ballast"
    fill_until_full 700000
    expect_problem 507 store-full
    ask /readyz
    expect_problem 503 not-ready
    every_stored_message_is_read
    rm "$SCRATCH/disk/ballast"
    wait_for 5 is_ready
    fill_until_full_of 5
    every_stored_message_is_read
    # Nothing was broken on the way: the same workers, and the store opens again.
    [[ $(worker_pids) == "$before" ]]
    stack_stop
    stack_start
    every_stored_message_is_read
}
# fill_until_full_of COUNT: posts so many, each of which must be taken.
fill_until_full_of() {
    local number
    for ((number = 0; number < $1; number++)); do
        head -c 700000 /dev/urandom | base64 -w 0 | head -c 700000 >"$BATS_TEST_TMPDIR/text"
        ask /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/text"
        [[ $code == 201 ]] || said 201 || return
        sha256 "$BATS_TEST_TMPDIR/text" >>"$SCRATCH/stored"
    done
}

@test "a sync that fails is 500, the worker is replaced, and nothing acknowledged is lost" {
    local number pids
    stack_start
    for number in {1..20}; do
        post_text "message $number before"
        [[ $code == 201 ]]
        printf 'message %s before' "$number" | sha256 >>"$SCRATCH/stored"
    done
    mapfile -t pids < <(worker_pids)
    # Which worker gets the next one is Apache's choice.
    trace_worker 0 -e trace=fdatasync -e inject=fdatasync:error=EIO
    trace_worker 1 -e trace=fdatasync -e inject=fdatasync:error=EIO
    post_text 'the one that fails'
    expect_problem 500 internal-error
    wait_for 5 one_is_gone "${pids[@]}"
    straces_end
    wait_for 5 pool_is_whole
    worker_logs | grep -q 'The store failed'
    worker_logs | grep -q 'every message is read back and checked'
    # What was not acknowledged may be sent again.
    post_text 'the one that fails'
    [[ $code == 201 || $code == 200 ]]
    printf 'the one that fails' | sha256 >>"$SCRATCH/stored"
    every_stored_message_is_read
    stack_stop
    stack_start
    every_stored_message_is_read
}
one_is_gone() { is_gone "$1" || is_gone "$2"; }

@test "a sync that fails under load loses nothing that was acknowledged" {
    local pid
    stack_start
    load_begin --allow 500,502,503
    pid=$(worker_pid 1)
    trace_worker 1 -e trace=fdatasync -e inject=fdatasync:error=EIO:when=3
    wait_for 10 is_gone "$pid"
    wait_for 5 pool_is_whole "$pid"
    load_goes_on
    load_end
    (($(load_value unexpected) == 0 && $(load_status 500) >= 1))
    nothing_was_lost
}

@test "the first byte of an answer leaves after the fdatasync of its commit" {
    local number
    stack_start
    trace_worker 0 -e trace=pwrite64,pwritev,fdatasync,write,writev,sendto,sendmsg
    trace_worker 1 -e trace=pwrite64,pwritev,fdatasync,write,writev,sendto,sendmsg
    for number in {1..20}; do
        post_text "ordered $number"
        [[ $code == 201 ]]
    done
    post_json '{"message":"ordered as JSON"}'
    [[ $code == 201 ]]
    straces_end
    local answers=0
    for number in 0 1; do
        run -0 "$PYTHON" -I -S "$ROOT/tests/tools/commit_order.py" "$SCRATCH/trace-$number"
        answers=$((answers + output))
    done
    echo "$answers answers were seen"
    ((answers == 21))
}

# damage TEXT: changes one byte of it in the data file, in old copies of its page too.
damage() {
    $PYTHON -I -S -c '
import sys
with open(sys.argv[1], "r+b") as file:
    data = file.read()
    at = data.index(sys.argv[2].encode())
    while at >= 0:
        file.seek(at + 3)
        file.write(b"#")
        at = data.find(sys.argv[2].encode(), at + 1)' "$HASHPOST_DATA/data.mdb" "$1"
}

@test "a damaged record is 500 for itself only, and can be deleted and stored anew" {
    local digest before
    stack_start
    post_text 'this record is going to be damaged'
    digest=$(printf 'this record is going to be damaged' | sha256)
    post_text 'this one is not'
    stack_stop
    damage 'this record is going to be damaged'
    stack_start
    before=$(worker_pids)
    for _ in {1..4}; do
        ask "/messages/$digest"
        expect_problem 500 record-damaged
        ask "/messages/$digest" -H 'Accept: text/plain'
        expect_problem 500 record-damaged
        run ! grep -q 'is going to be' "$BODY"
        ask "/messages/$(printf 'this one is not' | sha256)"
        expect_json 200 '{"message":"this one is not"}'
    done
    worker_logs | grep -q "The stored bytes of $digest do not hash to it"
    [[ $(worker_pids) == "$before" ]]
    ask "/messages/$digest" -X DELETE
    [[ $code == 200 ]]
    post_text 'this record is going to be damaged'
    [[ $code == 201 ]]
    ask "/messages/$digest"
    expect_json 200 '{"message":"this record is going to be damaged"}'
}

@test "a POST of a message whose record is damaged does not say that all is well" {
    local digest
    stack_start
    post_text 'another record to be damaged'
    digest=$(printf 'another record to be damaged' | sha256)
    stack_stop
    damage 'another record to be damaged'
    stack_start
    post_text 'another record to be damaged'
    if [[ $code == 20* ]]; then
        ask "/messages/$digest"
        expect_json 200 '{"message":"another record to be damaged"}'
    else
        expect_problem 500 record-damaged
    fi
}

@test "an unfinished write of a killed machine is not taken for a store of another format" {
    stack_start
    post_text hello
    stack_stop
    # The lock file and a leftover mark of a verification that never ran.
    rm "$HASHPOST_DATA/lock.mdb"
    install -m 0640 -o "$(stat -c %U "$HASHPOST_DATA")" /dev/null "$HASHPOST_DATA/suspect"
    stack_start
    ask "/messages/$(printf hello | sha256)"
    expect_json 200 '{"message":"hello"}'
    [[ ! -e $HASHPOST_DATA/suspect ]]
    worker_logs | grep -q 'messages are whole; writes go on'
}
