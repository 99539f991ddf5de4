#!/bin/bash
# Files that the service needs: is each there, and can its reader read it? If not, who keeps it from that, and what mends it.
# Sourced by service/hashpost.

# check_readable NAME FILE [COMMAND]: refuses if HASHPOST_USER cannot read the file that the setting names (or, with "self" as the
# command, whoever starts the service).
check_readable() {
    local name=$1 file=$2 reader=$HASHPOST_USER as=(as_user) folder="" part parts
    [[ ${3:-} != self ]] || reader=$(id -un) as=()
    ! "${as[@]}" test -r "$file" || return 0
    # The first folder on the way that keeps the reader out.
    IFS=/ read -ra parts <<<"${file#/}"
    for part in "${parts[@]:0:${#parts[@]}-1}"; do
        folder+=/$part
        [[ ! -d $folder ]] || "${as[@]}" test -x "$folder" ||
            refuse "$name=$file cannot be read by the user $reader, whom the folder $folder keeps out ($(owner_of "$folder")): chmod o+x $folder lets it in, or move the file where it may go (such as /srv)."
    done
    [[ -e $file ]] || refuse "$name=$file is not there; correct the path."
    file=$(readlink -f "$file")
    refuse "$name=$file cannot be read by the user $reader ($(owner_of "$file")): chgrp $(id -gn "$reader") $file && chmod g+r $file gives it the right."
}

owner_of() { stat -Lc 'it belongs to %U:%G, mode %a' "$1"; }
