# A disk of its own for a store: ext4 in a file. Sourced by *.bats, after stack.bash and stack_new; only root can.
# shellcheck shell=bash

# small_disk_mount: HASHPOST_DATA is on it from now on. Sets MOUNTED.
small_disk_mount() {
    truncate -s 48M "$SCRATCH/disk.img"
    mkfs.ext4 -q -m 0 "$SCRATCH/disk.img"
    mkdir "$SCRATCH/disk"
    mount -o loop,errors=remount-ro "$SCRATCH/disk.img" "$SCRATCH/disk" || skip "no mount here"
    MOUNTED=$SCRATCH/disk
    chmod 0755 "$SCRATCH/disk"
    export HASHPOST_DATA=$SCRATCH/disk/data
}

small_disk_unmount() { umount "$MOUNTED"; }
