#!/usr/bin/env bats
# The commands of README.md and of docs/install.md that need no container, typed into a checkout of their own. (What is
# built there is what was built here.)
# shellcheck disable=SC2154,SC2030,SC2031,SC2016  # ask and run set variables; each test is a process of its own

bats_require_minimum_version 1.5.0
load stack.bash
load ../faults/under_load.bash
load acme.bash

FOO=/messages/2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae

setup_file() {
    [[ $HASHPOST_WORKER_BIN == "$ROOT"/build/release/* ]] || return 0
    stack_new
    export CHECKOUT=$SCRATCH/hashpost
    "$ROOT/packaging/copy-tree" "$CHECKOUT"
    ln -s "$ROOT/build" "$CHECKOUT/build"
    (setup && typed "$(documented README.md "Two commands" | grep '^make up')")
}
teardown_file() { [[ -z ${CHECKOUT:-} ]] || (setup && stack_end); }

setup() {
    [[ -n ${CHECKOUT:-} ]] || skip "make up builds the release"
    ROOT=$CHECKOUT
    CACERT=$ROOT/certs/localhost.pem
    unset HASHPOST_WORKER_BIN HASHPOST_SENDER_BIN MAKEFLAGS MAKELEVEL MFLAGS
}
teardown() {
    load_abort
    [[ -z ${TAKER:-} ]] || kill "$TAKER"
    acme_end
}

# typed COMMANDS: in the checkout, with this instance's folders and port in place of the documented ones.
typed() {
    local commands=$1
    commands=${commands//https:\/\/localhost:5000/$URL}
    commands=${commands//\/opt\/hashpost/$CHECKOUT}
    (cd "$CHECKOUT" && timeout 120 bash -euo pipefail -c "${commands//\/srv/$SCRATCH/srv}") 3>&-
}

@test "the README's two commands: make up starts the service, make test is what runs this" {
    is_ready
    [[ $(documented README.md "Two commands") == "$(says README.md 'make up')"* && $(says docs/install.md 'make up') == 'make up' ]]
    run typed "$(documented README.md "Two commands" | sed -n 's/^make test/make -n test/p')"
    [[ $status == 0 && $output == *"tests/run.sh release unit interop fuzz e2e faults"* ]]
    # Of these, too, only what they would do: tests/container/container.bats runs in the second.
    typed "$(says README.md 'make bench' | sed 's/make/make -n/')"
    run typed "$(says docs/install.md 'make container-test' | sed 's/make/make -n/')"
    [[ $status == 0 && $output == *tests/container* ]]
}

@test "the README's requests answer as it says" {
    local line command="" expected="" count=0
    while IFS= read -r line; do
        if [[ $line == '$ '* || -z $line ]]; then
            if [[ -n $command ]]; then
                count=$((count + 1))
                [[ $(typed "$command") == "$expected" ]] || {
                    echo "not as documented: $command"
                    return 1
                }
            fi
            command=${line#\$ } expected=""
        else
            expected+=${expected:+$'\n'}$line
        fi
    done < <(documented README.md "Two commands" 2 && echo)
    ((count == 3))
}

@test "make down stops it and keeps the messages, and make restart has them again" {
    post_text foo
    typed "$(says README.md 'make down')"
    run ! is_ready
    typed "$(says README.md 'make restart')"
    ask "$FOO"
    expect_json 200 '{"message":"foo"}'
}

@test "make restart stops nothing that could not start again" {
    local before setting taken name
    before=$(started_processes)
    taken=$(free_port)
    $PYTHON -I -m http.server --bind 127.0.0.1 "$taken" >/dev/null 2>&1 3>&- &
    TAKER=$!
    wait_for 20 curl -s -o /dev/null "http://127.0.0.1:$taken/"
    for setting in HASHPOST_WORKERS=99 HASHPOST_CERT=/nowhere "HASHPOST_PORT=$taken" "INPUT_DIR=$SCRATCH SCAN_INTERVAL=0"; do
        run typed "make restart $setting"
        name=${setting##* }
        [[ $status != 0 && $output == *"${name%%=*}"* ]] || { echo "$setting: $output"; false; }
        [[ $(started_processes) == "$before" ]] || { echo "$setting stopped something"; false; }
    done
    is_ready
}

@test "make alone lists every command" {
    local target
    run typed "$(says README.md make)"
    for target in up down reload test bench; do
        [[ $output == *$'\n'"  $target "* ]]
    done
}

@test "the unit for boot starts the service, reloads it, and its end leaves nothing" {
    local unit=$SCRATCH/root/etc/systemd/system/hashpost.service port start again
    port=$(free_port)
    mkdir -p "$(dirname "$unit")"
    documented docs/install.md "Start at boot" | sed "s|/opt/hashpost|$CHECKOUT|" >"$unit"
    # What it would do at boot, as far as a machine without systemd can tell.
    if command -v systemctl >/dev/null; then
        "$(says docs/install.md 'systemctl enable --now hashpost' | cut -d ' ' -f 1)" --root="$SCRATCH/root" enable hashpost
        [[ -L $SCRATCH/root/etc/systemd/system/multi-user.target.wants/hashpost.service ]]
    fi
    printf 'HASHPOST_PORT=%s\nHASHPOST_HOME=%s\nHASHPOST_DATA=%s\n' "$port" "$SCRATCH/boot" "$SCRATCH/boot-data" >"$CHECKOUT/hashpost.conf"
    (
        unset HASHPOST_CONF HASHPOST_PORT HASHPOST_DATA
        export HASHPOST_HOME=$SCRATCH/boot URL=https://localhost:$port
        read -ra start < <(sed -n 's/^ExecStart=//p' "$unit")
        read -ra again < <(sed -n 's/^ExecReload=//p' "$unit")
        "${start[@]}" >"$SCRATCH/boot.log" 2>&1 3>&- &
        wait_for 60 is_ready || { cat "$SCRATCH/boot.log"; false; }
        "${again[@]}" 3>&-
        is_ready
        kill -TERM $!
        wait $! || true
        [[ -z $(started_processes) ]]
    )
    rm "$CHECKOUT/hashpost.conf"
}

@test "a second instance runs beside the first" {
    local port command
    port=$(free_port)
    command=$(says README.md 'make up HASHPOST_PORT=5001 HASHPOST_HOME=/run/two HASHPOST_DATA=/srv/two')
    command=${command/5001/$port}
    command=${command/\/run/$SCRATCH}
    typed "$command"
    is_ready
    URL=https://localhost:$port ask "$FOO"
    [[ $code == 404 ]]
    typed "${command/make up/make down}"
    is_ready
}

@test "the README's example of the file drop works" {
    local lines line port
    port=$(free_port)
    export RECEIVER_PORT=$port
    mapfile -t lines < <(documented README.md "Two commands" 3 | sed "s/8080/$port/")
    ((${#lines[@]} == 3))
    for line in "${lines[@]}"; do
        [[ $line != cat* ]] || wait_for 30 test -e "$SCRATCH/srv/out/books.xml"
        run typed "$line"
        [[ $status == 0 ]] || { echo "$output"; false; }
    done
    [[ $output == *'<title type="str">Dune</title>'* ]]
    curl -sf -o /dev/null "http://127.0.0.1:$port/"
}

@test "the README's longer tests are there, and read what it sets" {
    local command
    for command in "$(says README.md 'HASHPOST_RESTARTS=200 bats tests/faults/restart.bats')" \
        "$(says README.md 'HASHPOST_KILLS=50 bats tests/faults/kill.bats')"; do
        (($(typed "${command/bats/bats --count}") > 0))
        grep -qF "{${command%%=*}:-" "$CHECKOUT/${command##* }"
    done
}

@test "a proxy that is trusted makes DELETE 403" {
    typed "$(documented docs/install.md "Behind another proxy")"
    ask "$FOO" -X DELETE
    expect_problem 403 forbidden
    # But for who says otherwise.
    [[ $(HASHPOST_TRUSTED_PROXIES=127.0.0.1 HASHPOST_EXPOSED=no bash -c 'source "$ROOT/service/settings.sh" && echo "$HASHPOST_RULE_DELETE"') == all ]]
}

served_serial() {
    openssl s_client -connect "localhost:$HASHPOST_PORT" -servername localhost </dev/null 2>/dev/null | openssl x509 -noout -serial
}
# serves FILE: it shows that certificate.
serves() { [[ $(served_serial) == "$(openssl x509 -in "$1" -noout -serial)" ]]; }

@test "certbot's hook has a renewed certificate served, under load, and only root can read the key" {
    local lineage=$SCRATCH/lineage both=$SCRATCH/both.pem
    mkdir "$lineage"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout "$lineage/privkey.pem" -out "$lineage/fullchain.pem" 2>/dev/null
    cat "$CACERT" "$lineage/fullchain.pem" >"$both"
    # What certbot starts has none of the settings: they come from a file.
    env | grep -E '^HASHPOST_(HOME|DATA|PORT|START_SECONDS|FRONT)=' >"$SCRATCH/settings"
    CACERT=$both load_begin --mix get=60,post=40
    env -i PATH="$PATH" RENEWED_LINEAGE="$lineage" RENEWED_DOMAINS=localhost \
        "$CHECKOUT/packaging/certbot/hashpost-deploy-hook" "$SCRATCH/settings" 3>&-
    wait_for 10 serves "$lineage/fullchain.pem"
    load_goes_on
    load_end
    nothing_failed
    cmp "$lineage/fullchain.pem" "$CACERT"
    [[ $(stat -c '%a %u' "$CHECKOUT/certs/localhost.key") == "600 $EUID" ]]
    [[ -z $(find "$CHECKOUT/certs" -name '*.new') ]]
}

@test "make reload takes no certificate whose key is another one's" {
    local lineage=$SCRATCH/other before
    mkdir "$lineage"
    before=$(served_serial)
    "$ROOT/certs/make-dev-certs.sh" "$lineage/cert" "$lineage/key"
    mv "$CHECKOUT/certs/localhost.key" "$lineage/right"
    cp "$lineage/key" "$CHECKOUT/certs/localhost.key"
    run typed "$(says docs/install.md 'make reload')"
    [[ $status != 0 && $output == *"do not belong together"* && $(served_serial) == "$before" ]]
    mv "$lineage/right" "$CHECKOUT/certs/localhost.key"
}

@test "certbot's hook replaces neither file when one is missing, and waits for no service that is down" {
    local lineage=$SCRATCH/lineage2
    mkdir "$lineage"
    "$ROOT/certs/make-dev-certs.sh" "$lineage/fullchain.pem" "$lineage/key.aside"
    cp -a "$CHECKOUT/certs" "$SCRATCH/before"
    run env RENEWED_LINEAGE="$lineage" "$CHECKOUT/packaging/certbot/hashpost-deploy-hook" /dev/null
    ((status != 0))
    diff -r "$SCRATCH/before" "$CHECKOUT/certs"
    mv "$lineage/key.aside" "$lineage/privkey.pem"
    typed "make down"
    run env RENEWED_LINEAGE="$lineage" "$CHECKOUT/packaging/certbot/hashpost-deploy-hook" /dev/null
    [[ $status == 0 && $output == *"Hashpost is down"* ]]
    typed "make up"
    serves "$lineage/fullchain.pem"
}

@test "certbot gets a certificate from an ACME server, and a renewal is served, too" {
    local live=$SCRATCH/letsencrypt/live/hashpost.example.org first
    acme_start
    typed "$(documented docs/install.md "From Let's Encrypt")" || { tail -n 30 "$SCRATCH/letsencrypt/letsencrypt.log"; false; }
    wait_for 10 serves "$live/fullchain.pem"
    first=$(served_serial)
    # With the whole chain, for the name.
    acme_root >"$SCRATCH/acme-root.pem"
    curl -sf -o /dev/null --cacert "$SCRATCH/acme-root.pem" --resolve "hashpost.example.org:$HASHPOST_PORT:127.0.0.1" \
        "https://hashpost.example.org:$HASHPOST_PORT/livez"
    typed "certbot renew --force-renewal"
    wait_for 10 serves "$live/fullchain.pem"
    [[ $(served_serial) != "$first" ]]
}
