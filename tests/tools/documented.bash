# What documents say, for the tests that run it. Sourced. tests/e2e/documents.bats fails for a command of README.md or
# docs/install.md that no test asks for here.
# shellcheck shell=bash

# documented FILE "HEADING" [NUMBER]: prints the first (or that) fenced block with a language below that heading.
documented() {
    awk -v heading="$2" -v wanted="${3:-1}" '
        !inside && /^#+ / { sub(/^#+ /, ""); here = ($0 == heading); next }
        /^```[a-z]+$/ { inside = 1; count += here; next }
        /^```/ { inside = !inside; bare = inside; next }
        inside && !bare && here && count == wanted { print; found = 1 }
        END { exit !found }' "$ROOT/$1" || {
        echo "$1 has no block ${3:-1} below \"$2\"" >&2
        return 1
    }
}

# says FILE 'COMMAND': prints the command if FILE has it as it stands here, in backquotes.
says() {
    grep -qF -- "\`$2\`" "$ROOT/$1" || {
        echo "$1 does not say: $2" >&2
        return 1
    }
    printf '%s\n' "$2"
}
