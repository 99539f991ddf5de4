#!/bin/bash
# Checks that every #include respects the house: a file includes only its own room and lower floors, and each
# third-party library has one room (docs/architecture.md). First plants violations to see that they are found.
set -euo pipefail
(($# == 0)) || { echo "layers.sh takes no argument." >&2; exit 64; }
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# check TREE: prints one line for each violation under that folder. (A function of its own shell: it goes there.)
check() (
    cd "$1"
    find lib store fcgi-worker file-sender \( -name '*.cc' -o -name '*.h' \) \
        -exec grep -HnE '^[[:space:]]*#[[:space:]]*include' {} + |
        awk '
        # The room of a file: what it may include are regular expressions of paths from the root.
        function room(path) {
            if (match(path, /^lib\/[^\/]+\//)) return "lib"
            if (path ~ /^store\//) return "store"
            if (path ~ /^file-sender\//) return "sender"
            if (path ~ /^fcgi-worker\/http\//) return "http"
            if (path ~ /^fcgi-worker\/resources\//) return "resources"
            if (path ~ /^fcgi-worker\/fcgi\//) return "fcgi"
            if (path ~ /^fcgi-worker\/main\.cc$/) return "main"
            if (path ~ /^fcgi-worker\/[^\/]+$/) return "wiring"
            return "none"
        }
        function say(text) { print file ":" line ": " text }
        BEGIN {
            allowed["lib"] = "lib"
            allowed["store"] = "lib store"
            allowed["sender"] = "lib sender"
            allowed["http"] = "lib http"
            allowed["resources"] = "lib store http resources"
            allowed["fcgi"] = "lib store http resources fcgi wiring"
            # config, supervision: next to main.cc, for it and for fcgi/.
            allowed["wiring"] = "lib store http resources wiring"
            allowed["main"] = "lib store http resources fcgi wiring"
            # Third-party headers, and the one place of each.
            home["^(fcgiapp|fcgi_stdio|fcgios|fcgimisc|fastcgi|fcgi_config)[.]h$"] = "^fcgi-worker/fcgi/"
            home["^lmdb[.]h$"] = "^lib/lmdb/"
            home["^rapidjson/"] = "^lib/json/"
            home["^openssl/"] = "^lib/crypto/"
            home["^libxml/"] = "^lib/xml/"
            home["^hiredis/"] = "^store/redis"
            home["^curl/"] = "^file-sender/upload"
        }
        {
            split($0, part, ":"); file = part[1]; line = part[2]
            if (match($0, /"[^"]+"/)) {
                target = substr($0, RSTART + 1, RLENGTH - 2)
                from = room(file); to = room(target)
                if (to == "none") say("\"" target "\" is not a path from the root into a known room")
                else if ((" " allowed[from] " ") !~ (" " to " ")) say("the room " from " may not include \"" target "\"")
            }
            if (match($0, /[<"][^>"]+[>"]/)) {
                target = substr($0, RSTART + 1, RLENGTH - 2)
                for (header in home) if (target ~ header && file !~ home[header]) say("<" target "> belongs to another room")
            }
        }'
)

# Each line: a file, what is planted in it.
planted='lib/io/a.cc|"store/message_store.h"
lib/json/b.h|<openssl/sha.h>
store/c.cc|"fcgi-worker/http/problem.h"
store/d.cc|<lmdb.h>
fcgi-worker/http/e.cc|"store/message_store.h"
fcgi-worker/http/f.h|"fcgi-worker/resources/router.h"
fcgi-worker/http/g.h|"fcgi-worker/config.h"
fcgi-worker/resources/h.cc|"fcgi-worker/fcgi/server.h"
fcgi-worker/resources/i.cc|"fcgi-worker/config.h"
fcgi-worker/resources/j.cc|<fcgiapp.h>
fcgi-worker/fcgi/k.cc|<rapidjson/reader.h>
fcgi-worker/config.cc|"fcgi-worker/fcgi/server.h"
fcgi-worker/main.cc|"problem.h"
file-sender/q.cc|"store/message_store.h"
file-sender/r.cc|"fcgi-worker/http/problem.h"
file-sender/s.cc|<libxml/xmlwriter.h>
file-sender/t.cc|<rapidjson/reader.h>
fcgi-worker/resources/u.cc|"file-sender/json_to_xml.h"
lib/json/v.cc|<libxml/parser.h>
lib/log/l.cc|  #  include <fcgiapp.h>'
innocent='fcgi-worker/fcgi/m.cc|<fcgiapp.h>
fcgi-worker/fcgi/m.cc|"fcgi-worker/config.h"
fcgi-worker/main.cc|"fcgi-worker/fcgi/server.h"
fcgi-worker/resources/n.cc|"store/message_store.h"
store/o.cc|"lib/crypto/sha256.h"
lib/json/p.cc|<rapidjson/reader.h>
lib/xml/w.cc|<libxml/chvalid.h>
file-sender/x.cc|"lib/xml/writer.h"
file-sender/x.cc|"file-sender/json_to_xml.h"'

plant() {
    local file text
    while IFS='|' read -r file text; do
        mkdir -p "$tree/$(dirname "$file")"
        [[ $text == *'#'* ]] || text="#include $text"
        printf '%s\n' "$text" >>"$tree/$file"
    done <<<"$1"
}

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{lib,store,fcgi-worker,file-sender}
plant "$innocent"
if [[ -n $(check "$tree") ]]; then
    echo "layers: allowed includes are reported:"
    check "$tree"
    exit 1
fi
plant "$planted"
found=$(check "$tree" | cut -d: -f1 | sort -u)
expected=$(cut -d'|' -f1 <<<"$planted" | sort -u)
if [[ $found != "$expected" ]]; then
    echo "layers: planted violations are not found:"
    diff <(echo "$expected") <(echo "$found") || true
    exit 1
fi

violations=$(check .)
if [[ -n $violations ]]; then
    echo "$violations"
    exit 1
fi
echo "layers: every include is in order ($(wc -l <<<"$planted") planted violations were found)"
