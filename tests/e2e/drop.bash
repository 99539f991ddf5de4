# A sender with folders of its own, and an old receiver for it (tests/tools/old_receiver.py). Sourced by *.bats, after
# stack.bash.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # sender_status is for the tests; status and output are those of bats

SENDER=${HASHPOST_SENDER_BIN:-$ROOT/build/release/hashpost-sender}

# sender_new: names the folders of a new sender in the environment, with a key, and starts nothing.
sender_new() {
    DROP=$(mktemp -d "${HASHPOST_TEST_FOLDER:-/var/tmp}/hashpost-drop.XXXXXX")
    mkdir "$DROP/in" "$DROP/receiver"
    export DROP INPUT_DIR=$DROP/in STATUS_DB_PATH=$DROP/state ENCRYPTION_KEY=$DROP/key SCAN_INTERVAL=1
    (umask 077 && openssl rand -base64 32 >"$ENCRYPTION_KEY")
    RECEIVER_PORT=$(free_port)
    export RECEIVER_PORT
    sender_pid="" receiver_pid=""
}

# sender_end: ends both and forgets their files. Nothing but the state itself may be left of the sender.
sender_end() {
    local left
    sender_stop KILL
    old_receiver_stop
    left=$(find "$STATUS_DB_PATH" -mindepth 1 ! -name data.mdb ! -name lock.mdb 2>/dev/null)
    rm -rf "$DROP"
    [[ -z $left ]] || { echo "left in STATUS_DB_PATH: $left"; return 1; }
}

old_receiver_start() {
    $PYTHON "$ROOT/tests/tools/old_receiver.py" "$RECEIVER_PORT" "$DROP/receiver" "$ENCRYPTION_KEY" \
        >>"$DROP/receiver.log" 2>&1 3>&- &
    receiver_pid=$!
    wait_for 20 curl -sf "http://127.0.0.1:$RECEIVER_PORT/"
}
old_receiver_stop() {
    [[ -z $receiver_pid ]] || kill -9 "$receiver_pid" 2>/dev/null || true
    [[ -z $receiver_pid ]] || wait "$receiver_pid" 2>/dev/null || true
    receiver_pid=""
}

# odd_receiver_start [CERTIFICATE KEY]: one that is no receiver (tests/tools/odd_receiver.py), which old_receiver_stop ends.
odd_receiver_start() {
    $PYTHON "$ROOT/tests/tools/odd_receiver.py" "$RECEIVER_PORT" "$DROP/receiver" "$@" >>"$DROP/receiver.log" 2>&1 3>&- &
    receiver_pid=$!
    wait_for 20 curl -skf --noproxy '*' "http${1:+s}://localhost:$RECEIVER_PORT/"
}

# sender_start: in the background; its log is $DROP/log.
sender_start() {
    "$SENDER" >>"$DROP/log" 2>&1 3>&- &
    sender_pid=$!
}
# sender_stop [SIGNAL]: its exit status is in $sender_status.
sender_stop() {
    sender_status=0
    [[ -n $sender_pid ]] || return 0
    kill -s "${1:-TERM}" "$sender_pid" 2>/dev/null || true
    wait "$sender_pid" 2>/dev/null || sender_status=$?
    sender_pid=""
}

# What arrived: conditions for wait_for.
uploads() { grep -c "^$1 201 " "$DROP/receiver/requests" || true; } # of a name
has_uploads() { (($(uploads "$1") == $2)); }
has_requests() { (($(grep -c . "$DROP/receiver/requests") >= $1)); }
has_arrived() { [[ -e $DROP/receiver/out/$1.xml ]]; }
logged() { grep -qF -- "$1" "$DROP/log"; }
has_logged() { (($(grep -cF -- "$2" "$DROP/log" || true) == $1)); } # so often
# was_asked TIMES NAME: how often that name was uploaded, whatever came of it.
was_asked() { (($(grep -c "^$2 " "$DROP/receiver/requests") == $1)); }
have_arrived() { (($(find "$DROP/receiver/out" -name 'f*.xml' | wc -l) == $1)); }
# element NAME VALUE: the file NAME arrived and its only element <v> has that text.
element() { [[ $(sed -n 's/^\t<v type="[a-z]*">\(.*\)<\/v>$/\1/p' "$DROP/receiver/out/$1.xml" 2>/dev/null) == "$2" ]]; }

# put NAME TEXT: writes it as careful programs do, under another name first.
put() {
    printf '%s' "$2" >"$INPUT_DIR/.$1.new" && mv "$INPUT_DIR/.$1.new" "$INPUT_DIR/$1"
}

# once STATUS: runs the sender once; its words are in $output.
once() {
    run timeout 60 "$SENDER" --once
    [[ $status == "$1" ]] || { echo "--once ended with $status, not $1: $output"; return 1; }
}
