#!/usr/bin/env bats
# make install: what it installs starts from there, and writes nothing there.

load stack.bash

setup_file() {
    stack_new
    export PREFIX=$SCRATCH/prefix
    type_line 1
}
teardown_file() { stack_end; }

# (The programs under test, whichever they are.)
install_to() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$ROOT" install "VARIANT=$(basename "$(dirname "$HASHPOST_WORKER_BIN")")" "$@"; }
# type_line LINE: that line of the commands in docs/install.md, with the folder and port of this test.
type_line() {
    local command
    command=$(documented docs/install.md "Below a prefix" | sed -n "$1p")
    command=${command//\/opt\/hashpost/$PREFIX}
    command=${command/HASHPOST_PORT=5000/HASHPOST_PORT=$HASHPOST_PORT}
    case $command in
    "make install "*) install_to "${command#make install }" ;;
    *"$PREFIX/bin/hashpost "*) env -u HASHPOST_WORKER_BIN -u HASHPOST_SENDER_BIN bash -euo pipefail -c "$command" 3>&- ;;
    *) return 1 ;;
    esac
}
installed() { env -u HASHPOST_WORKER_BIN -u HASHPOST_SENDER_BIN "$PREFIX/bin/hashpost" "$@" 3>&-; }
tree() { (cd "$PREFIX" && find . -printf '%p %y %m %s %T@\n' | sort); }

@test "an installed tree serves, and nothing is written in it" {
    local before
    before=$(tree)
    type_line 2
    # shellcheck disable=SC2034  # for ask
    CACERT=$HASHPOST_HOME/certs/localhost.pem
    post_json '{"message":"foo"}'
    expect_json 201 '{"digest":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}'
    [[ $(readlink "/proc/$(worker_pid 0)/exe") == "$PREFIX/lib/hashpost/hashpost-worker" ]]
    installed reload
    installed status
    type_line 3
    [[ $(tree) == "$before" ]]
}

@test "DESTDIR holds the same tree, and only readable files" {
    install_to DESTDIR="$SCRATCH/destination" PREFIX=/usr
    diff <(cd "$PREFIX" && find . | sort) <(cd "$SCRATCH/destination/usr" && find . | sort)
    [[ -z $(find "$SCRATCH/destination" ! -type l ! -perm -0444) ]]
}

@test "each program has a manual page with each of its options" {
    has_page hashpost-worker 8 "$PREFIX/lib/hashpost/hashpost-worker"
    has_page hashpost-sender 1 "$PREFIX/bin/hashpost-sender"
}
# has_page NAME SECTION PROGRAM
has_page() {
    local option page=$PREFIX/share/man/man$2/$1.$2
    for option in $("$3" --help | grep -oE -- '--[a-z-]+' | sort -u); do
        grep -qF -- "${option//-/\\-}" "$page" || { echo "$option is not in $page"; return 1; }
    done
}

@test "an httpd that is there takes hashpost.conf with the settings that are written for it" {
    local file=$SCRATCH/vhost.conf
    [[ $(env -u HASHPOST_WORKER_BIN "$PREFIX/lib/hashpost/service/write-vhost-settings" "$file") == written ]]
    [[ -z $(env -u HASHPOST_WORKER_BIN "$PREFIX/lib/hashpost/service/write-vhost-settings" "$file") ]]
    # Nobody knows who reaches that httpd.
    grep -q '^Define HASHPOST_RULE_DELETE none$' "$file"
    {
        grep -h '^LoadModule' "$PREFIX/lib/hashpost/httpd-conf/httpd.conf" | sed "s/\${HASHPOST_HTTPD_MPM}/event/g"
        printf 'LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n' filter filter substitute substitute
        printf '%s\n' "ServerName localhost" "PidFile $SCRATCH/pid" "ErrorLog /dev/null" "Define HASHPOST_PREFIX /here" "Include $file" \
            "Include $PREFIX/lib/hashpost/httpd-conf/hashpost.conf"
    } >"$SCRATCH/httpd.conf"
    /usr/sbin/apache2 -t -f "$SCRATCH/httpd.conf"
}

@test "make uninstall removes what was installed and nothing else, but not what runs" {
    local gone=$SCRATCH/gone command
    command=$(says docs/install.md 'make uninstall PREFIX=/opt/hashpost')
    command=${command#make } command=${command//\/opt\/hashpost/$gone}
    install_to PREFIX="$gone"
    echo other >"$gone/bin/other"
    # shellcheck disable=SC2086  # a target and a variable
    env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$ROOT" $command
    [[ $(cd "$gone" && find . ! -type d) == ./bin/other && ! -e $gone/lib/hashpost && ! -e $gone/share/doc/hashpost ]]
    type_line 2
    run env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$ROOT" uninstall PREFIX="$PREFIX"
    [[ $status != 0 && $output == *"runs from $PREFIX/lib/hashpost"*"hashpost down first"* ]]
    installed status
    type_line 3
}
