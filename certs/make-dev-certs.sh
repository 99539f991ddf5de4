#!/bin/bash
# make-dev-certs.sh [CERT KEY]: makes one self-signed certificate for localhost, 127.0.0.1 and ::1, unless
# both files are there. A client that trusts only CERT accepts the service (curl --cacert CERT).
# For development: a real certificate is put in its place with HASHPOST_CERT and HASHPOST_KEY.
set -euo pipefail
(($# == 0 || $# == 2)) || { echo "make-dev-certs.sh takes no argument, or a certificate and its key." >&2; exit 64; }

folder=$(cd "$(dirname "$0")" && pwd -P)
cert=${1:-$folder/localhost.pem}
key=${2:-$folder/localhost.key}
[[ -s $cert && -s $key ]] && exit 0

# Two makers at once would leave the key of one beside the certificate of the other.
exec 9<"$(dirname "$cert")"
flock 9
[[ -s $cert && -s $key ]] && exit 0

# Made aside and renamed: whoever looks sees no file or a whole one. The key is never readable by others.
umask 077
aside=$(mktemp -d "$(dirname "$cert")/.making-certs.XXXXXX")
trap 'rm -rf "$aside"' EXIT

cat >"$aside/request.cnf" <<'CNF'
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = localhost
O = Hashpost development
[extensions]
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
CNF
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 825 -sha256 \
    -config "$aside/request.cnf" -keyout "$aside/key" -out "$aside/cert" 2>"$aside/log" || {
    cat "$aside/log" >&2
    exit 1
}
chmod 0600 "$aside/key"
chmod 0644 "$aside/cert"
mv -f "$aside/key" "$key"
mv -f "$aside/cert" "$cert"
echo "Made a certificate for localhost: $cert (key: $key)"
