# Messages whose digests a test has written to $SCRATCH/stored. Sourced by *.bats, after stack.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154  # ask sets $code

# every_stored_message_is_read: each hashes to its digest.
every_stored_message_is_read() {
    local digest
    while read -r digest; do
        ask "/messages/$digest" -H 'Accept: text/plain'
        [[ $code == 200 && $(sha256 "$BODY") == "$digest" ]] || said "200 for $digest" || return
    done <"$SCRATCH/stored"
    [[ -s $SCRATCH/stored ]]
}
