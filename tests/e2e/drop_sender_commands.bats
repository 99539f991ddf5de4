#!/usr/bin/env bats
# Settings, options and signals of the sender by itself.
# shellcheck disable=SC2154,SC2030,SC2031  # bats' run sets $status; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash
load drop.bash

setup() { sender_new; }
teardown() { sender_end; }

@test "SIGTERM ends it promptly, also during an upload, and leaves nothing" {
    old_receiver_start
    sender_start
    wait_for 20 logged Watching
    sender_stop
    ((sender_status == 0))
    touch "$DROP/receiver/hold.a"
    put a.json '{"v": 1}'
    sender_start
    wait_for 20 has_arrived a
    local begin=$SECONDS
    sender_stop
    ((sender_status == 0 && SECONDS - begin <= 15))
    rm "$DROP/receiver/hold.a"
}

@test "a second sender with the same state is refused" {
    old_receiver_start
    sender_start
    wait_for 20 logged Watching
    once 75
    [[ $output == *'Another sender'* ]]
}

@test "a wrong setting or key is refused by name" {
    local setting
    for setting in SCAN_INTERVAL=0 SCAN_INTERVAL=x SENDER_PARALLEL=65 SENDER_MAX_GROWTH=-1 RECEIVER_PORT=0 RECEIVER_PORT=65536 \
        RECEIVER_SCHEME=ftp RECEIVER_ADDRESS='a b' RECEIVER_ADDRESS=drop.example:8080 RECEIVER_ADDRESS=127.0.0.1:8080 RECEIVER_ADDRESS=1::2::3 \
        RECEIVER_PROXY=http://proxy:99999 RECEIVER_PROXY=http://[proxy:3128 RECEIVER_URI=upload RECEIVER_URI='/a b' LOG_LEVEL=loud \
        INPUT_DIR= INPUT_DIR=/nowhere INPUT_DIR=/etc/passwd STATUS_DB_PATH= STATUS_DB_PATH=/nowhere/below \
        RECEIVER_CERT=/etc/passwd RECEIVER_CA_FILE=/nowhere; do
        (
            export "${setting?}"
            once 78
            [[ $output == *"${setting%%=*}"* ]]
        ) || { echo "the case: $setting"; false; }
    done
    RECEIVER_ADDRESS='fe80::1%lo' run "$SENDER" --check
    [[ $status == 0 && $output == *'RECEIVER=http://[fe80::1%25lo]:'* ]]
    : >"$ENCRYPTION_KEY"
    once 78
    echo 'bm90IGVub3VnaA==' >"$ENCRYPTION_KEY"
    once 78
    run timeout 20 "$SENDER"
    ((status == 78))
    rm "$ENCRYPTION_KEY"
    once 78
    [[ $output == *"Encryption key is not available in $ENCRYPTION_KEY."* ]]
    "$SENDER" --help | grep -q 'Exit status'
}

@test "a STATUS_DB_PATH that cannot hold files without a name is refused at the start" {
    mkdir "$STATUS_DB_PATH"
    # (A file system that knows no O_TMPFILE and that every kernel has.)
    unshare --user --map-root-user --mount --ipc mount -t mqueue none "$STATUS_DB_PATH" || skip 'no user namespaces'
    # shellcheck disable=SC2016  # for the inner shell
    run unshare --user --map-root-user --mount --ipc bash -c 'mount -t mqueue none "$STATUS_DB_PATH" && exec "$1" --once' _ "$SENDER"
    [[ $status == 78 && $output == *"STATUS_DB_PATH=$STATUS_DB_PATH cannot be used: its file system makes no files without a name (O_TMPFILE)"* ]]
}

@test "whatever is not one option is refused before anything else" {
    local words
    for words in --frobnicate once '--once --status' '--once x' '--status --once' '--help me' ''; do
        # shellcheck disable=SC2086  # words
        run env -i "$SENDER" ${words:-""}
        ((status == 64)) || { echo "$words: $status $output"; false; }
        [[ $output == *'see hashpost-sender --help.'* || $output == *'See --help.'* ]]
    done
}

@test "SIGHUP has the key file read again" {
    old_receiver_start
    sender_start
    put old.json '{"v": 1}'
    wait_for 20 has_uploads old 1
    openssl rand -base64 32 >"$ENCRYPTION_KEY" # (the receiver reads it at each upload)
    kill -HUP "$sender_pid"
    wait_for 20 has_logged 2 'Sealing with the key'
    put new.json '{"v": 2}'
    wait_for 20 has_uploads new 1
    # A file that holds no key does not end it.
    cp "$ENCRYPTION_KEY" "$DROP/good"
    echo nonsense >"$ENCRYPTION_KEY"
    kill -HUP "$sender_pid"
    wait_for 20 logged 'The sender goes on with the key'
    cp "$DROP/good" "$ENCRYPTION_KEY"
    put last.json '{"v": 3}'
    wait_for 20 has_uploads last 1
}

# What another user does who may read all folders. (As another user: whoever is not root just loses the right to write.)
by_reader() {
    chmod a+rX "$DROP" "$DROP/in" "$STATUS_DB_PATH" "$STATUS_DB_PATH/data.mdb"
    if ((EUID == 0)); then
        setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
    else
        chmod a-w "$STATUS_DB_PATH/lock.mdb" "$STATUS_DB_PATH"
        "$@"
    fi
}

@test "--status works for whoever may read, changes nothing, and names what it cannot read" {
    old_receiver_start
    put a.json '{"v": 1}'
    put bad.json '['
    once 1
    sender_start
    run by_reader "$SENDER" --status
    [[ $status == 1 && $output == *'delivered    1'* && $output == *'bad.json: The text'* ]]
    sender_stop
    # Nobody works with it, and the lock's file is gone: it is not made.
    rm -f "$STATUS_DB_PATH/lock.mdb"
    run "$SENDER" --status
    [[ $status == 1 && $output == *'delivered    1'* ]]
    [[ $(ls -A "$STATUS_DB_PATH") == data.mdb ]]
    STATUS_DB_PATH=$DROP/none run "$SENDER" --status
    [[ $status == 1 && $output == *'pending      2'* && ! -e $DROP/none ]]
    STATUS_DB_PATH=$DROP/none run "$SENDER" --retry
    [[ $status == 0 && $output == "0 files will be tried again: there is no state in STATUS_DB_PATH=$DROP/none yet." && ! -e $DROP/none ]]
    ((EUID == 0)) || return 0
    chmod 0600 "$STATUS_DB_PATH/data.mdb"
    local option
    for option in --status --retry; do
        run setpriv --reuid=65534 --regid=65534 --clear-groups "$SENDER" $option
        [[ $status == 69 && $output == *"STATUS_DB_PATH=$STATUS_DB_PATH cannot be "*'Permission denied.'* ]]
    done
}

@test "root's --retry leaves the state to the sender's user" {
    ((EUID == 0)) || skip 'root only'
    old_receiver_start
    put bad.json '['
    once 1
    chown -R 65534:65534 "$STATUS_DB_PATH"
    rm "$STATUS_DB_PATH/lock.mdb"
    chmod 0755 "$DROP"
    run "$SENDER" --retry
    [[ $status == 0 && $output == '1 files will be tried again.' ]]
    [[ -e $STATUS_DB_PATH/lock.mdb && -z $(find "$STATUS_DB_PATH" -user root) ]]
}

@test "a key that comes later is waited for" {
    mv "$ENCRYPTION_KEY" "$DROP/key.later"
    put a.json '{"v": 1}'
    sender_start
    wait_for 20 logged "Encryption key is not available in $ENCRYPTION_KEY."
    mv "$DROP/key.later" "$ENCRYPTION_KEY"
    old_receiver_start
    wait_for 20 has_uploads a 1
}

@test "at a terminal --once draws a bar, and nowhere else" {
    old_receiver_start
    put a.json '{"v": 1}'
    run script -qec "'$SENDER' --once" /dev/null
    [[ $output == *'[########################################] 1 of 1'* ]]
    put b.json '{"v": 1}'
    once 0
    [[ $output != *'###'* ]]
}
