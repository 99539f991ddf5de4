# Sourced by settings.sh where make install has put it: the defaults that are not those of a checkout. Nothing is written
# below HASHPOST_ROOT.
# shellcheck shell=bash
# shellcheck disable=SC2034  # settings.sh reads them

read_file /etc/hashpost.conf
: "${HASHPOST_HOME:=/var/lib/hashpost/run}"
: "${HASHPOST_DATA:=/var/lib/hashpost/data}"
: "${HASHPOST_WORKER_BIN:=$HASHPOST_ROOT/hashpost-worker}"
: "${HASHPOST_SENDER_BIN:=$(cd "$HASHPOST_ROOT/../../bin" && pwd -P)/hashpost-sender}"
certs=$HASHPOST_HOME/certs
run_by=hashpost
