#!/usr/bin/env bats
# What the documents say is so, and what they tell to type is run as it stands there: in install.bats, tests/container and others.
# shellcheck disable=SC2016,SC2013  # patterns are no expansions; the words have no spaces

load stack.bash

# Each prints one line for one command: those that the documents have, and those that a test asks for.
blocks_of() {
    awk -v file="$1" '
        !inside && /^#+ / { sub(/^#+ /, ""); heading = $0; count = 0 }
        /^```[a-z]+$/ { inside = 1; printf "%s \"%s\" %d\n", file, heading, ++count; next }
        /^```/ { inside = !inside }' "$ROOT/$1"
}
inline_of() {
    grep -oE '`[^`]+`' "$ROOT/$1" | tr -d '`' | sed -nE '/^([A-Z_]+=[^ ]+ )*(make|docker|docker-compose|bats|certbot|curl|apt|apt-get|dpkg|sudo|systemctl|service\/[a-z]+|packaging\/[a-z/-]+)( |$)/p' |
        sed "s|^|$1 |"
}
claims() {
    grep -rhoE --include='*.bats' '(documented [A-Za-z/]+\.md|follow) "[^"]+"( [0-9]+)?' "$ROOT/tests" |
        sed -E 's/^follow /documented docs\/install.md /; s/^documented //; s/"$/" 1/'
    grep -rhoE --include='*.bats' "says [A-Za-z/]+\\.md ('[^']+'|[a-z]+)" "$ROOT/tests" | sed -E "s/^says //; s/'//g"
}

@test "every command of README.md and docs/install.md is run by a test that reads it there" {
    local file
    run comm -23 <(for file in README.md docs/install.md; do
        blocks_of "$file"
        inline_of "$file"
    done | sort -u) <(claims | sort -u)
    [[ $status == 0 && -z $output ]] || { echo "no test runs these: $output"; false; }
}

@test "every make target that a document names is there" {
    local target missing=""
    for target in $(grep -ohE '(^|`)make [a-z-]+' "$ROOT"/*.md "$ROOT"/docs/*.md | sed 's/.*make //' | sort -u); do
        grep -qE "^([a-z-]+ )*$target( [a-z-]+)*:" "$ROOT/Makefile" || missing+=" $target"
    done
    [[ -z $missing ]] || { echo "no such targets:$missing"; false; }
}

@test "every file that a document links to is there" {
    local file link missing=""
    for file in "$ROOT"/*.md "$ROOT"/docs/*.md; do
        for link in $(grep -oE '\]\([^)#:]+\)' "$file" | sed 's/^](//; s/)$//'); do
            [[ -e $(dirname "$file")/$link ]] || missing+=" $(basename "$file"):$link"
        done
    done
    [[ -z $missing ]] || { echo "broken links:$missing"; false; }
}

@test "the modules of Apache that stay enabled after removal are those that the package enables" {
    local enabled
    enabled=$(sed -n '/for module in/,/; do/p' "$ROOT/packaging/debian/hashpost.postinst" | sed 's/.*for module in //; s/; do//' | tr -d '\\\n' | tr -s ' ')
    grep -qF "by then: \`$enabled\`." <(tr '\n' ' ' <"$ROOT/docs/install.md" | tr -s ' ')
}

@test "every problem type that the sources name is documented, in the interface and on the page" {
    local slug missing="" listed page=$ROOT/fcgi-worker/resources/problems_page.cc
    listed=$(sed -nE 's/^ *\{([0-9]{3}), "([a-z0-9-]+)",.*/\1 \2/p' "$page" | sort)
    for slug in $(grep -rhPzo '([45]\d{2},\s*|slug = )"[a-z0-9-]+"' "$ROOT/fcgi-worker" | tr '\0' '\n' | sed -nE 's/.*"(.*)"$/\1/p' | sort -u) \
        $(grep -ohE '/problems/[a-z-]+' "$ROOT"/httpd-conf/errors/*.json | sed 's,.*/,,' | sort -u); do
        grep -q " $slug$" <<<"$listed" || missing+=" $slug"
    done
    [[ -z $missing ]] || { echo "not documented:$missing"; false; }
    diff <(echo "$listed") <(sed -nE 's/^\| ([45][0-9]{2}) \| `([a-z0-9-]+)` \|.*/\1 \2/p' "$ROOT/docs/http-api.md" | sort)
}
