#!/usr/bin/env bats
# What scripts and programs do with words that they do not know, and when two of them run at once.

bats_require_minimum_version 1.5.0
ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
# shellcheck source=tests/tools/wait_for.bash
source "$ROOT/tests/tools/wait_for.bash"

setup() {
    SCRATCH=$(mktemp -d /var/tmp/hashpost-test.XXXXXX)
    export SCRATCH
}
teardown() { rm -rf "$SCRATCH"; }

# refused PROGRAM WORD…: it ends with EX_USAGE and a sentence, and does nothing else.
refused() {
    run "$@" </dev/null
    [[ $status == 64 && $output == *.* ]] || {
        echo "$*: status $status: $output"
        return 1
    }
}

@test "surplus words on a command line are refused with a sentence" {
    export HASHPOST_HOME=$SCRATCH/home HASHPOST_DATA=$SCRATCH/data
    local out=$ROOT/build/release script
    refused "${HASHPOST_WORKER_BIN:-$out/hashpost-worker}" --check --check-store
    refused "${HASHPOST_SENDER_BIN:-$out/hashpost-sender}" --once --status
    for script in service/{hashpost,start-front,start-worker} packaging/{make-deb,cloud/start,container/start,container/is-ready}; do
        refused "$ROOT/$script" status surplus
    done
    for script in service/{read-log,rotate-log,spool-has-room,write-vhost-settings} certs/make-dev-certs.sh packaging/copy-tree \
        packaging/certbot/hashpost-deploy-hook packaging/container/{create-secret,prepare-drop,take-certificate}; do
        refused "$ROOT/$script" "$SCRATCH/a" "$SCRATCH/b" "$SCRATCH/c"
    done
    refused "$ROOT/service/prune-logs" a b c
    refused "$ROOT/service/with-settings"
    refused "$ROOT/service/deps.sh" no-such-group
    HASHPOST_HANG_SECONDS=30 refused python3 -I -S "$ROOT/service/pool_events.py" a b c d
    refused "$ROOT/packaging/debian/operate" status surplus
    refused "$ROOT/packaging/debian/operate" use systemd surplus
    refused "$ROOT/tests/layers.sh" surplus
    refused "$ROOT/tests/fuzz/run" surplus
    refused "$ROOT/httpd-conf/make-errors" "$SCRATCH/a" "$SCRATCH/b"
    [[ -z $(ls -A "$SCRATCH") ]]
}

# (As the user of a shell asks anything for its help, without a setting in its environment.)
@test "an option that is not known is refused with a sentence, and is the name of no file" {
    local out=$ROOT/build/release script
    cd "$SCRATCH"
    refused "${HASHPOST_WORKER_BIN:-$out/hashpost-worker}" --no-such
    refused "${HASHPOST_WORKER_BIN:-$out/hashpost-worker}" --recover-store
    refused "${HASHPOST_SENDER_BIN:-$out/hashpost-sender}" --no-such
    for script in service/{hashpost,read-log,rotate-log,prune-logs,with-settings,write-vhost-settings,deps.sh} \
        certs/make-dev-certs.sh httpd-conf/make-errors packaging/copy-tree packaging/certbot/hashpost-deploy-hook \
        packaging/container/{create-secret,prepare-drop,take-certificate}; do
        refused "$ROOT/$script" --no-such
    done
    refused "$ROOT/service/read-log" 2
    refused "$ROOT/service/deps.sh"
    refused "$ROOT/tests/run.sh"
    refused "$ROOT/tests/run.sh" release
    [[ -z $(ls -A "$SCRATCH") ]]
}

@test "two deps.sh at once leave the administrator's policy-rc.d as it was" {
    ((EUID == 0)) || skip "only root may mount"
    mkdir "$SCRATCH/bin"
    # Says that it was called, and waits until it may go on.
    cat >"$SCRATCH/bin/apt-get" <<'END'
#!/bin/bash
[[ $* == *install* ]] || exit 0
: >"$SCRATCH/called.$NAME"
until [[ -e $SCRATCH/go.$NAME ]]; do sleep 0.02; done
END
    chmod 0755 "$SCRATCH/bin/apt-get"
    cp -a /usr/sbin "$SCRATCH/sbin"
    cat >"$SCRATCH/two" <<'END'
set -euo pipefail
source "$ROOT/tests/tools/wait_for.bash"
mount --bind "$SCRATCH/sbin" /usr/sbin
export PATH=$SCRATCH/bin:$PATH
printf '#!/bin/sh\nexit 0\n' >/usr/sbin/policy-rc.d
NAME=first "$ROOT/service/deps.sh" build --packages hashpost-no-such-package &
first=$!
wait_for 10 test -e "$SCRATCH/called.first"
[[ $(sh /usr/sbin/policy-rc.d; echo $?) == 101 ]]
NAME=second "$ROOT/service/deps.sh" build --packages hashpost-no-such-package &
second=$!
is_at_work_or_waits() { [[ -e $SCRATCH/called.second ]] || pgrep -P "$second" -x flock; }
wait_for 10 is_at_work_or_waits
touch "$SCRATCH/go.first"
wait "$first"
touch "$SCRATCH/go.second"
wait "$second"
[[ $(</usr/sbin/policy-rc.d) == $'#!/bin/sh\nexit 0' && ! -e /usr/sbin/policy-rc.d.before-hashpost ]]
END
    ROOT=$ROOT timeout 60 unshare --mount --propagation private bash "$SCRATCH/two" 3>&-
}
