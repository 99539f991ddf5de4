#!/usr/bin/env bats
# The file drop between one half of ours and one half as existing ones are: Flask, requests, Python's cryptography.
# shellcheck disable=SC2154,SC2153  # run sets $status and $output

load ../e2e/stack.bash
load ../e2e/drop.bash

setup() { sender_new; }
teardown() {
    [[ -z ${FLASK:-} ]] || kill "$FLASK"
    [[ -z ${SCRATCH:-} ]] || stack_end
    sender_end
}

# files: JSON in INPUT_DIR: small, with text beyond ASCII, and of some MiB.
files() {
    put small.json '{"title": "Dune", "year": 1965}'
    put text.json '["Gr\u00fc\u00dfe", "\ud83d\ude00 & <more>"]'
    printf '["%s"]' "$(head -c 3000000 /dev/zero | tr '\0' x)" >"$DROP/in/.big" && mv "$DROP/in/.big" "$DROP/in/big.json"
}

@test "a receiver made with Flask takes what the sender sends" {
    $PYTHON "$ROOT/tests/interop/flask_receiver.py" "$RECEIVER_PORT" "$DROP/receiver" "$ENCRYPTION_KEY" >"$DROP/flask.log" 2>&1 3>&- &
    FLASK=$!
    wait_for 20 curl -sf "http://127.0.0.1:$RECEIVER_PORT/"
    files
    run "$SENDER" --once
    [[ $status == 0 ]]
    diff "$DROP/receiver/small.xml" - <<'END'
<?xml version="1.0" ?>
<all>
	<title type="str">Dune</title>
	<year type="int">1965</year>
</all>
END
    diff "$DROP/receiver/text.xml" - <<'END'
<?xml version="1.0" ?>
<all>
	<item type="str">Grüße</item>
	<item type="str">😀 &amp; &lt;more&gt;</item>
</all>
END
    (($(stat -c %s "$DROP/receiver/big.xml") == 3000000 + $(printf '<?xml version="1.0" ?>\n<all>\n\t<item type="str"></item>\n</all>\n' | wc -c)))
    "$SENDER" --status
}

@test "a sender made with requests is served by the receiver" {
    stack_new
    export OUTPUT_DIR=$SCRATCH/out DECRYPTION_KEY=$SCRATCH/key
    unset INPUT_DIR
    install -m 0644 "$ENCRYPTION_KEY" "$DECRYPTION_KEY"
    stack_start
    local name
    printf '<all>small</all>' >"$DROP/small.xml"
    head -c 3000000 /dev/urandom | base64 >"$DROP/big.xml"
    for name in small big; do
        run "$PYTHON" "$ROOT/tests/interop/requests_sender.py" "$URL" "$CACERT" "$ENCRYPTION_KEY" "$DROP/$name.xml"
        [[ $output == "201 201 File is decrypted and saved to $OUTPUT_DIR/$name.xml" ]]
        cmp "$DROP/$name.xml" "$OUTPUT_DIR/$name.xml"
    done
}
