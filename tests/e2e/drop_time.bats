#!/usr/bin/env bats
# The file drop when clocks are wrong: the sender's, the receiver's, or both, moved by libfaketime while they run.
# shellcheck disable=SC2154,SC2153,SC2030,SC2031  # bats' run sets $status; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash
load drop.bash

FAKETIME=$(compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' || true)

setup_file() {
    stack_new
    export OUTPUT_DIR=$SCRATCH/out DECRYPTION_KEY=$SCRATCH/key HASHPOST_TOKEN_MAX_AGE=120
    (umask 077 && openssl rand -base64 32 >"$DECRYPTION_KEY")
    chown --reference="$SCRATCH" "$DECRYPTION_KEY"
    chmod 0644 "$DECRYPTION_KEY"
    echo +0 >"$SCRATCH/receiver-clock"
    # What tells the time to the worker; of everything else the clock stays right.
    {
        printf '#!/bin/bash\n'
        with_clock receiver
        printf ' exec %q "$@"\n' "$HASHPOST_WORKER_BIN"
    } >"$SCRATCH/worker"
    chmod 0755 "$SCRATCH/worker"
    clocks_can_move || return 0
    SERVER_PORT=$(free_port)
    export SERVER_PORT
    HASHPOST_WORKER_BIN=$SCRATCH/worker stack_start
}
teardown_file() { stack_end; }

setup() {
    clocks_can_move || skip 'Apache and a build without sanitizer only'
    sender_new
    cp "$DECRYPTION_KEY" "$ENCRYPTION_KEY"
    export RECEIVER_PORT=$SERVER_PORT
    clock receiver +0
    clock sender +0
}
teardown() { [[ -z ${DROP:-} ]] || sender_end; }

# Not with a sanitizer, which wants to be loaded first, as libfaketime does; and only over plain HTTP, since a certificate has
# times, too.
clocks_can_move() { [[ $HASHPOST_WORKER_BIN == */release/* && $HASHPOST_FRONT == apache ]]; }
# with_clock WHO: prints the variables of a program whose clock is that of WHO.
with_clock() {
    printf 'LD_PRELOAD=%q FAKETIME_TIMESTAMP_FILE=%q FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1' \
        "$FAKETIME" "$SCRATCH/$1-clock"
}
# clock WHO SECONDS: from now on the clock of WHO (sender, receiver) is off by so many seconds, such as +3600.
clock() { echo "$2" >"$SCRATCH/.clock" && mv "$SCRATCH/.clock" "$SCRATCH/$1-clock"; }

# start [COMMAND…]: the sender, by its clock, run by COMMAND.
start() {
    eval "$(with_clock sender) \"\$@\" \"\$SENDER\" >>\"\$DROP/log\" 2>&1 3>&- &"
    sender_pid=$!
    wait_for 20 logged Watching
}
arrived() { grep -qF ">$2</v>" "$OUTPUT_DIR/$1.xml" 2>/dev/null; }
# is_pending NAME STATUS: the receiver refused it with that, and the sender goes on trying.
is_pending() { run "$SENDER" --status && [[ $output == *'quarantined  0'* && $output == *"$1.json: status $2: "* ]]; }

@test "what a clock that was wrong made too old or too new arrives by itself when the clock is right" {
    local who number=0
    for who in 'sender +3600' 'sender -3600' 'receiver +3600' 'receiver -3600'; do
        number=$((number + 1))
        # shellcheck disable=SC2086  # two words
        clock $who
        [[ -n $sender_pid ]] || start
        put "wrong$number.json" '{"v": 1}'
        wait_for 20 is_pending "wrong$number" 400
        clock "${who% *}" +0
        wait_for 40 arrived "wrong$number" 1
    done
    wait_for 10 "$SENDER" --status
}

@test "a file that was delivered by a clock ahead is sent again when it changes, as soon as that time has come" {
    clock sender +50
    start
    put ahead.json '{"v": 1}'
    wait_for 20 arrived ahead 1
    # The clock is put right: what comes next is dated after what went before.
    clock sender +0
    put ahead.json '{"v": 2}'
    wait_for 20 arrived ahead 2
    # Without its memory the sender cannot know of that time.
    sender_stop
    rm -r "$STATUS_DB_PATH"
    start
    put ahead.json '{"v": 3}'
    wait_for 20 is_pending ahead 409
    arrived ahead 2
    clock sender +60
    clock receiver +60
    wait_for 40 arrived ahead 3
}

@test "both clocks are put back by more than the maximum age" {
    clock sender +3600
    clock receiver +3600
    start
    put both.json '{"v": 1}'
    wait_for 20 arrived both 1
    clock sender +0
    clock receiver +0
    put both.json '{"v": 2}'
    put other.json '{"v": 2}'
    wait_for 20 arrived other 2
    wait_for 40 is_pending both 409
    clock sender +3700
    clock receiver +3700
    wait_for 60 arrived both 2
}

@test "an older state that is put back costs a repetition, not a quarantine" {
    start
    put old.json '{"v": 1}'
    wait_for 20 arrived old 1
    sender_stop
    cp -r "$STATUS_DB_PATH" "$DROP/before"
    clock sender +30
    start
    put old.json '{"v": 2}'
    wait_for 20 arrived old 2
    sender_stop
    rm -r "$STATUS_DB_PATH"
    mv "$DROP/before" "$STATUS_DB_PATH"
    clock sender +0
    start
    put old.json '{"v": 3}'
    wait_for 20 is_pending old 409
    clock sender +40
    wait_for 40 arrived old 3
}

# rested SCANS: during the last so many scans of INPUT_DIR nothing was read there, and nothing was written.
rested() {
    awk -v scans="$1" -v folder="\"$INPUT_DIR\"" '
        index($0, folder) { seen++; busy[seen] = 0 }
        /\.json"|fdatasync/ { busy[seen] = 1 }
        END {
            for (i = seen - scans; i < seen; i++) if (i < 1 || busy[i]) exit 1
        }' "$DROP/trace"
}

@test "a file whose time lies in the future is not read and recorded again at each scan" {
    clock sender -3600
    clock receiver -3600
    put future.json '{"v": 1}'
    touch -d '+2 hours' "$INPUT_DIR/future.json"
    start strace -D -f -o "$DROP/trace" -e trace=openat,fdatasync
    wait_for 20 arrived future 1
    wait_for 30 rested 3
    put future.json '{"v": 2}'
    wait_for 20 arrived future 2
}
