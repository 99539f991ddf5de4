#!/usr/bin/env bats
# What an instance allows that others can reach.
# shellcheck disable=SC2154,SC2034,SC2153  # ask sets $code and reads CACERT; stack.bash sets HASHPOST_PORT

load stack.bash

setup() { stack_new; }
teardown() { stack_end; }

DIGEST=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

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

@test "HASHPOST_EXPOSED says it where the address does not: a container, a proxy in front" {
    local listen exposed code_wanted
    while read -r listen exposed code_wanted; do
        export HASHPOST_LISTEN=$listen HASHPOST_EXPOSED=$exposed
        stack_start
        post_text hello
        ask "/messages/$DIGEST" -X DELETE
        [[ $code == "$code_wanted" ]] || said "$code_wanted for $listen, exposed: $exposed"
        stack_stop
    done <<<$'0.0.0.0 no 200\n127.0.0.1 yes 403'
    export HASHPOST_EXPOSED=maybe
    run stack_start
    [[ $status == 78 && $output == *"HASHPOST_EXPOSED=maybe must be"* ]]
}

@test "a reload by somebody without the settings opens nothing" {
    export HASHPOST_CERT=$SCRATCH/cert.pem HASHPOST_KEY=$SCRATCH/key.pem
    "$ROOT/certs/make-dev-certs.sh" "$HASHPOST_CERT" "$HASHPOST_KEY"
    HASHPOST_EXPOSED=yes stack_start
    # The front reads its configuration again only if there is something new.
    rm "$HASHPOST_CERT" "$HASHPOST_KEY"
    "$ROOT/certs/make-dev-certs.sh" "$HASHPOST_CERT" "$HASHPOST_KEY"
    stack_reload
    CACERT=$HASHPOST_CERT
    wait_for 10 is_ready
    ask "/messages/$DIGEST" -X DELETE
    expect_problem 403 forbidden
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
    httpd=$(<"$HASHPOST_HOME/front.pid")
    for pid in $(started_processes); do
        user=$(stat -c %U "/proc/$pid")
        [[ $user == www-data || $pid == "$httpd" ]] || { ps -fp "$pid"; false; }
    done
    [[ $(stat -c %a "$HASHPOST_HOME/fcgi.sock") == 660 ]]
    [[ $(stat -c %U:%G "$HASHPOST_HOME/fcgi.sock") == www-data:www-data ]]
    [[ $(stat -c %a "$HASHPOST_HOME/supervisor.sock") == 700 ]]
    [[ $(stat -c %a "$HASHPOST_DATA") == 700 ]]
}

# In $HASHPOST_HOME and its logs root works by name.
# (A socket or FIFO can only be written into.)
open_to_user() {
    find "$HASHPOST_HOME" "$HASHPOST_HOME/logs" -maxdepth 1 ! -name fcgi.sock ! -type p \
        \( -user www-data -o -perm /002 -o -group www-data -perm /020 -o -type l \) -printf '%P\n' | sort
}

@test "where root works by name, the unprivileged user can write nothing but its own folders" {
    ((EUID == 0)) || skip "only root starts as another user"
    stack_start
    post_text hello
    [[ $code == 201 ]]
    run open_to_user
    [[ $output == $'httpd\npool\ntmp' ]] || { echo "$output"; false; }
    [[ $(stat -c '%a %U:%G' "$HASHPOST_HOME" "$HASHPOST_HOME/logs" | sort -u) == '750 root:www-data' ]]
    run setpriv --reuid=www-data --regid=www-data --init-groups touch "$HASHPOST_HOME/new" "$HASHPOST_HOME/logs/new"
    ((status != 0))
    [[ ! -e $HASHPOST_HOME/new && ! -e $HASHPOST_HOME/logs/new ]]
}

@test "a link in place of a folder is refused, and what it points to stays as it was" {
    ((EUID == 0)) || skip "only root starts as another user"
    local name target=$SCRATCH/target
    mkdir -m 0755 "$target"
    touch "$target/file"
    for name in tmp pool logs/httpd; do
        mkdir -p "$HASHPOST_HOME/logs"
        ln -s "$target" "$HASHPOST_HOME/$name"
        run stack_start
        [[ $status != 0 && $output == *"$HASHPOST_HOME/$name is a link"* ]] || { echo "$name: $output"; false; }
        [[ $(stat -c '%a %U' "$target") == '755 root' && -e $target/file ]]
        rm -r "$HASHPOST_HOME"
    done
    ln -s "$target" "$HASHPOST_DATA"
    run stack_start
    [[ $status != 0 && $output == *HASHPOST_DATA* ]] || { echo "$output"; false; }
    [[ $(stat -c '%a %U' "$target") == '755 root' ]]
    ln -sfn "$SCRATCH/nothing" "$HASHPOST_DATA"
    run stack_start
    [[ $status != 0 && $output == *"$HASHPOST_DATA is a link"* && ! -e $SCRATCH/nothing ]] || { echo "$output"; false; }
}

@test "a runtime folder of an older version, where the user could write, is taken over without its links" {
    ((EUID == 0)) || skip "only root starts as another user"
    install -d -m 1770 -o root -g www-data "$HASHPOST_HOME" "$HASHPOST_HOME/logs"
    install -d -m 0700 -o www-data -g www-data "$HASHPOST_HOME/tmp"
    install -m 0640 -o www-data /dev/null "$HASHPOST_HOME/pool.json"
    echo earlier >"$HASHPOST_HOME/logs/error.log.1"
    chown www-data "$HASHPOST_HOME/logs/error.log.1"
    echo mine >"$SCRATCH/file"
    ln -s "$SCRATCH/file" "$HASHPOST_HOME/logs/worker-00.log"
    ln -s "$SCRATCH/file" "$HASHPOST_HOME/supervisord.pid"
    ln "$SCRATCH/file" "$HASHPOST_HOME/logs/pool.log"
    stack_start
    run open_to_user
    [[ $output == $'httpd\npool\ntmp' ]] || { echo "$output"; false; }
    [[ $(<"$SCRATCH/file") == mine ]]
    # (Named by its time as soon as rotatelogs opens a new one.)
    wait_for 5 earlier_log_is_kept
}
earlier_log_is_kept() { grep -qx earlier "$HASHPOST_HOME"/logs/httpd/error-*.log; }

@test "every answer forbids the browser to guess its type" {
    stack_start
    local path
    for path in / /livez /problems/not-found /nothing "/messages/$DIGEST"; do
        ask "$path"
        [[ $(field x-content-type-options) == nosniff ]] || said "nosniff at $path"
    done
    ask / -X TRACE
    [[ $(field x-content-type-options) == nosniff ]]
}
