# A Debian machine of its own for a test file: its disk, its processes (systemd, supervisord and Apache for real) and its
# network. Sourced by *.bats.
# shellcheck shell=bash

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
export ROOT
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

# shellcheck source=tests/tools/wait_for.bash
source "$ROOT/tests/tools/wait_for.bash"
# shellcheck source=tests/tools/documented.bash
source "$ROOT/tests/tools/documented.bash"

# The package, and the release that it was built for (make os-test names those of another machine); what a machine has anyway; and what the package needs (of alternatives the first),
# so that its installation downloads nothing.
DEB_FOLDER=${HASHPOST_DEB_FOLDER:-$ROOT/build/deb}
RELEASE=${HASHPOST_DEB_RELEASE:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
PACKAGES="systemd systemd-sysv dbus libpam-systemd apt-utils ca-certificates curl procps
    $(dpkg-deb -f "$DEB_FOLDER"/hashpost_*_*.deb Depends | tr ',' '\n' | sed -E 's/^ *([^ ]+).*/\1/' | paste -sd ' ')"
BASE=$ROOT/build/package-test/$RELEASE

# --- the disk ------------------------------------------------------------------------------------------

# make_base: Debian with those packages, kept for the next run. (Nothing is started in it.)
make_base() {
    [[ ! -e $BASE.made ]] || [[ $(<"$BASE.made") != "$PACKAGES" ]] || return 0
    rm -rf "$BASE"
    mkdir -p "$BASE"
    debootstrap --variant=minbase "$RELEASE" "$BASE" >"$BASE.log" 2>&1
    echo "deb http://deb.debian.org/debian-security $RELEASE-security main" >>"$BASE/etc/apt/sources.list"
    printf '#!/bin/sh\nexit 101\n' >"$BASE/usr/sbin/policy-rc.d"
    chmod +x "$BASE/usr/sbin/policy-rc.d"
    cp /etc/resolv.conf "$BASE/etc/"
    chroot "$BASE" apt-get update -qq >>"$BASE.log" 2>&1
    # shellcheck disable=SC2086  # a list of words
    DEBIAN_FRONTEND=noninteractive chroot "$BASE" apt-get install -y -qq --no-install-recommends $PACKAGES >>"$BASE.log" 2>&1
    chroot "$BASE" apt-get clean
    rm "$BASE/usr/sbin/policy-rc.d"
    echo "127.0.0.1 localhost hashpost-test" >"$BASE/etc/hosts"
    echo "$PACKAGES" >"$BASE.made"
}

# machine_new: a disk that begins as the base.
machine_new() {
    MACHINE=$(mktemp -d /var/tmp/hashpost-machine.XXXXXX)
    export MACHINE
    mkdir "$MACHINE"/{disk,upper,work}
    mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$MACHINE/upper,workdir=$MACHINE/work" "$MACHINE/disk"
}

# --- its life ------------------------------------------------------------------------------------------

# The cgroup in which the machine has its own.
machine_cgroup() {
    local place=/sys/fs/cgroup
    [[ -e $place/cgroup.controllers ]] || place+=/systemd
    echo "$place/hashpost-test-${MACHINE##*.}"
}

# machine_boot: for a setup_file, whose process lives as long as the file is tested; the machine ends with it.
machine_boot() {
    mkdir -p "$(machine_cgroup)"
    # shellcheck disable=SC2016  # for the inner shell
    setsid setpriv --pdeathsig KILL bash -c 'echo $$ >"$1/cgroup.procs"
        while unshare --mount --pid --fork --kill-child --net --uts --ipc --cgroup "$2/tests/tools/machine" "$3" \
            /lib/systemd/systemd --log-target=console --show-status=false
            [[ -e $3/again ]]; do rm "$3/again"; done' \
        _ "$(machine_cgroup)" "$ROOT" "$MACHINE" >>"$MACHINE/console.log" 2>&1 </dev/null 3>&- &
    echo $! >"$MACHINE/keeper"
    machine_wait
}
machine_wait() {
    wait_for 30 has_booted || {
        tail -n 30 "$MACHINE/console.log"
        return 1
    }
}
# The keeper's child is unshare, and its child the machine's first process.
has_booted() {
    pgrep -P "$(pgrep -P "$(<"$MACHINE/keeper")")" >"$MACHINE/pid" && [[ $(in_machine systemctl is-system-running) =~ ^(running|degraded)$ ]]
}

# machine_reboot: everything in it ends in order, and starts as after any boot.
machine_reboot() {
    local pid
    pid=$(<"$MACHINE/pid")
    touch "$MACHINE/again"
    in_machine systemctl poweroff
    wait_for 90 is_gone "$pid"
    machine_wait
}

machine_halt() {
    local pid
    pid=$(cat "$MACHINE/keeper" 2>/dev/null) || return 0
    in_machine systemctl poweroff >/dev/null 2>&1 || true
    wait_for 90 is_gone "$pid" || kill -s KILL "$(<"$MACHINE/pid")"
    rm -f "$MACHINE/keeper"
    find "$(machine_cgroup)" -depth -type d -exec rmdir {} + 2>/dev/null || true
}

machine_end() {
    machine_halt
    umount "$MACHINE/disk"
    rm -rf "$MACHINE"
}

# in_machine COMMAND…: as its root.
in_machine() {
    nsenter --all --target "$(<"$MACHINE/pid")" -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive timeout 120 "$@" 3>&-
}

# --- what documents say ----------------------------------------------------------------------------------

# follow "HEADING" [NUMBER]: runs that block of docs/install.md in the machine, and fails where it fails.
follow() {
    local commands
    commands=$(documented docs/install.md "$@") || return
    in_machine bash -euo pipefail -c "cd /root && $commands"
}
