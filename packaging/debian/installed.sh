# Sourced by settings.sh: where the Debian package has its things. What an operator wants stands in /etc/default/hashpost.
# shellcheck shell=bash
# shellcheck disable=SC2034  # settings.sh reads them

# (One that is there and cannot be read is an error, or else a store elsewhere would be passed over.)
if [[ -e /etc/default/hashpost ]]; then
    set -a
    # shellcheck source=packaging/debian/settings
    source /etc/default/hashpost
    set +a
fi
HASHPOST_USER=hashpost
HASHPOST_HOME=/run/hashpost
HASHPOST_WORKER_BIN=/usr/lib/hashpost/hashpost-worker
HASHPOST_SENDER_BIN=/usr/bin/hashpost-sender
: "${HASHPOST_DATA:=/var/lib/hashpost}"
: "${OUTPUT_DIR:=none}"
# Only Apache knows who reaches it.
: "${HASHPOST_EXPOSED:=yes}"
[[ $HASHPOST_EXPOSED != auto ]] || HASHPOST_EXPOSED=yes
web_server_is_ours=no
certs=/etc/hashpost
run_by=hashpost
