#!/usr/bin/env bats
# A proxy before Hashpost: another Apache, with the lines of docs/install.md, which comes from 127.0.0.2.
# shellcheck disable=SC2154  # ask sets $code

load stack.bash

DIGEST=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

setup_file() {
    stack_new
    HASHPOST_TRUSTED_PROXIES=127.0.0.2,192.0.2.0/24
    PROXY_PORT=$(free_port)
    # (The proxy sends from an address of IPv4, but "localhost" in its lines may mean ::1 first.)
    export HASHPOST_LISTEN=127.0.0.1 HASHPOST_TRUSTED_PROXIES PROXY_PORT PROXY=http://127.0.0.1:$PROXY_PORT
    stack_start
    proxy_start
    post_text hello
}
teardown_file() {
    kill "$(<"$SCRATCH/proxy.pid")"
    stack_end
}

proxy_start() {
    local module lines
    lines=$(documented docs/install.md "On a machine where Apache already runs")
    lines=${lines//https:\/\/localhost:5000/$URL}
    {
        for module in mpm_event authz_core proxy proxy_http ssl; do
            echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
        done
        printf '%s\n' "ServerRoot $SCRATCH" "DefaultRuntimeDir $SCRATCH" "PidFile $SCRATCH/proxy.pid" "ErrorLog $SCRATCH/proxy.log" \
            "User www-data" "Listen 127.0.0.1:$PROXY_PORT" "<VirtualHost *:$PROXY_PORT>" "ServerName example.org" \
            "ProxySourceAddress 127.0.0.2" "${lines//\/opt\/hashpost/$ROOT}" "</VirtualHost>"
    } >"$SCRATCH/proxy.conf"
    /usr/sbin/apache2 -f "$SCRATCH/proxy.conf" 3>&-
    wait_for 10 curl -s -o /dev/null "$PROXY/"
}

# through ADDRESS PATH [CURL OPTION…]: like ask, from a client with that address, through the proxy.
through() { URL=$PROXY ask "$2" --interface "$1" "${@:3}"; }

logged_for() { cat "$HASHPOST_HOME"/logs/httpd/access-*.log | grep -F " $1 HTTP/" | cut -d' ' -f1 | grep -qxF "$2"; }
# client_of PATH ADDRESS: that request, which is asked for once, is logged for that address.
client_of() {
    wait_for 10 logged_for "$1" "$2" || {
        grep -hF " $1 " "$HASHPOST_HOME"/logs/httpd/access-*.log
        return 1
    }
}

@test "through the proxy the service answers as directly" {
    through 127.0.0.1 "/messages/$DIGEST"
    expect_json 200 '{"message":"hello"}'
    through 127.0.0.1 /messages -H 'Content-Type: application/x-ndjson' --data-binary $'{"message":"hello"}\n{"message":"bulk"}\n'
    [[ $code == 200 && $(wc -l <"$BODY") == 2 ]]
    through 127.0.0.1 /messages/nothing
    expect_problem 404 message-not-found
    through 127.0.0.1 /problems/not-found
    [[ $code == 200 ]]
}

@test "through an nginx in front a message, a bulk upload and a large body pass as directly, with the client's address" {
    local port lines
    port=$(free_port)
    lines=$(documented docs/install.md "An nginx in front")
    # (localhost may be ::1 to nginx, which an address of IPv4 cannot ask.)
    lines=${lines//https:\/\/localhost:5000/https:\/\/127.0.0.1:$HASHPOST_PORT}
    mkdir -p "$SCRATCH/nginx"
    cat >"$SCRATCH/nginx.conf" <<END
pid $SCRATCH/nginx/pid;
error_log $SCRATCH/nginx/log;
events {}
http {
    access_log off;
    client_body_temp_path $SCRATCH/nginx;
    proxy_temp_path $SCRATCH/nginx;
    proxy_bind 127.0.0.2;
    server {
        listen 127.0.0.1:$port;
        ${lines//\/opt\/hashpost/$ROOT}
    }
}
END
    /usr/sbin/nginx -e "$SCRATCH/nginx/log" -c "$SCRATCH/nginx.conf" 3>&-
    NGINX=$SCRATCH/nginx/pid
    wait_for 10 curl -s -o /dev/null "http://127.0.0.1:$port/"
    PROXY=http://127.0.0.1:$port
    through 127.0.0.1 "/messages/$DIGEST"
    expect_json 200 '{"message":"hello"}' || { cat "$SCRATCH/nginx/log"; false; }
    through 127.0.0.9 /messages/through-nginx
    client_of /messages/through-nginx 127.0.0.9
    through 127.0.0.1 /messages -H 'Content-Type: application/x-ndjson' --data-binary $'{"message":"hello"}\n{"message":"nginx"}\n'
    [[ $code == 200 && $(wc -l <"$BODY") == 2 ]]
    head -c 1048576 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/large"
    through 127.0.0.1 /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/large"
    [[ $code == 201 || $code == 200 ]] || said 201
    printf x >>"$BATS_TEST_TMPDIR/large"
    through 127.0.0.1 /messages -H 'Content-Type: text/plain' --data-binary "@$BATS_TEST_TMPDIR/large"
    expect_problem 413 too-large
}
teardown() { [[ -z ${NGINX:-} ]] || kill "$(<"$NGINX")"; }

@test "the log shows the client that a trusted proxy names, and not what the client forged" {
    through 127.0.0.9 /messages/client-1
    client_of /messages/client-1 127.0.0.9
    through 127.0.0.9 /messages/client-2 -H 'X-Forwarded-For: 10.1.1.1'
    client_of /messages/client-2 127.0.0.9
    # A second proxy of ours, before this one, says who asked it.
    through 127.0.0.9 /messages/client-3 -H 'X-Forwarded-For: 10.1.1.1, 198.51.100.3, 192.0.2.4'
    client_of /messages/client-3 127.0.0.9
    ask /messages/client-4 --interface 127.0.0.2 -H 'X-Forwarded-For: 10.1.1.1, 198.51.100.3, 192.0.2.4'
    client_of /messages/client-4 198.51.100.3
}

@test "from anybody else the header counts for nothing" {
    ask /messages/direct-1 --interface 127.0.0.3 -H 'X-Forwarded-For: 198.51.100.3'
    client_of /messages/direct-1 127.0.0.3
}

@test "with a trusted proxy DELETE is 403, whatever the header says and wherever it comes from" {
    local from
    for from in 127.0.0.1 ::1 127.0.0.2 localhost; do
        through 127.0.0.1 "/messages/$DIGEST" -X DELETE -H "X-Forwarded-For: $from" -H "Forwarded: for=$from" -H "X-Real-IP: $from"
        expect_problem 403 forbidden
        ask "/messages/$DIGEST" -X DELETE --interface 127.0.0.2 -H "X-Forwarded-For: $from"
        expect_problem 403 forbidden
        ask "/messages/$DIGEST" -X DELETE --interface 127.0.0.3 -H "X-Forwarded-For: $from"
        expect_problem 403 forbidden
    done
    ask "/messages/$DIGEST"
    expect_json 200 '{"message":"hello"}'
}

@test "without trusted proxies nobody's header counts" {
    HASHPOST_TRUSTED_PROXIES="" stack_stop
    HASHPOST_TRUSTED_PROXIES="" stack_start
    ask /messages/direct-2 --interface 127.0.0.2 -H 'X-Forwarded-For: 198.51.100.3'
    client_of /messages/direct-2 127.0.0.2
}

@test "what is no address is refused" {
    local proxies
    for proxies in proxy.example.org 192.0.2.0/33 '192.0.2.7;' '*'; do
        export HASHPOST_TRUSTED_PROXIES=$proxies
        run "$ROOT/service/hashpost" check
        [[ $status == 78 && $output == *"HASHPOST_TRUSTED_PROXIES=$proxies must be"* ]] || { echo "$output"; false; }
    done
}
