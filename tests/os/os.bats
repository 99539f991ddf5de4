#!/usr/bin/env bats
# What README says of two commands, on a Debian machine that has git and make and nothing else, in that order.
# HASHPOST_OS_RELEASE is its release, HASHPOST_OS_USER who works there (machine.bash).

load machine.bash

HELLO=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

setup_file() {
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
teardown_file() {
    [[ -z ${MACHINE:-} ]] || machine_end
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

# bats test_tags=quick
@test "make up installs what it needs, and the line that it prints stores a message" {
    local line
    shown 'make up'
    line=$(grep -m 1 '^curl ' "$MACHINE/said")
    [[ $(as_owner "$line -s") == '{"digest":"'$HELLO'"}' ]]
}

# bats test_tags=quick
@test "make down leaves no process" {
    shown 'make down'
    [[ $(in_machine ps -e -o comm= | grep -cE 'hashpost|apache2|supervisord|rotatelogs') == 0 ]]
}

# bats test_tags=quick,quick-only
@test "the unit tests pass" {
    shown 'make unit'
}

# bats test_tags=quick,quick-only
@test "the end-to-end tests of Apache pass" {
    shown 'make apache-test'
}

@test "make test passes" {
    shown 'make test'
}

@test "make deb makes a package that lintian finds nothing in" {
    shown 'make deb'
    rm -rf "$BASE.deb"
    mkdir "$BASE.deb"
    as_owner 'tar -C build/deb -c hashpost_*_*.deb' | tar -x -C "$BASE.deb"
}
