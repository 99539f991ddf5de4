#!/usr/bin/env bats
# Every failure is a problem document (RFC 9457), whoever makes it: the list in docs/http-api.md, row by row, on HTTP/1.1 and
# HTTP/2.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034  # ask sets $code; each test is a process of its own; provoke.bash reads VERSION

bats_require_minimum_version 1.5.0
load stack.bash
load provoke.bash

HELLO=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
# Provoked on a service of which parts are closed, see below.
CLOSED=" forbidden drop-off store-full not-ready "
# These need a disk that is full or fails, or a worker that ends: other tests provoke them, and here a worker that is none says
# them, so that each is seen to reach the client as a worker writes it.
ELSEWHERE=" body-incomplete internal-error record-damaged store-damaged store-read-only replayed token-time busy drop-unavailable drop-full upload-broken-off \
store-unavailable spool-full "

setup_file() {
    stack_new
    export HASHPOST_MAX_MESSAGE_BYTES=65536 HASHPOST_HANG_SECONDS=10 HASHPOST_PASSWORD_FILE=$SCRATCH/passwords HASHPOST_LOGIN_RATE=1
    htpasswd -cbB "$HASHPOST_PASSWORD_FILE" somebody secret
    chmod 0644 "$HASHPOST_PASSWORD_FILE"
    stack_start
    post_text hello
    echo hello >"$SCRATCH/small"
    head -c 70000 /dev/zero | tr '\0' x >"$SCRATCH/over"
    # Over the limit of what Apache spools (16 MiB), too.
    head -c 18000000 /dev/zero >"$SCRATCH/large"
    # Needs limits.conf's own time to be refused, so it begins first.
    raw send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nslow' answer \
        >"$SCRATCH/slow" 2>&1 3>&- &
    SLOW=$!
    export SLOW
}
teardown_file() { stack_end; }

# Lines "status type maker versions" of the table, one for each maker of a row; versions are "1.1 2", "1.1" or "2".
rows() {
    # shellcheck disable=SC2016  # backquotes of the document
    sed -nE 's/^\| ([45][0-9]{2}) \| `([a-z0-9-]+)` \| .* \| ([^|]+) \|$/\1 \2 \3/p' "$ROOT/docs/http-api.md" |
        while read -r row_status slug makers; do
            tr ',' '\n' <<<"$makers" | sed -E 's/^ *//; s/^[A-Za-z]+$/& 1.1 2/; s/ \(HTTP\/([0-9.]+)\)$/ \1/' | sed "s/^/$row_status $slug /"
        done
}

others_are_served() { ask "/messages/$HELLO" && expect_json 200 '{"message":"hello"}'; }

# (Of several connections in a row, each process has some.)
others_are_served_by_each_process() {
    local number
    for number in {1..12}; do others_are_served || return; done
}

# provoke KIND STATUS SLUG VERSIONS: calls KIND_slug for each version and expects that problem; afterwards others are served.
provoke() {
    local function=$1_${3//-/_}
    for VERSION in $4; do
        code="" FIELDS=/dev/null BODY=/dev/null
        "$function" || { echo "$function over HTTP/$VERSION failed"; said "$2 $3"; return 1; }
        expect_problem "$2" "$3" || { echo "the case: $function over HTTP/$VERSION"; return 1; }
        # (lighttpd puts no field of ours into a failure that it finds early.)
        [[ $HASHPOST_FRONT == lighttpd || $(field x-content-type-options) == nosniff ]] || said "nosniff with $3" || return
        # (lighttpd's processes take a worker for gone up to a second after it is back, each for itself.)
        [[ $HASHPOST_FRONT != lighttpd ]] || wait_for 10 others_are_served_by_each_process
        others_are_served || { echo "after $function over HTTP/$VERSION"; return 1; }
    done
}

@test "the list is whole: each row has a maker and a way to provoke it" {
    local row_status slug maker versions seen=0 kind
    while read -r row_status slug maker versions; do
        seen=$((seen + 1))
        [[ $maker =~ ^(worker|Apache|nginx|lighttpd)$ && $versions =~ ^(1\.1|2|1\.1 2)$ ]] || { echo "$row_status $slug: $maker $versions"; false; }
        if [[ $ELSEWHERE == *" $slug "* ]]; then
            grep -rqE "\b${slug}\b" "$ROOT"/tests/{unit,faults,e2e/{drop_receiver,bulk}.bats} || { echo "nothing provokes $slug"; false; }
        else
            kind=by
            [[ $maker != worker ]] || kind=worker
            [[ $(type -t "${kind}_${slug//-/_}") == function ]] || { echo "no way to provoke $slug by $maker"; false; }
        fi
    done < <(rows)
    ((seen > 60)) || { echo "only $seen rows"; false; }
    # Nothing that a web server could send is missing in the list.
    while read -r row_status slug; do
        rows | grep -qE "^$row_status $slug (Apache|nginx|lighttpd)" || { echo "not in the list: $row_status $slug"; false; }
    done < <(sed -nE 's,^\{"type": "/problems/([a-z0-9-]+)".*"status": ([0-9]+).*,\2 \1,p' "$ROOT"/httpd-conf/errors/*.json)
}

@test "a failure that the web server makes itself is a problem document" {
    local row_status slug maker versions rows_of_it
    rows_of_it=$(rows | grep -i " $HASHPOST_FRONT ")
    [[ -n $rows_of_it ]]
    while read -r -u 7 row_status slug maker versions; do
        [[ $HASHPOST_FRONT:$slug != lighttpd:http-version ]] || ! is_newer_lighttpd || continue # (front_lighttpd.bats)
        # (A fault that is a worker's elsewhere is lighttpd's own word for one that died.)
        [[ $CLOSED$ELSEWHERE == *" $slug "* && $slug != internal-error ]] || provoke by "$row_status" "$slug" "$versions"
    done 7<<<"$rows_of_it"
}

@test "a failure that a worker makes is a problem document" {
    local row_status slug maker versions
    while read -r -u 7 row_status slug maker versions; do
        [[ $slug != length-required ]] || versions=1.1 # (curl states one)
        [[ $CLOSED$ELSEWHERE == *" $slug "* ]] || provoke worker "$row_status" "$slug" "$versions"
    done 7< <(rows | grep ' worker ')
}

@test "whatever failure a worker makes reaches the client as it is" {
    with_fake_worker problem every_failure_of_workers
}
every_failure_of_workers() {
    local row_status slug
    while read -r -u 7 row_status slug _; do
        for VERSION in 1.1 2; do
            v_bulk "?$row_status+$slug"
            expect_problem "$row_status" "$slug" || { echo "HTTP/$VERSION"; return 1; }
            [[ $(<"$BODY") == *"This is the sentence of $slug."* && $(field cache-control) == no-store ]] || said "$slug" || return
        done
    done 7< <(rows | grep ' worker ')
}

# Stores another message of SIZE bytes, whose content is $SCRATCH/rest; is there no room?
is_full_for() {
    head -c "$1" /dev/urandom | base64 -w 0 | head -c "$1" >"$SCRATCH/rest"
    ask /messages -H 'Content-Type: text/plain' --data-binary "@$SCRATCH/rest"
    [[ $code == 507 ]]
}

@test "where parts are closed or full, failures are problem documents as well" {
    (
        stack_new
        trap stack_end EXIT
        unset HASHPOST_PASSWORD_FILE
        export HASHPOST_ACCESS_READ=none OUTPUT_DIR=none HASHPOST_MAX_STORE_BYTES=1M
        stack_start
        # (A worker that was not asked for more calls a store full that has no room for small messages either.)
        local size
        for size in 50000 500 50000; do wait_for 30 is_full_for "$size"; done
        for VERSION in 1.1 2; do
            by_forbidden && expect_problem 403 forbidden
            worker_drop_off
            [[ $code == 404 && $(field content-type) == application/problem+json && $(<"$BODY") == *'/problems/drop-off"'* ]] || said 404
            worker_store_full && expect_problem 507 store-full
            worker_not_ready && expect_problem 503 not-ready
        done
    )
}

@test "a body over the limit is 413 in every size and framing, also past what the web server spools" {
    local bytes framing
    # (Apache spools 16 MiB at most with this limit of messages.)
    for bytes in 1100000 18000000; do
        head -c "$bytes" /dev/zero >"$SCRATCH/sized"
        for VERSION in 1.1 2; do
            for framing in "" --no-content-length; do
                v_file "$SCRATCH/sized" $framing
                if [[ $HASHPOST_FRONT == lighttpd && $VERSION$framing == 2--no-content-length ]]; then
                    expect_problem 411 length-required
                else
                    expect_problem 413 too-large || { echo "$bytes bytes, HTTP/$VERSION $framing"; false; }
                fi
            done
        done
    done
    [[ -z $(find "$HASHPOST_HOME/tmp" -type f) ]]
}

@test "a large limit of messages is enforced" {
    (
        stack_new
        trap stack_end EXIT
        export HASHPOST_MAX_MESSAGE_BYTES=2M
        stack_start
        # (Twice 6 × 2 MiB and a bit.)
        head -c 27000000 /dev/zero >"$SCRATCH/sized"
        for VERSION in 1.1 2; do
            v_file "$SCRATCH/sized"
            expect_problem 413 too-large
            [[ $HASHPOST_FRONT$VERSION != lighttpd2 ]] || continue
            v_file "$SCRATCH/sized" --no-content-length
            expect_problem 413 too-large
        done
    )
}

@test "a TRACE is 405, and Allow is what OPTIONS says of that path" {
    local path allow
    for path in / /livez /readyz /messages "/messages/$HELLO" /messages/x /upload/x /problems/not-found /messages?a=b; do
        for VERSION in 1.1 2; do
            v "$path" -X OPTIONS
            [[ $code == 204 ]] || said 204
            allow=$(field allow)
            v "$path" -X TRACE
            expect_problem 405 method-not-allowed || [[ $path == /upload/* && $code == 405 ]]
            [[ $(field allow) == "$allow" ]] || said "Allow: $allow for $path"
        done
    done
}

@test "one client's failure does not change what another one's is called" {
    # lighttpd remembers the type of a file; a page below /problems/ was one.
    for VERSION in 1.1 2; do
        v /problems/not-found
        [[ $code == 200 && $(field content-type) == 'text/html; charset=utf-8' ]] || said 200
        v /problems/not-found -X PUT -H 'Content-Length: 0'
        expect_problem 405 method-not-allowed
        v /problems/not-found -H 'If-Match: "x"' -H 'Range: bytes=9999999-'
        [[ $code == 200 && $(<"$BODY") == *'/problems/not-found'* ]] || said 200
        v /messages -X BREW
        [[ $code == 405 ]] && expect_problem 405 method-not-allowed || expect_problem 501 not-implemented
    done
}

@test "odd requests get failures of the list, or none" {
    rows | awk '{ print $1, $2 }' | sort -u >"$SCRATCH/failures"
    $PYTHON -I "$ROOT/tests/tools/odd_requests.py" --port "$HASHPOST_PORT" --cacert "$CACERT" "$SCRATCH/failures"
    ask "/messages/$HELLO"
    expect_json 200 '{"message":"hello"}'
}

@test "the documents of the web servers are what their table makes" {
    "$ROOT/httpd-conf/make-errors" "$SCRATCH/made"
    diff -r "$SCRATCH/made/errors" "$ROOT/httpd-conf/errors"
    diff "$SCRATCH/made/errors.conf" "$ROOT/httpd-conf/errors.conf"
}
