#!/bin/sh
# usage: bench-peers.sh: fetches what `make bench` measures beside the product into build/peers. For measuring only; nothing of
# it is installed or shipped. Needs npm and compiles for some minutes; silent and offline when all is there.
#
#   SQLite3 Multiple Ciphers  the amalgamation that better-sqlite3-multiple-ciphers carries, with that package's settings
#   sqlite-sync               the extension, as it comes
set -eu
at=build/peers

get_npm() {
    command -v npm >/dev/null && return 0
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    $as_root apt-get -q update >/dev/null
    DEBIAN_FRONTEND=noninteractive $as_root apt-get -q -y --no-install-recommends install npm >/dev/null
}

# fetch PACKAGE VERSION SHA512: unpacks what was pinned, and nothing else, into build/peers/package.
fetch() {
    get_npm
    mkdir -p "$at"
    echo "fetching $1 $2"
    tarball=$at/$(cd "$at" && npm pack --silent "$1@$2")
    found=$(openssl dgst -sha512 -binary "$tarball" | base64 -w 0)
    [ "$found" = "$3" ] || { echo "$tarball is not what was pinned: $found" >&2; rm -f "$tarball"; exit 1; }
    tar -xzf "$tarball" -C "$at"
    rm "$tarball"
}

ciphers=12.11.1
if [ ! -f "$at/sqlite3-$ciphers.o" ]; then
    fetch better-sqlite3-multiple-ciphers "$ciphers" \
        pG72+3VkUipnmYx4LwQqoOXNG2CJ1HlmDrlvqgr7xQHgsE+cz5rAZEiaJHnUKTHaGfGifggA/C0Sv9qZlUrfow==
    echo "compiling it"
    # shellcheck disable=SC2046
    gcc -O3 -DNDEBUG -std=gnu99 -w $(sed -n "s/^ *'\([A-Z][A-Z0-9_=-]*\)',\$/-D\1/p" "$at/package/deps/defines.gypi") \
        -c -o "$at/building.o" "$at/package/deps/sqlite3/sqlite3.c"
    mv "$at/building.o" "$at/sqlite3-$ciphers.o"
    rm -rf "$at/package"
fi
if [ ! -f "$at/cloudsync.so" ]; then
    fetch @sqliteai/sqlite-sync-linux-x86_64 1.1.4 \
        pfYEd41S0eiqG3y95RiDA6OaHVZjFjRTfEJgXrZtxRVpMFH1xM+K09jxaLQT1mHT3Hsm721qhXv8OwmvrIEaug==
    mv "$at/package/cloudsync.so" "$at/cloudsync.so"
    rm -rf "$at/package"
fi
