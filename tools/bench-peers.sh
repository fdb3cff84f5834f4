#!/bin/sh
# usage: bench-peers.sh: fetches what `make bench` measures beside the store into build/peers: SQLite3 Multiple Ciphers, as the
# amalgamation that better-sqlite3-multiple-ciphers carries, built with that package's own settings. For measuring only;
# nothing of it is installed or shipped. Needs npm and compiles for some minutes; silent and offline when all is there.
set -eu
name=better-sqlite3-multiple-ciphers
version=12.11.1
sha512=pG72+3VkUipnmYx4LwQqoOXNG2CJ1HlmDrlvqgr7xQHgsE+cz5rAZEiaJHnUKTHaGfGifggA/C0Sv9qZlUrfow==
at=build/peers
[ -f "$at/sqlite3-$version.o" ] && exit 0

if ! command -v npm >/dev/null; then
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    $as_root apt-get -q update >/dev/null
    DEBIAN_FRONTEND=noninteractive $as_root apt-get -q -y --no-install-recommends install npm >/dev/null
fi
mkdir -p "$at"
echo "fetching $name $version"
(cd "$at" && npm pack --silent "$name@$version" >/dev/null)
tarball=$at/$name-$version.tgz
found=$(openssl dgst -sha512 -binary "$tarball" | base64 -w 0)
[ "$found" = "$sha512" ] || { echo "$tarball is not what was pinned: $found" >&2; rm -f "$tarball"; exit 1; }
tar -xzf "$tarball" -C "$at"
echo "compiling it"
# shellcheck disable=SC2046
gcc -O3 -DNDEBUG -std=gnu99 -w $(sed -n "s/^ *'\([A-Z][A-Z0-9_=-]*\)',\$/-D\1/p" "$at/package/deps/defines.gypi") \
    -c -o "$at/building.o" "$at/package/deps/sqlite3/sqlite3.c"
mv "$at/building.o" "$at/sqlite3-$version.o"
rm -rf "$at/package" "$tarball"
