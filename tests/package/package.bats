#!/usr/bin/env bats
# The Debian package on a machine whose Apache serves another site already, with the commands of docs/install.md: from
# its installation to its purge, in that order.

load machine.bash

FOO=2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
LONGEST_INSTALL_MS=10000

setup_file() {
    ((EUID == 0)) || {
        echo "A machine of its own needs root." >&2
        return 1
    }
    # (make deb-test has done that.)
    [[ $(documented docs/install.md "Debian package" 1) == "make deb" ]]
    make_base
    machine_new
    install -D -t "$MACHINE/disk/root/build/deb" "$DEB_FOLDER"/hashpost_*_*.deb
    make_site
    machine_boot
    in_machine systemctl disable --now --quiet apt-daily.timer apt-daily-upgrade.timer 2>/dev/null || true
    site_answers >"$MACHINE/site"
}
teardown_file() {
    [[ -n ${MACHINE:-} ]] || return 0
    machine_end
}

# --- the machine's own sites ---------------------------------------------------------------------------

# Two hosts with ways of their own; the first one has the line of docs/install.md, which is in nobody's way.
make_site() {
    local disk=$MACHINE/disk
    mkdir -p "$disk"/srv/{site,other,certs}
    echo "their page" >"$disk/srv/site/index.html"
    echo "their page of problems" >"$disk/srv/site/problems.html"
    echo "another page" >"$disk/srv/other/index.html"
    # (What is new has a weak ETag for a second.)
    find "$disk"/srv -name '*.html' -exec touch -d 2026-01-01 {} +
    "$ROOT/certs/make-dev-certs.sh" "$disk/srv/certs/localhost.pem" "$disk/srv/certs/localhost.key" >/dev/null
    cp "$disk/srv/certs/localhost.pem" "$MACHINE/cert.pem"
    sed "s|@INCLUDE@|$(documented docs/install.md "Debian package" 3)|" "$BATS_TEST_DIRNAME/site.conf" >"$disk/etc/apache2/sites-available/000-default.conf"
    ln -s ../mods-available/{ssl.conf,ssl.load,socache_shmcb.load} "$disk/etc/apache2/mods-enabled/"
}

# What they answer, but for the time, and for a list of methods that Apache writes in any order.
site_answers() {
    local path
    for path in / /missing /old /messages /problems.html /problems/not-found /upload/x /hashposts; do
        in_machine curl -si "http://localhost$path"
        in_machine curl -si -X DELETE "http://localhost$path"
    done | sed -E '/^(Date|Allow): /d'
    in_machine curl -si -H 'Host: other.test' http://localhost/ | sed -E '/^(Date|Allow): /d'
    in_machine curl -si -H 'Host: other.test' http://localhost/hashpost/readyz | sed -E '/^(Date|Allow): /d'
}
site_is_as_before() { diff "$MACHINE/site" <(site_answers); }

# --- requests --------------------------------------------------------------------------------------------

ask() { in_machine curl -sk --max-time 20 "https://localhost/hashpost$1" "${@:2}"; }
status_of() { ask "$1" -o /dev/null -w '%{http_code}' "${@:2}"; }
answers() { [[ $(status_of /readyz) == 200 ]]; }
post_foo() { status_of /messages -H 'Content-Type: application/json' -d '{"message":"foo"}'; }

# load_through COMMAND…: while it runs, and after it, requests of all kinds; none may fail.
load_through() {
    local acks=$MACHINE/acks load status=0
    rm -f "$acks"
    nsenter --net --target "$(<"$MACHINE/pid")" /usr/bin/python3 -I "$ROOT/tests/tools/load.py" --port 443 --cacert "$MACHINE/cert.pem" --prefix /hashpost \
        --clients 16 --acks "$acks" --seconds 200 >"$MACHINE/load.json" 2>&1 3>&- &
    load=$!
    wait_for 20 has_lines "$acks" 300
    "$@" || status=$?
    wait_for 20 has_lines "$acks" $(($(wc -l <"$acks") + 300))
    kill -s TERM "$load"
    wait "$load" || status=$?
    cat "$MACHINE/load.json"
    return "$status"
}
worker_pids() { in_machine pgrep -x hashpost-worker | sort; }

# newer_package [COMMAND…]: prints the path, in the machine, of the same package with a higher version, changed by that
# command.
newer_package() {
    local tree=$MACHINE/newer version
    rm -rf "$tree"
    dpkg-deb -R "$MACHINE"/disk/root/build/deb/hashpost_*.deb "$tree"
    echo >>"$MACHINE/versions"
    version=$(sed -n 's/^Version: //p' "$tree/DEBIAN/control")+$(wc -l <"$MACHINE/versions")
    sed -i "s/^Version: .*/Version: $version/" "$tree/DEBIAN/control"
    (cd "$tree" && "${@:-true}")
    dpkg-deb --root-owner-group -b "$tree" "$MACHINE/disk/root/newer.deb" >/dev/null
    echo /root/newer.deb
}
# shellcheck disable=SC2120  # a command, or none
install_newer() { in_machine apt-get install -y -q "$(newer_package "$@")"; }
# Stands for a version that knows another format, by what its worker says of the store.
know_another_format() {
    local worker=usr/lib/hashpost/hashpost-worker
    mv $worker usr/lib/hashpost/real
    cat >$worker <<'WORKER'
#!/bin/sh
[ "$1" != --check-format ] || { echo "The store has format 1."; exit 69; }
exec /usr/lib/hashpost/real "$@"
WORKER
    chmod 0755 $worker
}

# --- installation ----------------------------------------------------------------------------------------

@test "from apt-get install to the first 200 it takes at most $LONGEST_INSTALL_MS ms" {
    local begin=${EPOCHREALTIME/[.,]/} took
    follow "Debian package" 2
    wait_for 20 answers
    took=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
    echo "# apt-get install to the first 200 (what it depends on was there): $took ms" >&3
    ((took <= LONGEST_INSTALL_MS))
}

@test "what other paths and hosts answer has not changed" {
    site_is_as_before
    [[ $(in_machine ls /etc/apache2/sites-enabled /etc/apache2/conf-enabled) != *hashpost* ]]
}

@test "the commands after it store a message below the path" {
    run follow "Debian package" 4
    [[ $status == 0 && $output == *'{"digest":"'$FOO'"}'* ]]
    [[ $(ask "/messages/$FOO") == '{"message":"foo"}' ]]
}

@test "what the answers name is below the path, too" {
    ask /messages -H 'Content-Type: text/plain; charset=utf-8' -d bar -i |
        grep -q '^Location: /hashpost/messages/fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9'
    # From the worker, and from Apache.
    [[ $(ask /nothing) == '{"type":"/hashpost/problems/not-found",'* ]]
    [[ $(ask /.bulk) == '{"type": "/hashpost/problems/not-found",'* ]]
    [[ $(ask /problems/not-found) == *'<code>/hashpost/problems/not-found</code>'* ]]
    # A message is sent as it is, whatever it looks like.
    [[ $(ask /messages -H 'Content-Type: text/plain' -d '{"type":"/problems/x"}') == *digest* ]]
    [[ $(ask "/messages/$(printf '{"type":"/problems/x"}' | sha256sum | cut -d ' ' -f 1)" -H 'Accept: text/plain') == '{"type":"/problems/x"}' ]]
}

@test "another host has a path of its own, which is no pattern, and its rules hold there" {
    local key='X-Key: theirs' url=http://localhost/c++.x/messages/$FOO
    third() { in_machine curl -s -o /dev/null -w '%{http_code}' -H 'Host: third.test' "$@"; }
    [[ $(third -H "$key" "$url") == 200 && $(third "$url") == 403 ]]
    [[ $(third -H "$key" -X DELETE "$url") == 403 && $(third -X DELETE "$url") == 403 ]]
    [[ $(third -H "$key" "${url/c++.x/ccc-x}") == 404 && $(third -H "$key" "${url/c++.x/hashpost}") == 404 ]]
    [[ $(in_machine curl -s -H 'Host: third.test' -H "$key" "${url}x") == '{"type":"/c++.x/problems/'* ]]
    [[ $(ask "/messages/$FOO") == '{"message":"foo"}' ]]
}

@test "content of unknown length is refused unless it is short or bulk" {
    head -c 2000000 /dev/zero | tr '\0' x >"$MACHINE/disk/root/long"
    [[ $(status_of /messages -H 'Content-Type: text/plain' -H 'Transfer-Encoding: chunked' --data-binary @/root/long) == 411 ]]
    [[ $(status_of /messages -H 'Content-Type: application/json' -H 'Transfer-Encoding: chunked' -d '{"message":"foo"}') == 200 ]]
    [[ $(status_of "/messages/$FOO" -X GET -H 'Transfer-Encoding: chunked' -d x) == 411 ]]
    [[ $(status_of "/messages/$FOO" --http1.1 -X DELETE -H 'Transfer-Encoding: chunked' -d x) == 411 ]]
    [[ $(ask /messages -H 'Content-Type: application/x-ndjson' -H 'Transfer-Encoding: chunked' -d '{"message":"foo"}') == *'"status":200'* ]]
}

@test "nobody may DELETE until a password file says who, and the file drop is off" {
    [[ $(status_of "/messages/$FOO" -X DELETE) == 403 ]]
    [[ $(status_of /upload/books -F 'file=@/etc/hostname') == 404 ]]
    run follow "Debian package" 5
    [[ $status == 0 && $output == *'{"message_deleted":"'$FOO'"}' ]]
    [[ $(post_foo) == 201 && $(status_of "/messages/$FOO" -X DELETE) == 401 ]]
    site_is_as_before
}

@test "only Apache and the workers' user reach the socket, and the store is nobody else's" {
    local connect='import socket; socket.socket(socket.AF_UNIX).connect("/run/hashpost/fcgi.sock")'
    [[ $(in_machine ps -C hashpost-worker -o user=) == $'hashpost\nhashpost' ]]
    [[ $(in_machine stat -c '%a %U' /var/lib/hashpost) == "750 hashpost" ]]
    in_machine setpriv --reuid=www-data --regid=www-data --init-groups python3 -c "$connect"
    run in_machine setpriv --reuid=nobody --regid=nogroup --clear-groups python3 -c "$connect"
    [[ $output == *PermissionError* ]]
}

@test "a setting that is wrong is refused with a sentence, and the workers go on" {
    local before
    before=$(worker_pids)
    echo HASHPOST_MAX_MESSAGE_BYTES=none >>"$MACHINE/disk/etc/default/hashpost"
    run in_machine hashpost reload
    sed -i '$d' "$MACHINE/disk/etc/default/hashpost"
    [[ $status == 78 && $output == *"HASHPOST_MAX_MESSAGE_BYTES=none must be"* ]]
    echo HASHPOST_MAX_MESAGE_BYTES=1M >>"$MACHINE/disk/etc/default/hashpost"
    run in_machine hashpost reload
    sed -i '$d' "$MACHINE/disk/etc/default/hashpost"
    [[ $status == 78 && $output == *"no setting HASHPOST_MAX_MESAGE_BYTES; did you mean HASHPOST_MAX_MESSAGE_BYTES?"* ]]
    [[ $(worker_pids) == "$before" ]]
    in_machine hashpost status
}

@test "a setting that Apache must know is taken by a reload" {
    [[ $(status_of /messages -H 'Content-Type: text/plain' --data-binary @/root/long) == 413 ]]
    echo HASHPOST_MAX_MESSAGE_BYTES=16M >>"$MACHINE/disk/etc/default/hashpost"
    in_machine hashpost reload
    grep -q 'Define HASHPOST_MAX_BODY_BYTES 100728832' "$MACHINE/disk/etc/hashpost/apache-settings.conf"
    [[ $(status_of /messages -H 'Content-Type: text/plain' --data-binary @/root/long) == 201 ]]
}

@test "the file drop delivers when it is turned on" {
    local disk=$MACHINE/disk
    in_machine install -d -o hashpost -g hashpost /srv/in /srv/out
    printf '%s\n' OUTPUT_DIR=/srv/out INPUT_DIR=/srv/in RECEIVER_PORT=80 RECEIVER_URI=/hashpost/upload >>"$disk/etc/default/hashpost"
    sed -i 's/^autostart=false$/autostart=true/' "$disk/etc/hashpost/supervisor.conf"
    in_machine hashpost reload
    echo '{"title": "Dune"}' >"$disk/srv/in/books.json"
    wait_for 20 grep -q '<title type="str">Dune</title>' "$disk/srv/out/books.xml"
    sed -i '/OUTPUT_DIR=\|INPUT_DIR=\|RECEIVER_/d' "$disk/etc/default/hashpost"
    sed -i 's/^autostart=true$/autostart=false/' "$disk/etc/hashpost/supervisor.conf"
    in_machine hashpost reload
    [[ $(status_of /upload/books -F 'file=@/etc/hostname') == 404 ]]
}

# --- its life --------------------------------------------------------------------------------------------

@test "a worker that is killed is replaced" {
    local before
    before=$(worker_pids)
    in_machine pkill -KILL -o -x hashpost-worker
    wait_for 10 has_two_workers_but "$before"
    answers
}
has_two_workers_but() { [[ $(worker_pids | wc -l) == 2 && $(worker_pids) != "$1" ]] && in_machine hashpost status; }

@test "a supervisord that was killed leaves workers that serve, and the next one ends them" {
    local before
    before=$(worker_pids)
    in_machine systemctl kill --kill-whom=main --signal=KILL supervisor
    answers
    in_machine systemctl start supervisor
    wait_for 20 has_only_new_workers "$before"
    wait_for 10 answers
}
has_only_new_workers() { [[ -z $(comm -12 <(echo "$1") <(worker_pids)) && $(worker_pids | wc -l) == 2 ]]; }

@test "it starts with the machine, with its messages" {
    machine_reboot
    wait_for 10 answers
    [[ $(ask "/messages/$FOO") == '{"message":"foo"}' ]]
}

@test "an upgrade under load replaces the workers and fails no request" {
    local before
    sed -i '/PASSWORD_FILE=/d' "$MACHINE/disk/etc/default/hashpost"
    rm "$MACHINE/disk/etc/hashpost/passwords"
    echo HASHPOST_EXPOSED=no >>"$MACHINE/disk/etc/default/hashpost"
    in_machine hashpost reload
    before=$(worker_pids)
    run load_through install_newer
    [[ $status == 0 ]] || { echo "$output"; false; }
    echo "# $(sed -nE 's/^ "(answered|failed_requests)": ([0-9]+),?$/\1 \2/p' "$MACHINE/load.json" | paste -sd ' ')" >&3
    has_only_new_workers "$before"
    # What an administrator has changed is kept.
    grep -q HASHPOST_EXPOSED=no "$MACHINE/disk/etc/default/hashpost"
}

@test "an upgrade that brings another configuration for Apache has Apache read it" {
    send_another_field() { echo 'Header always set X-Newer yes' >>usr/lib/hashpost/httpd-conf/answers.conf; }
    install_newer send_another_field
    ask /livez -i | grep -q '^X-Newer: yes'
    # shellcheck disable=SC2119  # as it is
    install_newer
    ask /livez -i | not grep -q '^X-Newer: yes'
}

@test "a version that does not know the store's format costs no worker" {
    local before
    before=$(worker_pids)
    run install_newer know_another_format
    [[ $status != 0 && $output == *"The store has format 1"* ]]
    [[ $(worker_pids) == "$before" ]]
    answers
    # shellcheck disable=SC2119  # as it is
    install_newer
    [[ -z $(comm -12 <(echo "$before") <(worker_pids)) ]]
}

# --- systemd in place of supervisord -----------------------------------------------------------------------

@test "systemd takes the workers over, in a sandbox, and a reload under load fails no request" {
    local before
    follow "Debian package" 7
    wait_for 10 answers
    [[ $(in_machine supervisorctl status) != *hashpost* && $(ask /readyz) != *'"workers"'* ]]
    in_machine systemd-analyze --man=no verify hashpost.target hashpost-worker@00.service hashpost.socket hashpost-sender.service
    before=$(worker_pids)
    run load_through in_machine hashpost reload
    [[ $status == 0 ]] || { echo "$output"; false; }
    has_only_new_workers "$before"
    in_machine hashpost status
}

@test "with systemd an upgrade under load fails no request, and it starts with the machine" {
    run load_through install_newer
    [[ $status == 0 ]] || { echo "$output"; false; }
    [[ ! -e $MACHINE/disk/etc/supervisor/conf.d/hashpost.conf ]]
    in_machine bash -c "$(says docs/install.md 'systemctl enable --now hashpost-worker@02')"
    machine_reboot
    wait_for 10 answers
    [[ $(worker_pids | wc -l) == 3 ]]
}

@test "removed from systemd and installed again, it is systemd's" {
    in_machine apt-get remove -y -q hashpost
    run in_machine systemctl list-units --plain --no-legend 'hashpost*'
    [[ -z $(worker_pids) && -z $output ]] || { echo "left: $output $(worker_pids)"; in_machine journalctl -q -o cat -n 30 -u 'hashpost*'; false; }
    follow "Debian package" 2
    wait_for 20 answers
    [[ $(worker_pids | wc -l) == 3 && ! -e $MACHINE/disk/etc/supervisor/conf.d/hashpost.conf ]]
}

@test "supervisord has them back" {
    in_machine hashpost use supervisord
    wait_for 10 answers
    [[ $(in_machine systemctl list-units --plain --no-legend 'hashpost*') == "" && $(worker_pids | wc -l) == 2 ]]
    [[ $(ask "/messages/$FOO") == '{"message":"foo"}' ]]
}

# --- its end ---------------------------------------------------------------------------------------------

site_goes_on() {
    site_is_as_before
    in_machine systemctl restart apache2 supervisor
    site_is_as_before
}

@test "removed, it leaves the messages, and the site is as before" {
    in_machine apt-get remove -y -q hashpost
    [[ -z $(worker_pids) && -s $MACHINE/disk/var/lib/hashpost/data.mdb ]]
    [[ $(in_machine curl -s http://localhost/hashpost/readyz) == "theirs: not here" ]]
    site_goes_on
}

@test "installed again, it has them" {
    follow "Debian package" 2
    wait_for 20 answers
    [[ $(ask "/messages/$FOO") == '{"message":"foo"}' ]]
}

@test "purged where nobody can be asked, it leaves them still, and nothing else" {
    in_machine apt-get purge -y -q hashpost
    [[ -s $MACHINE/disk/var/lib/hashpost/data.mdb ]]
    run in_machine find /etc /run /usr /lib/systemd /var/log -name '*hashpost*' ! -path '/run/systemd/*'
    [[ -z $output ]] || { echo "$output"; false; }
    site_goes_on
}

@test "purged by somebody, it asks, and takes no for an answer" {
    local said=$MACHINE/disk/root/said answer=$MACHINE/answer purge
    follow "Debian package" 2
    mkfifo "$answer"
    in_machine script -qfec "DEBIAN_FRONTEND=readline apt-get purge -y hashpost" /root/said <"$answer" >/dev/null &
    purge=$!
    exec 7>"$answer"
    wait_for 60 grep -qF "Remove all messages of Hashpost, too? [yes/no]" "$said"
    echo no >&7
    wait "$purge"
    exec 7>&-
    [[ -s $MACHINE/disk/var/lib/hashpost/data.mdb ]]
}

@test "purged with the answer that they go, it leaves nothing" {
    follow "Debian package" 2
    wait_for 20 answers
    follow "Debian package" 6
    [[ ! -e $MACHINE/disk/var/lib/hashpost ]]
    site_goes_on
}
