# A Hashpost of its own for a test file: its own port, runtime folder and data folder. Sourced by *.bats.
# shellcheck shell=bash
# shellcheck disable=SC2034  # code, fields and body are for the tests

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
export ROOT
export CACERT=$ROOT/certs/localhost.pem
PYTHON=/usr/bin/python3
# setup_file has no folder of a test: what it asks for would be written into the machine's own root.
: "${BATS_TEST_TMPDIR:=${BATS_FILE_TMPDIR:-}}"
# tests/run.sh names a sanitizer's build here.
export HASHPOST_WORKER_BIN=${HASHPOST_WORKER_BIN:-$ROOT/build/release/hashpost-worker}
# tests/run.sh runs what is about no front in particular behind each of them.
export HASHPOST_FRONT=${HASHPOST_FRONT:-apache}
# Not that of whoever works in this checkout.
export HASHPOST_CONF=/dev/null
# A sanitizer's build starts and answers several times slower.
export HASHPOST_START_SECONDS=${HASHPOST_START_SECONDS:-60}

# Everything is on this machine, whatever proxies the environment names for others.
export NO_PROXY=localhost,127.0.0.1,::1 no_proxy=localhost,127.0.0.1,::1

# shellcheck source=tests/tools/wait_for.bash
source "$ROOT/tests/tools/wait_for.bash"
# shellcheck source=tests/tools/documented.bash
source "$ROOT/tests/tools/documented.bash"
# shellcheck source=service/processes.sh
source "$ROOT/service/processes.sh"

# --- the instance --------------------------------------------------------------------------------------

# Outside of the range from which the kernel takes ports for clients.
free_port() {
    $PYTHON -I -S -c '
import random, socket
while True:
    port = random.randrange(20000, 32000)
    with socket.socket() as s:
        try:
            s.bind(("0.0.0.0", port))
        except OSError:
            continue
    print(port)
    break'
}

# stack_new: names a new instance in the environment, with folders where the unprivileged user may go, on a
# file system whose fsync means something. Does not start it.
stack_new() {
    SCRATCH=$(mktemp -d "${HASHPOST_TEST_FOLDER:-/var/tmp}/hashpost-test.XXXXXX")
    chmod 0755 "$SCRATCH"
    [[ $(stat -f -c %T "$SCRATCH") != tmpfs ]] || {
        echo "$SCRATCH is on a tmpfs; set HASHPOST_TEST_FOLDER to a folder on a disk" >&2
        return 1
    }
    HASHPOST_PORT=$(free_port)
    export SCRATCH HASHPOST_PORT HASHPOST_HOME=$SCRATCH/home HASHPOST_DATA=$SCRATCH/data
    export URL=https://localhost:$HASHPOST_PORT
}

# Descriptor 3 is bats' own; whoever holds it keeps bats waiting.
stack_start() { "$ROOT/service/hashpost" up 3>&-; }
stack_stop() { "$ROOT/service/hashpost" down 3>&-; }
stack_reload() { "$ROOT/service/hashpost" reload 3>&-; }

# stack_end: stops it, proves that nothing of it is left, and forgets its files.
stack_end() {
    local left
    stack_stop >/dev/null
    left=$(started_processes)
    [[ -z $left ]] || {
        echo "still there after down: $left" >&2
        return 1
    }
    rm -rf "$SCRATCH"
}

worker_pid() { started_processes "SUPERVISOR_PROCESS_NAME=worker-0$1"; }
worker_pids() {
    local number
    for ((number = 0; number < ${HASHPOST_WORKERS:-2}; number++)); do worker_pid "$number"; done
}
worker_logs() { cat "$HASHPOST_HOME"/logs/worker-*.log*; }
# log_says NAME GREP_ARGUMENT…: a line of that log (worker-00, pool, sender, …) is that, or will be soon: who has seen what it is
# about may be earlier than the log.
log_says() { wait_for 10 log_has "$@"; }
log_has() { cat "$HASHPOST_HOME/logs/$1"*.log* | grep -q "${@:2}"; }
is_ready() { [[ $(curl -s --cacert "$CACERT" -o /dev/null -w '%{http_code}' --max-time 5 "$URL/readyz") == 200 ]]; }
# All workers are there, and none of them is the process $1.
pool_is_whole() {
    local pids
    mapfile -t pids < <(worker_pids)
    ((${#pids[@]} == ${HASHPOST_WORKERS:-2})) && [[ " ${pids[*]} " != *" ${1:-none} "* ]] && is_ready
}

# What clients may see of a worker that was killed: lighttpd says 500.
GATEWAY_ERRORS=502,503
[[ $HASHPOST_FRONT != lighttpd ]] || GATEWAY_ERRORS=500,502,503

# Is lighttpd that of Debian 13?
is_newer_lighttpd() { dpkg --compare-versions "$(dpkg-query -W -f '${Version}' lighttpd)" ge 1.4.79; }

# --- requests ------------------------------------------------------------------------------------------

# ask PATH [CURL OPTION…]: sets $code; the response's fields and body are in the files $FIELDS and $BODY. Fails as curl does.
ask() {
    local failed tries
    FIELDS=$BATS_TEST_TMPDIR/fields BODY=$BATS_TEST_TMPDIR/body
    for tries in {1..5}; do
        failed=0
        : >"$BODY"
        code=$(curl_once "$@") || failed=$?
        [[ $failed == 92 && $MAY_LOSE_REFUSALS == yes ]] || break
    done
    return "$failed"
}
curl_once() { curl -sS --cacert "$CACERT" --max-time 60 --expect100-timeout 20 -D "$FIELDS" -o "$BODY" -w '%{http_code}' "${@:2}" "$URL$1"; }
# Over HTTP/2, curl of Debian 12 now and then loses a whole response of Apache's that overtakes the body, and any curl one of
# lighttpd's (docs/fronts.md): it asks again. tests/tools/h2_refusal.py looks at the frames themselves.
MAY_LOSE_REFUSALS=no
[[ $HASHPOST_FRONT != lighttpd && ! ($HASHPOST_FRONT == apache && $(curl --version) == "curl 7"*) ]] || MAY_LOSE_REFUSALS=yes

# field NAME: its value in the last answer; fails if it is not there.
field() { sed -nE "s/^$1: (.*)\r$/\1/Ip" "$FIELDS" | tail -n 1 | grep .; }

# expect_json STATUS JSON: the last answer is exactly that.
expect_json() {
    [[ $code == "$1" && $(<"$BODY") == "$2" && $(field content-type) == application/json ]] || said "$1 $2"
}

# expect_problem STATUS SLUG: the last answer is that problem document.
expect_problem() {
    [[ $code == "$1" ]] || said "$1 $2" || return
    [[ $(field content-type) == application/problem+json ]] || said "application/problem+json" || return
    $PYTHON -I -S "$ROOT/tests/tools/problem.py" "$1" "$2" <"$BODY"
}

# Fails with the last answer.
said() {
    echo "wanted: $*"
    echo "got:    $code"
    cat "$FIELDS"
    head -c 2000 "$BODY"
    return 1
}

post_json() { ask /messages -H 'Content-Type: application/json' --data-binary "$1"; }
post_text() { ask /messages -H 'Content-Type: text/plain; charset=utf-8' --data-binary "$1"; }
sha256() { sha256sum "$@" | cut -d ' ' -f 1; }

raw() { $PYTHON -I "$ROOT/tests/tools/raw.py" --port "$HASHPOST_PORT" --cacert "$CACERT" "$@"; }
make_load() { $PYTHON -I "$ROOT/tests/tools/load.py" --port "$HASHPOST_PORT" --cacert "$CACERT" "$@"; }

# raw_answer STEP…: like ask, for what raw prints.
raw_answer() {
    raw "$@" >"$BATS_TEST_TMPDIR/raw" && raw_parse "$BATS_TEST_TMPDIR/raw"
}
raw_parse() {
    FIELDS=$BATS_TEST_TMPDIR/fields BODY=$BATS_TEST_TMPDIR/body
    sed '/^\r$/q' "$1" >"$FIELDS"
    tail -c +$(($(wc -c <"$FIELDS") + 1)) "$1" >"$BODY"
    code=$(sed -nE '1s/^HTTP\/1.[01] ([0-9]+).*/\1/p' "$FIELDS")
}
