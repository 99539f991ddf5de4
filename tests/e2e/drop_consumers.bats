#!/usr/bin/env bats
# The folder of the file drop, as its consumers see it.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

setup_file() {
    stack_new
    export OUTPUT_DIR=$SCRATCH/out KEY=$SCRATCH/key DECRYPTION_KEY=$SCRATCH/key TOKENS=$SCRATCH/tokens
    $PYTHON -I "$ROOT/tests/tools/drop.py" key >"$KEY"
    chown --reference="$SCRATCH" "$KEY"
    chmod 0644 "$KEY"
    stack_start
}
teardown_file() { stack_end; }
teardown() {
    # shellcheck disable=SC2086  # a list of process ids
    [[ -z ${CONSUMERS:-} ]] || kill $CONSUMERS 2>/dev/null || true
    [[ -z ${OWN_STACK:-} ]] || {
        stack_end
        rm -rf "$OUTPUT_DIR"
    }
}

# upload NAME TEXT: newer than all before.
upload() {
    local token=$BATS_TEST_TMPDIR/token
    echo >>"$TOKENS"
    printf %s "$2" | $PYTHON -I "$ROOT/tests/tools/drop.py" seal "$KEY" $((EPOCHSECONDS + $(wc -l <"$TOKENS"))) >"$token"
    ask "/upload/$1" -F "file=@$token"
    [[ $code == 201 ]] || said 201
}

# consumer FILE COMMAND…: runs in the background; every line that it prints is a file that it was told of. FILE gets each, and
# what was in it then.
consumer() {
    local file=$1
    shift
    "$@" 2>"$file.err" 3>&- > >(while read -r line; do
        printf '%s %s\n' "$line" "$(cat "$OUTPUT_DIR/${line##*[/ ]}" 2>/dev/null)"
    done >"$file") &
    CONSUMERS="${CONSUMERS:-} $!"
}
# The usual ones, one for each event, and one that is told everything but who reads.
start_consumers() {
    local events=create,modify,attrib,close_write,moved_from,moved_to,delete
    consumer "$BATS_TEST_TMPDIR/moved_to" inotifywait -m -e moved_to --format %f "$OUTPUT_DIR"
    consumer "$BATS_TEST_TMPDIR/close_write" inotifywait -m -e close_write --format %f "$OUTPUT_DIR"
    consumer "$BATS_TEST_TMPDIR/all" inotifywait -m -e "$events" --format '%e %f' "$OUTPUT_DIR"
    consumer "$BATS_TEST_TMPDIR/on_closed" "$PYTHON" -I "$ROOT/tests/tools/on_closed.py" "$OUTPUT_DIR"
    for kind in moved_to close_write all on_closed; do wait_for 20 grep -q established "$BATS_TEST_TMPDIR/$kind.err"; done
}
# expect_told COUNT LINE: each consumer was told of so many files, the last one as in LINE.
expect_told() {
    local kind
    for kind in moved_to close_write on_closed; do
        wait_for 20 has_lines "$BATS_TEST_TMPDIR/$kind" "$1"
        [[ $(wc -l <"$BATS_TEST_TMPDIR/$kind") == "$1" && $(tail -n 1 "$BATS_TEST_TMPDIR/$kind") == *"$2" ]] ||
            { cat "$BATS_TEST_TMPDIR/$kind"; return 1; }
    done
    wait_for 20 has_lines "$BATS_TEST_TMPDIR/all" $((2 * $1))
    diff <(tail -n +$((2 * $1 - 1)) "$BATS_TEST_TMPDIR/all") <(printf '%s\n' "MOVED_TO $2" "CLOSE_WRITE,CLOSE $2")
}

tell_consumers() {
    start_consumers
    upload books first
    expect_told 1 'books.xml first'
    upload films second
    expect_told 2 'films.xml second'
    upload books third
    expect_told 3 'books.xml third'
    # Nor does a start of workers show anything.
    stack_reload >/dev/null
    upload films fourth
    expect_told 4 'films.xml fourth'
}

@test "consumers that wait for moved_to, close_write or on_closed are told each file once, whole, by its name only" {
    tell_consumers
    [[ $(cd "$OUTPUT_DIR" && find . -mindepth 1 | sort | xargs) == './books.xml ./films.xml' ]]
    [[ -z $(ls -A "$HASHPOST_DATA/drop/incoming") ]]
    rm "$OUTPUT_DIR"/*
}

@test "on a file system of its own the output folder tells consumers the same" {
    OWN_STACK=1
    stack_new
    OUTPUT_DIR=$(mktemp -d /dev/shm/hashpost-test.XXXXXX)
    export OUTPUT_DIR
    [[ $(stat -c %d "$OUTPUT_DIR") != "$(stat -c %d "$SCRATCH")" ]] || skip 'no other file system'
    ((EUID != 0)) || chown www-data: "$OUTPUT_DIR"
    stack_start
    tell_consumers
    [[ $(cd "$OUTPUT_DIR" && find . -mindepth 1 | sort | xargs) == './.hashpost-incoming ./books.xml ./films.xml' ]]
    [[ $(stat -c %a "$OUTPUT_DIR/.hashpost-incoming") == 700 ]]
}

@test "files in a setgid folder get its group, also one that the workers do not have" {
    ((EUID == 0)) || skip 'only root can give away a folder'
    OWN_STACK=1
    stack_new
    export OUTPUT_DIR=$SCRATCH/out
    install -d -o www-data -g games -m 2750 "$OUTPUT_DIR"
    not grep -qw "$(getent group games | cut -d : -f 3)" <(id -G www-data)
    stack_start
    upload books first
    [[ $(stat -c '%a %U %G' "$OUTPUT_DIR/books.xml") == '640 www-data games' ]]
    # One that they do have needs no detour.
    install -d -o www-data -g www-data -m 2750 "$OUTPUT_DIR"
    upload films second
    [[ $(stat -c '%a %U %G' "$OUTPUT_DIR/films.xml") == '640 www-data www-data' ]]
}

@test "files get the mode and the group that were chosen" {
    OWN_STACK=1
    stack_new
    export OUTPUT_DIR=$SCRATCH/out HASHPOST_FILE_MODE=0664 HASHPOST_FILE_GROUP=games
    ((EUID == 0)) || HASHPOST_FILE_GROUP=$(id -gn)
    # Only one of the user's own.
    ((EUID != 0)) || {
        run -78 "$ROOT/service/hashpost" up 3>&-
        [[ $output == *"HASHPOST_FILE_GROUP=games is a group that www-data does not belong to"* ]]
        HASHPOST_FILE_GROUP=www-data
    }
    stack_start
    upload books first
    [[ $(stat -c '%a %G' "$OUTPUT_DIR/books.xml") == "664 $HASHPOST_FILE_GROUP" ]]
}

# An upload that a worker is reading: something of it is kept.
is_kept() {
    local pid
    for pid in $(worker_pids); do
        ! find "/proc/$pid/fd" -lname "$SCRATCH/*/#*" 2>/dev/null | grep -q . || return 0
    done
    return 1
}

@test "if another folder takes the place of OUTPUT_DIR during an upload, 201 names a file in the new one" {
    local size form=$'--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n' pid # (lighttpd takes what is below 1 MB whole before a worker sees it.)
    OWN_STACK=1
    stack_new
    export OUTPUT_DIR=$SCRATCH/out
    stack_start
    head -c 1200000 /dev/urandom | base64 -w 0 >"$BATS_TEST_TMPDIR/plain"
    $PYTHON -I "$ROOT/tests/tools/drop.py" seal "$KEY" <"$BATS_TEST_TMPDIR/plain" >"$BATS_TEST_TMPDIR/token"
    head -c 1000000 "$BATS_TEST_TMPDIR/token" >"$BATS_TEST_TMPDIR/begin"
    tail -c +1000001 "$BATS_TEST_TMPDIR/token" >"$BATS_TEST_TMPDIR/rest"
    printf '\r\n--B--\r\n' >>"$BATS_TEST_TMPDIR/rest"
    size=$((${#form} + $(cat "$BATS_TEST_TMPDIR"/{begin,rest} | wc -c)))
    raw --timeout 60 send "POST /upload/books HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Type: multipart/form-data; boundary=B\\r\\nContent-Length: $size\\r\\n\\r\\n$form" \
        file "$BATS_TEST_TMPDIR/begin" until "$BATS_TEST_TMPDIR/replaced" file "$BATS_TEST_TMPDIR/rest" answer >"$BATS_TEST_TMPDIR/raw" 3>&- &
    pid=$!
    wait_for 20 is_kept
    mv "$OUTPUT_DIR" "$OUTPUT_DIR.old"
    cp -a "$OUTPUT_DIR.old" "$OUTPUT_DIR"
    touch "$BATS_TEST_TMPDIR/replaced"
    wait "$pid"
    raw_parse "$BATS_TEST_TMPDIR/raw"
    [[ $code == 201 ]] || said 201
    cmp "$OUTPUT_DIR/books.xml" "$BATS_TEST_TMPDIR/plain"
    [[ -z $(ls -A "$OUTPUT_DIR.old") ]]
}
