#!/usr/bin/env bats
# What HASHPOST_CORS_ORIGINS may be, and what follows from it.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

setup() { stack_new; }
teardown() { stack_end; }

@test "unless it is set, no response has a word about other origins" {
    stack_start
    local path
    for path in /livez /nothing /problems/x; do
        ask $path -H 'Origin: https://app.example.org'
        ! grep -iE '^access-control|^vary:.*origin' "$FIELDS" || said "nothing at $path"
    done
    ask /messages -X OPTIONS -H 'Origin: https://app.example.org' -H 'Access-Control-Request-Method: POST'
    ! grep -iE '^access-control' "$FIELDS" || said "nothing"
}

@test "* opens the service to every page, without a word on the origin in Vary" {
    HASHPOST_CORS_ORIGINS='*' stack_start
    local origin
    for origin in https://any.example null; do
        ask /nothing -H "Origin: $origin"
        [[ $code == 404 && $(field access-control-allow-origin) == '*' && $(field access-control-expose-headers) == *ETag* ]] || said '*'
        ask /messages -X OPTIONS -H "Origin: $origin" -H 'Access-Control-Request-Method: POST'
        [[ $code == 204 && $(field access-control-allow-origin) == '*' && $(field access-control-allow-methods) == *POST* ]] || said '*'
        ! grep -i '^vary:.*origin' "$FIELDS"
    done
    ask /livez
    [[ $(field access-control-allow-origin) == '*' ]] || said '*'
    run ! grep -i '^access-control-allow-credentials' "$FIELDS"
}

@test "what is no origin as browsers send it is refused by name" {
    local value
    for value in app.example.org https:// https://app.example.org/ https://app.example.org/path HTTPS://app.example.org \
        https://App.example.org https://app.example.org:443 http://app.example.org:80 'https://*.example.org' null \
        'https://a.example,*' 'https://a.example;b' "https://a.example'" 'https://a.example"' 'https://user@a.example' https://a.example:0 \
        'https://a.example,,https://b.example' 'https://ä.example' "https://a.example\$x" 'https://a.example|b'; do
        HASHPOST_CORS_ORIGINS=$value run "$ROOT/service/hashpost" check
        [[ $status == 78 && $output == *"HASHPOST_CORS_ORIGINS=$value must be"* ]] || { echo "$value: $status $output"; false; }
    done
}

@test "a reload keeps the origins" {
    export HASHPOST_CERT=$SCRATCH/cert.pem HASHPOST_KEY=$SCRATCH/key.pem CACERT=$SCRATCH/cert.pem
    "$ROOT/certs/make-dev-certs.sh" "$HASHPOST_CERT" "$HASHPOST_KEY"
    HASHPOST_CORS_ORIGINS=https://app.example.org stack_start
    rm "$HASHPOST_CERT" "$HASHPOST_KEY"
    "$ROOT/certs/make-dev-certs.sh" "$HASHPOST_CERT" "$HASHPOST_KEY"
    HASHPOST_CORS_ORIGINS='*' stack_reload
    wait_for 10 is_ready
    ask /livez -H 'Origin: https://app.example.org'
    [[ $(field access-control-allow-origin) == https://app.example.org ]] || said https://app.example.org
}
