#!/usr/bin/env bats
# What the sender by itself finds, sends and refuses, against a receiver in the old shape (tests/tools/old_receiver.py).
# shellcheck disable=SC2154,SC2030,SC2031  # bats' run sets $status; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash
load drop.bash

setup() { sender_new; }
teardown() { sender_end; }

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

@test "what cannot be sent is quarantined with a reason, once, holds up nothing, and is tried again when it changes" {
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
    wait_for 20 has_logged 8 'is quarantined'
    run "$SENDER" --status
    ((status == 1))
    [[ $output == *'quarantined  8'* && $output == *'bad.json: The text is not valid JSON'* && $output == *'folder.json: It is a folder'* ]]
    [[ $output == *'link.json: It is a link that leads nowhere'* && $output == *'delivered    1'* ]]

    put bad.json '{"v": 2}'
    printf '{"v": 3}' >"$INPUT_DIR/nowhere"
    wait_for 20 has_uploads bad 1
    wait_for 20 has_uploads link 1
    # Another start reports none of them again.
    sender_stop
    sender_start
    put more.json '{"v": 1}'
    wait_for 20 has_uploads more 1
    has_logged 8 'is quarantined'
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
    [[ $output == *'deep.json is quarantined until it changes. Its XML would have more than 16777216 bytes, since it is nested deeply; '* ]]
    [[ ! -e $DROP/receiver/requests ]]
    SENDER_MAX_GROWTH=0 once 0
    has_uploads deep 1
    (($(stat -c %s "$DROP/receiver/out/deep.xml") > 16777216))
}
