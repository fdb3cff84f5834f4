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
replica_seal_name(const struct keyring *keys, struct id stream, uint32_t epoch, struct id subject,
                  const char *text, struct ledger_text *sealed)
{
    struct secret key = SECRET_EMPTY;
    struct buf normal = BUF_EMPTY(LEDGER_TEXT_BYTES);

    enum rc rc = keyring_get(keys, stream, epoch, &key);
    if (rc == RC_OK)
        rc = text_normalise(text, strlen(text), LEDGER_TEXT_BYTES, _("the name"), &normal);
    const char *name = rc == RC_OK ? buf_text(&normal) : NULL;
    if (rc == RC_OK && name == NULL)
        rc = rc_nomem();
    if (rc == RC_OK)
        rc = ledger_text_seal(&key, epoch, subject, name, sealed);
    buf_wipe(&normal);
    secret_wipe(&key);
    return rc;
}
