#!/usr/bin/env bats
# The sender by itself, against a receiver in the old shape, which opens the tokens with Python's `cryptography`.
# shellcheck disable=SC2154,SC2030,SC2031  # bats' run sets $status; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash
load drop.bash

setup() { sender_new; }
teardown() { sender_end; }

# once STATUS: runs the sender once; its words are in $output.
once() {
    run timeout 60 "$SENDER" --once
    [[ $status == "$1" ]] || { echo "--once ended with $status, not $1: $output"; return 1; }
}

@test "JSON files arrive as XML under their names, and each step is logged as it always was" {
    old_receiver_start
    put books.json '{"a b": [1, 2.50, null, true], "1": "<&>"}'
    once 0
    diff "$DROP/receiver/out/books.xml" <(printf '%s\n' '<?xml version="1.0" ?>' '<all>' $'\t<a_b type="list">' \
        $'\t\t<item type="int">1</item>' $'\t\t<item type="float">2.5</item>' $'\t\t<item type="null"/>' \
        $'\t\t<item type="bool">True</item>' $'\t</a_b>' $'\t<n1 type="str">&lt;&amp;&gt;</n1>' '</all>')
    local time='\[[-0-9]{10}T[:.0-9]{12}Z\] - \[INFO\] - \[sender\] - '
    grep -qE "^$time$INPUT_DIR/books.json is converted to books.xml\$" <<<"$output"
    grep -qE "^${time}books.xml is encrypted to books.xml.enc\$" <<<"$output"
    grep -qE "^${time}books is uploaded successfully. Response from server: File is decrypted and saved to out/books.xml\$" <<<"$output"
    grep -q '^books 201 books.xml.enc ' "$DROP/receiver/requests"
    [[ $output != *"$(<"$ENCRYPTION_KEY")"* ]]
}

@test "what was delivered is not sent again: not by the next run, and not when it is only touched" {
    old_receiver_start
    put a.json '{"v": 1}'
    once 0
    once 0
    touch -d '2001-01-01' "$INPUT_DIR/a.json"
    once 0
    put a.json '{"v": 1}'
    once 0
    sender_start
    put b.json '{"v": 2}'
    wait_for 20 has_uploads b 1
    sender_stop
    has_uploads a 1
}

@test "changed content is sent again, also when it changes back" {
    old_receiver_start
    local value
    for value in 1 2 1; do
        put a.json "{\"v\": $value}"
        once 0
        element a "$value"
    done
    has_uploads a 3
}

@test "a file that is written and closed, or moved in, goes out at once" {
    export SCAN_INTERVAL=3600
    old_receiver_start
    sender_start
    wait_for 20 logged Watching
    put moved.json '{"v": 1}'
    wait_for 20 has_uploads moved 1
    printf '{"v": 2}' >"$INPUT_DIR/written.json"
    wait_for 20 has_uploads written 1
    printf '{"v": 3}' >"$INPUT_DIR/written.json"
    wait_for 20 has_uploads written 2
}

@test "a file that no event tells of is found by the next scan" {
    old_receiver_start
    put before.json '{"v": 1}'
    printf '{"v": 2}' >"$DROP/elsewhere"
    sender_start
    wait_for 20 has_uploads before 1
    ln "$DROP/elsewhere" "$INPUT_DIR/linked.json"
    wait_for 20 has_uploads linked 1
    # The folder is replaced by another one.
    mv "$INPUT_DIR" "$INPUT_DIR.old"
    wait_for 20 logged 'cannot be read'
    mkdir "$INPUT_DIR"
    put after.json '{"v": 3}'
    wait_for 20 has_uploads after 1
}

# Runs the sender in the background where the user may have no inotify instance.
sender_start_without_inotify() {
    unshare --user --map-root-user bash -c 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"' _ "$SENDER" "$@" >>"$DROP/log" 2>&1 3>&- &
    sender_pid=$!
}

@test "without an inotify instance the sender warns, and scans" {
    unshare --user --map-root-user true || skip 'no user namespaces'
    old_receiver_start
    put before.json '{"v": 1}'
    sender_start_without_inotify
    wait_for 20 has_uploads before 1
    put after.json '{"v": 2}'
    wait_for 20 has_uploads after 1
    has_logged 1 "INPUT_DIR=$INPUT_DIR cannot be watched (inotify: Too many open files)"
    sender_stop
    ((sender_status == 0))
    # A single run needs none.
    put once.json '{"v": 3}'
    sender_start_without_inotify --once
    wait "$sender_pid"
    sender_pid=""
    has_uploads once 1 && has_logged 1 'cannot be watched'
}

@test "when more events come than the kernel keeps, the folder is scanned at once" {
    export SCAN_INTERVAL=3600
    old_receiver_start
    put first.json '{"v": 1}'
    sender_start
    wait_for 20 has_uploads first 1
    kill -STOP "$sender_pid"
    # Of names that are not the sender's, by turns, or else they would become one event.
    $PYTHON -I - "$INPUT_DIR" "$(</proc/sys/fs/inotify/max_queued_events)" <<'END'
import os, sys
for number in range(int(sys.argv[2]) + 10):
    os.close(os.open(os.path.join(sys.argv[1], "x%d.txt" % (number % 2)), os.O_WRONLY | os.O_CREAT))
END
    put last.json '{"v": 2}'
    kill -CONT "$sender_pid"
    wait_for 20 has_uploads last 1
}

@test "names that share a prefix do not share a target" {
    old_receiver_start
    put a.json '{"v": 1}'
    put a.b.json '{"v": 2}'
    put a.b.c.json '{"v": 3}'
    put 'with space%?#&"ü.json' '{"v": 4}'
    put .hidden.json '{"v": 5}'
    put other.txt '{"v": 6}'
    put capital.JSON '{"v": 7}'
    once 0
    [[ $output == *'capital.JSON is passed over: only names that end in .json, in small letters, are sent; rename it.'* && $output != *other.txt* ]]
    element a 1 && element a.b 2 && element a.b.c 3 && element 'with space%?#&"ü' 4
    (($(find "$DROP/receiver/out" -type f | wc -l) == 4))
}

@test "what cannot be sent is set aside with a reason, once, holds up nothing, and is tried again when it changes" {
    old_receiver_start
    put good.json '{"v": 1}'
    put bad.json '{"v": 1'
    put empty.json ''
    put nan.txt ''
    mkdir "$INPUT_DIR/folder.json"
    ln -s nowhere "$INPUT_DIR/link.json"
    mkfifo "$INPUT_DIR/fifo.json"
    put "$(printf 'n%.0s' {1..201}).json" '{"v": 1}'
    put $'tab\t.json' '{"v": 1}'
    put $'latin\xfc.json' '{"v": 1}'
    sender_start
    wait_for 20 has_uploads good 1
    wait_for 20 has_logged 8 'is set aside'
    run "$SENDER" --status
    ((status == 1))
    [[ $output == *'set aside  8'* && $output == *'bad.json: The text is not valid JSON'* && $output == *'folder.json: It is a folder'* ]]
    [[ $output == *'link.json: It is a link that leads nowhere'* && $output == *'delivered  1'* ]]

    put bad.json '{"v": 2}'
    printf '{"v": 3}' >"$INPUT_DIR/nowhere"
    wait_for 20 has_uploads bad 1
    wait_for 20 has_uploads link 1
    # Another start reports none of them again.
    sender_stop
    sender_start
    put more.json '{"v": 1}'
    wait_for 20 has_uploads more 1
    has_logged 8 'is set aside'
}

@test "while the receiver is away nothing is lost, and it is found when it is back" {
    put a.json '{"v": 1}'
    put b.json '{"v": 2}'
    once 1
    [[ $output == *'pending 2'* ]]
    sender_start
    wait_for 20 logged 'Unable to upload file. msg: http://127.0.0.1'
    run "$SENDER" --status
    [[ $status == 1 && $output == *'pending    2, the oldest for '* ]]
    old_receiver_start
    wait_for 40 has_uploads a 1
    wait_for 40 has_uploads b 1
    wait_for 20 "$SENDER" --status
    logged 'The receiver can be reached again.'
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
    not logged 'set aside'
}

@test "a file that changes all the time is never dated in the future" {
    local value
    old_receiver_start
    sender_start
    for value in 1 2 3 4; do
        put a.json "{\"v\": $value}"
        wait_for 20 element a "$value"
    done
    wait_for 20 has_uploads a 4
    (($(tail -n 1 "$DROP/receiver/requests" | cut -d' ' -f5) <= $(date +%s)))
    [[ -z $(cut -d' ' -f5 "$DROP/receiver/requests" | sort | uniq -d) ]]
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

@test "what the receiver refuses is set aside until it changes, settings change, or --retry" {
    old_receiver_start
    local name
    for name in a b c d; do
        echo 403 >"$DROP/receiver/answer.$name"
        put $name.json '{"v": 1}'
    done
    once 1
    once 1
    has_requests 4 && not has_requests 5
    [[ $output == *'set aside 4'* ]]
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

@test "a file that changes while it is read arrives whole, as it was at one time" {
    old_receiver_start
    sender_start
    # In place, without a pause, in steps: every state on the way is JSON of the same size, but must never be seen mixed.
    $PYTHON -I - "$INPUT_DIR/a.json" <<'END'
import os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
end = time.monotonic() + 4
turn = 0
while time.monotonic() < end:
    letter = b"ab"[turn % 2:turn % 2 + 1]
    os.pwrite(fd, b'{"v": "' + letter * 3000000 + b'"}', 0)
    turn += 1
os.pwrite(fd, b'{"v": "' + b"z" * 3000000 + b'"}', 0)
os.close(fd)
END
    wait_for 20 grep -q 'type="str">z' "$DROP/receiver/out/a.xml"
    wait_for 20 has_requests 1 # (the receiver notes an upload after it has written the file)
    local letter known=""
    for letter in a b z; do
        known+=" $({
            printf '<?xml version="1.0" ?>\n<all>\n\t<v type="str">'
            head -c 3000000 /dev/zero | tr '\0' "$letter"
            printf '</v>\n</all>\n'
        } | sha256)"
    done
    while read -r _ _ _ sum _; do [[ $known == *$sum* ]] || { echo "a mixture arrived"; false; }; done <"$DROP/receiver/requests"
}

@test "XML that would be far longer than its JSON is not made, unless a setting allows it" {
    old_receiver_start
    $PYTHON -I -c 'print("[%s]" % ",".join(["[" * 900 + "]" * 900] * 30))' >"$INPUT_DIR/deep.json"
    once 1
    [[ $output == *'deep.json is set aside until it changes. Its XML would have more than 16777216 bytes, since it is nested deeply; '* ]]
    [[ ! -e $DROP/receiver/requests ]]
    SENDER_MAX_GROWTH=0 once 0
    has_uploads deep 1
    (($(stat -c %s "$DROP/receiver/out/deep.xml") > 16777216))
}

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
        RECEIVER_SCHEME=ftp RECEIVER_ADDRESS='a b' RECEIVER_URI=upload RECEIVER_URI='/a b' LOG_LEVEL=loud \
        INPUT_DIR= INPUT_DIR=/nowhere INPUT_DIR=/etc/passwd STATUS_DB_PATH= STATUS_DB_PATH=/nowhere/below \
        RECEIVER_CERT=/etc/passwd RECEIVER_CA_FILE=/nowhere; do
        (
            export "${setting?}"
            once 78
            [[ $output == *"${setting%%=*}"* ]]
        ) || { echo "the case: $setting"; false; }
    done
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
    [[ $status == 1 && $output == *'delivered  1'* && $output == *'bad.json: The text'* ]]
    sender_stop
    # Nobody works with it, and the lock's file is gone: it is not made.
    rm -f "$STATUS_DB_PATH/lock.mdb"
    run "$SENDER" --status
    [[ $status == 1 && $output == *'delivered  1'* ]]
    [[ $(ls -A "$STATUS_DB_PATH") == data.mdb ]]
    STATUS_DB_PATH=$DROP/none run "$SENDER" --status
    [[ $status == 1 && $output == *'pending    2'* && ! -e $DROP/none ]]
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
