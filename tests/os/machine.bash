# A Debian machine of its own with git and make only, for a test file: its disk, its processes and its network, from which it
# reaches the servers of Debian, and nobody reaches it. Sourced by *.bats.
# shellcheck shell=bash

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
export ROOT
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

# shellcheck source=tests/tools/wait_for.bash
source "$ROOT/tests/tools/wait_for.bash"

# Debian's name of the release, and who works there: root, below /srv, or an ordinary user with sudo, in a home directory.
RELEASE=${HASHPOST_OS_RELEASE:-trixie}
WHO=${HASHPOST_OS_USER:-root}
# What was downloaded stays for the next run.
STORE=$ROOT/build/os-test
BASE=$STORE/$RELEASE

# --- the disk ------------------------------------------------------------------------------------------

make_base() {
    [[ ! -e $BASE.made ]] || return 0
    rm -rf "$BASE"
    mkdir -p "$BASE" "$STORE/debs"
    debootstrap --variant=minbase --include=git,make --cache-dir="$STORE/debs" "$RELEASE" "$BASE" >"$BASE.log" 2>&1 || {
        tail -n 5 "$BASE.log"
        return 1
    }
    rm -f "$BASE"/var/cache/apt/archives/*.deb
    echo "deb http://deb.debian.org/debian-security $RELEASE-security main" >>"$BASE/etc/apt/sources.list"
    # slirp4netns answers there, with the names that this machine knows.
    echo "nameserver 10.0.2.3" >"$BASE/etc/resolv.conf"
    printf '127.0.0.1 localhost hashpost-test\n::1 localhost\n' >"$BASE/etc/hosts"
    touch "$BASE.made"
}

# machine_new: a disk that begins as the base, and keeps the packages that it downloads for the next one.
machine_new() {
    MACHINE=$(mktemp -d /var/tmp/hashpost-machine.XXXXXX)
    export MACHINE
    chmod 0755 "$MACHINE"
    mkdir -p "$MACHINE"/{disk,upper,work} "$STORE/archives-$RELEASE"
    mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$MACHINE/upper,workdir=$MACHINE/work" "$MACHINE/disk"
    mount --bind "$STORE/archives-$RELEASE" "$MACHINE/disk/var/cache/apt/archives"
}

# --- its life ------------------------------------------------------------------------------------------

# machine_boot: for a setup_file, whose process lives as long as the file is tested; the machine ends with it.
machine_boot() {
    local unshare
    setsid setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --net --uts --ipc --cgroup \
        "$ROOT/tests/tools/machine" "$MACHINE" /bin/bash -c 'while sleep 1000; do :; done' >"$MACHINE/console.log" 2>&1 </dev/null 3>&- &
    unshare=$!
    echo "$unshare" >"$MACHINE/keeper"
    wait_for 10 is_up "$unshare"
    setpriv --pdeathsig TERM slirp4netns --configure --mtu=65520 --disable-host-loopback "$(<"$MACHINE/pid")" tap0 \
        >"$MACHINE/network.log" 2>&1 </dev/null 3>&- &
    echo $! >"$MACHINE/network"
    wait_for 10 nsenter --net --target "$(<"$MACHINE/pid")" ip -4 route get 10.0.2.3
}
# (Until then it is the script that makes it.)
is_up() { pgrep -P "$1" >"$MACHINE/pid" && tr '\0' ' ' <"/proc/$(<"$MACHINE/pid")/cmdline" | grep -q '^/bin/bash -c while'; }

machine_end() {
    kill -s KILL "$(cat "$MACHINE/keeper")" "$(cat "$MACHINE/network")" 2>/dev/null || true
    ! [[ -s $MACHINE/pid ]] || wait_for 20 is_gone "$(<"$MACHINE/pid")"
    umount "$MACHINE/disk/var/cache/apt/archives" "$MACHINE/disk"
    rm -rf "$MACHINE"
}

# in_machine COMMAND…: as its root, however long it takes.
in_machine() {
    nsenter --all --target "$(<"$MACHINE/pid")" -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@" 3>&-
}

# as_owner SCRIPT: whose checkout it is runs it there.
as_owner() {
    if [[ $WHO == root ]]; then
        in_machine bash -euo pipefail -c "cd /srv/hashpost && $1"
    else
        in_machine setpriv --reuid=user --regid=user --init-groups env HOME=/home/user USER=user LOGNAME=user \
            bash -euo pipefail -c "cd /home/user/hashpost && $1"
    fi
}

# shown COMMAND…: as_owner, with the end of what it says if it fails, and how long it took.
shown() {
    local begin=$EPOCHSECONDS
    as_owner "$1" >"$MACHINE/said" 2>&1 || {
        cp "$MACHINE/said" "$STORE/$RELEASE-$WHO.said"
        grep -A 12 '^not ok' "$MACHINE/said" | head -n 400
        tail -n 40 "$MACHINE/said"
        return 1
    }
    echo "# $RELEASE, $WHO: $1: $((EPOCHSECONDS - begin)) s; $(grep -E '^[0-9]+ passed' "$MACHINE/said" | tail -n 1)" >&3
}

# machine_with_checkout: for a setup_file. It is running, and has what would be committed, in a repository of its owner's.
machine_with_checkout() {
    ((EUID == 0)) || {
        echo "A machine of its own needs root." >&2
        return 1
    }
    make_base
    machine_new
    local place=/srv/hashpost
    [[ $WHO == root ]] || place=/home/user/hashpost
    machine_boot
    if [[ $WHO != root ]]; then
        in_machine bash -euo pipefail -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends sudo
            useradd --create-home --shell /bin/bash user && chmod 0755 /home/user
            echo "user ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/user' >"$MACHINE/user.log" 2>&1
    fi
    "$ROOT/packaging/copy-tree" "$MACHINE/disk$place"
    [[ $WHO == root ]] || in_machine chown -R user: "$place"
    as_owner 'git init -q && git add -A && git -c user.name=test -c user.email=test@localhost commit -q -m test'
}
