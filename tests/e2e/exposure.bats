#!/usr/bin/env bats
# What an instance allows that others can reach.
# shellcheck disable=SC2154  # ask sets $code

load stack.bash

setup() { stack_new; }
teardown() { stack_end; }

DIGEST=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

@test "by default only loopback is listened on" {
    stack_start
    run ss -Hltn "sport = :$HASHPOST_PORT"
    [[ $output == *"127.0.0.1:$HASHPOST_PORT"* && $(wc -l <<<"$output") == 1 ]]
}

@test "on an address that others can reach DELETE is 403, and the rest works" {
    export HASHPOST_LISTEN=0.0.0.0
    stack_start
    post_text hello
    [[ $code == 201 ]]
    ask "/messages/$DIGEST" -X DELETE
    expect_problem 403 forbidden
    ask "/messages/$DIGEST" -X DELETE --http1.1 -u admin:secret
    expect_problem 403 forbidden
    ask "/messages/$DIGEST"
    expect_json 200 '{"message":"hello"}'
}

@test "with a password file DELETE wants a name and the right password, on any address" {
    htpasswd -cbB "$SCRATCH/passwords" admin secret 2>/dev/null
    chmod 0644 "$SCRATCH/passwords"
    export HASHPOST_PASSWORD_FILE=$SCRATCH/passwords
    for HASHPOST_LISTEN in 127.0.0.1 0.0.0.0; do
        export HASHPOST_LISTEN
        stack_start
        post_text hello
        [[ $code == 201 ]]
        ask "/messages/$DIGEST" -X DELETE
        expect_problem 401 unauthorized
        [[ $(field www-authenticate) == Basic* ]]
        ask "/messages/$DIGEST" -X DELETE -u admin:wrong
        expect_problem 401 unauthorized
        ask "/messages/$DIGEST"
        expect_json 200 '{"message":"hello"}'
        ask "/messages/$DIGEST" -X DELETE -u admin:secret
        expect_json 200 "{\"message_deleted\":\"$DIGEST\"}"
        stack_stop
    done
}

@test "everything but httpd's parent and supervisord runs as the unprivileged user" {
    ((EUID == 0)) || skip "only root starts as another user"
    stack_start
    local pid user httpd
    httpd=$(<"$HASHPOST_HOME/httpd.pid")
    for pid in $(started_processes); do
        user=$(stat -c %U "/proc/$pid")
        [[ $user == www-data || $pid == "$httpd" ]] || { ps -fp "$pid"; false; }
    done
    [[ $(stat -c %a "$HASHPOST_HOME/fcgi.sock") == 660 ]]
    [[ $(stat -c %U:%G "$HASHPOST_HOME/fcgi.sock") == www-data:www-data ]]
    [[ $(stat -c %a "$HASHPOST_HOME/supervisor.sock") == 700 ]]
    [[ $(stat -c %a "$HASHPOST_DATA") == 700 ]]
}
