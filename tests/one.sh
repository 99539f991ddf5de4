#!/bin/bash
# one.sh VARIANT NAME: compiles what it takes and runs the tests with that name: a unit test (a part of its class or method, or
# its file), a file of bats, or tests in such files by a part of their names. HASHPOST_FRONT names the web server (apache).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

variant=$1
name=${2##*/}
[[ -n $name ]] || { echo "Say which test: make test-one NAME=Sha256, NAME=bulk.bats or NAME='kill -9'." >&2; exit 64; }
out=build/$variant

compile() { make --no-print-directory -j"${JOBS:-$(nproc)}" "VARIANT=$variant" "${@/#/$out/}"; }

# A file of unit tests stands for the suite in it.
unit=$name
file=$(find tests/unit -name "${name%.cc}.cc" -o -name "${name%.cc}_test.cc" | head -n 1)
[[ -z $file ]] || unit=$(sed -nE 's/.*CPPUNIT_TEST_SUITE\((\w+)\).*/\1::/p;T;q' "$file")
word=${unit%::}
if grep -rqE "CPPUNIT_TEST(_SUITE)?\(\w*${word##*::}" tests/unit; then
    compile unit-tests
    exec "$out/unit-tests" "$unit"
fi

mapfile -t files < <(find tests -name "${name%.bats}.bats")
if ((${#files[@]} == 0)); then
    # (bats takes a regular expression, and people type words.)
    # shellcheck disable=SC2001
    HASHPOST_TEST_FILTER=$(sed 's/[][\.*^$+?(){}|]/\\&/g' <<<"$name")
    export HASHPOST_TEST_FILTER
    mapfile -t files < <(grep -rlE --include='*.bats' "^@test .*$HASHPOST_TEST_FILTER" tests)
fi
((${#files[@]})) || { echo "There is no test with the name $name." >&2; exit 1; }
compile hashpost-worker hashpost-sender fernet-probe json-to-xml-probe
exec tests/run.sh "$variant" "${files[@]}"
