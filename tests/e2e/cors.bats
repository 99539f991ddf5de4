#!/usr/bin/env bats
# Pages of other origins (HASHPOST_CORS_ORIGINS), as their browsers would ask; https://fetch.spec.whatwg.org/#http-cors-protocol
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

APP=https://app.example.org
LOCAL="http://[::1]:8080"
HELLO=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

setup_file() {
    stack_new
    htpasswd -cbB "$SCRATCH/passwords" admin secret 2>/dev/null
    chmod 0644 "$SCRATCH/passwords"
    export HASHPOST_PASSWORD_FILE=$SCRATCH/passwords HASHPOST_MAX_MESSAGE_BYTES=65536
    HASHPOST_CORS_ORIGINS=$APP,$LOCAL stack_start
    post_text hello
}
teardown_file() { stack_end; }

# fields NAME: all values in the last response, joined.
fields() { sed -nE "s/^$1: (.*)\r$/\1/Ip" "$FIELDS" | paste -sd,; }
# has_item NAME ITEM: the list has it.
has_item() { [[ ",$(fields "$1" | tr -d ' ')," == *,"$2",* ]]; }

# open_to ORIGIN: a page of this origin may read the last response.
open_to() {
    [[ $(fields access-control-allow-origin) == "$1" ]] || said "Access-Control-Allow-Origin: $1" || return
    local name
    for name in Location ETag Link Retry-After Repr-Digest Allow Accept-Post WWW-Authenticate; do
        has_item access-control-expose-headers "$name" || said "$name exposed" || return
    done
    [[ -z $(fields access-control-allow-credentials) ]] || said "no credentials" || return
    [[ $1 == '*' ]] || has_item vary Origin || said "Vary: Origin"
}
# closed: the last response has no field for a page of another origin, and caches know that it could have.
closed() {
    ! grep -i '^access-control' "$FIELDS" || said "no Access-Control field" || return
    has_item vary Origin || said "Vary: Origin"
}

preflight() { ask "$1" -X OPTIONS -H "Origin: $2" -H "Access-Control-Request-Method: $3" "${@:4}"; }
# allows METHOD: the last response is a preflight's that allows it.
allows() {
    local name
    [[ $code == 204 && ! -s $BODY ]] || said 204 || return
    has_item access-control-allow-methods "$1" || said "$1 allowed" || return
    for name in Authorization Content-Type Content-Digest Repr-Digest If-Match If-None-Match; do
        has_item access-control-allow-headers "$name" || said "$name allowed" || return
    done
    [[ $(fields access-control-max-age) == 7200 ]] || said "Access-Control-Max-Age: 7200"
}

@test "each response that the worker makes is open to a page of a listed origin, errors included" {
    local origin http
    for http in --http1.1 --http2; do
        for origin in "$APP" "$LOCAL"; do
            ask /messages $http -H "Origin: $origin" -H 'Content-Type: application/json' -d '{"message":"hello"}'
            [[ $code == 200 && $(field location) == "/messages/$HELLO" ]] || said 200
            open_to "$origin"
            ask "/messages/$HELLO" $http -H "Origin: $origin"
            [[ $code == 200 ]] && has_item vary Accept || said "200, Vary: Accept"
            open_to "$origin"
            ask "/messages/$HELLO" $http -H "Origin: $origin" -H "If-None-Match: \"$HELLO.json\""
            [[ $code == 304 ]] || said 304
            open_to "$origin"
            ask "/messages/$HELLO" $http -I -H "Origin: $origin"
            [[ $code == 200 ]] || said 200
            open_to "$origin"
            ask /messages $http -H "Origin: $origin" -H 'Content-Type: application/x-ndjson' -d '{"message":"hello"}'
            [[ $code == 200 ]] || said 200
            open_to "$origin"
            ask /messages $http -H "Origin: $origin" -H 'Content-Type: application/json' -d '{'
            expect_problem 400 malformed-json
            open_to "$origin"
            ask /messages/x $http -H "Origin: $origin"
            expect_problem 404 message-not-found
            open_to "$origin"
            ask /livez $http -X PUT -H "Origin: $origin"
            expect_problem 405 method-not-allowed
            open_to "$origin"
            ask /messages $http -H "Origin: $origin" -H 'Content-Type: image/png' -d x
            expect_problem 415 unsupported-media-type
            open_to "$origin"
            ask /upload/x $http -H "Origin: $origin" -d x
            [[ $code == 4* ]] || said 4xx
            open_to "$origin"
        done
    done
}

@test "each response that the web server makes is open to a page of a listed origin" {
    local http
    for http in --http1.1 --http2; do
        ask "/messages/$HELLO" $http -X DELETE -H "Origin: $APP"
        expect_problem 401 unauthorized
        open_to "$APP"
        ask /messages $http -X TRACE -H "Origin: $APP"
        [[ $code == 405 ]] || said 405
        open_to "$APP"
        ask /problems/not-found $http -H "Origin: $APP"
        [[ $code == 200 ]] || said 200
        open_to "$APP"
        ask /.problem/404.json $http -H "Origin: $APP"
        [[ $code == 404 ]] || said 404
        open_to "$APP"
        ask "/$(printf 'x%.0s' {1..2000})" $http -H "Origin: $APP"
        [[ $code == 4?4 ]] || said 414
        open_to "$APP"
    done
    # No worker can be reached.
    mv "$HASHPOST_HOME/fcgi.sock" "$HASHPOST_HOME/fcgi.away"
    ask "/messages/$(printf 'other' | sha256)" -H "Origin: $APP"
    preflight /messages "$APP" DELETE
    mv "$HASHPOST_HOME/fcgi.away" "$HASHPOST_HOME/fcgi.sock"
    allows DELETE
    wait_for 10 is_ready
}

@test "too large a body is 413, which a page may read where the web server looks at the origin before" {
    head -c 1000000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/large"
    # (curl gives up a response that ends its sending.)
    raw_answer send "POST /messages HTTP/1.1\\r\\nHost: localhost\\r\\nOrigin: $APP\\r\\nContent-Type: text/plain\\r\\nContent-Length: 1000000\\r\\n\\r\\n" \
        file "$BATS_TEST_TMPDIR/large" answer
    expect_problem 413 too-large
    if [[ $HASHPOST_FRONT == lighttpd ]]; then
        ! grep -i '^access-control' "$FIELDS"
    else
        open_to "$APP"
    fi
}

@test "before a reload of Apache each response ends its connection, whoever makes it" {
    [[ $HASHPOST_FRONT == apache ]] || skip "only Apache is told"
    local state
    for state in closing open; do
        [[ $state == closing ]] && : >"$HASHPOST_HOME/closing" || rm "$HASHPOST_HOME/closing"
        wait_for 10 worker_says "$state"
        ask /messages --http1.1 -H 'Content-Type: application/x-ndjson' -d '{"message":"hello"}'
        connection_is "$state"
        preflight /messages "$APP" POST --http1.1
        [[ $code == 204 ]] && connection_is "$state"
        ask /.problem/404.json --http1.1
        [[ $code == 404 ]] && connection_is "$state"
        ask /livez --http2
        [[ $code == 200 && -z $(fields connection) ]] || said "no Connection on HTTP/2"
    done
}
connection_is() { [[ $(fields connection) == "$([[ $1 == open ]] || echo close)" ]] || said "Connection: $1"; }
# (Both workers, of which each looks for itself.)
worker_says() {
    local _
    for _ in {1..12}; do ask /livez --http1.1 && connection_is "$1" || return; done
}

@test "with no worker there, 503 is open to a page of a listed origin" {
    mv "$HASHPOST_HOME/fcgi.sock" "$HASHPOST_HOME/fcgi.away"
    # (nginx and Apache may have kept connections, which the workers go on serving.)
    make_gone
    mv "$HASHPOST_HOME/fcgi.away" "$HASHPOST_HOME/fcgi.sock"
    [[ $code == 503 ]] || said 503
    open_to "$APP"
    wait_for 10 is_ready
}
# A bulk upload takes a connection of its own behind each web server. (curl 7.88 may see a broken stream of HTTP/2 where it is
# answered while it sends.)
make_gone() { ask /messages --http1.1 -H "Origin: $APP" -H 'Content-Type: application/x-ndjson' -d '{"message":"hello"}'; }

@test "a preflight needs no password, no worker and no resource, and has the fields of the request that follows" {
    local path method
    for path in /messages "/messages/$HELLO" /upload/x /readyz /nothing; do
        for method in POST DELETE; do
            preflight $path "$APP" $method -H 'Access-Control-Request-Headers: authorization,content-type'
            allows $method
            open_to "$APP"
        done
    done
    preflight /messages "$LOCAL" GET --http1.1
    allows GET
    open_to "$LOCAL"
    ask "/messages/$HELLO" -X DELETE -H "Origin: $APP" -u admin:secret
    [[ $code == 200 ]] || said 200
    open_to "$APP"
    post_text hello
}

@test "the lists name each field that the service reads or sends, but for those that pages always may" {
    local name count=0
    # shellcheck source=service/cors.sh
    HASHPOST_CORS_ORIGINS="" source "$ROOT/service/cors.sh"
    while read -r name; do
        # (Any page may send Accept; the browser's are Accept-Encoding and the length.)
        [[ $name =~ ^(ACCEPT|ACCEPT_ENCODING|CONTENT_LENGTH)$ || ,$(tr a-z- A-Z_ <<<"$HASHPOST_CORS_HEADERS"), == *,$name,* ]] ||
            { echo "$name is read, and not in HASHPOST_CORS_HEADERS"; false; }
        count=$((count + 1))
    done < <(grep -rhoE '"(ACCEPT|AUTHORIZATION|CONTENT|IF|REPR|PREFER|RANGE|WANT)(_[A-Z]+)*"' "$ROOT/fcgi-worker" | tr -d '"' | sort -u)
    while read -r name; do
        [[ $name =~ ^(Cache-Control|Content-Type|Last-Modified)$ || ,$HASHPOST_CORS_EXPOSED, == *,$name,* ]] ||
            { echo "$name is sent, and not in HASHPOST_CORS_EXPOSED"; false; }
        count=$((count + 1))
    done < <(grep -rhoE '(\{|emplace_back\()"[A-Z][A-Za-z]+(-[A-Z][A-Za-z]+)*", [^}]' "$ROOT/fcgi-worker/http" "$ROOT/fcgi-worker/resources" | grep -oE '[A-Z][A-Za-z-]+' | grep -xE '[A-Z][a-z]+(-[A-Z][a-z]+)*|ETag' | grep -vxE 'Sunday|Monday|Jan' | sort -u)
    # (Both sources were read.)
    ((count >= 16)) || { echo "only $count names"; false; }
}

@test "a page of any other origin gets no field, and its preflight is the answer to any OPTIONS" {
    local origin
    for origin in https://evil.example "$APP.evil.example" "https://evil$APP" "$APP:8443" http://app.example.org https://appxexample.org \
        https://APP.example.org "$APP/" "$APP, $LOCAL" null '*' 'http://[::1]:80' 'http://[::1]:80801' ' '; do
        ask "/messages/$HELLO" -H "Origin: $origin"
        closed || { echo "the origin: $origin"; false; }
        preflight "/messages/$HELLO" "$origin" DELETE
        [[ $code == 204 && -n $(field allow) ]] || said 204
        closed || { echo "the origin: $origin"; false; }
    done
    ask /nothing -H "Origin: https://evil.example" --http1.1
    closed
    ask "/messages/$HELLO"
    closed
    ask "/messages/$HELLO" -X DELETE
    closed
}

@test "an OPTIONS that is no preflight tells what it always told" {
    ask /messages -X OPTIONS -H "Origin: $APP"
    [[ $code == 204 && $(field allow) == *POST* && -n $(field accept-post) ]] || said 204
    open_to "$APP"
    [[ -z $(fields access-control-allow-methods) ]]
}
