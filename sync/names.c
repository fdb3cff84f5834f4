/* Names of persons and labels of devices: sealed on the ledger under the team key. */
#include <stdio.h>
#include <string.h>

#include "core/i18n.h"
#include "core/text.h"
#include "sync/replica_own.h"

/* "?" plus a short id while the key is missing. */
static enum rc
unknown_name(struct id id, struct buf *out)
{
    char text[ID_TEXT_CHARS + 1];

    id_to_text(id, text);
    return buf_printf(out, "?%s", text + ID_TEXT_CHARS - ID_SHORT_CHARS);
}

enum rc
replica_open_name(struct replica *replica, const struct ledger_text *sealed, struct id subject,
                  struct buf *out)
{
    struct secret key = SECRET_EMPTY;
    char text[LEDGER_TEXT_BYTES + 1];

    buf_clear(out);
    enum rc rc =
        keyring_get(replica->keys, ledger_team_stream(replica->ledger), sealed->epoch, &key);
    if (rc == RC_OK)
        rc = ledger_text_open(sealed, &key, subject, text);
    secret_wipe(&key);
    if (rc == RC_LOCKED || rc == RC_CORRUPT)
        return unknown_name(subject, out);
    return rc == RC_OK ? buf_put(out, text, strlen(text)) : rc;
}

enum rc
replica_person_name(struct replica *replica, struct id person, struct buf *out)
{
    const struct ledger_person *found =
        replica->ledger != NULL ? ledger_person(replica->ledger, person) : NULL;

    if (found == NULL) {
        buf_clear(out);
        return unknown_name(person, out);
    }
    return replica_open_name(replica, &found->name, person, out);
}

enum rc
replica_device_label(struct replica *replica, struct id device, struct buf *out)
{
    const struct ledger_device *found =
        replica->ledger != NULL ? ledger_device(replica->ledger, device) : NULL;

    if (found == NULL) {
        buf_clear(out);
        return unknown_name(device, out);
    }
    return replica_open_name(replica, &found->label, device, out);
}

enum rc
replica_find_person(struct replica *replica, const char *text, struct id *person)
{
    struct buf name = BUF_EMPTY(LEDGER_TEXT_BYTES + 64);
    const struct ledger_person *at;
    size_t count = 0;
    enum rc rc = replica_need_team(replica);

    for (size_t i = 0; rc == RC_OK && (at = ledger_person_at(replica->ledger, i)) != NULL; i++) {
        rc = replica_open_name(replica, &at->name, at->id, &name);
        const char *known = rc == RC_OK ? buf_text(&name) : NULL;
        bool is_it = known != NULL && (text_equal_folded(known, text) || id_matches(at->id, text));
        if (is_it)
            *person = at->id;
        count += is_it;
    }
    buf_wipe(&name);
    if (rc != RC_OK || count == 1)
        return rc;
    if (count == 0)
        return rc_fail(RC_ABSENT, _("nobody of the team is called \"%s\""), text);
    return rc_fail(RC_AMBIGUOUS, _("more than one colleague is called \"%s\""), text);
}
