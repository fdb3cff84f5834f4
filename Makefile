# Builds, tests and installs Baken. `make help` lists what there is; outputs go to build/FLAVOUR/.
#
# FLAVOUR  debug (default), release (for users), asan, tsan, clang, coverage, fuzz (clang's libFuzzer),
#          control (the cipher is the identity: the demo's search for plaintext must hit there),
#          lies (a server that breaks its promises), broken (faults built into the engine,
#          for the simulator's self-test), next and last (programs whose table of what can be
#          written down has a bit more and a bit less, see tests/skew), gcc0, clang0 and clang2 (not
#          optimised, and as for users, for the simulator's trace)
# Only relative paths stand here, so that a checkout may lie in a directory with spaces in its name.

FLAVOUR ?= debug
PREFIX ?= /usr/local
OUT := build/$(FLAVOUR)

ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
COMMA := ,
.SECONDARY:

# ---- compiler ----------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Werror -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
    -Wmissing-prototypes -Wformat=2 -Wvla -Wundef -Wwrite-strings -Wcast-qual
SANITIZE := -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all
# Tests and the demo may shift the wall clock; what users get has no such door.
TEST_DOORS := -DBAKEN_TEST_CLOCK

CC_debug := gcc
CFLAGS_debug := -O1 $(TEST_DOORS)
CC_release := gcc
CFLAGS_release := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
    -DBAKEN_LOCALEDIR='"$(PREFIX)/share/locale"'
LDFLAGS_release := -pie -Wl,-z,relro,-z,now
CC_asan := gcc
CFLAGS_asan := $(SANITIZE) -fsanitize=address,undefined $(TEST_DOORS)
CC_tsan := gcc
CFLAGS_tsan := $(SANITIZE) -fsanitize=thread $(TEST_DOORS)
CC_clang := clang
CFLAGS_clang := -O1 $(TEST_DOORS)
CC_control := gcc
CFLAGS_control := -O1 -DBAKEN_CONTROL_IDENTITY_CIPHER $(TEST_DOORS)
# A server that lies (server/lies.h), for the tests of the devices' refusals alone.
CC_lies := gcc
CFLAGS_lies := -O1 -DBAKEN_TEST_SERVER_LIES $(TEST_DOORS)
CC_next := gcc
CFLAGS_next := -O1 $(TEST_DOORS)
LDFLAGS_next := -Wl,--wrap=register_shown
CC_last := gcc
CFLAGS_last := -O1 $(TEST_DOORS)
# Faults in the engine (core/broken.h), for the self-test of the simulator alone.
CC_broken := gcc
CFLAGS_broken := -O1 -DBAKEN_TEST_BROKEN $(TEST_DOORS)
# The simulator's trace is the same by all of these (tests/e2e/same_trace.sh).
CC_gcc0 := gcc
CFLAGS_gcc0 := -O0 -g0 $(TEST_DOORS)
CC_clang0 := clang
CFLAGS_clang0 := -O0 -g0 $(TEST_DOORS)
CC_clang2 := clang
CFLAGS_clang2 := -O2 -g0 $(TEST_DOORS)
CC_coverage := gcc
CFLAGS_coverage := -O0 --coverage $(TEST_DOORS)
CC_fuzz := clang
CFLAGS_fuzz := $(SANITIZE) -fsanitize=fuzzer-no-link,address,undefined $(TEST_DOORS)
CC := $(CC_$(FLAVOUR))
$(if $(CC),,$(error no such FLAVOUR: $(FLAVOUR)))

PACKAGES := sqlite3 libsodium libcrypto libcurl libcjson libmicrohttpd libzstd libkeyutils libqrencode
CPPFLAGS := -I. -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -MMD -MP \
    $(shell pkg-config --cflags $(PACKAGES) cmocka 2>/dev/null)
# Position-independent throughout: the same objects make the extension.
CFLAGS := -std=c11 -g -pthread -fPIC -fno-semantic-interposition $(WARNINGS) $(CFLAGS_$(FLAVOUR)) $(EXTRA_CFLAGS)
LDFLAGS := $(CFLAGS_$(FLAVOUR)) -pthread $(LDFLAGS_$(FLAVOUR))
LDLIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lunistring -lm
CMOCKA := -lcmocka

# ---- what there is to build --------------------------------------------------------------------
objects = $(patsubst %.c,$(OUT)/%.o,$(wildcard $(1)))
# Files that go into the programs as text, see tools/embed-text.sh.
embedded = $(patsubst %,$(OUT)/%.o,$(wildcard $(1)))
MIGRATIONS := $(sort $(wildcard core/schema/*.sql))
BAKEN_OBJECTS := $(call objects,core/*.c sync/*.c) $(OUT)/core/migrations.o
# Another table of the schema in the place of core/schema.c, made of it.
SKEWED := $(if $(wildcard tests/skew/$(FLAVOUR).sed),$(OUT)/core/skewed.o)
ifneq ($(SKEWED),)
BAKEN_OBJECTS := $(filter-out $(OUT)/core/schema.o,$(BAKEN_OBJECTS)) $(SKEWED) \
    $(if $(filter next,$(FLAVOUR)),$(OUT)/tests/skew/least.o)
endif
SKEW := $(OUT)/skew
CLI_OBJECTS := $(filter-out $(OUT)/cli/main.o $(OUT)/cli/bakenvfs.o,$(call objects,cli/*.c))
SERVER_OBJECTS := $(filter-out $(OUT)/server/main.o,$(call objects,server/*.c)) \
    $(call embedded,server/schema/*.sql)
SUPPORT_OBJECTS := $(call objects,tests/support/*.c)
SIM_OBJECTS := $(call objects,tests/sim/*.c)
UNITS := $(patsubst %.c,$(OUT)/%,$(wildcard tests/unit/test_*$(T)*.c))
BENCHES := $(patsubst %.c,$(OUT)/%,$(wildcard tests/bench/bench_*.c))
BENCH_OBJECTS := $(filter-out $(OUT)/tests/bench/bench_%,$(call objects,tests/bench/*.c))
TOOLS := $(patsubst %.c,$(OUT)/%,$(wildcard tests/tools/*.c))
CRASHES := $(patsubst %.c,$(OUT)/%,$(wildcard tests/crash/*.c))
FUZZERS := $(patsubst %.c,$(OUT)/%,$(wildcard tests/fuzz/fuzz_*.c))
PROGRAMS := $(OUT)/baken $(OUT)/bakend
EXTENSION := $(OUT)/bakenvfs.so
SIM := $(OUT)/sim
FAULTS := $(OUT)/faults
# What the program of failures makes fail in our own code, see tests/crash/faults/wrap.c.
FAULT_WRAPS := open openat read pread write pwrite fsync fdatasync ftruncate rename unlink unlinkat mkdir chmod flock fcntl \
    stat fstat fstatat \
    malloc calloc realloc strdup strndup u8_normalize crypto_pwhash secret_make secret_copy secret_random
# What the simulator remembers instead of asking again, see tests/sim/memo.c.
SIM_WRAPS := crypto_sign_detached crypto_sign_verify_detached crypto_box_seal crypto_box_seal_open \
    crypto_core_ed25519_is_valid_point
CATALOGUES := $(patsubst po/%.po,$(OUT)/locale/%/LC_MESSAGES/baken.mo,$(wildcard po/*.po))
LIBRARIES := $(OUT)/libserver.a $(OUT)/libbaken.a

.PHONY: all sqlite-suite bakenvfs units tools crashes fuzzers benches deps crash faults test demo fresh asan tsan valgrind flips fuzz bench bench-peers plots sim prove lint format \
    coverage pot install clean help

all: $(LIBRARIES) $(PROGRAMS) $(EXTENSION) $(CATALOGUES) ## programs, extension, libraries, messages (default)
bakenvfs: $(EXTENSION) ## the extension by which SQLite's own shell reads a store
units: $(UNITS) $(CATALOGUES) ## the unit tests, built but not run
tools: $(TOOLS) ## what the end-to-end tests look into a store with
fuzzers: $(FUZZERS) ## the fuzz entries (FLAVOUR=fuzz: libFuzzer; else they replay files)
crashes: $(CRASHES) $(FAULTS) ## what cuts, kills and fails the store, built but not run
benches: $(BENCHES) ## the benchmarks, built but not run

# ---- rules -------------------------------------------------------------------------------------
$(OUT)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(OUT)/%.embedded.c: % tools/embed-text.sh
	@mkdir -p $(@D)
	tools/embed-text.sh $< >$@

$(OUT)/%.sql.o: $(OUT)/%.sql.embedded.c Makefile
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(OUT)/core/migrations.c: $(MIGRATIONS) tools/embed.sh Makefile
	@mkdir -p $(@D)
	tools/embed.sh $(MIGRATIONS) >$@

$(OUT)/core/migrations.o: $(OUT)/core/migrations.c
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(OUT)/core/skewed.c: core/schema.c tests/skew/$(FLAVOUR).sed
	@mkdir -p $(@D)
	sed -f tests/skew/$(FLAVOUR).sed $< >$@

$(OUT)/core/skewed.o: $(OUT)/core/skewed.c Makefile
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(OUT)/libbaken.a: $(BAKEN_OBJECTS)
$(OUT)/libserver.a: $(SERVER_OBJECTS)
$(OUT)/libcli.a: $(CLI_OBJECTS)
$(LIBRARIES) $(OUT)/libcli.a:
	@mkdir -p $(@D) && rm -f $@
	ar rcs $@ $(filter %.o,$^)

$(OUT)/baken: $(OUT)/cli/main.o $(OUT)/libcli.a $(OUT)/libbaken.a
$(OUT)/bakend: $(OUT)/server/main.o $(LIBRARIES)
$(SKEW): $(OUT)/tests/skew/skew.o $(SUPPORT_OBJECTS) $(LIBRARIES)
$(OUT)/sim: $(SIM_OBJECTS) $(SUPPORT_OBJECTS) $(LIBRARIES)
# The same bench on the peer's SQLite, which brings its schemes: one binary, one SQLite for all sides.
PEERS := build/release/bench_store_peers
$(PEERS): build/release/tests/bench/bench_store.o $(wildcard build/peers/sqlite3-*.o) \
    build/release/tests/support/scratch.o build/release/libbaken.a
	$(CC) $(LDFLAGS) -o $@ $^ $(filter-out -lsqlite3,$(LDLIBS)) -ldl
$(BENCHES): $(BENCH_OBJECTS)
# It times the indexing within a merge.
$(OUT)/tests/bench/bench_merge: LDFLAGS += -Wl,--wrap=journal_index
# It counts pages.
$(OUT)/tests/bench/bench_scale: LDFLAGS += -Wl,--wrap=crypto_page_seal -Wl,--wrap=crypto_page_open
# Its randomness is the simulator's.
$(OUT)/tests/bench/bench_instructions: $(OUT)/tests/sim/seeded.o
$(BENCHES) $(TOOLS) $(CRASHES): $(OUT)/%: $(OUT)/%.o $(SUPPORT_OBJECTS) $(LIBRARIES)
$(OUT)/baken $(OUT)/bakend $(SKEW) $(BENCHES) $(TOOLS) $(CRASHES):
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(OUT)/sim:
	$(CC) $(LDFLAGS) $(patsubst %,-Wl$(COMMA)--wrap=%,$(SIM_WRAPS)) -o $@ $^ $(LDLIBS)

$(FAULTS): $(call objects,tests/crash/faults/*.c) $(SUPPORT_OBJECTS) $(LIBRARIES)
	$(CC) $(LDFLAGS) $(patsubst %,-Wl$(COMMA)--wrap=%,$(FAULT_WRAPS)) -o $@ $^ $(LDLIBS)

# It shows SQLite its entry point alone; SQLite itself is the shell's own.
$(EXTENSION): $(OUT)/cli/bakenvfs.o $(OUT)/cli/passphrase.o $(OUT)/libbaken.a
	$(CC) $(filter-out -pie,$(LDFLAGS)) -shared -Wl,--exclude-libs,ALL -Wl,--as-needed -o $@ $^ $(LDLIBS)

$(UNITS): $(OUT)/%: $(OUT)/%.o $(SUPPORT_OBJECTS) $(OUT)/libcli.a $(LIBRARIES)
	$(CC) $(LDFLAGS) -o $@ $^ $(CMOCKA) $(LDLIBS)

FUZZ_MAIN := $(if $(filter fuzz,$(FLAVOUR)),,$(OUT)/tests/fuzz/replay_main.o)
$(FUZZERS): $(OUT)/%: $(OUT)/%.o $(FUZZ_MAIN) $(SUPPORT_OBJECTS) $(LIBRARIES)
	$(CC) $(LDFLAGS) $(if $(FUZZ_MAIN),,-fsanitize=fuzzer) -o $@ $^ $(LDLIBS)

$(OUT)/locale/%/LC_MESSAGES/baken.mo: po/%.po
	@mkdir -p $(@D)
	msgfmt --check-format --check-domain -o $@ $<

-include $(shell [ -d $(OUT) ] && find $(OUT) -name '*.d')

# ---- what one does -----------------------------------------------------------------------------
deps: ## install what is missing from Debian's packages
	@tools/deps.sh

test: deps ## everything that can fail; T=hlc runs only the unit tests that match
	@MAKE='$(MAKE)' T='$(T)' tools/run-tests.sh

demo: deps ## the promises, shown from the outside
	@$(MAKE) --no-print-directory -s all && $(MAKE) --no-print-directory -s FLAVOUR=control all
	@tests/demo/demo.sh

fresh: ## test and demo in a new, bare Debian 12 (root)
	@tools/fresh.sh

crash: crashes all ## power cuts at POINTS points (default 20000) from SEED on, and ROUNDS (default 1000) times kill -9
	@$(OUT)/tests/crash/power --points $(or $(POINTS),20000) --seed $(or $(SEED),1) --jobs $(or $(JOBS),2)
	@$(OUT)/tests/crash/kill --rounds $(or $(ROUNDS),1000) --seed $(or $(SEED),1)
	@ROUNDS=$(or $(ROUNDS),1000) SEED=$(or $(SEED),1) tests/crash/kill_baken.sh

faults: ## every read, write, sync, truncation, opening, lock and allocation fails, n-th by n-th, under the sanitizers
	@$(MAKE) --no-print-directory -s FLAVOUR=asan build/asan/faults
	@build/asan/faults $(FAULT_OPTIONS)

asan tsan: ## the unit tests under AddressSanitizer and UBSan, or under ThreadSanitizer
	@$(MAKE) --no-print-directory -s FLAVOUR=$@ T='$(T)' units
	@T='$(T)' tools/run-units.sh build/$@

valgrind: units ## the unit tests under valgrind
	@T='$(T)' tools/run-units.sh $(OUT) valgrind -q --error-exitcode=99 --leak-check=full \
	    --errors-for-leak-kinds=definite --child-silent-after-fork=yes

flips: $(OUT)/tests/unit/test_flips $(OUT)/tests/unit/test_flips_store ## every byte of a small store flipped, one by one
	@for t in $^; do FLIPS=all $$t || exit 1; done

fuzz: ## each fuzz entry for SECS seconds of CPU time (default 60), JOBS at once (default 1), with clang; T=word: only those
	@$(MAKE) --no-print-directory -s FLAVOUR=fuzz fuzzers
	@SECS='$(or $(SECS),60)' JOBS='$(or $(JOBS),1)' T='$(T)' tools/fuzz.sh

BENCH_LINES := build/release/bench.jsonl
bench: ## the figures of the design, one JSON line each; with the peers when they can be had
	@$(MAKE) --no-print-directory -s FLAVOUR=release all benches
	@$(MAKE) --no-print-directory -s bench-peers || echo '{"missing":"peers, see make bench-peers"}'
	@BENCHES='$(patsubst $(OUT)/%,build/release/%,$(filter-out %/bench_instructions,$(BENCHES))) $(wildcard $(PEERS))' tools/bench.sh $(BENCH_LINES)

bench-peers: ## fetch and build what the bench compares with (npm, pinned by hash), for measuring only
	@tools/bench-peers.sh
	@$(MAKE) --no-print-directory -s FLAVOUR=release $(PEERS)

plots: ## draw docs/growth-*.svg from the lines of the last `make bench`
	@tools/plot.py docs <$(BENCH_LINES)

sqlite-suite: ## SQLite's own tests on our VFS and on plain SQLite; FILES='wal* pager1' runs only those
	@MAKE='$(MAKE)' FILES='$(FILES)' ONLY='$(ONLY)' SECS='$(SECS)' tools/sqlite-suite.sh

sim: $(SIM) ## the simulator; SEED=n replays one seed, SEEDS=n from START=s on runs so many (default 1000), JOBS at a time; MODE=lying ... does one thing all the time
	@$(SIM) $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000) --start $(or $(START),1) --jobs $(or $(JOBS),1)) $(addprefix --,$(MODE))

prove: deps ## what shows one promise of the sync engine, POINT=merge|world|faults|...: see tests/README.md
	@MAKE='$(MAKE)' tools/prove.sh $(POINT)

lint: ## rooms, homes, whitespace, banned functions, machine paths, missing translations
	@tools/lint.sh

format: ## clang-format over all sources
	clang-format -i $(wildcard */*.[ch] */*/*.[ch])

coverage: ## line coverage of the unit tests, file by file
	@$(MAKE) --no-print-directory -s FLAVOUR=coverage units
	@tools/run-units.sh build/coverage && tools/coverage.sh

pot: ## collect the messages of the sources and merge them into po/*.po
	@tools/messages.sh merge

install: ## programs and messages to DESTDIR/PREFIX (default /usr/local)
	@$(MAKE) --no-print-directory -s FLAVOUR=release all
	install -d '$(DESTDIR)$(PREFIX)/bin'
	for program in $(patsubst $(OUT)/%,build/release/%,$(PROGRAMS)); do \
	    install $$program '$(DESTDIR)$(PREFIX)/bin' || exit 1; done
	install -D -m 644 build/release/bakenvfs.so '$(DESTDIR)$(PREFIX)/lib/baken/bakenvfs.so'
	for mo in $(patsubst $(OUT)/locale/%,%,$(CATALOGUES)); do \
	    install -D -m 644 build/release/locale/$$mo '$(DESTDIR)$(PREFIX)/share/locale/'$$mo; done

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z ]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12
