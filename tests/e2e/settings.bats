#!/usr/bin/env bats
# The table of settings (service/settings.table) is their only source, and no name that it does not have is silently ignored.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016,SC2013  # bats' run sets variables; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash

setup() { stack_new; }
teardown() { stack_end; }

SENDER=${HASHPOST_SENDER_BIN:-$ROOT/build/release/hashpost-sender}
TABLE=$ROOT/service/settings.table

# column NAME NUMBER: that column of its line. of_reader READER: the names that it reads.
column() { awk -F ' *[|] *' -v name="$1" -v number="$2" '$1 == name { print $number }' "$TABLE"; }
of_reader() { awk -F ' *[|] *' -v reader="$1" '/^[A-Z]/ && index("," $5 ",", "," reader ",") { print $1 }' "$TABLE"; }
# sourced COMMANDS: what they print behind settings.sh, with no setting but the arguments.
sourced() { env -i PATH="$PATH" "${@:2}" bash -euo pipefail -c 'source "$0/service/settings.sh"; eval "$1"' "$ROOT" "$1"; }

@test "documents and manual pages say of settings what their table says" {
    "$ROOT/packaging/write-settings-docs" --check
    # They have each one; others are for tests and the like.
    local name
    for name in $(of_reader service) $(of_reader worker) $(of_reader sender); do
        grep -q "^| \`$name\` |" "$ROOT/docs/settings.md" || { echo "docs/settings.md has no $name"; false; }
    done
}

@test "a line in the table is a new setting of the programs, the shell code and the documents" {
    local copy=$SCRATCH/copy build variant worker
    build=$(dirname "$HASHPOST_WORKER_BIN") variant=$(basename "$(dirname "$HASHPOST_WORKER_BIN")")
    "$ROOT/packaging/copy-tree" "$copy"
    mkdir -p "$copy/build/$variant"
    # What was compiled here is not compiled there again.
    (cd "$build" && tar --exclude=obj/tests -c obj generated flags inputs) | tar -x -C "$copy/build/$variant"
    printf '%s\n' 'HASHPOST_NEW_THING | 7 | number | 1..9 | service,worker | What a test adds.' \
        'NEW_PATH | $HASHPOST_DATA/new | path | | worker | Another one.' >>"$copy/service/settings.table"
    sed -i 's/^<!-- settings: programs/& HASHPOST_NEW_THING/' "$copy/docs/settings.md"

    run ! "$copy/packaging/write-settings-docs" --check
    "$copy/packaging/write-settings-docs"
    grep -qxF '| `HASHPOST_NEW_THING` | `7` | 1 to 9 | What a test adds. |' "$copy/docs/settings.md"
    grep -qF 'What a test adds. Default: 7; values: 1 to 9.' "$copy/packaging/man/hashpost-worker.8"

    run env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$copy" VARIANT="$variant" CXX="$(sed 's/ -std=.*//' "$build/flags")" "build/$variant/hashpost-worker"
    [[ $status == 0 ]] || { echo "$output"; false; }
    worker=$copy/build/$variant/hashpost-worker
    run "$worker" --check
    [[ $output == *"HASHPOST_NEW_THING=7"* && $output == *"NEW_PATH=$HASHPOST_DATA/new"* ]]
    HASHPOST_NEW_THING=10 run "$worker" --check
    [[ $status == 78 && $output == *'HASHPOST_NEW_THING is "10", but must be a whole number from 1 to 9.'* ]]
    [[ $("$worker" --help) == *"HASHPOST_NEW_THING (7)"*"What a test adds."* ]]

    ROOT=$copy
    [[ $(sourced 'echo "$HASHPOST_NEW_THING"') == 7 ]]
    run sourced : HASHPOST_NEW_THING=10
    [[ $status == 78 && $output == *'HASHPOST_NEW_THING=10 must be a whole number from 1 to 9.' ]]
    # What is for the worker reaches it.
    [[ $(NEW_PATH=/x bash -c 'source "$0/service/own-environment.sh"; exec_alone /usr/bin/env' "$copy") == *NEW_PATH=/x* ]]
}

@test "whoever reads a number or a size refuses what is outside of its bounds" {
    local name bounds value reader count=0
    # refuses NAME=VALUE: the shell code, the worker and the sender, each what it reads.
    refuses() {
        case $reader in
        service) run sourced : "$1" ;;
        worker) run env "$1" "$HASHPOST_WORKER_BIN" --check ;;
        sender) run env "$1" INPUT_DIR="$SCRATCH" STATUS_DB_PATH="$SCRATCH" "$SENDER" --check ;;
        esac
        [[ $status == 78 && $output == *"${1%%=*}"*must\ be* ]] || { echo "$reader takes $1: $status $output"; false; }
    }
    for reader in service worker sender; do
        for name in $(of_reader $reader); do
            bounds=$(column "$name" 4)
            [[ $bounds == *..* ]] || continue
            value=$(numfmt --from=iec "${bounds#*..}")
            refuses "$name=$((value + 1))"
            value=$(numfmt --from=iec "${bounds%..*}")
            ((value == 0)) || refuses "$name=$((value - 1))"
            refuses "$name=-1"
            refuses "$name=99999999999999999999"
            count=$((count + 1))
        done
    done
    ((count > 20))
}

@test "without a variable each program and the shell code have the defaults of the table" {
    local name default shown
    shown=$(env -i HASHPOST_HOME=/h HASHPOST_DATA=/d "$HASHPOST_WORKER_BIN" --check
        env -i INPUT_DIR="$SCRATCH" HASHPOST_DATA="$SCRATCH" "$SENDER" --check)
    for name in $(of_reader worker) $(of_reader sender); do
        [[ $name != @(HASHPOST_HOME|HASHPOST_DATA|INPUT_DIR|STATUS_DB_PATH) ]] || continue
        default=$(column "$name" 2)
        [[ $(column "$name" 3) != bytes ]] || default=$(numfmt --from=iec "$default")
        grep -qxF "$name=${default/\$HASHPOST_DATA//d}" <<<"$shown" || { echo "$name is not $default: $(grep "^$name=" <<<"$shown")"; false; }
    done
    shown=$(sourced env HASHPOST_DATA=/d)
    for name in $(of_reader service); do
        default=$(column "$name" 2)
        [[ $name != @(HASHPOST_DATA|SERVER_IP|HASHPOST_LISTEN|HASHPOST_USER|HASHPOST_HTTPD_THREADS) ]] || continue
        [[ $(column "$name" 3) != bytes ]] || default=$(numfmt --from=iec "$default")
        default=${default/\$root/$ROOT} default=${default/\$certs/$ROOT\/certs}
        grep -qxF "$name=${default/\$HASHPOST_DATA//d}" <<<"$shown" || { echo "$name is not $default: $(grep "^$name=" <<<"$shown")"; false; }
    done
}

@test "a name that is almost a setting's is refused, and the setting is named" {
    local wrong right
    while read -r wrong right; do
        run sourced check_names "$wrong=2"
        [[ $status == 78 && $output == "Hashpost cannot start: there is no setting $wrong; did you mean $right?" ]] || { echo "$wrong: $output"; false; }
    done <<'END'
HASHPOST_PROT HASHPOST_PORT
HASHPOST_WORKER HASHPOST_WORKERS
HASHPOST_WORKRES HASHPOST_WORKERS
HASHPOST_LISEN HASHPOST_LISTEN
HASHPOST_PASSWD_FILE HASHPOST_PASSWORD_FILE
HASHPOST_MAXMESSAGEBYTES HASHPOST_MAX_MESSAGE_BYTES
HASHPOST_ACCESS_UPLAOD HASHPOST_ACCESS_UPLOAD
END
    HASHPOST_WORKRES=4 run --separate-stderr "$ROOT/service/hashpost" up 3>&-
    [[ $status == 78 && $stderr == *"did you mean HASHPOST_WORKERS?" ]]
    [[ -z $(started_processes) ]]
    # What runs can be looked at and stopped all the same.
    HASHPOST_WORKRES=4 run "$ROOT/service/hashpost" status 3>&-
    [[ $status == 3 && $output == *"is down"* ]]
}

@test "any other HASHPOST_ name that is unknown is reported, and the service starts" {
    HASHPOST_SERVICE_HOST=10.0.0.1 run sourced check_names HASHPOST_SERVICE_HOST=10.0.0.1
    [[ $status == 0 && $output == "There is no setting HASHPOST_SERVICE_HOST: it has no effect (docs/settings.md has them all)." ]]
    # Names of the kind that other programs may have are reported only if they are almost a setting.
    run sourced check_names RECEIVER_PROT=1 SENDER_ADDRESS=x RECEIVER_OF_MAIL=x
    [[ $status == 0 && $output == "There is no setting RECEIVER_PROT: it has no effect; did you mean RECEIVER_PORT? (docs/settings.md has them all)." ]]
    HASHPOST_SERVICE_HOST=10.0.0.1 run --separate-stderr stack_start
    [[ $status == 0 && $stderr == *HASHPOST_SERVICE_HOST* ]]
    is_ready
    # What the service itself exports is known, and so are all names in the packaged file of settings.
    [[ -z $(sourced 'bash -c "source $ROOT/service/settings.sh; check_names"' ROOT="$ROOT") ]]
    [[ -z $(sourced 'set -a; . <(sed -n "s/^#\([A-Z]\)/\1/p" "$ROOT/packaging/debian/settings"); given_names=(${!HASHPOST_@}); check_names' ROOT="$ROOT") ]]
}

@test "every name that tests, benchmarks and containers read is in the table, so that none is reported" {
    local name unknown=""
    for name in $(grep -rhoE '\$\{HASHPOST_[A-Z_]+:-|getenv\("HASHPOST_[A-Z_]+' "$ROOT"/{tests,bench,packaging} "$ROOT"/docker-*.yml | grep -oE 'HASHPOST_[A-Z_]+' | sort -u); do
        grep -q "^$name " "$TABLE" || unknown+=" $name"
    done
    [[ -z $unknown ]] || { echo "not in service/settings.table:$unknown"; false; }
}

# instance: this test's instance from a file of settings alone.
instance() {
    printf '%s\n' '# Of a test.' "HASHPOST_PORT=$HASHPOST_PORT" 'HASHPOST_HOME=home' "  HASHPOST_DATA=\"data\"  " '' \
        'HASHPOST_MAX_MESSAGE_BYTES=4' "HASHPOST_FRONT='$HASHPOST_FRONT'" >"$SCRATCH/hashpost.conf"
    export HASHPOST_CONF=$SCRATCH/hashpost.conf
    unset HASHPOST_PORT HASHPOST_HOME HASHPOST_DATA HASHPOST_FRONT
}

@test "a file of settings is enough for every command, and the environment wins over it" {
    (
        instance
        "$ROOT/service/hashpost" up 3>&-
        "$ROOT/service/hashpost" status 3>&-
        "$ROOT/service/hashpost" reload 3>&-
        post_text fifth
        expect_problem 413 too-large
        "$ROOT/service/hashpost" down 3>&-
        HASHPOST_MAX_MESSAGE_BYTES=5 "$ROOT/service/hashpost" up 3>&-
        post_text fifth
        [[ $code == 201 && -e $SCRATCH/data/data.mdb ]]
        "$ROOT/service/hashpost" down 3>&-
    )
    [[ -z $(started_processes) ]]
}

@test "a checkout has its file of settings in its folder, and packages are those of the web server that it names" {
    local copy=$SCRATCH/copy bin=$SCRATCH/bin
    mkdir "$copy" "$bin"
    cp -r "$ROOT/service" "$copy/"
    printf '%s\n' HASHPOST_PORT=5123 'HASHPOST_FRONT="nginx"' >"$copy/hashpost.conf"
    ROOT=$copy
    [[ $(sourced 'echo "$HASHPOST_PORT $HASHPOST_FRONT"') == '5123 nginx' ]]
    [[ $(sourced 'echo "$HASHPOST_PORT"' HASHPOST_PORT=5124) == 5124 ]]
    # (Everything that is asked for is said to be there.)
    printf '#!/bin/bash\nfor name; do echo "$name installed"; done | tee -a %q\n' "$SCRATCH/asked" >"$bin/dpkg-query"
    chmod +x "$bin/dpkg-query"
    env -u HASHPOST_FRONT -u HASHPOST_CONF PATH="$bin:$PATH" "$copy/service/deps.sh" serve
    grep -q '^nginx installed' "$SCRATCH/asked"
    run ! grep -q '^apache2-bin' "$SCRATCH/asked"
    # And without such a file, those of Apache.
    mv "$copy/hashpost.conf" "$copy/other.conf"
    env -u HASHPOST_FRONT -u HASHPOST_CONF PATH="$bin:$PATH" "$copy/service/deps.sh" serve
    grep -q '^apache2-bin' "$SCRATCH/asked"
    # It is nobody's but the developer's.
    git -C "$BATS_TEST_DIRNAME" check-ignore -q ../../hashpost.conf
}

@test "a line of the file of settings that is wrong is refused with its number or name" {
    local file=$SCRATCH/wrong.conf
    # wrong LINE WORDS
    wrong() {
        printf 'HASHPOST_GZIP=no\n%s\n' "$1" >"$file"
        run sourced check_names HASHPOST_CONF="$file"
        [[ $status == 78 && $output == "Hashpost cannot start: "*"$2"* && ${#lines[@]} == 1 ]] || { echo "$1: $output"; false; }
    }
    wrong 'HASHPOST_PORT 5000' "line 2 of $file is not NAME=value"
    wrong 'export HASHPOST_PORT=5000' "line 2 of $file is not NAME=value"
    wrong 'HASHPOST_PORT=x' 'HASHPOST_PORT=x must be'
    wrong 'HASHPOST_PROT=5000' "$file names HASHPOST_PROT, which is not a setting (did you mean HASHPOST_PORT?)"
    wrong 'SCAN_INTERVALL=5' "$file names SCAN_INTERVALL, which is not a setting (did you mean SCAN_INTERVAL?)"
    wrong 'PATH=/bin' "$file names PATH, which is not a setting; docs/settings.md"
    wrong 'HASHPOST_CONF=/x' "$file names HASHPOST_CONF, which is not a setting"
    # It runs nothing.
    wrong 'HASHPOST_PORT=$(touch '"$SCRATCH"'/ran)' 'must be a whole number'
    [[ ! -e $SCRATCH/ran ]]
}
