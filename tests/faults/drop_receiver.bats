#!/usr/bin/env bats
# Uploads to the file drop while workers are killed. HASHPOST_KILLS: how many.

load ../e2e/stack.bash

setup_file() {
    stack_new
    export OUTPUT_DIR=$SCRATCH/out DECRYPTION_KEY=$SCRATCH/key
    $PYTHON -I "$ROOT/tests/tools/drop.py" key >"$DECRYPTION_KEY"
    chmod 0644 "$DECRYPTION_KEY"
    stack_start
}
teardown_file() { stack_end; }

has_taken_more() { (($(worker_logs | grep -c 'is decrypted and saved') > $1)); }

@test "however workers are killed, every file that is seen is whole, every upload ends, and nothing else is left" {
    local number pid flood kills=${HASHPOST_KILLS:-20}
    $PYTHON -I "$ROOT/tests/tools/drop.py" flood "$URL" "$DECRYPTION_KEY" "$OUTPUT_DIR" 12 1000000 1500000 \
        "$BATS_TEST_TMPDIR/stop" "$CACERT" >"$BATS_TEST_TMPDIR/flood" 2>&1 3>&- &
    flood=$!
    for ((number = 0; number < kills; number++)); do
        # As soon as one more was taken; the others are at any point then.
        wait_for 30 has_taken_more "$(worker_logs | grep -c 'is decrypted and saved')"
        pid=$(worker_pid $((number % 2)))
        [[ -z $pid ]] || kill -s KILL "$pid"
    done
    touch "$BATS_TEST_TMPDIR/stop"
    wait "$flood" || { cat "$BATS_TEST_TMPDIR/flood"; false; }
    cat "$BATS_TEST_TMPDIR/flood"
    grep -q '^taken [1-9]' "$BATS_TEST_TMPDIR/flood"
    wait_for 30 pool_is_whole
}
