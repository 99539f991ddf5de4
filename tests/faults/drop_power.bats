#!/usr/bin/env bats
# Power that fails while a file is put into the drop: the disk (ext4 in a file) is copied as it is at that moment, with nothing
# that was not forced to it, and used as after a restart.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034  # ask sets $code; each test is a process of its own

bats_require_minimum_version 1.5.0
load ../e2e/stack.bash
load small_disk.bash
load traced.bash

setup() {
    ((EUID == 0)) || skip 'only root can mount a disk'
    stack_new
    small_disk_mount
    # The file system writes nothing by itself.
    mount -o remount,commit=300 "$MOUNTED"
    export KEY=$SCRATCH/key DECRYPTION_KEY=$SCRATCH/key HASHPOST_WORKERS=2
    $PYTHON -I "$ROOT/tests/tools/drop.py" key >"$KEY"
    chmod 0644 "$KEY"
    stack_start
    for version in 1 2; do
        head -c 100000 /dev/urandom | base64 -w 0 >"$SCRATCH/content-$version"
        $PYTHON -I "$ROOT/tests/tools/drop.py" seal "$KEY" $((EPOCHSECONDS - 10 + version)) <"$SCRATCH/content-$version" >"$SCRATCH/token-$version"
    done
}
teardown() {
    ((EUID == 0)) || return 0
    straces_abort
    continue_workers
    stack_stop >/dev/null
    umount "$SCRATCH/after" 2>/dev/null || true
    small_disk_unmount
    stack_end
}

upload() { ask "/upload/$1" -F "file=@$SCRATCH/token-$2"; }
is_stopped() { grep -qE '^State:[[:space:]][tT]' "/proc/$1/status"; }
one_is_stopped() { is_stopped "$(worker_pid 0)" || is_stopped "$(worker_pid 1)"; }
continue_workers() { worker_pids | xargs -r kill -s CONT; }

# power_fails: what would be on the disk now is mounted at SCRATCH/after.
power_fails() {
    mkdir -p "$SCRATCH/after"
    cp --sparse=always "$SCRATCH/disk.img" "$SCRATCH/after.img"
    mount -o loop "$SCRATCH/after.img" "$SCRATCH/after"
}
has() { cmp -s "$SCRATCH/after/data/drop/output/$1.xml" "$SCRATCH/content-$2"; }

# works_after NAME: a service on that disk takes what its sender sends again, and nothing older than what it has.
works_after() (
    HASHPOST_HOME=$SCRATCH/home-after HASHPOST_DATA=$SCRATCH/after/data HASHPOST_PORT=$(free_port)
    URL=https://localhost:$HASHPOST_PORT
    unset OUTPUT_DIR
    trap 'stack_stop >/dev/null; umount "$SCRATCH/after"' EXIT
    stack_start >/dev/null
    if has "$1" 2; then
        upload "$1" 1
        [[ $code == 409 ]] || said 409
    fi
    upload "$1" 2
    [[ $code == 201 ]] || said 201
    has "$1" 2
    upload "$1" 1
    [[ $code == 409 ]] || said 409
    [[ $(ls -A "$HASHPOST_DATA/drop/output") == "$1.xml" && -z $(ls -A "$HASHPOST_DATA/drop/incoming") ]]
)

@test "what was answered 201 is there after a power cut, under a new name and under one that had older content" {
    local version
    for version in 1 2; do
        upload books "$version"
        [[ $code == 201 ]] || said 201
        power_fails
        has books "$version"
        works_after books
    done
}

# cut_after CALL NUMBER VERSIONS: power fails when a worker has made that system call so often while it takes version 2; then
# one of the versions is there.
cut_after() {
    local pid number found
    upload books 1
    [[ $code == 201 ]] || said 201
    for number in 0 1; do trace_worker "$number" -e trace="$1" -e inject="$1:signal=STOP:when=$2"; done
    curl -sS --cacert "$CACERT" --max-time 60 -F "file=@$SCRATCH/token-2" -o /dev/null -w '%{http_code}' "$URL/upload/books" \
        >"$BATS_TEST_TMPDIR/code" 2>/dev/null 3>&- &
    pid=$!
    wait_for 20 one_is_stopped
    power_fails
    # It is whole, and nothing else is seen.
    for number in $3; do ! has books "$number" || found=$number; done
    [[ -n ${found:-} ]]
    [[ $(ls -A "$SCRATCH/after/data/drop/output") == books.xml ]]
    works_after books
    continue_workers
    straces_end
    wait "$pid"
    [[ $(<"$BATS_TEST_TMPDIR/code") == 201 ]]
}

@test "power that fails when the new file was synced leaves the old one" { cut_after fsync 1 1; }
@test "power that fails in the commit of the ledger leaves the old file" { cut_after fdatasync 1 1; }
@test "power that fails when the ledger knows the new file leaves the old one" { cut_after linkat 1 1; }
# (The first one asks whether files can be moved there.)
@test "power that fails after the rename leaves the old or the new file" { cut_after renameat 2 '1 2'; }
@test "power that fails when the folder was synced leaves the new file" { cut_after fsync 2 2; }
