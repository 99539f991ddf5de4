#!/usr/bin/env bats
# What the documents say is run, as it stands there.
# shellcheck disable=SC2016,SC2013  # patterns are no expansions; the words have no spaces

load stack.bash

setup_file() {
    stack_new
    stack_start
}
teardown_file() { stack_end; }

# console FILE: the commands of its console blocks ("$ …") and what they print, for this instance.
run_console() {
    local line command="" expected="" count=0
    while IFS= read -r line; do
        if [[ $line == '$ '* || -z $line ]]; then
            if [[ -n $command ]]; then
                count=$((count + 1))
                [[ $(cd "$ROOT" && eval "$command") == "$expected" ]] || {
                    echo "not as documented: $command" >&2
                    return 1
                }
            fi
            command=${line#\$ } expected=""
            command=${command//https:\/\/localhost:5000/$URL}
        else
            expected+=${expected:+$'\n'}$line
        fi
    done < <(sed -n '/^```console$/,/^```$/{/^```/d;p}' "$1" && echo)
    ((count > 0))
}

@test "the README's requests answer as it says" {
    run_console "$ROOT/README.md"
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

@test "the README's table has every setting, and only settings" {
    local known documented
    known=$(grep -ohE '^: "\$\{[A-Z_]+' "$ROOT/service/settings.sh" | sed 's/.*{//' | sort -u)
    known+=$'\n'$("$HASHPOST_WORKER_BIN" --help >/dev/null && HASHPOST_HOME=/a HASHPOST_DATA=/b "$HASHPOST_WORKER_BIN" --check | sed 's/=.*//')
    documented=$(sed -n '/^| variable/,/^$/p' "$ROOT/README.md" | cut -d'|' -f2 | grep -oE '[A-Z_]{4,}' | sort -u)
    diff <(sort -u <<<"$known") <(echo "$documented")
}

@test "the defaults of the service and of the worker are the same" {
    # shellcheck disable=SC2016  # for the inner shell
    diff <(env -i HASHPOST_HOME=/a HASHPOST_DATA=/b "$HASHPOST_WORKER_BIN" --check) \
        <(env -i PATH="$PATH" HASHPOST_HOME=/a HASHPOST_DATA=/b bash -c 'source "$1/service/settings.sh" && "$2" --check' \
            _ "$ROOT" "$HASHPOST_WORKER_BIN")
}

@test "every problem type that the sources name is documented, in the interface and on the page" {
    local slug missing=""
    for slug in $(grep -rhoE '"[a-z]+(-[a-z0-9]+)*",$|"[a-z]+(-[a-z0-9]+)+", "' "$ROOT/fcgi-worker"/{http,resources} | grep -v 'log::' | grep -oE '[a-z][a-z0-9-]+' | sort -u) \
        $(grep -ohE '/problems/[a-z-]+' "$ROOT"/httpd-conf/errors/*.json | sed 's,.*/,,' | sort -u); do
        [[ $slug != utf-8 && $slug != no-store && $slug != us-ascii ]] || continue
        grep -q "\`$slug\`" "$ROOT/docs/http-api.md" && grep -q "$slug" "$ROOT/httpd-conf/problems.html" || missing+=" $slug"
    done
    [[ -z $missing ]] || { echo "not documented:$missing"; false; }
}
