#!/bin/sh
# usage: fresh.sh: as root, proves that a new Debian 12 with git and make is enough: bootstraps one in a
# temporary directory, clones this repository into it, runs `make test` and `make demo` there.
# The mirror and its keys are those of this machine. KEEP=1 leaves the directory for a look.
set -eu
[ "$(id -u)" -eq 0 ] || { echo "fresh.sh runs as root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "fresh.sh needs debootstrap" >&2; exit 1; }

# The first plain Debian archive among apt's sources, as apt itself resolves them.
mirror=$(apt-get indextargets --format '$(CREATED_BY) $(RELEASE) $(REPO_URI)' 2>/dev/null |
    sed -n 's/^Packages bookworm //p' | head -n 1)
[ -n "$mirror" ] || { echo "apt knows no archive of bookworm here" >&2; exit 1; }

proxy=
eval "$(apt-config shell proxy Acquire::http::Proxy)"
export http_proxy="${http_proxy:-$proxy}"

root=$(mktemp -d "${TMPDIR:-/var/tmp}/fresh.XXXXXX")
chmod 755 "$root" # it becomes / of ordinary users too
clean_up() {
    for mount in dev/pts dev proc; do
        if mountpoint -q "$root/$mount"; then umount -l "$root/$mount" || return 0; fi
    done
    # Only what is ours: never descend into a mount that would not go.
    [ -n "${KEEP:-}" ] || rm -rf --one-file-system "$root"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

echo "bootstrapping"
debootstrap --variant=minbase --include=git,make,ca-certificates bookworm "$root" "$mirror" \
    >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; exit 1; }
rm -f "$root.log"

# What apt needs to reach the same archive: its settings and the machine's certificates.
for path in /etc/apt/apt.conf.d /etc/apt/sources.list.d /etc/apt/keyrings \
    /etc/ssl/certs /usr/local/share/ca-certificates; do
    [ -d "$path" ] || continue
    mkdir -p "$root$path"
    cp -RL "$path/." "$root$path/" 2>/dev/null || true
done
[ ! -f /etc/resolv.conf ] || cp -L /etc/resolv.conf "$root/etc/resolv.conf"
[ ! -f /etc/hosts ] || cp -L /etc/hosts "$root/etc/hosts"
rm -f "$root/etc/apt/sources.list"
[ -n "$(find "$root/etc/apt/sources.list.d" -type f 2>/dev/null)" ] ||
    echo "deb $mirror bookworm main" >"$root/etc/apt/sources.list"

mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --make-rslave "$root/dev"

git clone -q --no-hardlinks . "$root/srv/baken"
# Not by chroot: in one the kernel denies ordinary users the namespaces in which tests pull the cable.
run() {
    # shellcheck disable=SC2016
    unshare --mount sh -c 'mount --rbind "$0" "$0" && cd "$0" && pivot_root . mnt && cd / &&
        umount -l /mnt && exec "$@"' "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/srv LANG=C.UTF-8 http_proxy="$http_proxy" https_proxy="${https_proxy:-}" \
        no_proxy="${no_proxy:-}" make -C /srv/baken "$@"
}
run test
run demo
