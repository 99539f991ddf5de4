#!/usr/bin/env bats
# The sender when the disk of its memory is full.
# shellcheck disable=SC2154,SC2030,SC2031

load ../e2e/stack.bash
load ../e2e/drop.bash

setup() {
    sender_new
    mkdir "$STATUS_DB_PATH"
    ((EUID == 0)) || skip "only root can mount a small disk"
    mount -t tmpfs -o size=96k tmpfs "$STATUS_DB_PATH"
}
teardown() {
    sender_stop KILL
    old_receiver_stop
    umount "$STATUS_DB_PATH" || true
    rm -rf "$DROP"
}

@test "while STATUS_DB_PATH is full nothing is sent twice, and once there is room all is recorded" {
    local number files=600
    old_receiver_start
    put before.json '{"v": 1}'
    sender_start
    wait_for 20 has_uploads before 1
    head -c 1M /dev/zero >"$STATUS_DB_PATH/fill" 2>/dev/null || true
    for ((number = 0; number < files; number++)); do printf '[]' >"$INPUT_DIR/f$number.json"; done
    # Whoever has no record waits with it, and so all of them do in the end.
    wait_for 60 has_logged 8 'cannot be written'
    (($(grep -c . "$DROP/receiver/requests") < files))
    rm "$STATUS_DB_PATH/fill"
    mount -o remount,size=8m "$STATUS_DB_PATH"
    wait_for 60 have_arrived "$files"
    wait_for 60 "$SENDER" --status
    [[ -z $(sort "$DROP/receiver/requests" | uniq -d) ]]
}
