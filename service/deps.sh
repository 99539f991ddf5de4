#!/bin/bash
# deps.sh GROUP… [--packages PACKAGE…]: installs the Debian packages of the groups (build, serve, run for both, test,
# fronts, lint, fuzz, bench, deb, deb-test, os-test, container) and those named, as far as they are missing; with serve and run also those of
# the web server that HASHPOST_FRONT names (in the environment or hashpost.conf), and only of that one.
# Starts nothing and enables nothing: what listens afterwards listened before.
set -euo pipefail
(($# > 0)) || { echo "deps.sh takes one group of packages at least." >&2; exit 64; }

declare -A GROUPS_OF_PACKAGES=(
    [build]="g++ make libfcgi-dev liblmdb-dev rapidjson-dev libssl-dev libxml2-dev libcurl4-openssl-dev"
    [serve]="apache2-utils supervisor curl openssl util-linux python3-minimal ca-certificates"
    [test]="libcppunit-dev bats python3 nghttp2-client strace wrk netcat-openbsd procps iproute2
            python3-cryptography python3-flask python3-requests python3-yaml python3-certbot pebble
            lmdb-utils git e2fsprogs faketime inotify-tools python3-watchdog php-cli nodejs"
    [front-apache]="apache2-bin"
    [front-lighttpd]="lighttpd lighttpd-mod-deflate lighttpd-mod-openssl lighttpd-modules-lua"
    [front-nginx]="nginx"
    [fronts]="apache2-bin lighttpd lighttpd-mod-deflate lighttpd-mod-openssl lighttpd-modules-lua nginx"
    [fuzz]="clang libclang-rt-dev"
    [bench]="wrk nghttp2-client gnuplot-nox python3 git procps"
    [lint]="clang-format clang-tidy shellcheck libcppunit-dev codespell python3"
    [deb]="build-essential debhelper po-debconf lintian git"
    [deb-test]="debootstrap bats python3 curl iproute2 util-linux procps openssl"
    [os-test]="debootstrap bats slirp4netns curl iproute2 util-linux procps openssl python3"
    [container]="docker.io docker-compose debootstrap bats python3 curl iproute2 util-linux"
)
GROUPS_OF_PACKAGES[run]="${GROUPS_OF_PACKAGES[build]} ${GROUPS_OF_PACKAGES[serve]}"
GROUPS_OF_PACKAGES[deb]+=" ${GROUPS_OF_PACKAGES[build]}"
# From Debian 13 on the client and BuildKit are packages of their own, and the engine only recommends them.
release=$(. /etc/os-release 2>/dev/null && echo "${VERSION_ID:-}") || release=
[[ $release == 12 ]] || GROUPS_OF_PACKAGES[container]+=" docker-cli docker-buildx"

# Settings may stand in a file (settings.sh reads it in full).
front=${HASHPOST_FRONT:-$(sed -nE "s/^ *HASHPOST_FRONT=[\"']?([a-z]+).*/\1/p" "${HASHPOST_CONF:-${BASH_SOURCE[0]%/*}/../hashpost.conf}" 2>/dev/null | head -n 1 || true)}

wanted=()
while (($#)); do
    group=$1
    shift
    [[ $group != --packages ]] || { wanted+=("$@") && break; }
    [[ -n ${GROUPS_OF_PACKAGES[$group]:-} ]] || { echo "deps.sh: no such group: $group." >&2; exit 64; }
    # shellcheck disable=SC2206  # a list of words
    wanted+=(${GROUPS_OF_PACKAGES[$group]})
    # (A front that is none is refused by settings.sh.)
    # shellcheck disable=SC2206
    [[ ! $group =~ ^(run|serve)$ ]] || wanted+=(${GROUPS_OF_PACKAGES[front-${front:-apache}]:-})
done

if ! command -v dpkg-query >/dev/null; then
    echo "Hashpost installs its parts with apt on Debian 12 and 13; install these yourself: ${wanted[*]}" >&2
    exit 1
fi

# One dpkg-query for all; it prints nothing for a package that it never heard of.
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
    [[ $'\n'$installed$'\n' == *$'\n'"$package installed"$'\n'* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null || {
        echo "These packages are missing; install them as root: apt-get install ${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi

# policy-rc.d is Debian's own way to say "start no service now" (invoke-rc.d asks it; 101 means forbidden).
policy=/usr/sbin/policy-rc.d
put_policy_back() {
    if "${as_root[@]}" test -e "$policy.before-hashpost"; then
        "${as_root[@]}" mv -f "$policy.before-hashpost" "$policy"
    else
        "${as_root[@]}" rm -f "$policy"
    fi
}
# Of two that run at once, the second one would take the first one's policy for none, and remove the administrator's. (A lock
# on the folder, which needs no rights there; what packages start does not inherit it.)
exec {lock}<"${policy%/*}"
flock "$lock"
trap put_policy_back EXIT
trap 'exit 130' INT TERM
# (One of ours is there when a run before was killed.)
ours='# Of service/deps.sh, while it installs.'
if "${as_root[@]}" test -e "$policy" && ! "${as_root[@]}" test -e "$policy.before-hashpost" && ! grep -qxF "$ours" "$policy"; then
    "${as_root[@]}" mv "$policy" "$policy.before-hashpost"
fi
printf '#!/bin/sh\n%s\nexit 101\n' "$ours" | "${as_root[@]}" tee "$policy" >/dev/null
"${as_root[@]}" chmod 0755 "$policy"

echo "Installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq {lock}<&-
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null {lock}<&-

# Those that come with a service of their own must not start at the next boot either.
for service in supervisor nginx lighttpd redis-server webdis docker containerd php-fpm; do
    package=$service
    case $service in
    docker | containerd) package=docker.io ;;
    # (Its service is named by PHP's version.)
    php-fpm) service=$(basename /etc/init.d/php*-fpm) ;;
    esac
    [[ " ${missing[*]} " == *" $package "* ]] || continue
    if command -v systemctl >/dev/null; then
        "${as_root[@]}" systemctl --quiet disable "$service.service" || true
    fi
    "${as_root[@]}" find /etc/systemd/system \( -name "$service.service" -o -name "$service.socket" \) -type l -delete
    [[ ! -e /etc/init.d/$service ]] || "${as_root[@]}" update-rc.d "$service" disable
done
