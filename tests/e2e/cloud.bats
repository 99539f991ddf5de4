#!/usr/bin/env bats
# packaging/cloud and docs/cloud.md, on a machine of their own as far as one can be had here: namespaces with empty /opt, /srv,
# /etc/default and cloud-init's folder, where the documented names and ports are the real ones.
# shellcheck disable=SC2154,SC2016,SC2030,SC2031  # stack.bash sets variables; $… is for the inner shell; tests are processes

bats_require_minimum_version 1.5.0
load stack.bash
load ../faults/under_load.bash

setup() {
    [[ $HASHPOST_WORKER_BIN == "$ROOT"/build/release/* ]] || skip "make up builds the release"
    stack_new
}
teardown() {
    load_abort
    stack_end
}

# What cloud-init clones: what would be committed. And what was built of it, which would take minutes there.
make_repository() {
    local folder
    "$ROOT/packaging/copy-tree" "$SCRATCH/tree"
    git -C "$SCRATCH/tree" init -q
    git -C "$SCRATCH/tree" add -A
    git -C "$SCRATCH/tree" -c user.name=test -c user.email=test@localhost commit -q -m test
    mkdir -p "$SCRATCH/build/release/obj"
    cp -a "$ROOT"/build/release/{hashpost-worker,hashpost-sender,flags,inputs} "$SCRATCH/build/release/"
    for folder in lib store fcgi-worker file-sender; do cp -a "$ROOT/build/release/obj/$folder" "$SCRATCH/build/release/obj/"; done
}

# on_new_machine SCRIPT: in a shell whose end ends everything there. The script finds checkout and scratch folder in $ROOT and
# $SCRATCH, which are other names for them: a checkout below /opt, /srv or /var/lib is hidden there.
on_new_machine() {
    mkdir -p "$SCRATCH"/machine/{opt,srv,default,cloud/scripts/per-boot,disk,dpkg}
    unshare --mount --net --pid --fork --kill-child --mount-proc env -i PATH="$PATH" WERROR="${WERROR:-no}" bash -euo pipefail -c '
        # (With the same flags nothing is compiled again.)
        ip link set lo up
        mount -t tmpfs tmpfs /mnt
        ROOT=/mnt/checkout SCRATCH=/mnt/scratch
        mkdir "$ROOT" "$SCRATCH"
        mount --bind "$1" "$ROOT"
        mount --bind "$2" "$SCRATCH"
        mount --bind "$SCRATCH/machine/opt" /opt
        mount --bind "$SCRATCH/machine/srv" /srv
        mount --bind "$SCRATCH/machine/default" /etc/default
        mount --bind /var/lib/dpkg "$SCRATCH/machine/dpkg"
        mount -t tmpfs tmpfs /var/lib
        mkdir /var/lib/dpkg /var/lib/cloud
        mount --bind "$SCRATCH/machine/dpkg" /var/lib/dpkg
        mount --bind "$SCRATCH/machine/cloud" /var/lib/cloud
        '"$1" _ "$ROOT" "$SCRATCH" 3>&-
}

@test "what cloud-init is told leads to a service on port 443, also after a reboot, but never without its disk" {
    ((EUID == 0)) || skip "only root has namespaces"
    # (Not in a chroot.)
    unshare --mount --net --pid --fork --mount-proc true || skip "no namespaces here"
    make_repository
    on_new_machine '
        commands=$(/usr/bin/python3 -I "$ROOT/tests/tools/cloud_init.py" "$ROOT/packaging/cloud/cloud-init.yaml" "" \
            "REPOSITORY=$SCRATCH/tree" DATA_DISK=data)
        eval "$(grep "^git clone" <<<"$commands")"
        cp -a "$SCRATCH/tree/." /opt/hashpost
        mv "$SCRATCH/build" "$SCRATCH/machine/opt/hashpost/"
        eval "$(grep "^ln -s" <<<"$commands")"
        start=$(tail -n 1 <<<"$commands")

        ! $start || exit 1
        [[ ! -e /srv/hashpost/data ]]
        mkdir /srv/hashpost
        mount --bind "$SCRATCH/machine/disk" /srv/hashpost
        $start
        ask=(curl -sf --cacert /opt/hashpost/certs/localhost.pem)
        "${ask[@]}" -o /dev/null https://localhost/readyz
        "${ask[@]}" -d "{\"message\":\"foo\"}" -H "Content-Type: application/json" https://localhost/messages
        [[ $("${ask[@]}" -o /dev/null -w "%{http_code}" -X DELETE https://localhost/messages/2c26 || true) == 403 ]]'
    [[ -s $SCRATCH/machine/disk/data/data.mdb ]]
    # That machine is gone, without a warning; now it starts again.
    on_new_machine '
        mount --bind "$SCRATCH/machine/disk" /srv/hashpost
        for script in /var/lib/cloud/scripts/per-boot/*; do "$script"; done
        curl -sf --cacert /opt/hashpost/certs/localhost.pem \
            https://localhost/messages/2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae | grep -qx "{\"message\":\"foo\"}"'
}

@test "the new machine finds a checkout that is itself below /srv" {
    ((EUID == 0)) || skip "only root has namespaces"
    unshare --mount --net --pid --fork --mount-proc true || skip "no namespaces here"
    export -f on_new_machine
    unshare --mount bash -euo pipefail -c '
        # (By another name, since it may be there already.)
        mount -t tmpfs tmpfs /mnt
        mkdir /mnt/checkout
        mount --bind "$ROOT" /mnt/checkout
        mount -t tmpfs tmpfs /srv
        mkdir /srv/checkout
        mount --bind /mnt/checkout /srv/checkout
        ROOT=/srv/checkout
        on_new_machine "test -x \"\$ROOT/packaging/cloud/start\" && [[ ! -e /srv/checkout ]]"'
}

@test "a copy that is made under load has all that was answered before, and can be served" {
    local commands
    stack_start
    load_begin --mix get=50,post=50
    cp "$ACKS" "$SCRATCH/acks.before"
    commands=$(documented docs/cloud.md "Copies")
    commands=${commands//\/srv\/hashpost\/data/$HASHPOST_DATA}
    bash -euo pipefail -c "${commands//\/srv\/copy/$SCRATCH/copy}"
    load_goes_on
    load_end
    nothing_failed
    stack_stop
    mv "$HASHPOST_DATA" "$SCRATCH/old"
    mv "$SCRATCH/copy" "$HASHPOST_DATA"
    ((EUID != 0)) || chown -R www-data: "$HASHPOST_DATA"
    stack_start
    make_load --verify "$SCRATCH/acks.before" --clients 16 >"$SCRATCH/verify.json" || { cat "$SCRATCH/verify.json"; false; }
}
