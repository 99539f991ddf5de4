#!/usr/bin/env bats
# What installs packages where some of them are there already. (make os-test begins with none at all.)

bats_require_minimum_version 1.5.0
ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)

# make_with COMMANDS TARGET: prints what it would have installed where only those commands are there.
make_with() {
    local bin=$BATS_TEST_TMPDIR/bin tree=$BATS_TEST_TMPDIR/tree command
    rm -rf "$bin" "$tree"
    mkdir -p "$bin" "$tree"/{service,tests/unit,lib/xml,store,fcgi-worker,file-sender,bench/native,bench/open_loop}
    cp "$ROOT/Makefile" "$tree"
    for command in make bash find sort nproc git timeout; do ln -s "$(command -v "$command")" "$bin"; done
    for command in $1; do install -m 0755 /dev/stdin "$bin/$command" <<<"#!/bin/sh"; done
    # shellcheck disable=SC2016  # for that script
    printf '#!%s\necho "installs $*"\n' "$(command -v bash)" >"$tree/service/deps.sh"
    printf '#!%s\n' "$(command -v bash)" >"$tree/tests/run.sh"
    chmod +x "$tree"/{service/deps.sh,tests/run.sh}
    # (What deb-test builds first is not its own check.)
    PATH=$bin make -s -C "$tree" -o deb "$2"
}

@test "container-test and deb-test install what they need if any of their commands is missing" {
    run -0 make_with "bats" container-test
    [[ $output == "installs container" ]]
    run -0 make_with "bats debootstrap" container-test
    [[ $output == "installs container" ]]
    run -0 make_with "bats" deb-test
    [[ $output == "installs deb-test" ]]
}

@test "they install nothing if all of them are there, whoever made them" {
    run -0 make_with "dockerd docker-compose debootstrap bats" container-test
    [[ -z $output ]]
    run -0 make_with "debootstrap bats" deb-test
    [[ -z $output ]]
}

@test "a compiler with new warnings keeps nobody from make up, but make lint and continuous integration from passing" {
    local object=build/release/obj/lib/log/log.o
    unset MAKEFLAGS MAKELEVEL MFLAGS WERROR
    [[ $(make -Bn -C "$ROOT" "$object") == *" -Wall "* && $(make -Bn -C "$ROOT" "$object") != *-Werror* ]]
    [[ $(make -Bn -C "$ROOT" WERROR=yes "$object") == *" -Werror "* ]]
    grep -qE '^	@\$\(MAKE\) .* WERROR=yes tidy$' "$ROOT/Makefile"
    grep -qx 'export WERROR=yes' "$ROOT/.ci/run"
}
