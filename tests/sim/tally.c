/* Adds up and prints what happened in the runs. */
#include "tests/sim/tally.h"

#include <stdio.h>

static const char *const NAMES[HAPPENED_COUNT] = {
    [HAPPENED_LOST_BEFORE] = "request lost",
    [HAPPENED_LOST_AFTER] = "answer lost",
    [HAPPENED_REPEATED] = "repeated",
    [HAPPENED_LATE] = "late",
    [HAPPENED_CUT] = "answer cut",
    [HAPPENED_PORTAL] = "portal",
    [HAPPENED_BUSY] = "busy",
    [HAPPENED_LINK] = "link",
    [HAPPENED_INTERLEAVED] = "interleaved",
    [HAPPENED_CRASH] = "device crash",
    [HAPPENED_KILL] = "device killed",
    [HAPPENED_SERVER_CRASH] = "server crash",
    [HAPPENED_JUMP] = "clock jump",
    [HAPPENED_DRIFT] = "clock drift",
    [HAPPENED_TIE] = "tie of clocks",
    [HAPPENED_FULL] = "device full",
    [HAPPENED_SERVER_FULL] = "server full",
    [HAPPENED_RESTORED] = "device restored",
    [HAPPENED_RESTORED_ELSEWHERE] = "restored elsewhere",
    [HAPPENED_SERVER_RESTORED] = "server restored",
    [HAPPENED_COPIED] = "copied without token",
    [HAPPENED_COPIED_WHOLE] = "copied with token",
    [HAPPENED_COPY_FIRST] = "first of two copies",
    [HAPPENED_COPY_TOLD] = "copy found out",
    [HAPPENED_FORKED] = "server forked",
    [HAPPENED_FORK_NOTICED] = "fork noticed",
    [HAPPENED_LIE_WITHHELD] = "lie: entry withheld",
    [HAPPENED_LIE_ALTERED] = "lie: bit altered",
    [HAPPENED_LIE_BOX] = "lie: box",
    [HAPPENED_LIE_LINES] = "lie: lines hidden",
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
    for (int i = 0; i < HAPPENED_COUNT; i++)
        sum->happened[i] += more->happened[i];
}

void
tally_print(const struct tally *tally)
{
    printf("%llu runs, %llu steps, %llu saves, %llu sessions, %llu requests, %llu ledger lines\n",
           (unsigned long long)tally->runs, (unsigned long long)tally->steps,
           (unsigned long long)tally->saves, (unsigned long long)tally->sessions,
           (unsigned long long)tally->requests, (unsigned long long)tally->lines);
    printf("opened with every key: %llu entries, %llu tries\n", (unsigned long long)tally->opened,
           (unsigned long long)tally->tried);
    printf("faults:");
    for (int i = 0; i < HAPPENED_COUNT; i++)
        printf("%s %s %llu", i == 0 ? "" : ",", NAMES[i], (unsigned long long)tally->happened[i]);
    printf("\n");
}
