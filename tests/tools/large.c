/* Large saves, from one seed: two devices write long texts on the same goals and visits, apart, and exchange them. What it prints, of all that
 * was packed and of what is shown, is the same by every build and in every locale (tests/e2e/same_trace.sh). */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "core/contact.h"
#include "core/crypto.h"
#include "core/goal.h"
#include "sync/pack.h"
#include "tests/sim/seeded.c"
#include "tests/support/devices.h"
#include "tests/support/stores.h"

enum { SEED = 16, SAVES = 40, TEXT_BYTES = 60000, DUMP_BYTES = 64 * 1024 * 1024 };

static struct devices devices;
static struct chance dice = {SEED};

/* Turkish i with and without its dot, letters that are composed here and not there, a letter of four bytes, lines, numbers. */
static const char *
long_text(void)
{
    static const char *const pieces[] = {"I", "\u0130stanbul ", "i\u0307", "\u0131 ", "e\u0301", "\u00e9 ", "\u00df", "\u01c5 ", "\U0001f642 ",
                                         "1.234,5 ", "0,1e-7 ", "\n", "Mo gets up at seven. ", "a\u0323\u0307 "};
    static char text[TEXT_BYTES + 64];
    size_t len = 0, wanted = (size_t)chance_below(&dice, TEXT_BYTES) + 1;

    while (len < wanted) {
        const char *piece = pieces[chance_below(&dice, sizeof pieces / sizeof *pieces)];
        memcpy(text + len, piece, strlen(piece) + 1);
        len += strlen(piece);
    }
    text[len++] = '.';
    text[len] = '\0';
    return text;
}

static void
write_goal(size_t at, struct id *goal)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct goal written = {.facts = {.id = *goal, .family = devices.family}, .text = long_text()};

    written.deadline = 20260101 + (uint32_t)chance_below(&dice, 28);
    devices_demand(goal_put(devices.device[at].journal, &set, &written), "goal_put");
    *goal = written.facts.id;
    devices_save_set(&devices, at, &set);
}

static void
write_visit(size_t at)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct contact contact = CONTACT_EMPTY;

    contact.facts.family = devices.family;
    contact.date = 20260922;
    contact.kind = "visit";
    contact.note = long_text();
    devices_demand(contact_put(devices.device[at].journal, &set, devices.device[at].self.person, &contact), "contact_put");
    devices_save_set(&devices, at, &set);
}

static void
print_hash(const char *what, size_t number, const void *bytes, size_t len)
{
    uint8_t hash[CRYPTO_HASH_BYTES];

    crypto_hash_plain(bytes, len, hash);
    printf("%s %zu, %zu bytes: ", what, number, len);
    for (size_t i = 0; i < sizeof hash; i++)
        printf("%02x", hash[i]);
    printf("\n");
}

static void
print_all(void)
{
    struct buf packed = BUF_EMPTY(DUMP_BYTES);

    for (size_t i = 0; i < devices.sent_count; i++)
        devices_demand(pack_put(devices.sent[i].body.data, devices.sent[i].body.len, DUMP_BYTES, &packed), "pack_put");
    print_hash("saves", devices.sent_count, packed.data, packed.len);
    buf_wipe(&packed);
    for (size_t at = 0; at < devices.count; at++) {
        char *dump = devices_dump(&devices, at, devices.file);
        print_hash("shown by", at, dump, strlen(dump));
        free(dump);
    }
}

int
main(void)
{
    struct id goals[3] = {{{0}}};

    (void)setlocale(LC_ALL, "");
    seeded_start(SEED);
    stores_demand(secret_start(), "secret_start");
    devices_make(&devices, 2);
    for (size_t i = 0; i < sizeof goals / sizeof *goals; i++)
        write_goal(0, &goals[i]);
    for (unsigned i = 0; i < SAVES; i++) {
        size_t at = (size_t)chance_below(&dice, 2);
        if (i % 8 == 0)
            devices_sync(&devices);
        if (chance_below(&dice, 3) == 0)
            write_visit(at);
        else
            write_goal(at, &goals[chance_below(&dice, 3)]);
    }
    devices_sync(&devices);
    print_all();
    devices_remove(&devices);
    return 0;
}
