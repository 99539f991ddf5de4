# build_go BINARY: builds the service into build/bench/ and copies it to BINARY; with Debian's bbolt. Sourced.
# shellcheck shell=bash
build_go() {
    local out=$HASHPOST_ROOT/build/bench
    mkdir -p "$out"
    (cd "$PEERS/go-bbolt" && GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$out/go-cache GOFLAGS='' \
        go build -o "$out/go-bbolt" .)
    install -m 0755 "$out/go-bbolt" "$1"
}
