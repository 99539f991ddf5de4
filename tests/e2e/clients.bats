#!/usr/bin/env bats
# "A client in ten lines" of docs/http-api.md: each stores what it is given, and tries again where that can help.
# shellcheck disable=SC2154,SC2016  # run sets $status and $output; $argv is PHP's

bats_require_minimum_version 1.5.0
load stack.bash

setup_file() {
    stack_new
    stack_start
}
teardown_file() { stack_end; }

# client LANGUAGE MESSAGE: runs the documented client, which prints the digest. (A busy machine may take long to start.)
client() {
    local number source folder=$BATS_TEST_TMPDIR
    case $1 in python) number=1 ;; php) number=2 ;; js) number=3 ;; esac
    source=$(documented docs/http-api.md "A client in ten lines" "$number")
    source=${source//https:\/\/localhost:5000/$URL}
    source=${source//certs\/localhost.pem/$CACERT}
    case $1 in
    python)
        printf '%s\nimport sys\nprint(store(sys.argv[1], (1,) * 120))\n' "$source" >"$folder/client.py"
        $PYTHON -I "$folder/client.py" "$2"
        ;;
    php)
        printf '%s\necho store($argv[1], array_fill(0, 120, 1)), "\\n";\n' "$source" >"$folder/client.php"
        php "$folder/client.php" "$2"
        ;;
    js)
        printf '%s\nconsole.log(await store(process.argv[2], Array(120).fill(1)))\n' "$source" >"$folder/client.mjs"
        NODE_EXTRA_CA_CERTS=$CACERT node "$folder/client.mjs" "$2"
        ;;
    esac
}

@test "each client stores a message and gets the digest that it could have computed" {
    local language message
    for language in python php js; do
        for message in '' foo $'two\nlines\n' "Grüße, $language \\ \"quoted\" {}"; do
            [[ $(client $language "$message") == "$(printf '%s' "$message" | sha256)" ]] || { echo "$language: $message"; false; }
            ask "/messages/$(printf '%s' "$message" | sha256)" -H 'Accept: text/plain'
            [[ $code == 200 ]] && cmp "$BODY" <(printf '%s' "$message")
        done
    done
}

@test "a client that is refused says why, and does not ask again" {
    local language
    for language in python php js; do
        URL=$URL/nothing run client $language refused
        [[ $status != 0 && $output == *404* ]] || { echo "$language: $output"; false; }
    done
    wait_for 10 are_logged 3
    run ! are_logged 4
}
are_logged() { (($(cat "$HASHPOST_HOME"/logs/httpd/access-*.log | grep -c ' /nothing/messages ') >= $1)); }

@test "a client waits for a service that is restarted" {
    local language pids=()
    stack_stop
    for language in python php js; do
        BATS_TEST_TMPDIR=$(mktemp -d "$SCRATCH/client.XXXXXX") client $language "stored by $language after a pause" >"$SCRATCH/$language" 3>&- &
        pids+=($!)
    done
    stack_start
    for pid in "${pids[@]}"; do wait "$pid"; done
    for language in python php js; do
        [[ $(<"$SCRATCH/$language") == "$(printf 'stored by %s after a pause' $language | sha256)" ]] || { cat "$SCRATCH/$language"; false; }
    done
}
