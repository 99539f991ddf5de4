#!/usr/bin/env bats
# The other architecture that Debian machines have, as far as one without it can tell.

load machine.bash

setup_file() { machine_with_checkout; }
teardown_file() {
    [[ -z ${MACHINE:-} ]] || machine_end
}

@test "cross-compiled for arm64, the unit tests pass under qemu-user" {
    shown 'dpkg --add-architecture arm64 && apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends g++-aarch64-linux-gnu qemu-user-static rapidjson-dev \
            lib{fcgi,lmdb,ssl,xml2,curl4-openssl,cppunit}-dev:arm64'
    shown "make -j$(nproc) VARIANT=arm64 build/arm64/unit-tests"
    shown 'qemu-aarch64-static build/arm64/unit-tests'
}
