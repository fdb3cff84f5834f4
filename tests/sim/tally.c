/* Adds up and prints what happened in the runs. */
#include "tests/sim/tally.h"

#include <stdio.h>

/* `clause` begins a line. */
static const struct {
    const char *clause, *name;
} NAMES[HAPPENED_COUNT] = {
    [HAPPENED_LOST_BEFORE] = {"links", "request lost"},
    [HAPPENED_LOST_AFTER] = {0, "answer lost"},
    [HAPPENED_LOST_PUSH] = {0, "answer lost after the push"},
    [HAPPENED_REPEATED] = {0, "repeated"},
    [HAPPENED_LATE] = {0, "out of order"},
    [HAPPENED_CUT] = {0, "answer cut"},
    [HAPPENED_LINK] = {0, "partition begun or ended"},
    [HAPPENED_ROUTE] = {0, "of one route alone"},
    [HAPPENED_PORTAL] = {0, "portal with HTML"},
    [HAPPENED_BUSY] = {0, "busy"},
    [HAPPENED_INTERLEAVED] = {0, "another in between"},
    [HAPPENED_DRIFT] = {"clocks", "drift"},
    [HAPPENED_JUMP] = {0, "jump"},
    [HAPPENED_YEARS] = {0, "jump of years"},
    [HAPPENED_TIE] = {0, "both equal to the millisecond"},
    [HAPPENED_CRASH] = {"crashes", "device loses power"},
    [HAPPENED_KILL] = {0, "device's program killed"},
    [HAPPENED_SERVER_CRASH] = {0, "server loses power"},
    [HAPPENED_FULL] = {"full disks", "device"},
    [HAPPENED_SERVER_FULL] = {0, "server"},
    [HAPPENED_RESTORED] = {"restored", "in place"},
    [HAPPENED_RESTORED_ELSEWHERE] = {0, "elsewhere"},
    [HAPPENED_GIVEN_TWICE] = {0, "handed in once more where the right was over"},
    [HAPPENED_COPIED] = {"cloned and both used", "without token"},
    [HAPPENED_COPIED_WHOLE] = {0, "with token"},
    [HAPPENED_COPY_FIRST] = {0, "first of two to send"},
    [HAPPENED_COPY_TOLD] = {0, "second found out"},
    [HAPPENED_GIVEN_UP] = {"without a verdict", "seeds given up"},
    [HAPPENED_SERVER_RESTORED] = {"server restored from an old backup", "all its ledger there"},
    [HAPPENED_SERVER_SHORT] = {0, "ledger lines lost"},
    [HAPPENED_PACKED] = {"without the server", "bundle written"},
    [HAPPENED_READ] = {0, "read"},
    [HAPPENED_CARRIED] = {0, "cover given and worked under"},
    [HAPPENED_LIE_WITHHELD] = {"server lies", "withholds an entry"},
    [HAPPENED_LIE_LINES] = {0, "withholds ledger lines"},
    [HAPPENED_FORKED] = {0, "forks"},
    [HAPPENED_FORK_NOTICED] = {0, "fork noticed"},
    [HAPPENED_LIE_REPLAYED] = {0, "replays"},
    [HAPPENED_LIE_ALTERED] = {0, "alters"},
    [HAPPENED_LIE_BOX] = {0, "swaps, forges or withholds boxes"},
    [HAPPENED_LIE_SWAPPED] = {0, "swaps answers"},
};

/* As in docs/PROTOCOL.md, section 3. */
static const char *const KINDS[TALLY_KINDS] = {
    [4] = "roles",        [5] = "families",     [6] = "assignments", [7] = "grants",      [8] = "covers given",
    [9] = "accepted",     [10] = "ended",       [11] = "rotations",  [12] = "revocations", [14] = "admissions",
};

/* As enum sight has them. */
static const char *const SIGHTS[TALLY_SIGHTS] = {
    "unknown", "revoked", "no right", "held", "parked here", "here only", "sealed", "key due", "on server", "applied",
};

void
tally_add(struct tally *sum, const struct tally *more)
{
    sum->runs += more->runs;
    sum->steps += more->steps;
    sum->requests += more->requests;
    sum->saves += more->saves;
    sum->sessions += more->sessions;
    sum->lines += more->lines;
    sum->tried += more->tried;
    sum->opened += more->opened;
    sum->referrals += more->referrals;
    sum->late += more->late;
    for (int i = 0; i < TALLY_DEVICES; i++)
        sum->devices[i] += more->devices[i];
    for (int i = 0; i < TALLY_KINDS; i++)
        sum->kinds[i] += more->kinds[i];
    for (int i = 0; i < TALLY_SIGHTS; i++)
        sum->sights[i] += more->sights[i];
    for (int i = 0; i < HAPPENED_COUNT; i++)
        sum->happened[i] += more->happened[i];
}

static void
print_numbers(const char *clause, const char *const *names, const uint64_t *numbers, int count)
{
    const char *comma = "";

    printf("  %s:", clause);
    for (int i = 0; i < count; i++) {
        if (names != NULL && names[i] == NULL)
            continue;
        if (names != NULL)
            printf("%s %s %llu", comma, names[i], (unsigned long long)numbers[i]);
        else if (numbers[i] > 0)
            printf("%s %d in %llu runs", comma, i, (unsigned long long)numbers[i]);
        else
            continue;
        comma = ",";
    }
    printf("\n");
}

void
tally_print(const struct tally *tally)
{
    printf("%llu runs, %llu steps, %llu saves, %llu sessions, %llu requests, %llu ledger lines\n",
           (unsigned long long)tally->runs, (unsigned long long)tally->steps,
           (unsigned long long)tally->saves, (unsigned long long)tally->sessions,
           (unsigned long long)tally->requests, (unsigned long long)tally->lines);
    print_numbers("devices", NULL, tally->devices, TALLY_DEVICES);
    print_numbers("families, roles, leave and covers", KINDS, tally->kinds, TALLY_KINDS);
    printf("  referrals tried: %llu; late work: %llu entries", (unsigned long long)tally->referrals,
           (unsigned long long)tally->late);
    for (int i = 0; i < HAPPENED_COUNT; i++) {
        if (NAMES[i].clause != NULL)
            printf("\n  %s: ", NAMES[i].clause);
        printf("%s%s %llu", NAMES[i].clause == NULL ? ", " : "", NAMES[i].name,
               (unsigned long long)tally->happened[i]);
    }
    printf("\n");
    print_numbers("can that device see it", SIGHTS, tally->sights, TALLY_SIGHTS);
    printf("  what opens: %llu entries, %llu tries of a key\n", (unsigned long long)tally->opened,
           (unsigned long long)tally->tried);
}
