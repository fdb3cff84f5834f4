#!/bin/sh
# usage: deps.sh: installs what is missing from Debian's packages, as root or by sudo. Silent, and
# without touching the network, when nothing is missing.
set -eu
wanted='gcc clang make pkg-config gettext git
    libsqlite3-dev libsodium-dev libssl-dev libcurl4-openssl-dev libcjson-dev libmicrohttpd-dev libzstd-dev
    libkeyutils-dev libqrencode-dev libunistring-dev libcmocka-dev libclang-rt-14-dev libc6-dev
    python3 python3-nacl python3-zstandard python3-jsonschema
    nginx-light openssl curl strace iproute2 util-linux mount e2fsprogs locales sqlite3 keyutils xxd procps valgrind'

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root=sudo
    command -v sudo >/dev/null || { echo "as root: apt-get install$missing" >&2; exit 1; }
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get -q update >/dev/null
# shellcheck disable=SC2086
$as_root apt-get -q -y --no-install-recommends install $missing >/dev/null
