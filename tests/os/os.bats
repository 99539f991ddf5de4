#!/usr/bin/env bats
# What README says of two commands, on a Debian machine that has git and make and nothing else, in that order.
# HASHPOST_OS_RELEASE is its release, HASHPOST_OS_USER who works there (machine.bash).

load machine.bash

HELLO=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824

setup_file() { machine_with_checkout; }
teardown_file() {
    [[ -z ${MACHINE:-} ]] || machine_end
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
