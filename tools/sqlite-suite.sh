#!/bin/sh
# usage: sqlite-suite.sh: SQLite's own tests, on plain SQLite and on our VFS; see tests/README.md.
#
#   FILES='wal* ioerr.test'  only these files      ONLY=plain (ours, geometry)  one side alone
#   SECS=900                 limit of one file     KEEP=1  take up results that are there already
#   WORK=DIR                 where the tests run, best on a memory file system
#
# Everything lies under build/sqlite-suite. SQLite's source package comes from the archive that the
# machine's own source lists name; its packages to build with are the only ones that are installed.
set -eu
unset LD_PRELOAD
here=$(pwd)
room=$here/build/sqlite-suite
suite=$here/tests/sqlite-suite
limit=${SECS:-900}
sides=${ONLY:-plain ours}
user=nobody # some tests take rights away from files, which root does not notice

install_missing() {
    missing=
    for package in gcc make tcl-dev dpkg-dev pkg-config libsodium-dev libssl-dev; do
        state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    echo "installing:$missing"
    $as_root apt-get -q update >/dev/null
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $as_root apt-get -q -y --no-install-recommends install $missing >/dev/null
}

# The machine's source lists with deb turned into deb-src, in a state directory of their own.
write_apt_state() {
    mkdir -p "$room/apt/lists/partial" "$room/apt/cache/archives/partial" "$room/apt/list.d"
    if [ -f /etc/apt/sources.list ]; then
        sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$room/apt/list.d/main.list"
    fi
    for list in /etc/apt/sources.list.d/*.list; do
        [ -f "$list" ] && sed -n 's/^deb /deb-src /p' "$list" >"$room/apt/list.d/${list##*/}"
    done
    for list in /etc/apt/sources.list.d/*.sources; do
        [ -f "$list" ] && sed 's/^Types:.*/Types: deb-src/' "$list" >"$room/apt/list.d/${list##*/}"
    done
    cat >"$room/apt/apt.conf" <<EOF
Dir::State "$room/apt";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$room/apt/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$room/apt/list.d";
APT::Sandbox::User "$(id -un)";
EOF
}

# The source of the very package whose library Baken runs on.
get_sources() {
    [ -f "$room/src/test/tester.tcl" ] && return 0
    version=$(dpkg-query -W -f='${source:Version}' libsqlite3-0)
    write_apt_state
    (
        cd "$room"
        export APT_CONFIG="$room/apt/apt.conf"
        apt-get -q update >apt.log 2>&1 && apt-get -q source --download-only "sqlite3=$version" >>apt.log 2>&1 ||
            { cat apt.log >&2; exit 1; }
        rm -rf src && dpkg-source -x sqlite3_*.dsc src >>apt.log 2>&1
    )
}

# One program for both sides: with the compiler options that Debian builds its library with, and our VFS,
# which is the default one when BAKEN_SUITE_VFS is set.
build_fixture() {
    $make --no-print-directory -s build/debug/libbaken.a build/debug/tests/sqlite-suite/default_vfs.o \
        build/debug/tests/sqlite-suite/geometry_vfs.o
    mkdir -p "$room/fixture"
    cd "$room/fixture"
    tcl=$(dirname "$(find /usr/lib -name tclConfig.sh | sort | tail -n 1)")
    if [ ! -f testfixture.o ]; then
        rm -f testfixture
        options=$(grep -o -- '-DSQLITE_[A-Z0-9_=]*' ../src/debian/rules | tr '\n' ' ')
        ../src/configure --with-tcl="$tcl" --enable-threadsafe --enable-load-extension --enable-fts4 \
            --enable-fts5 CFLAGS="-O2 -fno-strict-aliasing $options -DSQLITE_EXTRA_INIT=baken_suite_init" \
            >build.log 2>&1 &&
            make lemon >>build.log 2>&1 &&
            nice -n 10 make testfixture LTLINK='$(TCC) -r -nostdlib' LIBTCL= TLIBS= >>build.log 2>&1 ||
            { tail -n 20 build.log | cut -c 1-400 >&2; exit 1; }
        mv testfixture testfixture.o
    fi
    . "$tcl/tclConfig.sh"
    # shellcheck disable=SC2086,SC2046,SC2154
    gcc -rdynamic -o testfixture.new testfixture.o "$here"/build/debug/tests/sqlite-suite/*_vfs.o \
        "$here/build/debug/libbaken.a" $TCL_LIB_SPEC -lm -lz -ldl -lpthread $(pkg-config --libs libsodium libcrypto)
    mv testfixture.new testfixture # runs that go on keep theirs
    cd "$here"
}

list_files() {
    (cd "$room/fixture" && ./testfixture "$suite/list.tcl" "$room/src/test") | while read -r kind file; do
        for pattern in ${FILES:-'*'}; do
            # shellcheck disable=SC2254
            case $file in $pattern | $pattern.test) echo "$kind $file" && break ;; esac
        done
    done
}

# one SIDE KIND FILE: runs one file in a directory and a process of its own.
run_one() {
    log=$room/logs/$1/$2/$3.log
    [ -n "${KEEP:-}" ] && [ -f "$log.status" ] && return 0
    work=${WORK:-$room/work}/$1/$2/$3
    rm -rf "$work" && mkdir -p "$work" "${log%/*}"
    rm -f "$log.status"
    export BAKEN_SUITE_VFS="$1" HOME="$work" TMPDIR="$work"
    as_user=
    if [ "$(id -u)" -eq 0 ]; then
        chown "$user" "$work"
        as_user="setpriv --reuid=$user --regid=$(id -g "$user") --clear-groups"
    fi
    status=0
    # shellcheck disable=SC2086
    (cd "$work" && exec $as_user timeout -k 5 "$limit" nice -n 10 "$room/fixture/testfixture" \
        "$suite/run.tcl" "$room/src/test" "$2" "$3") >"$log" 2>&1 </dev/null || status=$?
    [ "$status" -ne 126 ] && [ "$status" -ne 127 ] || exit 255 # no program to run: xargs ends
    chmod -R u+rwx "$work" && rm -rf "$work"
    echo "$status" >"$log.status"
}

if [ "${1:-}" = one ]; then
    run_one "$2" "$3" "$4"
    exit 0
fi

make=${MAKE:-make}
mkdir -p "$room"
install_missing
get_sources
build_fixture
files=$room/files.$$
trap 'rm -f "$files" "$files.differing"' EXIT
list_files >"$files"
for side in $sides; do
    echo "$(wc -l <"$files") test files on $side SQLite, $(nproc) at a time"
    sed "s/^/one $side /" "$files" | xargs -r -P "$(nproc)" -L 1 "$0"
done
if [ -n "${ONLY:-}" ]; then
    "$suite/compare.py" "$room/logs" "$files" --only "$ONLY"
    exit
fi
"$suite/compare.py" "$room/logs" "$files" --differing >"$files.differing"
echo "$(wc -l <"$files.differing") of them on the control"
sed "s/^/one geometry /" "$files.differing" | xargs -r -P "$(nproc)" -L 1 "$0"
"$suite/compare.py" "$room/logs" "$files" "$suite/expected"
