#!/usr/bin/env bats
# docs/http-api.md: its commands give what it says, behind each web server.
# shellcheck disable=SC2154,SC2153,SC2030,SC2031  # ask sets $code and $BODY; each test is a process of its own

load stack.bash

setup_file() {
    stack_new
    export OUTPUT_DIR=$SCRATCH/incoming DECRYPTION_KEY=$SCRATCH/key
    drop key >"$DECRYPTION_KEY"
    chown --reference="$SCRATCH" "$DECRYPTION_KEY"
    chmod 0644 "$DECRYPTION_KEY"
    stack_start
}
teardown_file() { stack_end; }

drop() { $PYTHON -I "$ROOT/tests/tools/drop.py" "$@"; }

# conversation: prints what the document says, with the port and the folder of this service.
conversation() {
    documented docs/http-api.md "With curl" | sed "s|https://localhost:5000|$URL|; s|/srv/incoming|$OUTPUT_DIR|"
}

@test "each curl line of the document gives what the document says" {
    local line command="" expected="" said count=0
    cd "$BATS_TEST_TMPDIR"
    ln -s "$ROOT/certs" certs
    printf '<all/>' | drop seal "$DECRYPTION_KEY" >books.xml.enc
    while IFS= read -r line; do
        if [[ $line == '$ '* || -z $line ]]; then
            if [[ -n $command ]]; then
                said=$(bash -c "${command/curl /curl -sS }" | tr -d '\r')
                [[ $said == "$expected" ]] || { printf 'typed: %s\nsays:  %s\n' "$command" "$said" && return 1; }
                count=$((count + 1))
            fi
            command=${line#\$ } expected=""
        else
            expected+=${expected:+$'\n'}$line
        fi
    done < <(conversation && echo)
    ((count == 13))
}

@test "curl -d @file strips the newlines of a file, --data-binary keeps them, and a bare -d is told which -H to add" {
    printf 'two\nlines\n' >"$BATS_TEST_TMPDIR/text"
    ask /messages -H 'Content-Type: text/plain' -d "@$BATS_TEST_TMPDIR/text"
    expect_json 201 "{\"digest\":\"$(printf twolines | sha256)\"}"
    ask /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/text"
    [[ $(<"$BODY") == "{\"digest\":\"$(sha256 "$BATS_TEST_TMPDIR/text")\"}" ]] || said 'the digest of the file'
    ask /messages -d '{"message":"foo"}'
    expect_problem 415 unsupported-media-type
    [[ $(<"$BODY") == *"add -H 'Content-Type: application/json'"* ]] || said 'the option of curl'
}
