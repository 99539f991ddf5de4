# A Docker engine of its own for a test file, Debian's, on a private socket. Sourced by *.bats.
# shellcheck shell=bash

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
export ROOT
# The client, too, is Debian's, whatever else is installed.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

# shellcheck source=tests/tools/wait_for.bash
source "$ROOT/tests/tools/wait_for.bash"
# shellcheck source=tests/tools/documented.bash
source "$ROOT/tests/tools/documented.bash"

# shellcheck disable=SC2034  # for the tests
BASE=debian:$(sed -n 's/^ARG DEBIAN=//p' "$ROOT/Dockerfile")-slim

# --- the engine ------------------------------------------------------------------------------------------

# engine_new: names its folder; with HASHPOST_CONTAINER_FOLDER that one, which stays for the next run, with its images.
engine_new() {
    if [[ -n ${HASHPOST_CONTAINER_FOLDER:-} ]]; then
        mkdir -p "$HASHPOST_CONTAINER_FOLDER"
        ENGINE=$(cd "$HASHPOST_CONTAINER_FOLDER" && pwd -P)
    else
        ENGINE=$(mktemp -d /var/tmp/hashpost-engine.XXXXXX)
    fi
    chmod 0711 "$ENGINE"
    export ENGINE DOCKER_HOST=unix://$ENGINE/docker.sock DOCKER_CONFIG=$ENGINE/client
}

engine_answers() { kill -0 "$(<"$ENGINE/pid")" && docker version; }

# engine_start build: in the machine's network, where packages come from, and changing nothing there. engine_start run:
# in a network of its own, with bridges and published ports, which nobody else sees.
engine_start() {
    local options=() spaces=(--mount --propagation private)
    case $1 in
    build) options=(--bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false) ;;
    run) spaces+=(--net) ;;
    esac
    rm -f "$ENGINE"/docker.{sock,pid}
    # (Not in bats' process group, whose Ctrl-C it must not see; it ends in order when bats has ended, however that was.)
    setsid setpriv --pdeathsig TERM unshare "${spaces[@]}" "$ROOT/tests/container/engine" "$ENGINE" "${options[@]}" >"$ENGINE/engine.log" 2>&1 3>&- &
    echo $! >"$ENGINE/pid"
    wait_for 30 engine_answers || {
        tail -n 20 "$ENGINE/engine.log"
        return 1
    }
}

engine_stop() {
    local pid
    pid=$(cat "$ENGINE/pid" 2>/dev/null) || return 0
    ! kill -s TERM "$pid" 2>/dev/null || wait_for 60 is_gone "$pid" || kill -s KILL "$pid"
    find /sys/fs/cgroup -depth -type d -path "*/hashpost-test-$pid*" -exec rmdir {} + 2>/dev/null || true
    rm -f "$ENGINE/pid"
}

# engine_end: nothing of it is left, but for a folder that was named.
engine_end() {
    engine_stop
    [[ -n ${HASHPOST_CONTAINER_FOLDER:-} ]] || rm -rf "$ENGINE"
}

# in_network COMMAND…: where the engine publishes ports.
in_network() { nsenter --net --target "$(<"$ENGINE/pid")" -- "$@"; }

# --- images ----------------------------------------------------------------------------------------------

# make_base IMAGE: one that the Dockerfile starts from: pulled, or made from Debian's packages as that one is.
make_base() {
    docker image inspect "$1" >/dev/null 2>&1 && return
    timeout 30 docker pull -q "$1" >/dev/null 2>&1 && return
    local tree=$ENGINE/base
    debootstrap --variant=minbase "$(sed -E 's/.*:([a-z]+).*/\1/' <<<"$1")" "$tree" >"$ENGINE/debootstrap.log" 2>&1 || {
        tail -n 5 "$ENGINE/debootstrap.log"
        return 1
    }
    # "slim" is Debian without what only people read.
    {
        printf 'path-exclude /usr/share/%s/*\n' doc groff info linda lintian locale man
        echo 'path-include /usr/share/doc/*/copyright'
    } >"$tree/etc/dpkg/dpkg.cfg.d/docker"
    find "$tree"/usr/share/{doc,info,lintian,locale,man} -mindepth 1 ! -type d ! -name copyright -delete
    rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/var/log/*.log
    tar -C "$tree" -c . | docker import - "$1" >/dev/null
    rm -rf "$tree"
}

# checkout: a copy of what would be committed.
checkout() {
    CHECKOUT=$ENGINE/hashpost
    export CHECKOUT
    rm -rf "$CHECKOUT"
    "$ROOT/packaging/copy-tree" "$CHECKOUT"
}

# seconds_of COMMAND…: prints how long it took, and its output only if it fails.
seconds_of() {
    local begin=$EPOCHSECONDS
    "$@" >"$ENGINE/command.log" 2>&1 || {
        tail -n 30 "$ENGINE/command.log" >&2
        return 1
    }
    echo $((EPOCHSECONDS - begin))
}

# --- what documents say ----------------------------------------------------------------------------------

# follow "HEADING" [NUMBER]: runs that block of docs/install.md in the checkout, and fails where it fails.
follow() {
    local commands
    commands=$(documented docs/install.md "$@") && within_checkout "$commands"
}
within_checkout() { (cd "$CHECKOUT" && in_network timeout 300 bash -euo pipefail -c "$1") 3>&-; }

# --- requests --------------------------------------------------------------------------------------------

acceptance() { in_network /usr/bin/python3 -I "$ROOT/tests/e2e/acceptance.py" "$1" https://localhost:5000 "$CHECKOUT/certs/localhost.pem"; }
# status_of PATH [CURL OPTION…]
status_of() { in_network curl -ks --max-time 5 -o /dev/null -w '%{http_code}' "${@:2}" "https://localhost:5000$1"; }
answers() { [[ $(status_of "$1") == 200 ]]; }
said() { docker logs "$1" 2>&1 | grep -qF -- "$2"; }
