#!/usr/bin/env bats
# Which addresses the service listens on.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

setup() { stack_new; }
teardown() { stack_end; }

# listening PORT: its addresses, sorted, in one line.
listening() { ss -Hltn "sport = :$1" | awk '{ print $4 }' | LC_ALL=C sort -u | paste -sd' '; }

needs_ipv6() { ip -6 address show dev lo | grep -q ' ::1/128 ' || skip "this machine has no ::1"; }
needs_namespaces() { unshare --net true 2>/dev/null || skip "no network namespaces here"; }

# without_ipv6 COMMAND…: runs it in a network of its own, in which the loopback interface has no IPv6.
without_ipv6() {
    unshare --net bash -c 'ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6 && "$@"' _ "$@"
}

# access_on ADDRESSES: who may DELETE there.
access_on() { (HASHPOST_LISTEN=$1 source "$ROOT/service/settings.sh" && echo "$HASHPOST_RULE_DELETE"); }

@test "by default both loopback addresses are listened on, and nothing else" {
    needs_ipv6
    stack_start
    [[ $(listening "$HASHPOST_PORT") == "127.0.0.1:$HASHPOST_PORT [::1]:$HASHPOST_PORT" ]] || { listening "$HASHPOST_PORT"; false; }
    local address at
    for address in 127.0.0.1 ::1; do
        at=localhost:$HASHPOST_PORT:$address
        ask /messages --resolve "$at" -H 'Content-Type: text/plain' --data-binary "over $address"
        [[ $code == 201 ]] || said "201 over $address"
        ask "/messages/$(printf 'over %s' "$address" | sha256)" --resolve "$at" -X DELETE
        [[ $code == 200 ]] || said "200 over $address"
    done
}

# In the namespace: starts, asks once over 127.0.0.1, stops.
start_and_ask() {
    stack_start && is_ready && listening "$HASHPOST_PORT"
    stack_stop
}

@test "a machine without IPv6 starts with the default, and names ::1 when it was asked for" {
    needs_namespaces
    export -f stack_start stack_stop is_ready listening start_and_ask
    run without_ipv6 bash -c start_and_ask
    [[ $status == 0 && $output == *$'\n'"127.0.0.1:$HASHPOST_PORT"$'\n'* ]] || { echo "$output"; false; }
    export HASHPOST_LISTEN=127.0.0.1,::1
    run without_ipv6 "$ROOT/service/hashpost" up
    [[ $status == 78 && $output == *"no address ::1; take it out of HASHPOST_LISTEN."* ]] || { echo "$output"; false; }
}

@test "a reload keeps every address" {
    needs_ipv6
    export HASHPOST_CERT=$SCRATCH/cert.pem HASHPOST_KEY=$SCRATCH/key.pem CACERT=$SCRATCH/cert.pem
    "$ROOT/certs/make-dev-certs.sh" "$HASHPOST_CERT" "$HASHPOST_KEY"
    stack_start
    # (Only a certificate that is new has the web server read its configuration again.)
    rm "$HASHPOST_CERT" "$HASHPOST_KEY"
    "$ROOT/certs/make-dev-certs.sh" "$HASHPOST_CERT" "$HASHPOST_KEY"
    stack_reload
    wait_for 10 is_ready
    [[ $(listening "$HASHPOST_PORT") == "127.0.0.1:$HASHPOST_PORT [::1]:$HASHPOST_PORT" ]] || { listening "$HASHPOST_PORT"; false; }
}

@test "a port that is taken on either address is refused, and names the address" {
    needs_ipv6
    local address pid
    for address in 127.0.0.1 ::1; do
        $PYTHON -I -S -c '
import socket, sys, time
s = socket.create_server((sys.argv[1], int(sys.argv[2])), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
open(sys.argv[3], "w").close()
time.sleep(120)' "$address" "$HASHPOST_PORT" "$BATS_TEST_TMPDIR/there" 3>&- &
        pid=$!
        wait_for 10 test -e "$BATS_TEST_TMPDIR/there"
        run "$ROOT/service/hashpost" up 3>&-
        kill "$pid"
        rm "$BATS_TEST_TMPDIR/there"
        [[ $status == 78 && $output == *"port $HASHPOST_PORT of $address "* ]] || { echo "$output"; false; }
    done
}

@test "one address that others reach among the list makes the service exposed" {
    local listen access
    while read -r listen access; do
        [[ $(access_on "$listen") == "$access" ]] || { echo "$listen is $(access_on "$listen")"; false; }
    done <<'END'
127.0.0.1,::1 all
::1,127.0.0.1 all
127.0.0.1,127.8.9.10 all
::1 all
127.0.0.1,0.0.0.0 none
0.0.0.0,127.0.0.1 none
127.0.0.1,192.0.2.7 none
::1,2001:db8::1 none
::1,:: none
127.0.0.1,10.0.0.5,::1 none
127.0.0.1,0:0:0:0:0:0:0:1 all
END
}

@test "a list with a bad or repeated address, or an empty place, is refused by name" {
    local name value
    for name in HASHPOST_LISTEN SERVER_IP; do
        for value in 127.0.0.1,localhost 127.0.0.1,,::1 ',' '127.0.0.1;::1' '[::1]' 127.0.0.1,127.0.0.1 ::1,::1; do
            export "$name=$value"
            run "$ROOT/service/hashpost" check
            [[ $status == 78 && $output == *"$name=$value "* ]] || { echo "$name=$value: $output"; false; }
            unset "$name"
        done
    done
}

@test "0.0.0.0,:: is every address of either kind" {
    needs_ipv6
    export HASHPOST_LISTEN=0.0.0.0,::
    stack_start
    local address
    for address in 127.0.0.1 127.8.9.10 ::1; do
        ask /livez --resolve "elsewhere:$HASHPOST_PORT:$address" --connect-to "localhost::elsewhere:"
        [[ $code == 200 ]] || said "200 over $address"
    done
}

@test ":: alone is every address behind Apache, and every IPv6 address behind the others" {
    needs_ipv6
    export HASHPOST_LISTEN=::
    stack_start
    ask /livez --resolve "localhost:$HASHPOST_PORT:::1"
    [[ $code == 200 ]]
    if [[ $HASHPOST_FRONT == apache ]]; then
        ask /livez --resolve "localhost:$HASHPOST_PORT:127.0.0.1"
        [[ $code == 200 ]]
    else
        run ! ask /livez --resolve "localhost:$HASHPOST_PORT:127.0.0.1"
    fi
}

@test "uploads over plain HTTP are taken on both loopback addresses" {
    [[ $HASHPOST_FRONT == apache ]] || skip "plain HTTP is Apache's alone"
    needs_ipv6
    SERVER_PORT=$(free_port)
    export SERVER_PORT
    stack_start
    local address
    for address in 127.0.0.1 '[::1]'; do
        [[ $(curl -s -o "$BATS_TEST_TMPDIR/x" -w '%{http_code}' "http://$address:$SERVER_PORT/livez") == 200 ]]
    done
    [[ $(listening "$SERVER_PORT") == "127.0.0.1:$SERVER_PORT [::1]:$SERVER_PORT" ]]
}
