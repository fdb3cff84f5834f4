/* Acts on the ledger: families, assignments, roles, revoking a device. */
#include <stdlib.h>
#include <string.h>

#include "core/change_set.h"
#include "core/family.h"
#include "core/i18n.h"
#include "sync/submit.h"
#include "sync/writer.h"

/* ---- families --------------------------------------------------------------------------------- */

/* A family that is being made: kept until its record is saved, so that a lost answer makes no second one. */
struct family_plan {
    struct ledger_family_new ids;
    struct buf code_name;
};

static enum rc
store_plan(struct replica *replica, const struct family_plan *plan)
{
    struct buf bytes = BUF_EMPTY(4096);
    struct writer writer = writer_of(&bytes);

    writer_id(&writer, plan->ids.family);
    writer_id(&writer, plan->ids.index);
    writer_id(&writer, plan->ids.file);
    writer_id(&writer, plan->ids.shielded);
    writer_id(&writer, plan->ids.owner);
    writer_block(&writer, plan->code_name.data, plan->code_name.len);
    enum rc rc = writer_finish(&writer);
    if (rc == RC_OK)
        rc = state_put_bytes(replica->db, STATE_FAMILY, bytes.data, bytes.len);
    buf_wipe(&bytes);
    return rc;
}

static enum rc
load_plan(struct replica *replica, struct family_plan *plan)
{
    struct buf bytes = BUF_EMPTY(4096);

    enum rc rc = state_get_bytes(replica->db, STATE_FAMILY, &bytes);
    if (rc == RC_OK) {
        struct reader reader = reader_of(bytes.data, bytes.len);
        size_t len;
        plan->ids.family = reader_id(&reader);
        plan->ids.index = reader_id(&reader);
        plan->ids.file = reader_id(&reader);
        plan->ids.shielded = reader_id(&reader);
        plan->ids.owner = reader_id(&reader);
        const uint8_t *name = reader_block(&reader, 2048, &len);
        rc = reader_finish(&reader, "family");
        buf_clear(&plan->code_name);
        if (rc == RC_OK)
            rc = buf_put(&plan->code_name, name, len);
    }
    buf_wipe(&bytes);
    return rc;
}

static enum rc
make_epoch(struct session *session, struct id stream, enum ledger_stream_kind kind, struct id owner,
           const uint8_t *reserve_public, struct draft *draft)
{
    struct replica *replica = session->replica;
    struct ledger_ids holders = LEDGER_IDS_EMPTY;
    struct keyring_recipient *recipients = NULL;

    enum rc rc = ledger_holders_new(replica->ledger, kind, owner, &holders);
    if (rc == RC_OK)
        rc = submit_recipients(replica, &holders, &recipients);
    struct keyring_epoch epoch = {stream, 1, recipients, holders.count, reserve_public};
    if (rc == RC_OK)
        rc = keyring_make_epoch(replica->keys, &epoch, draft->fresh, &draft->op, &draft->boxes);
    free(recipients);
    ledger_ids_wipe(&holders);
    return rc;
}

static enum rc
build_family(struct session *session, void *context, struct draft *draft)
{
    const struct family_plan *plan = context;
    uint8_t reserve_public[CRYPTO_PUBLIC_BYTES];

    if (ledger_family(session->replica->ledger, plan->ids.family) != NULL)
        return RC_EXISTS;
    draft->op.kind = LEDGER_FAMILY;
    draft->op.as.family = plan->ids;
    enum rc rc = submit_reserve_public(session->replica, reserve_public);
    if (rc == RC_OK)
        rc = make_epoch(session, plan->ids.index, LEDGER_STREAM_INDEX, plan->ids.owner,
                        reserve_public, draft);
    if (rc == RC_OK)
        rc = make_epoch(session, plan->ids.file, LEDGER_STREAM_FILE, plan->ids.owner,
                        reserve_public, draft);
    return rc;
}

/* The family's record, with its code name, in the index. */
static enum rc
save_record(struct replica *replica, struct family_plan *plan)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct family family = {
        .facts = {.id = plan->ids.family, .family = plan->ids.family},
        .code_name = buf_text(&plan->code_name),
    };

    if (family.code_name == NULL)
        return rc_fail(RC_NOMEM, _("no memory left"));
    enum rc rc = family_put(replica->journal, &set, &family);
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc == RC_OK) {
        rc = replica_save(replica, set.changes, set.count);
        if (rc == RC_OK)
            rc = state_drop(replica->db, STATE_FAMILY);
        rc = db_end(replica->db, rc);
    }
    change_set_wipe(&set);
    return rc;
}

enum rc
replica_create_family(struct replica *replica, const struct transport *transport,
                      const char *code_name, struct id owner, struct id *family)
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};
    struct family_plan plan = {.code_name = BUF_EMPTY(2048)};

    enum rc rc = session_begin(&session);
    if (rc != RC_OK)
        return rc;
    rc = load_plan(replica, &plan);
    bool is_same = rc == RC_OK && plan.code_name.len == strlen(code_name) &&
                   memcmp(plan.code_name.data, code_name, plan.code_name.len) == 0 &&
                   id_equal(plan.ids.owner, owner);
    if (rc == RC_OK && !is_same && ledger_family(replica->ledger, plan.ids.family) != NULL)
        rc = save_record(replica, &plan); /* the one whose answer was lost gets its name first */
    if (rc == RC_ABSENT || (rc == RC_OK && !is_same)) {
        plan.ids = (struct ledger_family_new){.owner = owner};
        plan.ids.family = id_random(); /* one a statement: the order within one is the compiler's */
        plan.ids.index = id_random();
        plan.ids.file = id_random();
        plan.ids.shielded = id_random();
        buf_clear(&plan.code_name);
        rc = buf_put(&plan.code_name, code_name, strlen(code_name));
        if (rc == RC_OK)
            rc = store_plan(replica, &plan);
    }
    if (rc == RC_OK)
        rc = submit(&session, build_family, &plan);
    if (rc == RC_OK)
        rc = save_record(replica, &plan);
    if (rc == RC_OK)
        *family = plan.ids.family;
    buf_wipe(&plan.code_name);
    return rc;
}

/* ---- assignments ------------------------------------------------------------------------------ */

struct assignment {
    struct id family;
    struct id person;
    int function;
};

/* Shares with the person's devices what they come to hold, where the key is here. What is not shared stays due. */
static enum rc
share_family(struct session *session, const struct assignment *wanted, struct draft *draft)
{
    struct replica *replica = session->replica;
    const struct ledger_family *family = ledger_family(replica->ledger, wanted->family);
    const struct ledger_device *device;
    struct id streams[2] = {family->index, family->file};
    struct id devices[LEDGER_MAX_RECIPIENTS];
    size_t count = 0;
    enum rc rc = RC_OK;

    for (size_t i = 0;
         (device = ledger_device_at(replica->ledger, i)) != NULL && count < LEDGER_MAX_RECIPIENTS;
         i++)
        if (id_equal(device->person, wanted->person) &&
            ledger_device_is_active(replica->ledger, device->id))
            devices[count++] = device->id;
    for (size_t i = 0; rc == RC_OK && i < 2 && count > 0; i++) {
        const struct ledger_stream *stream = ledger_stream(replica->ledger, streams[i]);
        if (keyring_has(replica->keys, stream->id, stream->epoch))
            rc = submit_share(replica, draft, stream->id, devices, count);
    }
    return rc;
}

static enum rc
build_assign(struct session *session, void *context, struct draft *draft)
{
    struct replica *replica = session->replica;
    const struct assignment *wanted = context;
    struct ledger_assign *assign = &draft->op.as.assign;
    enum ledger_function was = ledger_function(replica->ledger, wanted->family, wanted->person);

    if (ledger_family(replica->ledger, wanted->family) == NULL)
        return rc_fail(RC_ABSENT, _("no such family"));
    if ((int)was == wanted->function)
        return RC_EXISTS;
    draft->op.kind = LEDGER_ASSIGN;
    *assign = (struct ledger_assign){wanted->family, wanted->person, .was = (uint8_t)was,
                                     .function = (uint8_t)wanted->function};
    if (wanted->function == LEDGER_RELEASED)
        return submit_heads(session, &draft->op);
    return was == LEDGER_RELEASED ? share_family(session, wanted, draft) : RC_OK;
}

enum rc
replica_assign(struct replica *replica, const struct transport *transport, struct id family,
               struct id person, int function)
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};
    struct assignment wanted = {family, person, function};

    enum rc rc = session_begin(&session);
    if (rc == RC_OK)
        rc = submit(&session, build_assign, &wanted);
    if (rc == RC_OK)
        rc = session_pay(&session);
    return rc;
}

/* ---- roles, revoking -------------------------------------------------------------------------- */

struct role_change {
    struct id person;
    uint32_t roles;
};

static enum rc
build_role(struct session *session, void *context, struct draft *draft)
{
    const struct role_change *wanted = context;
    const struct ledger_person *person = ledger_person(session->replica->ledger, wanted->person);

    if (person == NULL)
        return rc_fail(RC_ABSENT, _("no such colleague"));
    if (person->roles == wanted->roles)
        return RC_EXISTS;
    draft->op.kind = LEDGER_ROLE;
    draft->op.as.role = (struct ledger_role_change){
        .person = wanted->person, .was = person->roles, .roles = wanted->roles};
    return submit_heads(session, &draft->op);
}

enum rc
replica_set_roles(struct replica *replica, const struct transport *transport, struct id person,
                  uint32_t roles)
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};
    struct role_change wanted = {person, roles};

    enum rc rc = session_begin(&session);
    if (rc == RC_OK)
        rc = submit(&session, build_role, &wanted);
    if (rc == RC_OK)
        rc = session_pay(&session);
    return rc;
}

static enum rc
build_revoke(struct session *session, void *context, struct draft *draft)
{
    const struct id *device = context;
    const struct ledger_device *known = ledger_device(session->replica->ledger, *device);

    if (known == NULL)
        return rc_fail(RC_ABSENT, _("no such device"));
    if (known->revoked != 0)
        return RC_EXISTS;
    draft->op.kind = LEDGER_REVOKE_DEVICE;
    draft->op.as.revoke_device = *device;
    return submit_heads(session, &draft->op);
}

enum rc
replica_revoke_device(struct replica *replica, const struct transport *transport, struct id device)
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};

    enum rc rc = session_begin(&session);
    if (rc == RC_OK)
        rc = submit(&session, build_revoke, &device);
    return rc;
}
