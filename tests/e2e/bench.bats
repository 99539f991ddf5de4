#!/usr/bin/env bats
# The runner of the benchmarks: what it writes, what it counts, and that it leaves nothing behind. No figure.

load stack.bash

setup_file() {
    export SCRATCH
    SCRATCH=$(mktemp -d "${HASHPOST_TEST_FOLDER:-/var/tmp}/hashpost-test.XXXXXX")
    chmod 0755 "$SCRATCH"
}
teardown_file() { rm -rf "$SCRATCH"; }

# bench OPTION…: a short run with stores and results of its own.
bench() {
    mkdir -p "$BATS_TEST_TMPDIR/folder" "$BATS_TEST_TMPDIR/results"
    "$ROOT/bench/run" --no-install --no-document --no-probes --rounds 1 --seconds 1 --port "$(free_port)" \
        --folder "$SCRATCH" --results "$BATS_TEST_TMPDIR/results" "$@" 3>&-
}

# json EXPRESSION: is it true of the results, d?
json() {
    $PYTHON -I -c 'import glob, json, sys
d = json.load(open(glob.glob(sys.argv[1] + "/*.json")[0]))
sys.exit(0 if eval(sys.argv[2]) else sys.argv[2] + " is false of " + json.dumps(d))' "$BATS_TEST_TMPDIR/results" "$1"
}

# bad_system NAME UP: a folder with a further system, whose up is that Python.
bad_system() {
    mkdir -p "$BATS_TEST_TMPDIR/also/$1"
    cat >"$BATS_TEST_TMPDIR/also/$1/system.json" <<'JSON'
{"title": "bad", "front": "none", "store": "none", "loads": ["get"], "get_path": "/messages/{digest}",
 "durable": false, "packages": [], "note": ""}
JSON
    printf '#!/usr/bin/python3 -I\n%s\n' "$2" >"$BATS_TEST_TMPDIR/also/$1/up"
    chmod +x "$BATS_TEST_TMPDIR/also/$1/up"
}

nothing_is_left() {
    [[ -z $(find "$SCRATCH" -mindepth 1 -name 'hashpost-bench.*') ]]
    ! grep -lzqF "BENCH_DIR=$SCRATCH/" /proc/[0-9]*/environ 2>/dev/null
}

@test "medians, failures, ratios and tables are computed as they should be" {
    $PYTHON -I "$ROOT/tests/e2e/bench_figures.py"
}

@test "the ceiling and Hashpost are measured in one run, with every answer right" {
    bench --systems ceiling,hashpost-apache --cells get-64-c64,post-new-64-c1 >"$BATS_TEST_TMPDIR/out"
    json 'set(d["cells"]) == {"get-64-c64", "post-new-64-c1"}'
    json 'all(s["rate"] > 0 and s["us"]["50"] > 0 and s["failed"] == 0 for c in d["cells"].values() for s in c["systems"].values())'
    json 'all(set(c["systems"]) == {"ceiling", "hashpost-apache"} and not c["errors"] for c in d["cells"].values())'
    json '{"httpd", "worker", "generator"} <= set(d["cells"]["get-64-c64"]["systems"]["hashpost-apache"]["cpu_us"])'
    json 'd["cells"]["post-new-64-c1"]["fdatasync_us"]["p50"] > 0'
    json '{"cpu", "kernel", "disk", "fdatasync_us", "programs", "revision"} <= set(d["host"])'
    json 'd["figures"][0]["measured"] == d["cells"]["get-64-c64"]["systems"]["hashpost-apache"]["rate"] / d["cells"]["get-64-c64"]["systems"]["ceiling"]["rate"]'
    grep -q "GET behind Apache ÷ Apache's tuned static file .* ≥ 0.75 " "$BATS_TEST_TMPDIR/out"
    nothing_is_left
}

@test "wrong answers are counted and shown, and a system that does not start ends nothing" {
    bad_system answers-500 'import http.server, os, ssl, threading
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["BENCH_PORT"])), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.environ["BENCH_CERT"], os.environ["BENCH_KEY"])
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
child = os.fork()
if child == 0:
    os.setsid()
    server.serve_forever()
open(os.environ["BENCH_DIR"] + "/processes", "w").write(f"server {child}\n")'
    bad_system does-not-start 'raise SystemExit("there is no such disk")'
    bench --also "$BATS_TEST_TMPDIR/also" --systems ceiling,answers-500,does-not-start --cells get-64-c64 >"$BATS_TEST_TMPDIR/out"
    json 'set(d["cells"]["get-64-c64"]["errors"]) == {"does-not-start"}'
    json 'd["cells"]["get-64-c64"]["systems"]["answers-500"]["failed"] == d["cells"]["get-64-c64"]["systems"]["answers-500"]["requests"] > 0'
    json 'd["cells"]["get-64-c64"]["systems"]["answers-500"]["wrong_status"] == 500'
    json 'd["cells"]["get-64-c64"]["systems"]["ceiling"]["failed"] == 0'
    json '"there is no such disk" in d["systems"]["does-not-start"]["error"]'
    grep -qE 'FAILED answers: get-64-c64, answers-500: [0-9]+ of [0-9]+ \(status 500\)' "$BATS_TEST_TMPDIR/out"
    grep -q 'FAILED system: does-not-start' "$BATS_TEST_TMPDIR/out"
    nothing_is_left
}

@test "an interrupted run leaves no process and no file" {
    local pid shell
    is_started() { grep -qs . "$SCRATCH"/hashpost-bench.*/ceiling/processes; }
    bench --systems ceiling --cells get-64-c64 --seconds 60 2>"$BATS_TEST_TMPDIR/err" >/dev/null &
    shell=$!
    wait_for 20 is_started
    pid=$(pgrep -f "bench/run .*$BATS_TEST_TMPDIR")
    kill -s TERM "$pid"
    wait "$shell" || true
    nothing_is_left
}

@test "the drop is measured, and nothing is left" {
    [[ $HASHPOST_WORKER_BIN == */release/* ]] || skip 'it measures what is released'
    "$ROOT/bench/drop" --files 5 --mib 1 --rounds 1 --sealed-mib 1 --port "$(free_port)" --folder "$SCRATCH" >"$BATS_TEST_TMPDIR/out"
    [[ $(grep -cE '^(small files|one file|seal|open|openssl|  memory|  openssl).* +[0-9]' "$BATS_TEST_TMPDIR/out") == 10 ]]
    [[ -z $(find "$SCRATCH" -name 'hashpost-bench-drop.*') ]]
}
