#!/bin/bash
# Pages of which other origins may use the service: from HASHPOST_CORS_ORIGINS to what the web servers send
# (httpd-conf/cors.conf and the like). Sourced by settings.sh, once the form of the settings is checked.
# shellcheck disable=SC2034  # exported by the list at the end

# The kind (off, any, list), the list with spaces in place of its commas, and a pattern for it.
HASHPOST_CORS=off HASHPOST_CORS_PATTERN='(?!)'
IFS=', ' read -ra origins <<<"$HASHPOST_CORS_ORIGINS"
if [[ $HASHPOST_CORS_ORIGINS == '*' ]]; then
    HASHPOST_CORS=any HASHPOST_CORS_PATTERN=.+
elif ((${#origins[@]})); then
    HASHPOST_CORS=list HASHPOST_CORS_PATTERN=""
    for origin in "${origins[@]}"; do
        # (Byte by byte as browsers send it: without the default port, and a host in lower case.)
        [[ $origin =~ ^[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?$ &&
            ! $origin =~ ^(http://.*[^0-9]:80|https://.*[^0-9]:443)$ ]] ||
            refuse "HASHPOST_CORS_ORIGINS=$HASHPOST_CORS_ORIGINS must be * or origins as browsers send them, with commas between them, such as https://app.example.org or http://localhost:8080 (lower case, no path, no default port)."
        # Brackets take every sign literally, and need no backslashes, which each web server quotes in its own way.
        # shellcheck disable=SC2001  # bash has nothing like &
        HASHPOST_CORS_PATTERN+="${HASHPOST_CORS_PATTERN:+|}$(sed 's/[].[+]/[&]/g' <<<"$origin")"
    done
fi
HASHPOST_CORS_ORIGINS=${origins[*]}

# What a page may send: each method, and each field that the service reads and that not every page may send anyway.
HASHPOST_CORS_METHODS=GET,HEAD,POST,DELETE
HASHPOST_CORS_HEADERS=Authorization,Content-Digest,Content-Encoding,Content-Type,If-Match,If-Modified-Since,If-None-Match,If-Unmodified-Since,Repr-Digest
# What it may read of a response, besides the fields that every page may.
HASHPOST_CORS_EXPOSED=Accept-Encoding,Accept-Post,Allow,Content-Encoding,ETag,Link,Location,Repr-Digest,Retry-After,Vary,WWW-Authenticate
# Seconds for which a browser need not ask again; Chromium's limit.
HASHPOST_CORS_SECONDS=7200

derived+=(HASHPOST_CORS HASHPOST_CORS_PATTERN HASHPOST_CORS_METHODS HASHPOST_CORS_HEADERS HASHPOST_CORS_EXPOSED HASHPOST_CORS_SECONDS)
export HASHPOST_CORS_ORIGINS "${derived[@]}"
