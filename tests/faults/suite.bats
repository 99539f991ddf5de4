#!/usr/bin/env bats
# The suite itself: a test that hangs or aborts is named, the others go on, and what was skipped is counted.

bats_require_minimum_version 1.5.0
ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)

setup_file() {
    export PLANTED=$ROOT/build/planted
    mkdir -p "$PLANTED"
    cat >"$PLANTED/planted_test.cc" <<'END'
#include <cppunit/extensions/HelperMacros.h>
#include <unistd.h>

#include <cstdlib>

class PlantedTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(PlantedTest);
  CPPUNIT_TEST(Passes);
  CPPUNIT_TEST(Aborts);
  CPPUNIT_TEST(PassesAfterAnAbort);
  CPPUNIT_TEST(Hangs);
  CPPUNIT_TEST(Exits);
  CPPUNIT_TEST(Fails);
  CPPUNIT_TEST(PassesAtTheEnd);
  CPPUNIT_TEST_SUITE_END();

 public:
  void Passes() {}
  void Aborts() { std::abort(); }
  void PassesAfterAnAbort() {}
  void Hangs() { pause(); }
  void Exits() { std::exit(0); }
  void Fails() { CPPUNIT_FAIL("planted"); }
  void PassesAtTheEnd() {}
};

CPPUNIT_TEST_SUITE_REGISTRATION(PlantedTest);
END
    ${CXX:-g++} -std=c++20 -o "$PLANTED/unit-tests" "$ROOT/tests/unit/main.cc" "$PLANTED/planted_test.cc" -lcppunit
}

teardown_file() { rm -rf "$PLANTED"; }

@test "a unit test that hangs, aborts or ends the process is named, and the others go on" {
    HASHPOST_TEST_SECONDS=1 run "$PLANTED/unit-tests"
    echo "$output"
    ((status == 1))
    [[ $output == *"FAILED PlantedTest::Aborts"*"ended the process: Aborted"* ]]
    [[ $output == *"FAILED PlantedTest::Hangs"*"took longer than 1 s"* ]]
    [[ $output == *"FAILED PlantedTest::Exits"*"ended the process with status 0"* ]]
    [[ $output == *"FAILED PlantedTest::Fails"*planted* ]]
    [[ ${lines[-1]} == "3 passed, 4 failed, 0 skipped" ]]
    run "$PLANTED/unit-tests" Passes
    ((status == 0))
    run "$PLANTED/unit-tests" NoSuchTest
    ((status == 2))
}

@test "a bats test that hangs is named, and skips are counted in the last line" {
    # (bats takes a line that begins with @test for one of this file.)
    sed 's/^TEST/@test/' >"$PLANTED/some.bats" <<'END'
TEST "passes" { true; }
TEST "is left out" { skip "planted"; }
TEST "hangs" { while :; do sleep 0.1; done; }
TEST "passes at the end" { true; }
END
    HASHPOST_TEST_SECONDS=1 run "$ROOT/tests/run.sh" planted "$PLANTED/some.bats" 3>&-
    echo "$output"
    ((status != 0))
    [[ $output == *"not ok 3 [apache] hangs in "*"ms # timeout after 1s"* ]]
    [[ ${lines[-1]} == "2 passed, 1 failed, 1 skipped" ]]
}

@test "a unit test's failure is one of the whole run" {
    HASHPOST_TEST_SECONDS=1 run "$ROOT/tests/run.sh" planted unit 3>&-
    ((status != 0))
    [[ ${lines[-1]} == "3 passed, 4 failed, 0 skipped" ]]
}

@test "no test waits for every process of its shell, of which the one that watches the time is one" {
    run ! grep -nE '^ *wait *([|;&#]|$)' "$ROOT"/tests/*/*.bats "$ROOT"/tests/*/*.bash
}

# The variant whose programs are tested, so that nothing has to be compiled.
VARIANT=$(basename "$(dirname "${HASHPOST_WORKER_BIN:-release/hashpost-worker}")")
typed_make() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$ROOT" "$@" 3>&-; }

@test "make test-one runs a unit test by its class, method or file, and a test of bats by a part of its name" {
    local name
    for name in Base64Test lib/base64/base64_test.cc Base64Test::; do
        run typed_make test-one "VARIANT=$VARIANT" "NAME=$name"
        echo "$name: $output"
        [[ $status == 0 && ${lines[-1]} =~ ^[1-9][0-9]*\ passed,\ 0\ failed ]]
    done
    run typed_make test-one "VARIANT=$VARIANT" 'NAME=waits for every process of its shell'
    echo "$output"
    [[ $status == 0 && ${lines[-1]} == "1 passed, 0 failed, 0 skipped" ]]
    run typed_make test-one NAME=NoSuchTest
    [[ $status != 0 && $output == *"There is no test with the name NoSuchTest."* ]]
    run typed_make test-one
    [[ $status != 0 && $output == *"Say which test: "* ]]
}

@test "an unknown VARIANT is refused with a sentence that names the known ones" {
    run typed_make build VARIANT=fast
    [[ $status != 0 && $output == *"There is no VARIANT=fast: use one of release debug "* ]]
}

@test "make compile-commands writes how each C++ file is compiled" {
    typed_make compile-commands
    python3 -c 'import json, subprocess, sys
commands = json.load(open(sys.argv[1] + "/compile_commands.json"))
known = subprocess.run(["git", "-C", sys.argv[1], "ls-files", "*.cc"], capture_output=True, text=True, check=True).stdout.split()
assert set(known) <= {command["file"] for command in commands}, known
assert all("-std=c++20" in command["command"].split() for command in commands)' "$ROOT"
}
