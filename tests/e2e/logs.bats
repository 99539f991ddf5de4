#!/usr/bin/env bats
# What is logged, what never is, and that the files stay few.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

load stack.bash

setup() { stack_new; }
teardown() { stack_end; }

@test "rotation under load loses no line, and rotates many times" {
    export HASHPOST_LOG_BYTES=64K HASHPOST_LOG_FILES=500
    stack_start
    make_load --clients 32 --requests 20000 >"$BATS_TEST_TMPDIR/load" || { cat "$BATS_TEST_TMPDIR/load"; false; }
    stack_stop
    local answered
    answered=$(sed -nE 's/^ "answered": ([0-9]+),/\1/p' "$BATS_TEST_TMPDIR/load")
    ((answered == 20000))
    (($(find "$HASHPOST_HOME/logs/httpd" -name 'access.log*' | wc -l) > 20))
    # up's own questions are in it too, and what lighttpd says of a connection that becomes HTTP/2.
    cat "$HASHPOST_HOME"/logs/httpd/access.log* | grep -vcE '"(GET /readyz|PRI \*) HTTP' >"$BATS_TEST_TMPDIR/lines"
    (($(<"$BATS_TEST_TMPDIR/lines") == answered)) || { cat "$BATS_TEST_TMPDIR/lines"; false; }
    # Every line is whole.
    run grep -chvE '"PRI \* HTTP|^[0-9.]+ - \S+ \[[^]]+\] "[^"]+" [0-9]{3} [0-9]+ "TLSv1\.[23]" [0-9]+ [0-9]+$' "$HASHPOST_HOME"/logs/httpd/access.log
    [[ $output == 0 ]]
}

@test "the number and the size of the log files are bounded" {
    export HASHPOST_LOG_BYTES=16K HASHPOST_LOG_FILES=3
    stack_start
    make_load --clients 16 --requests 5000 >"$BATS_TEST_TMPDIR/load" || { cat "$BATS_TEST_TMPDIR/load"; false; }
    local files
    mapfile -t files < <(find "$HASHPOST_HOME/logs/httpd" -name 'access.log*')
    ((${#files[@]} == 3)) || { ls -l "$HASHPOST_HOME/logs/httpd"; false; }
    local file
    for file in "${files[@]}"; do
        (($(stat -c %s "$file") < 40000)) || { ls -l "$HASHPOST_HOME/logs/httpd"; false; }
    done
}

@test "no message, key or password reaches a log, at the chattiest level" {
    export LOG_LEVEL=debug
    htpasswd -cbB "$SCRATCH/passwords" admin pass-phrase-7741 2>/dev/null
    chmod 0644 "$SCRATCH/passwords"
    export HASHPOST_PASSWORD_FILE=$SCRATCH/passwords
    stack_start
    local digest
    digest=$(printf 'a-secret-0815 in text' | sha256)
    post_text 'a-secret-0815 in text'
    [[ $code == 201 ]]
    post_json '{"message":"a-secret-0815 in JSON"}'
    [[ $code == 201 ]]
    post_json '{"message":"a-secret-0815 cut off'
    [[ $code == 400 ]]
    post_json '{"message":"a-secret-0815","a-secret-0815":tru}'
    [[ $code == 400 ]]
    ask /messages -H 'Content-Type: a-secret-0815/x' -H 'X-Secret: a-secret-0815' -d a-secret-0815
    [[ $code == 415 ]]
    ask "/messages/$digest" -X DELETE -u admin:wrong-pass-phrase-7741
    [[ $code == 401 ]]
    ask "/messages/$digest" -X DELETE -u admin:pass-phrase-7741
    [[ $code == 200 ]]
    stack_stop
    grep -q "DELETE /messages/$digest" "$HASHPOST_HOME/logs/httpd/access.log"
    run grep -rEl 'a-secret-0815|pass-phrase-7741|PRIVATE KEY' "$HASHPOST_HOME/logs"
    [[ -z $output ]] || { grep -rE 'a-secret-0815|pass-phrase-7741|PRIVATE KEY' "$HASHPOST_HOME/logs"; false; }
    [[ -z $(find "$HASHPOST_HOME/tmp" -type f) ]]
}

@test "every line of the workers and of the pool has the one format" {
    stack_start
    post_text hello
    raw --plain send 'garbage\r\n\r\n' end >"$BATS_TEST_TMPDIR/x"
    stack_stop
    run grep -hvE '^\[[0-9-]+[T ][0-9:.]+Z?\] - \[[A-Za-z]+\] - \[[a-z-]+\] - ' "$HASHPOST_HOME"/logs/worker-*.log "$HASHPOST_HOME"/logs/pool.log
    [[ -z $output ]]
    grep -q ' - \[INFO\] - \[worker\] - Ready' "$HASHPOST_HOME/logs/worker-00.log"
}
