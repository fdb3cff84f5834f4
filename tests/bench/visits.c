/* The visits that every side of a benchmark writes, eight fields and a note of 28 words; and the office that writes ours. */
#include "tests/bench/visits.h"

#include <stdio.h>

#include "core/change_set.h"
#include "core/contact.h"
#include "tests/support/stores.h"

void
visits_found(struct office *office, struct id *families, int count)
{
    office_open(office);
    office_found(office, LEDGER_ROLE_COACH);
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "family %d", i);
        families[i] = office_family(office, 0, name, 0);
        office_pass(office, 10 * 1000); /* no device asks so much at once of the server that limits it */
    }
}

void
visits_note(char note[VISITS_NOTE], unsigned *seed)
{
    static const char *const words[] = {
        "moeder", "vader",   "school", "rustig", "vandaag", "samen", "huis",   "eten", "slapen", "boos",
        "fiets",  "vrijdag", "bellen", "oma",    "praten",  "kind",  "werk",   "goed", "buiten", "moeilijk"};
    size_t len = 0;

    for (int i = 0; i < 28; i++) {
        *seed = *seed * 1103515245u + 12345u;
        len += (size_t)snprintf(note + len, VISITS_NOTE - len, "%s ", words[(*seed >> 16) % 20]);
    }
}

uint32_t
visits_day(int number)
{
    return (uint32_t)(20240000 + (1 + number / 28 % 12) * 100 + 1 + number % 28);
}

static struct id
save(struct office *office, int at, struct contact *contact)
{
    struct office_device *device = &office->devices[at];
    struct change_set set = CHANGE_SET_EMPTY;

    stores_demand(contact_put(replica_journal(device->replica), &set, device->person, contact), "contact_put");
    stores_demand(replica_save(device->replica, set.changes, set.count), "replica_save");
    change_set_wipe(&set);
    office_pass(office, 1000);
    return contact->facts.id;
}

static struct contact
visit_of(struct id family, int number, const char *note)
{
    struct contact contact = CONTACT_EMPTY;

    contact.facts.family = family;
    contact.kind = "visit";
    contact.date = visits_day(number);
    contact.time = 600;
    contact.minutes = 45;
    contact.next = 20250101;
    contact.note = note;
    return contact;
}

struct id
visits_put(struct office *office, int at, struct id family, int number, unsigned *seed)
{
    char note[VISITS_NOTE];

    visits_note(note, seed);
    struct contact contact = visit_of(family, number, note);
    return save(office, at, &contact);
}

void
visits_amend(struct office *office, int at, struct id family, struct id visit, int number, unsigned *seed)
{
    char note[VISITS_NOTE];

    visits_note(note, seed);
    struct contact contact = visit_of(family, number, note);
    contact.facts.id = visit;
    contact.minutes = 60;
    contact.reason = "aangevuld";
    (void)save(office, at, &contact);
}
