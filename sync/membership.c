/* Acts on the ledger: assignments, roles, revoking a device. */
#include "core/i18n.h"
#include "sync/submit.h"

/* ---- assignments ------------------------------------------------------------------------------ */

struct assignment {
    struct id family;
    struct id person;
    enum ledger_function function;
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
    if (was == wanted->function)
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
               struct id person, enum ledger_function function)
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};
    struct assignment wanted = {family, person, function};

    enum rc rc = session_begin(&session);
    if (rc == RC_OK)
        rc = submit(&session, build_assign, &wanted);
    if (rc == RC_OK)
        rc = session_pay_after(&session);
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
        rc = session_pay_after(&session);
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
