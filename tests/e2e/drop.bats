#!/usr/bin/env bats
# The whole way of the file drop on the real parts: folder, sender, front, worker, folder.
# shellcheck disable=SC2154,SC2016,SC2030,SC2031  # run sets $status; patterns are no expansions; each test is a process

bats_require_minimum_version 1.5.0
load stack.bash
load drop.bash

setup_file() {
    stack_new
    export INPUT_DIR=$SCRATCH/in OUTPUT_DIR=$SCRATCH/out SCAN_INTERVAL=1
    export RECEIVER_SCHEME=https RECEIVER_ADDRESS=localhost RECEIVER_PORT=$HASHPOST_PORT RECEIVER_CA_FILE=$SCRATCH/ca.pem
    mkdir "$INPUT_DIR"
    if [[ $HASHPOST_FRONT == apache ]]; then
        SERVER_PORT=$(free_port)
        export SERVER_PORT
    fi
    "$ROOT/certs/make-dev-certs.sh"
    install -m 0644 "$CACERT" "$RECEIVER_CA_FILE"
    stack_start
    export ENCRYPTION_KEY=$HASHPOST_DATA/drop/decryption_key
}
teardown_file() { stack_end; }
teardown() { [[ -z ${WATCH:-} ]] || kill "$WATCH" 2>/dev/null || true; }

is_there() { [[ -e $OUTPUT_DIR/$1.xml ]]; }
are_there() { (($(find "$OUTPUT_DIR" -name "$1-*.xml" | wc -l) == $2)); }
sender_log() { cat "$HASHPOST_HOME"/logs/sender.log*; }
# A sender besides the one of the service, with folders of its own.
once() {
    mkdir -p "$SCRATCH/in2"
    run env INPUT_DIR="$SCRATCH/in2" STATUS_DB_PATH="$SCRATCH/state2" timeout 60 "$SENDER" --once
    [[ $status == "$1" ]] || { echo "--once ended with $status, not $1: $output"; return 1; }
}
# make_files FIRST COUNT BYTES: JSON files k-FIRST and so on in INPUT_DIR, of up to so many bytes and some of 2 bytes, and what
# they must become in SCRATCH/wanted.
make_files() {
    $PYTHON -I - "$INPUT_DIR" "$SCRATCH/wanted" "$@" <<'END'
import os, random, sys
folder, wanted, first, count, most = *sys.argv[1:3], *map(int, sys.argv[3:])
os.makedirs(wanted, exist_ok=True)
for number in range(first, first + count):
    name = "k-%d" % number
    if number % 10:
        text = ("%x" % number * (random.randrange(1, most) // 4 + 1))[: most - 9]
        json, inside = '{"v":"%s"}' % text, '<all>\n\t<v type="str">%s</v>\n</all>' % text
    else:
        json, inside = "{}", '<all type="dict"/>'
    new = os.path.join(folder, ".new")
    with open(os.path.join(wanted, name + ".xml"), "w") as file:
        file.write('<?xml version="1.0" ?>\n%s\n' % inside)
    with open(new, "w") as file:
        file.write(json)
    os.rename(new, os.path.join(folder, name + ".json"))
END
}

@test "a JSON file that is put into INPUT_DIR arrives as XML in OUTPUT_DIR" {
    put books.json '{"title": "Dune"}'
    wait_for 30 is_there books
    diff "$OUTPUT_DIR/books.xml" <(printf '<?xml version="1.0" ?>\n<all>\n\t<title type="str">Dune</title>\n</all>\n')
    log_says sender -F "books is uploaded successfully. Response from server: File is decrypted and saved to $OUTPUT_DIR/books.xml"
    # The key is nowhere but in its file.
    run ! grep -rqF "$(<"$ENCRYPTION_KEY")" "$HASHPOST_HOME/logs"
}

@test "over plain HTTP, too" {
    [[ $HASHPOST_FRONT == apache ]] || skip 'Apache only'
    mkdir -p "$SCRATCH/in2"
    printf '[1]' >"$SCRATCH/in2/plain.json"
    RECEIVER_SCHEME=http RECEIVER_ADDRESS=127.0.0.1 RECEIVER_PORT=$SERVER_PORT once 0
    wait_for 10 is_there plain
}

@test "a receiver that is not who it must be gets nothing" {
    mkdir -p "$SCRATCH/in2"
    printf '[1]' >"$SCRATCH/in2/other.json"
    "$ROOT/certs/make-dev-certs.sh" "$SCRATCH/other.pem" "$SCRATCH/other.key" >/dev/null
    RECEIVER_CA_FILE=$SCRATCH/other.pem once 1
    [[ $output == *'pending 1'* && $output == *'Unable to upload file. msg: https://localhost:'* ]]
    not is_there other
    once 0
    is_there other
}

@test "what is sealed with another key is quarantined, and goes out when the key is right" {
    mkdir -p "$SCRATCH/in2"
    printf '[2]' >"$SCRATCH/in2/key.json"
    (umask 077 && openssl rand -base64 32 >"$SCRATCH/other-key")
    ENCRYPTION_KEY=$SCRATCH/other-key once 1
    [[ $output == *'key.json is quarantined until it changes. status 400: '* ]]
    not is_there key
    once 0
    is_there key
}

@test "a reload keeps the drop going" {
    "$ROOT/service/hashpost" reload 3>&-
    put reloaded.json '{"v": 1}'
    wait_for 30 is_there reloaded
}

# HASHPOST_KILLS, HASHPOST_DROP_FILES and HASHPOST_DROP_BYTES say how often, how many files, and up to which size.
@test "kill -9 of sender, workers, front and supervisord loses nothing, shows nothing partial, and repeats one file at most" {
    [[ $HASHPOST_FRONT == apache ]] || skip 'the sender cares for no front'
    local kills=${HASHPOST_KILLS:-8} files=${HASHPOST_DROP_FILES:-200} most=${HASHPOST_DROP_BYTES:-200000}
    local number pid repeats left made=0
    mkdir -p "$SCRATCH/wanted"
    $PYTHON -I "$ROOT/tests/tools/watch_output.py" "$OUTPUT_DIR" "$SCRATCH/wanted" >"$SCRATCH/seen" 3>&- &
    WATCH=$!
    wait_for 10 grep -q ready "$SCRATCH/seen"
    for ((number = 0; number < kills; number++)); do
        make_files "$made" $(((number + 1) * files / kills - made)) "$most"
        made=$(((number + 1) * files / kills))
        # At a random moment of the work: after so many more files have arrived.
        wait_for 1 has_lines "$SCRATCH/seen" $(($(wc -l <"$SCRATCH/seen") + RANDOM % (files / kills + 1))) || true
        case $((number % 4)) in
        0) pid=$(started_processes SUPERVISOR_PROCESS_NAME=sender) ;;
        1) pid=$(worker_pid $((RANDOM % 2))) ;;
        2) pid=$(cat "$HASHPOST_HOME/front.pid") ;;
        3) pid=$(cat "$HASHPOST_HOME/supervisord.pid") ;;
        esac
        [[ -z $pid ]] || kill -9 "$pid" 2>/dev/null || true
        ((number % 4 != 3)) || stack_start >/dev/null
    done
    wait_for 120 are_there k "$files"
    wait_for 60 pool_is_whole
    wait_for 60 all_is_recorded
    kill "$WATCH"
    for ((number = 0; number < files; number++)); do cmp "$SCRATCH/wanted/k-$number.xml" "$OUTPUT_DIR/k-$number.xml"; done
    run ! grep -E 'partial|overflow' "$SCRATCH/seen"
    repeats=$(($(grep -c whole "$SCRATCH/seen") - files))
    echo "# $kills kills, $files files, $repeats sent once more" >&3
    ((repeats <= kills))
    # What was recorded as delivered is not sent again.
    [[ -z $(sender_log | grep -oE ' k-[0-9]+ is uploaded' | sort | uniq -d) ]]
    left=$(find "$OUTPUT_DIR" "$HASHPOST_DATA/sender" -name '.*' -o -path "$HASHPOST_DATA/sender/*" ! -name data.mdb ! -name lock.mdb)
    [[ -z $left ]] || { echo "left behind: $left"; false; }
}
all_is_recorded() { STATUS_DB_PATH=$HASHPOST_DATA/sender "$SENDER" --status; }
