#!/usr/bin/env bats
# A store that is damaged: what can be found is right, and nothing is silent.
# shellcheck disable=SC2154,SC2030,SC2031  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load ../e2e/stack.bash

setup() {
    stack_new
    WORKER=${HASHPOST_WORKER_BIN:-$ROOT/build/release/hashpost-worker}
}
teardown() { stack_end; }

# damage KIND: see tests/tools/damage.py.
damage() { $PYTHON -I -S "$ROOT/tests/tools/damage.py" "$HASHPOST_DATA/data.mdb" "$1"; }

# store_lines COUNT: messages "line 1" and so on, in several commits.
store_lines() {
    local number
    LINES_STORED=$1
    for ((number = 1; number <= $1; number++)); do printf '{"message":"line %s"}\n' "$number"; done >"$SCRATCH/lines"
    ask /messages -H 'Content-Type: application/x-ndjson' --data-binary "@$SCRATCH/lines"
    [[ $code == 200 && $(grep -c digest "$BODY") == "$1" ]]
    post_text 'stored last'
    [[ $code == 201 ]]
}

# read_lines: how many of them are served; fails if one is wrong, or said to be absent.
read_lines() {
    local number code whole=0 folder=$SCRATCH/read
    rm -rf "$folder" && mkdir "$folder"
    for ((number = 1; number <= LINES_STORED; number++)); do
        printf 'url = "%s/messages/%s"\noutput = "%s"\n' "$URL" "$(printf 'line %s' "$number" | sha256)" "$folder/$number"
    done >"$folder/urls"
    curl -sS --cacert "$CACERT" --max-time 60 -w '%{http_code}\n' -K "$folder/urls" >"$folder/codes"
    number=0
    while read -r code; do
        number=$((number + 1))
        case $code in
        200)
            [[ $(<"$folder/$number") == "{\"message\":\"line $number\"}" ]] || { echo "line $number is wrong"; return 1; }
            whole=$((whole + 1))
            ;;
        500 | 502 | 503) ;;
        *)
            echo "line $number: $code"
            return 1
            ;;
        esac
    done <"$folder/codes"
    ((number == LINES_STORED)) && echo "$whole"
}

damage_is_known() { [[ -s $HASHPOST_DATA/damage ]]; }

@test "a damaged record is 500 for itself only, and can be deleted and stored anew" {
    local digest before
    stack_start
    post_text 'this record is going to be damaged'
    digest=$(printf 'this record is going to be damaged' | sha256)
    post_text 'this one is not'
    stack_stop
    damage 'text:this record is going to be damaged'
    stack_start
    before=$(worker_pids)
    for _ in {1..4}; do
        ask "/messages/$digest"
        expect_problem 500 record-damaged
        ask "/messages/$digest" -H 'Accept: text/plain'
        expect_problem 500 record-damaged
        run ! grep -q 'is going to be' "$BODY"
        ask "/messages/$(printf 'this one is not' | sha256)"
        expect_json 200 '{"message":"this one is not"}'
    done
    log_says worker "The stored bytes of $digest do not hash to it"
    [[ $(worker_pids) == "$before" ]]
    ask "/messages/$digest" -X DELETE
    [[ $code == 200 ]]
    post_text 'this record is going to be damaged'
    [[ $code == 201 ]]
    ask "/messages/$digest"
    expect_json 200 '{"message":"this record is going to be damaged"}'
}

@test "a POST of a message whose record is damaged does not say that all is well" {
    local digest
    stack_start
    post_text 'another record to be damaged'
    digest=$(printf 'another record to be damaged' | sha256)
    stack_stop
    damage 'text:another record to be damaged'
    stack_start
    post_text 'another record to be damaged'
    if [[ $code == 20* ]]; then
        ask "/messages/$digest"
        expect_json 200 '{"message":"another record to be damaged"}'
    else
        expect_problem 500 record-damaged
    fi
}

@test "damage in the tree is found and told: nothing wrong is served, nothing is said to be absent, nothing is written" {
    local kind whole
    export HASHPOST_START_SECONDS=4 # it never becomes ready
    stack_start
    store_lines 300
    stack_stop
    cp "$HASHPOST_DATA/data.mdb" "$SCRATCH/whole.mdb"
    for kind in leaf slots branch; do
        cat "$SCRATCH/whole.mdb" >"$HASHPOST_DATA/data.mdb"
        damage "$kind"
        HASHPOST_DATA=$HASHPOST_DATA run -65 "$WORKER" --check-store
        [[ $output == *"is damaged"* ]]
        run -1 stack_start
        wait_for 10 damage_is_known
        ask /readyz
        expect_problem 503 not-ready
        grep -q 'is damaged' "$BODY"
        log_says worker 'scrub.*is damaged'
        ask "/messages/$(printf 'never stored' | sha256)"
        expect_problem 500 store-damaged
        post_text 'stored meanwhile'
        expect_problem 500 store-damaged
        whole=$(read_lines)
        echo "$kind: $whole lines are served"
        ((whole < 300))
        [[ $kind == branch ]] || ((whole > 200))
        stack_stop
        rm "$HASHPOST_DATA/damage"
    done
    cat "$SCRATCH/whole.mdb" >"$HASHPOST_DATA/data.mdb"
    "$WORKER" --check-store
}

@test "a message whose key is damaged is not said to be absent, and a scrub that finds the store whole ends that" {
    stack_start
    store_lines 300
    stack_stop
    cp "$HASHPOST_DATA/data.mdb" "$SCRATCH/whole.mdb"
    damage key
    run -65 "$WORKER" --check-store
    stack_start || true
    wait_for 10 damage_is_known
    (($(read_lines) == 299))
    if grep -q '^records' "$HASHPOST_DATA/damage"; then
        ask /readyz
        [[ $code == 200 ]] && grep -q '"damage":"The store in' "$BODY" || said "200 with damage"
        post_text 'stored meanwhile'
        [[ $code == 201 ]]
    fi
    stack_stop
    cat "$SCRATCH/whole.mdb" >"$HASHPOST_DATA/data.mdb"
    stack_start || true
    wait_for 30 not damage_is_known
    ask "/messages/$(printf 'never stored' | sha256)"
    expect_problem 404 message-not-found
    (($(read_lines) == 300))
}

@test "a store with a meta page that is zero is recovered into a new folder by the documented command" {
    local page command
    command=$(documented docs/operations.md 'A damaged store')
    command=${command//\/run\/hashpost/$HASHPOST_HOME}
    command=${command//\/var\/lib\/hashpost/$HASHPOST_DATA}
    command=${command//build\/release\/hashpost-worker/$WORKER}
    [[ $command == *"--recover-store=$HASHPOST_DATA-recovered"* ]]
    stack_start
    store_lines 300
    stack_stop
    cp "$HASHPOST_DATA/data.mdb" "$SCRATCH/whole.mdb"
    for page in meta0 meta1; do
        cat "$SCRATCH/whole.mdb" >"$HASHPOST_DATA/data.mdb"
        damage $page
        sha256 "$HASHPOST_DATA/data.mdb" >"$SCRATCH/before"
        run -69 "$WORKER" --check-store
        [[ $output == *--recover-store=* ]]
        rm -rf "$HASHPOST_DATA-recovered"
        run -65 bash -c "$command"
        [[ $output == *"A meta page cannot be used"* && $output != *"Left behind"* ]]
        [[ $(sha256 "$HASHPOST_DATA/data.mdb") == "$(<"$SCRATCH/before")" ]]
    done
    # All but the last commit at worst.
    HASHPOST_DATA=$HASHPOST_DATA-recovered "$WORKER" --check-store
    chown -R --reference="$HASHPOST_DATA" "$HASHPOST_DATA-recovered"
    rm -r "$HASHPOST_DATA"
    mv "$HASHPOST_DATA-recovered" "$HASHPOST_DATA"
    stack_start
    (($(read_lines) == 300))
}

@test "a newest meta page that leads nowhere does not turn every message into an absent one" {
    stack_start
    store_lines 300
    stack_stop
    damage root
    run "$WORKER" --check-store
    echo "$output"
    ((status == 65 || status == 69))
}
