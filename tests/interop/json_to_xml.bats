#!/usr/bin/env bats
# The XML form of random JSON against Python's json and expat.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
# tests/run.sh names another build here.
PROBE=${HASHPOST_JSON_TO_XML_PROBE:-$ROOT/build/release/json-to-xml-probe}

@test "random JSON has the old XML form, or says the same where there was none" {
    run /usr/bin/python3 -I "$BATS_TEST_DIRNAME/json_to_xml.py" "$PROBE" 2000
    echo "$output"
    [[ $status == 0 && $output == "2000 documents agree" ]]
}
