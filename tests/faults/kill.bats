#!/usr/bin/env bats
# kill -9 of each part under load: nothing that was acknowledged is lost, and all comes back by itself.
# HASHPOST_KILLS says how many workers are killed (default 6).
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

load ../e2e/stack.bash
load under_load.bash

setup() {
    stack_new
    stack_start
}
teardown() {
    load_abort
    stack_end
}

# Failed requests, whether the front said so or the connection broke.
failures() { echo $(($(load_value failed_requests) + $(load_status 500) + $(load_status 502) + $(load_status 503))); }

@test "kill -9 of one worker after the other loses no acknowledged message, and fails no more than was open in it" {
    local open=0 kill pid
    load_begin --allow "$GATEWAY_ERRORS"
    for ((kill = 0; kill < ${HASHPOST_KILLS:-6}; kill++)); do
        pid=$(worker_pid $((kill % 2)))
        # (Only Apache keeps them all, so that they can be counted; elsewhere it is one for each client at most.)
        [[ $HASHPOST_FRONT == apache ]] && open=$((open + $(open_connections "$pid"))) || open=$((open + ${CLIENTS:-32}))
        kill -s KILL "$pid"
        wait_for 20 pool_is_whole "$pid"
        load_goes_on
    done
    load_end
    echo "failures: $(failures), connections of the killed: $open"
    (($(load_value unexpected) == 0 && $(load_value failed_connections) == 0))
    ((open > 0 && $(failures) <= open))
    nothing_was_lost
}

@test "kill -9 of all workers at once loses no acknowledged message, and the pool is whole again" {
    local pids
    load_begin --allow "$GATEWAY_ERRORS"
    for _ in {1..3}; do
        mapfile -t pids < <(worker_pids)
        kill -s KILL "${pids[@]}"
        wait_for 20 pool_is_whole "${pids[0]}"
        load_goes_on
    done
    load_end
    (($(load_value unexpected) == 0 && $(load_value failed_connections) == 0))
    nothing_was_lost
}

@test "kill -9 of httpd loses no acknowledged message, and it is back by itself" {
    local pid
    load_begin --allow "$GATEWAY_ERRORS"
    pid=$(<"$HASHPOST_HOME/front.pid")
    kill -s KILL "$pid"
    wait_for 20 httpd_is_back "$pid"
    load_goes_on
    load_end
    (($(load_value unexpected) == 0))
    nothing_was_lost
}
httpd_is_back() { [[ -s $HASHPOST_HOME/front.pid && $(<"$HASHPOST_HOME/front.pid") != "$1" ]] && is_ready; }

@test "kill -9 of httpd's child is mended by its parent" {
    local child
    load_begin --allow "$GATEWAY_ERRORS"
    child=$(pgrep -P "$(<"$HASHPOST_HOME/front.pid")" -x 'apache2|lighttpd|nginx' | head -n 1)
    kill -s KILL "$child"
    wait_for 20 is_gone "$child"
    load_goes_on
    load_end
    (($(load_value unexpected) == 0))
    nothing_was_lost
}

@test "with supervisord killed -9 the service goes on, and the next up ends what it left" {
    local before pid
    before=$(started_processes)
    [[ -n $before ]]
    load_begin --allow "$GATEWAY_ERRORS"
    pid=$(<"$HASHPOST_HOME/supervisord.pid")
    kill -s KILL "$pid"
    wait_for 20 is_gone "$pid"
    load_goes_on
    is_ready
    stack_start
    for pid in $before; do wait_for 1 is_gone "$pid"; done
    load_goes_on
    load_end
    (($(load_value unexpected) == 0))
    nothing_was_lost
    pool_is_whole
}

@test "with supervisord killed -9, down ends what it left" {
    kill -s KILL "$(<"$HASHPOST_HOME/supervisord.pid")"
    stack_stop
    [[ -z $(started_processes) ]]
}

@test "everything killed -9 at once loses no acknowledged message" {
    local pids
    load_begin --allow "$GATEWAY_ERRORS"
    mapfile -t pids < <(started_processes)
    kill -s KILL "$(<"$HASHPOST_HOME/supervisord.pid")" "${pids[@]}"
    load_end
    (($(load_value unexpected) == 0))
    stack_start
    nothing_was_lost
}
