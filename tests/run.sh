#!/bin/bash
# run.sh VARIANT SUITE…: runs the suites (unit, interop, fuzz, e2e, e2e-apache, faults, package, or a file of bats) against build/VARIANT
# and ends with what failed, once more, and "N passed, N failed, N skipped". With a sanitizer variant, every report file counts as a failure. A test that
# takes longer than HASHPOST_TEST_SECONDS is ended, named and has failed (300 for unit tests, 900 for others).
set -euo pipefail
(($# >= 2)) || { echo "run.sh takes a variant and one suite at least." >&2; exit 64; }
cd "$(dirname "${BASH_SOURCE[0]}")/.."

variant=$1
shift
out=$PWD/build/$variant
reports=$out/reports
export HASHPOST_WORKER_BIN=$out/hashpost-worker
export HASHPOST_SENDER_BIN=$out/hashpost-sender
export HASHPOST_FERNET_PROBE=$out/fernet-probe
export HASHPOST_JSON_TO_XML_PROBE=$out/json-to-xml-probe
passed=0
failed=0
skipped=0
fuzz=''
# (bats watches the time by a process of the test's own shell: a test must wait for processes by their ids.)
export BATS_TEST_TIMEOUT=${HASHPOST_TEST_SECONDS:-900}
mkdir -p "$out"
failures=$out/failures # what failed, for the end
: >"$failures"

if [[ $variant != release ]]; then
    # Workers write here too, and under root they are another user.
    rm -rf "$reports"
    mkdir -p "$reports"
    chmod 1777 "$reports"
    export ASAN_OPTIONS=log_path=$reports/asan:detect_leaks=1:detect_stack_use_after_return=1
    export UBSAN_OPTIONS=log_path=$reports/ubsan:print_stacktrace=1
    export TSAN_OPTIONS=log_path=$reports/tsan:second_deadlock_stack=1
    export HASHPOST_START_SECONDS=${HASHPOST_START_SECONDS:-60}
fi

# count OK BAD SKIPPED STATUS: adds them up; a runner that failed without naming a failure is one.
count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
    if (($4 != 0 && $2 == 0)); then
        echo "The runner ended with status $4 and named no failed test."
        failed=$((failed + 1))
    fi
}

run_unit() {
    local log=$out/unit-tests.log status=0 counts
    "$out/unit-tests" 2>&1 | tee "$log" || status=$?
    grep -A 20 '^FAILED ' "$log" >>"$failures" || true
    read -ra counts < <(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' "$log") || {
        echo "The unit tests did not end with their count (status $status)."
        counts=(0 1 0)
    }
    count "${counts[@]}" "$status"
}

# tap NAME FRONT BATS_ARGUMENT…: runs them; the names of the tests say the front.
tap() {
    # (Whatever a test leaves behind must not hold up everything: it gets the signal, too.)
    HASHPOST_FRONT=$2 timeout --kill-after=10 "${HASHPOST_SUITE_SECONDS:-1800}" bats --timing --formatter tap "${@:3}" 2>&1 |
        sed -uE "s/^((not )?ok [0-9]+) /\1 [$2] /" | tee "$out/$1-$2.tap"
}

# count_tap NAME FRONT STATUS: adds up what tap has run and how it ended.
count_tap() {
    local log=$out/$1-$2.tap planned good bad left_out
    planned=$(sed -nE 's/^1\.\.([0-9]+)$/\1/p' "$log" | head -n 1)
    left_out=$(grep -cE '^ok [0-9]+ .*# skip' "$log" || true)
    good=$(($(grep -cE '^ok [0-9]+' "$log" || true) - left_out))
    bad=$(grep -cE '^not ok [0-9]+' "$log" || true)
    awk -v name="$1" '/^(not )?ok |^1\.\./ { failed = /^not/; left = 40; if (failed) print "== " name } failed && left-- > 0' "$log" >>"$failures"
    # What was planned and never reported failed, too.
    ((good + bad + left_out >= ${planned:-1})) || bad=$((${planned:-1} - good - left_out))
    count "$good" "$bad" "$left_out" "$3"
}

run_bats() {
    local status=0
    tap "$@" || status=$?
    count_tap "$1" "$2" "$status"
}

# run_each SUITE AT_ONCE: runs each line "FRONT FILE [BATS_ARGUMENT…]" of its input as run_bats does, AT_ONCE of them at once,
# since much of a test is waiting. Each is shown when it has ended.
run_each() {
    local suite=$1 line front file
    local -a lines
    mapfile -t lines
    # shellcheck disable=SC2016  # for another shell
    printf '%s\n' "${lines[@]}" | out=$out xargs -P "$2" -L 1 bash -uo pipefail -c "$(declare -f tap)"'
        name=$0-$(basename "$2" .bats)
        tap "$name" "$@" >/dev/null
        echo $? >"$out/$name-$1.status"
        echo "# $2"
        exec flock "$out" cat "$out/$name-$1.tap"' "$suite"
    for line in "${lines[@]}"; do
        read -r front file _ <<<"$line"
        count_tap "$suite-$(basename "$file" .bats)" "$front" "$(cat "$out/$suite-$(basename "$file" .bats)-$front.status")"
    done
}

# Each harness that took inputs for ten seconds, and failed for none, is a test. They are built and run behind everything else,
# on what that leaves idle.
start_fuzz() {
    # shellcheck disable=SC2016  # for another shell
    # (A session of its own is a group for the scheduler, with a share of its own: nice says nothing to others.)
    FUZZ_SECONDS=${FUZZ_SECONDS:-10} setsid nice -n 19 bash -c 'echo 19 2>/dev/null >/proc/self/autogroup
        make --no-print-directory fuzz-harnesses >"$0" 2>&1 || { cat "$0"; exit 1; }
        exec tests/fuzz/run' "$out/fuzz-build.log" >"$out/fuzz-each.tap" 2>&1 &
    fuzz=$!
    trap 'kill -- "-$fuzz" 2>/dev/null || true' EXIT
}

end_fuzz() {
    local status=0
    wait "$fuzz" || status=$?
    trap - EXIT
    echo "== fuzz"
    cat "$out/fuzz-each.tap"
    count_tap fuzz each "$status"
}

# Apache gets everything. nginx and lighttpd get what concerns every web server (not the settings, the commands, the documents, how
# to install, the bench and the sender by itself). Each gets the file about its own ways. What takes longest begins.
e2e_files() {
    local file front longest='/(drop|isolation|bench|bulk|gzip|documents|.*install)'
    while read -r file; do
        for front in apache lighttpd nginx; do
            case $front:$(basename "$file" .bats) in
            *:front_"$front") ;;
            *:front_*) continue ;;
            apache:*) ;;
            *:bench | *:cloud | *:commands | *:config | *:documents | *:drop | *:drop_responses | *:drop_sender* | *:drop_time | *:drop_trust | *:*install | *:settings) continue ;;
            esac
            echo "$front $file"
        done
    done < <(find tests/e2e -name '*.bats' | sort) |
        awk -v longest="$longest" '$2 ~ longest { print; next } { rest = rest $0 "\n" } END { printf "%s", rest }'
}

# The faults are those of the pool and the store; on the other fronts, what a restart and a kill lose.
faults_files() {
    local front file
    find tests/faults -name '*.bats' -printf 'apache %p\n' | sort
    for front in lighttpd nginx; do
        for file in restart kill stall full_folders; do
            echo "$front tests/faults/$file.bats --filter 'SIGTERM of busy|reload under load|kill -9|a full spool folder|stopped process of the web server'"
        done
    done
}

for suite in "$@"; do
    echo "== $suite ($variant)"
    case $suite in
    unit) run_unit ;;
    interop) run_bats interop apache tests/interop ;;
    fuzz) start_fuzz ;;
    e2e) run_each e2e 5 < <(e2e_files) ;;
    e2e-apache) run_each e2e 5 < <(e2e_files | grep '^apache ') ;;
    faults) run_each faults 2 < <(faults_files) ;;
    package) run_bats package apache tests/package ;;
    *.bats) run_bats "$(basename "$suite" .bats)" "${HASHPOST_FRONT:-apache}" ${HASHPOST_TEST_FILTER:+--filter "$HASHPOST_TEST_FILTER"} "$suite" ;;
    *)
        echo "There is no suite $suite."
        failed=$((failed + 1))
        ;;
    esac
done
[[ -z $fuzz ]] || end_fuzz

if [[ $variant != release ]]; then
    found=$(find "$reports" -type f | wc -l)
    if ((found)); then
        find "$reports" -type f -exec head -n 60 {} +
        echo "The sanitizer wrote $found reports (in $reports)."
        failed=$((failed + found))
    fi
fi

if [[ -s $failures ]]; then
    echo "== what failed"
    cat "$failures"
fi
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
