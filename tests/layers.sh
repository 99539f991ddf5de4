#!/bin/bash
# Checks that every #include respects the house as the tables of docs/architecture.md ("The floors") describe it: a file includes
# only its own room and those that its row names, which are on lower floors, and each third-party library has one room. First
# plants violations to see that they are found.
set -euo pipefail
(($# == 0)) || { echo "layers.sh takes no argument." >&2; exit 64; }
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tables=$PWD/docs/architecture.md

# check TREE: prints one line for each violation under that folder. (A function of its own shell: it goes there.)
check() (
    cd "$1"
    find lib store fcgi-worker file-sender \( -name '*.cc' -o -name '*.h' \) \
        -exec grep -HnE '^[[:space:]]*#[[:space:]]*include' {} + |
        awk '
        # The words in backquotes of a cell, with blanks around each.
        function words(cell,  list) {
            for (list = " "; match(cell, /`[^`]+`/); cell = substr(cell, RSTART + RLENGTH)) list = list substr(cell, RSTART + 1, RLENGTH - 2) " "
            return list
        }
        function trim(text) { gsub(/^ +| +$/, "", text); return text }
        function room(path) {
            if (path ~ /^lib\/[^\/]+\//) return "lib"
            sub(/\/[^\/]+$/, "", path)
            return (path in floor) ? path : "none"
        }
        function say(text) { print file ":" line ": " text }
        FNR == NR {
            if (/^## /) inside = /^## The floors/
            if (!inside || !/^\| *[0-9`]/) next
            split($0, cell, "|")
            if (cell[2] ~ /[0-9]/) {
                name = trim(words(cell[3])); floor[name] = cell[2] + 0; allowed[name] = words(cell[4]) name " "
            } else {
                count = split(trim(words(cell[2])), header, " ")
                for (i = 1; i <= count; ++i) home[header[i]] = trim(words(cell[3]))
            }
            next
        }
        FNR == 1 {
            for (name in allowed) {
                count = split(trim(allowed[name]), below, " ")
                for (i = 1; i <= count; ++i) {
                    if (below[i] != name && !(below[i] in floor && floor[below[i]] < floor[name])) print "docs/architecture.md: " name " may not include " below[i]
                }
            }
            if (length(floor) < 8 || length(home) < 6) print "docs/architecture.md: its tables of rooms cannot be read"
        }
        {
            split($0, part, ":"); file = part[1]; line = part[2]
            if (match($0, /"[^"]+"/)) {
                target = substr($0, RSTART + 1, RLENGTH - 2)
                from = room(file); to = room(target)
                if (from == "none" || to == "none") say("\"" target "\" is not a path from the root, from one known room into another")
                else if (index(allowed[from], " " to " ") == 0) say("the room " from " may not include \"" target "\"")
            }
            if (match($0, /[<"][^>"]+[>"]/)) {
                target = substr($0, RSTART + 1, RLENGTH - 2)
                for (start in home) if (index(target, start) == 1 && index(file, home[start]) != 1) say("<" target "> belongs to another room")
            }
        }' "$tables" -
)

# Each line: a file, what is planted in it.
planted='lib/io/a.cc|"store/message_store.h"
lib/json/b.h|<openssl/sha.h>
store/c.cc|"fcgi-worker/http/problem.h"
store/d.cc|<lmdb.h>
fcgi-worker/http/e.cc|"store/message_store.h"
fcgi-worker/http/f.h|"fcgi-worker/router.h"
fcgi-worker/http/g.h|"fcgi-worker/config.h"
fcgi-worker/resources/h.cc|"fcgi-worker/fcgi/server.h"
fcgi-worker/resources/i.cc|"fcgi-worker/config.h"
fcgi-worker/resources/j.cc|<fcgiapp.h>
fcgi-worker/fcgi/k.cc|<rapidjson/reader.h>
fcgi-worker/drop/h.cc|"fcgi-worker/resources/problem_renderer.h"
fcgi-worker/fcgi/k.h|"store/message_store.h"
fcgi-worker/fcgi/l.h|"fcgi-worker/router.h"
fcgi-worker/cellar/m.h|"lib/io/folder.h"
fcgi-worker/main.cc|"problem.h"
file-sender/q.cc|"store/message_store.h"
file-sender/r.cc|"fcgi-worker/http/problem.h"
file-sender/s.cc|<libxml/xmlwriter.h>
file-sender/t.cc|<rapidjson/reader.h>
fcgi-worker/resources/u.cc|"file-sender/json_to_xml.h"
lib/json/v.cc|<libxml/parser.h>
lib/log/l.cc|  #  include <fcgiapp.h>'
innocent='fcgi-worker/fcgi/m.cc|<fcgiapp.h>
fcgi-worker/fcgi/m.cc|"fcgi-worker/http/route.h"
fcgi-worker/drop/m.cc|"store/message_store.h"
fcgi-worker/router.cc|"fcgi-worker/http/route.h"
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
