# Debian's certbot, and an ACME server for it on this machine (pebble), whose DNS says 127.0.0.1 for every name. Sourced by
# *.bats, after stack.bash.
# shellcheck shell=bash

# acme_start: both servers; certbot is in PATH and keeps everything in $SCRATCH/letsencrypt.
acme_start() {
    local folder=$SCRATCH/letsencrypt port http dns
    port=$(free_port) http=$(free_port) dns=$(free_port) ACME_MANAGEMENT=$(free_port)
    mkdir -p "$folder/bin" "$folder/config/letsencrypt"
    "$ROOT/certs/make-dev-certs.sh" "$folder/acme.pem" "$folder/acme.key"
    cat >"$folder/acme.json" <<END
{"pebble": {"listenAddress": "127.0.0.1:$port", "managementListenAddress": "127.0.0.1:$ACME_MANAGEMENT",
 "certificate": "$folder/acme.pem", "privateKey": "$folder/acme.key", "httpPort": $http, "tlsPort": $http}}
END
    pebble-challtestsrv -defaultIPv6 "" -dns01 "127.0.0.1:$dns" -http01 "" -https01 "" -tlsalpn01 "" \
        -management "127.0.0.1:$(free_port)" >"$folder/dns.log" 2>&1 3>&- &
    ACME_PIDS=("$!")
    PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 pebble -config "$folder/acme.json" -dnsserver "127.0.0.1:$dns" \
        >"$folder/acme.log" 2>&1 3>&- &
    ACME_PIDS+=("$!")
    wait_for 10 curl -s -o /dev/null --cacert "$folder/acme.pem" "https://localhost:$port/dir"

    # The library only: its package would add a timer to this machine.
    printf '#!/bin/sh\nexec /usr/bin/python3 -c "import sys; from certbot.main import main; sys.exit(main())" "$@"\n' >"$folder/bin/certbot"
    chmod +x "$folder/bin/certbot"
    printf '%s\n' "server = https://localhost:$port/dir" "config-dir = $folder" "work-dir = $folder" "logs-dir = $folder" \
        "http-01-port = $http" "http-01-address = 127.0.0.1" "agree-tos = true" "register-unsafely-without-email = true" \
        "non-interactive = true" "no-random-sleep-on-renew = true" >"$folder/config/letsencrypt/cli.ini"
    export XDG_CONFIG_HOME=$folder/config REQUESTS_CA_BUNDLE=$folder/acme.pem PATH=$folder/bin:$PATH
}

# acme_root: prints the certificate that its certificates end at.
acme_root() { curl -sf --cacert "$SCRATCH/letsencrypt/acme.pem" "https://localhost:$ACME_MANAGEMENT/roots/0"; }

acme_end() { [[ -z ${ACME_PIDS:-} ]] || kill "${ACME_PIDS[@]}" 2>/dev/null || true; }
