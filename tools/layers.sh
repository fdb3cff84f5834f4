#!/bin/sh
# usage: layers.sh: prints every include that breaks a room's border or a foreign header's home, and
# every header that shows a foreign type. Silent when all is well.
set -u

# room: the rooms that it may include
room() {
    name=$1
    allowed=$2
    git grep --untracked -nE '^ *# *include "' -- "$name/*.c" "$name/*.h" |
        grep -vE "include \"($allowed)/"
}
room core 'core'
room sync 'core|sync'
room server 'core|sync|server'
room cli 'core|sync|cli'

# header: the files that may include it (tests may look under the bonnet)
home() {
    header=$1
    files=$2
    git grep --untracked -nE "^ *# *include <($header)>" -- core sync server cli |
        grep -vE "^($files):"
}
home 'sqlite3(ext)?\.h' 'core/db[a-z_]*\.c|core/vfs[a-z_]*\.[ch]'
home 'sodium\.h|sodium/.*' 'core/(crypto|secret)\.c'
home 'openssl/.*' 'core/crypto_page\.c'
home 'keyutils\.h' 'core/keyslot\.c'
home 'qrencode\.h' 'cli/qr\.c'
home 'zstd\.h' 'sync/pack\.c'
home '(cjson/)?cJSON\.h' 'core/json\.c'
home 'curl/.*' 'sync/transport_http\.c'
home 'microhttpd\.h' 'server/http(\.c|_[a-z]+\.[ch])'
home 'uni(case|ctype|norm|str|width|conv|name|gbrk|wbrk|lbrk)\.h' 'core/text\.c'
home 'libpq-fe\.h' 'server/depot_pg\.c'

git grep --untracked -nwE '(sqlite3|sqlite3_stmt|CURL|cJSON|icaltimetype) *\*' \
    -- 'core/*.h' 'sync/*.h' 'server/*.h' 'cli/*.h' | grep -v '^core/vfs'
exit 0
