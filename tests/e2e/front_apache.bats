#!/usr/bin/env bats
# Apache's own ways.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034,SC2153  # ask sets $code and $FIELDS, and reads URL; each test is a process of its own

bats_require_minimum_version 1.5.0
export HASHPOST_FRONT=apache
load stack.bash

setup_file() {
    stack_new
    export HASHPOST_MAX_MESSAGE_BYTES=65536
    stack_start
    post_text hello
}
teardown_file() { stack_end; }

# expect_for STATUS SLUG WHAT: expect_problem, naming the case.
expect_for() { expect_problem "$1" "$2" || { echo "the case: $3"; return 1; }; }

@test "header fields that are too large are 400 on HTTP/1.1 and 431 on HTTP/2" {
    local big
    big=$(printf 'x%.0s' {1..9000})
    ask / --http1.1 -H "X-Big: $big"
    expect_for 400 bad-request 'one field on HTTP/1.1'
    ask / --http2 -H "X-Big: $big"
    expect_for 431 header-too-large 'one field on HTTP/2'
    local fields=()
    for number in {1..150}; do fields+=(-H "X-Field-$number: x"); done
    ask / --http1.1 "${fields[@]}"
    expect_for 400 bad-request 'many fields on HTTP/1.1'
    ask / --http2 "${fields[@]}"
    expect_for 431 header-too-large 'many fields on HTTP/2'
}

@test "a body of unknown length is refused when it has filled what may be spooled of it, and not at its end" {
    # (16 MiB and some more, of which nothing is a message.)
    head -c 20000000 /dev/zero >"$BATS_TEST_TMPDIR/zeros"
    raw_answer send 'POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n' \
        file "$BATS_TEST_TMPDIR/zeros" answer
    [[ $code =~ ^(413|507)$ ]] || said 413
    [[ -z $(find "$HASHPOST_HOME/tmp" -type f) ]]
}

@test "every line of the error log has the one format" {
    raw --plain send 'garbage\r\n\r\n' end >"$BATS_TEST_TMPDIR/x"
    wait_for 20 test -s "$HASHPOST_HOME/logs/httpd/error.log"
    run grep -vE '^\[[0-9-]+[T ][0-9:.]+Z?\] - \[[A-Za-z]+\] - \[[a-z-]+\] - ' "$HASHPOST_HOME/logs/httpd/error.log"
    [[ -z $output ]]
}

@test "what writes the logs ends at the TERM that Apache waits for, and no line is lost" {
    local pids pid
    mapfile -t pids < <(pgrep -P "$(cat "$HASHPOST_HOME/front.pid")" -f 'rotate-log (access|error)\.log$')
    ((${#pids[@]} == 2))
    kill -s TERM "${pids[@]}"
    for pid in "${pids[@]}"; do wait_for 20 is_gone "$pid"; done
    for _ in {1..20}; do
        ask /no-line-is-lost
        [[ $code == 404 ]]
    done
    wait_for 20 are_logged 20
}
are_logged() { (($(cat "$HASHPOST_HOME"/logs/httpd/access-*.log | grep -c no-line-is-lost) == $1)); }

@test "with HASHPOST_HTTPD_MPM=worker it serves, too" {
    "$ROOT/service/hashpost" down
    HASHPOST_HTTPD_MPM=worker "$ROOT/service/hashpost" up
    grep -q mod_mpm_worker "/proc/$(<"$HASHPOST_HOME/front.pid")/maps"
    make_load --clients 16 --requests 1000 --mix get=80,post=20 >"$BATS_TEST_TMPDIR/load" || { cat "$BATS_TEST_TMPDIR/load"; false; }
}

# An httpd that has other sites, with hashpost.conf below /here; it uses this instance's pool.
vhost_start() {
    local module
    VHOST_PORT=$(free_port)
    "$ROOT/service/write-vhost-settings" "$SCRATCH/vhost-settings.conf"
    {
        for module in mpm_event asis authn_core authn_file auth_basic authz_core authz_user alias buffer deflate env filter headers proxy proxy_fcgi rewrite setenvif substitute; do
            echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
        done
        printf '%s\n' "ServerRoot $SCRATCH" "DefaultRuntimeDir $SCRATCH" "PidFile $SCRATCH/vhost.pid" "ErrorLog $SCRATCH/vhost.log" \
            "User www-data" "Group www-data" "ServerName localhost" "Listen 127.0.0.1:$VHOST_PORT" "DocumentRoot $ROOT/httpd-conf/errors" \
            "<Directory $ROOT/httpd-conf/errors>" "Require all granted" "</Directory>" "Define HASHPOST_PREFIX /here" \
            "Include $SCRATCH/vhost-settings.conf" "<VirtualHost *:$VHOST_PORT>" "Include $ROOT/httpd-conf/hashpost.conf" "</VirtualHost>"
    } >"$SCRATCH/vhost.httpd.conf"
    /usr/sbin/apache2 -f "$SCRATCH/vhost.httpd.conf" 3>&-
    wait_for 10 curl -s -o /dev/null "http://127.0.0.1:$VHOST_PORT/"
    URL=http://127.0.0.1:$VHOST_PORT
}
teardown() {
    [[ ! -e $SCRATCH/vhost.pid ]] || kill "$(<"$SCRATCH/vhost.pid")"
    wait_for 10 not test -e "$SCRATCH/vhost.pid"
}

@test "below a prefix of somebody's host, pages of listed origins may do what they may, and other paths are as they were" {
    local app=https://app.example.org path
    htpasswd -cbB "$SCRATCH/passwords" admin secret 2>/dev/null
    chmod 0644 "$SCRATCH/passwords"
    export HASHPOST_CORS_ORIGINS=$app HASHPOST_PASSWORD_FILE=$SCRATCH/passwords
    vhost_start
    for path in /here/messages/x /here/livez /here/problems/x; do
        ask "$path" -H "Origin: $app"
        [[ $(field access-control-allow-origin) == "$app" && $(field vary) == *Origin* ]] || said "open: $path"
        ask "$path" -H "Origin: https://evil.example"
        run ! grep -i '^access-control' "$FIELDS"
    done
    ask /here/messages -H "Origin: $app" -H 'Content-Type: text/plain' -d hello
    [[ $code == 200 && $(field location) == /here/messages/* && $(field access-control-expose-headers) == *Location* ]] || said 200
    ask /here/messages/x -X DELETE -H "Origin: $app"
    expect_problem_below 401
    [[ $(field access-control-allow-origin) == "$app" ]] || said 401
    ask /here/messages/x -X OPTIONS -H "Origin: $app" -H 'Access-Control-Request-Method: DELETE'
    [[ $code == 204 && $(field access-control-allow-methods) == *DELETE* && $(field access-control-allow-origin) == "$app" ]] || said 204
    for path in / /400.json /hereafter; do
        ask "$path" -H "Origin: $app"
        run ! grep -iE '^access-control|^vary:.*origin' "$FIELDS"
        ask "$path" -X OPTIONS -H "Origin: $app" -H 'Access-Control-Request-Method: DELETE'
        run ! grep -iE '^access-control|^vary:.*origin' "$FIELDS"
        [[ $code != 204 ]] || said "no preflight's response at $path"
    done
}
expect_problem_below() { [[ $code == "$1" && $(field content-type) == application/problem+json && $(<"$BODY") == *'"/here/problems/'* ]] || said "$1"; }

@test "Apache's threads follow the memory, and the open files that somebody without root may have" {
    # shellcheck disable=SC2016  # for the inner shell
    local print='ulimit -n "$2" && source "$1/service/settings.sh" && echo "$HASHPOST_HTTPD_THREADS"' threads memory
    memory=$(awk '/^MemTotal:/ { m = int($2 / 1024); print (m < 640 ? 640 : m > 2560 ? 2560 : m) }' /proc/meminfo)
    threads=$(bash -euc "$print" - "$ROOT" "$(ulimit -Hn)")
    # (A container may have less.)
    ((threads >= 8 && threads <= memory))
    ((EUID == 0)) || skip 'takes root, to become somebody else'
    threads=$(runuser -u www-data -- env -u HASHPOST_HOME -u HASHPOST_DATA bash -euc "$print" - "$ROOT" 3000)
    ((threads <= (3000 - 512) / 4))
}

@test "below a prefix of somebody's host, what comes with gzip is inflated, and a bomb is 413" {
    export HASHPOST_GZIP=yes
    vhost_start
    printf 'below a prefix' | gzip >"$BATS_TEST_TMPDIR/coded"
    local coded=(-H 'Content-Type: text/plain' -H 'Content-Encoding: gzip')
    ask /here/messages "${coded[@]}" --data-binary "@$BATS_TEST_TMPDIR/coded"
    [[ $code == 201 && $(<"$BODY") == *"$(printf 'below a prefix' | sha256)"* ]] || said 201
    $PYTHON -I "$ROOT/tests/tools/bomb.py" 300 '\0' >"$BATS_TEST_TMPDIR/bomb"
    ask /here/messages "${coded[@]}" --data-binary "@$BATS_TEST_TMPDIR/bomb"
    expect_problem_below 413
    ask /400.json "${coded[@]}" --data-binary "@$BATS_TEST_TMPDIR/coded"
    [[ $code != 413 ]]
}
