#!/usr/bin/env bats
# A real browser, on a page of another origin. (Debian's chromium; the rules themselves are in cors.bats.)
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

setup_file() {
    stack_new
    PAGES=$(free_port)
    export PAGES
    htpasswd -cbB "$SCRATCH/passwords" admin secret 2>/dev/null
    chmod 0644 "$SCRATCH/passwords"
    HASHPOST_PASSWORD_FILE=$SCRATCH/passwords HASHPOST_CORS_ORIGINS=http://localhost:$PAGES stack_start
}
teardown_file() { stack_end; }

setup() { command -v chromium >/dev/null || skip "there is no chromium (apt-get install chromium)"; }
teardown() {
    local pid
    # (chromium's own children end with it.)
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait_for 10 is_gone "$pid"; done
}

# browse HOST: what the page of that host could see; $SEEN.
browse() {
    local spki digest
    digest=$(printf 'from a page' | sha256)
    spki=$(openssl x509 -in "$CACERT" -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64)
    SEEN=$BATS_TEST_TMPDIR/seen
    $PYTHON -I "$ROOT/tests/tools/pages.py" --port "$PAGES" --page "$BATS_TEST_DIRNAME/cors_page.html" --result "$SEEN" 3>&- &
    pids=($!)
    wait_for 10 curl -s -o /dev/null "http://127.0.0.1:$PAGES/"
    # (Its sandbox does not start as root. The dev certificate is taken by its key, since chromium has a store of its own.)
    chromium --headless --no-sandbox --disable-gpu --user-data-dir="$BATS_TEST_TMPDIR/profile" --no-first-run \
        --ignore-certificate-errors-spki-list="$spki" "http://$1:$PAGES/?service=$URL&digest=$digest" >"$BATS_TEST_TMPDIR/chromium" 2>&1 3>&- &
    pids+=($!)
    wait_for 60 test -e "$SEEN" || { tail -n 20 "$BATS_TEST_TMPDIR/chromium"; return 1; }
}

@test "a page of a listed origin stores, reads, sees each failure, and deletes with a password of its own" {
    local digest
    digest=$(printf 'from a page' | sha256)
    browse localhost
    diff - "$SEEN" <<END
post 201 Location=/messages/$digest
get 200 ETag="$digest.json"
text 200 Repr-Digest=sha-256=:$(printf 'from a page' | openssl dgst -sha256 -binary | base64):
absent 404 /problems/message-not-found
malformed 400 /problems/malformed-json
delete-without 401 /problems/unauthorized WWW-Authenticate=$(www_authenticate)
with-credentials TypeError
delete 200
gone 404 /problems/message-not-found
END
}
www_authenticate() {
    ask /messages/x -X DELETE
    field www-authenticate
}

@test "a page of another origin sees nothing, and stores and deletes nothing" {
    post_text 'from a page'
    browse 127.0.0.1
    diff - "$SEEN" <<'END'
post TypeError
get TypeError
text TypeError
absent TypeError
malformed TypeError
delete-without TypeError
with-credentials TypeError
delete TypeError
gone TypeError
END
    ask "/messages/$(printf 'from a page' | sha256)"
    expect_json 200 '{"message":"from a page"}'
}
