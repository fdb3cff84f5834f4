#!/bin/sh
# usage: bench-peers.sh: fetches what `make bench` measures beside the product into build/peers. For measuring only; nothing of
# it is installed or shipped. Needs npm and compiles for some minutes; silent and offline when all is there.
#
#   SQLite3 Multiple Ciphers  the amalgamation that better-sqlite3-multiple-ciphers carries, with that package's settings
#   sqlite-sync               the extension, as it comes
#   Yjs, PouchDB to express-pouchdb, Actual's sync server   tests/bench/peers/package-lock.json pins each package and its hash
set -eu
at=build/peers

# get COMMAND PACKAGE...: Debian's packages where the command is not there.
get() {
    command -v "$1" >/dev/null && return 0
    shift
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    $as_root apt-get -q update >/dev/null
    DEBIAN_FRONTEND=noninteractive $as_root apt-get -q -y --no-install-recommends install "$@" >/dev/null
}

# fetch PACKAGE VERSION SHA512: unpacks what was pinned, and nothing else, into build/peers/package.
fetch() {
    get npm npm
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

# better-sqlite3's own build would download; its addon is one file of C++ and the amalgamation.
build_addon() {
    headers=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")/include/node
    [ -f "$headers/node.h" ] || headers=/usr/include/node
    [ -f "$headers/node.h" ] || get no-such-command libnode-dev
    (
        cd "$1"
        mkdir -p build/Release
        # shellcheck disable=SC2046
        gcc -O3 -DNDEBUG -fPIC -std=gnu99 -w $(sed -n "s/^ *'\([A-Z][A-Z0-9_=-]*\)',\$/-D\1/p" deps/defines.gypi) \
            -c -o build/sqlite3.o deps/sqlite3/sqlite3.c
        g++ -O3 -DNDEBUG -fPIC -std=c++20 -w -I"$headers" -Ideps/sqlite3 -DBUILDING_NODE_EXTENSION \
            -DNODE_GYP_MODULE_NAME=better_sqlite3 -c -o build/addon.o src/better_sqlite3.cpp
        g++ -shared -Wl,-Bsymbolic -Wl,--exclude-libs,ALL -o build/Release/better_sqlite3.node build/addon.o build/sqlite3.o
    )
}

from=tests/bench/peers
if ! cmp -s "$from/package-lock.json" "$at/node/package-lock.json" || [ ! -f "$at/node/whole" ]; then
    get node nodejs
    get npm npm
    get g++ g++
    rm -rf "$at/node"
    mkdir -p "$at/node"
    cp "$from/package.json" "$from/package-lock.json" "$at/node/"
    echo "fetching what tests/bench/peers/package-lock.json pins"
    (cd "$at/node" && npm ci --silent --ignore-scripts --no-audit --no-fund)
    echo "compiling better-sqlite3"
    build_addon "$at/node/node_modules/better-sqlite3"
    touch "$at/node/whole"
fi
