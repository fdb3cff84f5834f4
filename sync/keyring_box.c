/* The boxes and links that hand epoch keys round: opened, and made. */
#include <string.h>

#include "core/broken.h"
#include "core/i18n.h"
#include "core/version.h"
#include "sync/keyring.h"
#include "sync/keyring_place.h"

/*
 * payload of a box: 0 u8 1 | 1 id stream | 17 u32 epoch | 21 key | 53 end
 * box of a link:    0 nonce | 24 old key, sealed under the new one (48) | 72 end
 */
enum { PAYLOAD_BYTES = 53, LINK_BYTES = 72, BOX_BYTES = PAYLOAD_BYTES + CRYPTO_BOX_EXTRA_BYTES };

/* What the ledger says of an epoch key. */
static void
commit(const struct secret *key, struct id stream, uint32_t epoch,
       uint8_t commitment[CRYPTO_HASH_BYTES])
{
    uint8_t place[KEYRING_PLACE_BYTES];

    keyring_place(stream, epoch, place);
    crypto_commit(key, "baken commit 1", place, sizeof place, commitment);
}

/* ---- boxes opened ---- */

/* Keeps a key only when it is the one that the ledger committed to. */
static enum rc
take(struct keyring *keyring, struct id stream, uint32_t epoch, const struct secret *key,
     const uint8_t *commitment)
{
    uint8_t made[CRYPTO_HASH_BYTES];

    commit(key, stream, epoch, made);
    if (memcmp(made, commitment, sizeof made) != 0 && !broken_is(BROKEN_BOX))
        return rc_fail(RC_UNTRUSTED,
                       _("a key box is forged: it holds another key than the ledger names"));
    return keyring_put(keyring, stream, epoch, key);
}

/* The key out of an opened box. RC_UNTRUSTED when the payload is for another place. */
static enum rc
read_payload(const struct secret *payload, const struct wire_box *box, struct secret *key)
{
    uint8_t place[KEYRING_PLACE_BYTES];

    keyring_place(box->stream, box->epoch, place);
    if (payload->len != PAYLOAD_BYTES || payload->bytes[0] != KEY_BOX_FORMAT ||
        memcmp(payload->bytes + 1, place, sizeof place) != 0)
        return rc_fail(RC_UNTRUSTED, _("a key box is forged: it was made for another place"));
    return secret_copy(key, payload->bytes + 1 + KEYRING_PLACE_BYTES, CRYPTO_KEY_BYTES);
}

enum rc
keyring_open_box(struct keyring *keyring, const struct wire_box *box,
                 const struct identity *identity, const uint8_t *commitment)
{
    struct secret payload = SECRET_EMPTY;
    struct secret key = SECRET_EMPTY;
    enum rc rc;

    if (!id_equal(box->recipient, identity->device))
        return rc_fail(RC_LOCKED, _("the key box is for another device"));
    rc = identity_open_box(identity, box->bytes, box->len, &payload);
    if (rc == RC_OK)
        rc = read_payload(&payload, box, &key);
    if (rc == RC_OK)
        rc = take(keyring, box->stream, box->epoch, &key, commitment);
    secret_wipe(&payload);
    secret_wipe(&key);
    return rc;
}

/* Does the X25519 secret belong to the public key? What is boxed to the one must open with the other. */
static enum rc
fits_public(const struct secret *key, const uint8_t *reserve_public)
{
    uint8_t box[1 + CRYPTO_BOX_EXTRA_BYTES];
    struct secret back = SECRET_EMPTY;
    enum rc rc = crypto_box_put(reserve_public, "?", 1, box);

    if (rc == RC_OK)
        rc = crypto_box_get(reserve_public, key, box, sizeof box, &back);
    secret_wipe(&back);
    if (rc == RC_LOCKED || rc == RC_INVALID)
        rc = rc_fail(RC_UNTRUSTED, _("the reserve's key is forged: its public half is another"));
    return rc;
}

enum rc
keyring_open_reserve_secret(struct keyring *keyring, const struct wire_box *box,
                            const struct identity *identity, const uint8_t *commitment,
                            const uint8_t *reserve_public)
{
    struct secret payload = SECRET_EMPTY;
    struct secret key = SECRET_EMPTY;
    enum rc rc;

    if (!id_equal(box->recipient, identity->device) || !id_equal(box->stream, ledger_reserve()))
        return rc_fail(RC_LOCKED, _("the box does not hold the reserve's key for this device"));
    rc = identity_open_box(identity, box->bytes, box->len, &payload);
    if (rc == RC_OK)
        rc = read_payload(&payload, box, &key);
    if (rc == RC_OK)
        rc = fits_public(&key, reserve_public);
    if (rc == RC_OK)
        rc = take(keyring, box->stream, box->epoch, &key, commitment);
    secret_wipe(&payload);
    secret_wipe(&key);
    return rc;
}

enum rc
keyring_open_reserve_box(struct keyring *keyring, const struct wire_box *box,
                         uint32_t reserve_epoch, const uint8_t *reserve_public,
                         const uint8_t *commitment)
{
    struct secret reserve = SECRET_EMPTY;
    struct secret payload = SECRET_EMPTY;
    struct secret key = SECRET_EMPTY;
    enum rc rc;

    if (!id_equal(box->recipient, ledger_reserve()))
        return rc_fail(RC_LOCKED, _("the key box is not for the reserve"));
    rc = keyring_get(keyring, ledger_reserve(), reserve_epoch, &reserve);
    if (rc == RC_OK)
        rc = crypto_box_get(reserve_public, &reserve, box->bytes, box->len, &payload);
    if (rc == RC_OK)
        rc = read_payload(&payload, box, &key);
    if (rc == RC_OK)
        rc = take(keyring, box->stream, box->epoch, &key, commitment);
    secret_wipe(&reserve);
    secret_wipe(&payload);
    secret_wipe(&key);
    return rc;
}

static void
link_data(struct id stream, uint32_t epoch, uint8_t ad[CRYPTO_CONTEXT_BYTES + KEYRING_PLACE_BYTES])
{
    static const char CONTEXT[CRYPTO_CONTEXT_BYTES] = "baken link 1";

    memcpy(ad, CONTEXT, CRYPTO_CONTEXT_BYTES);
    keyring_place(stream, epoch, ad + CRYPTO_CONTEXT_BYTES);
}

enum rc
keyring_open_link(struct keyring *keyring, const struct wire_box *link,
                  const uint8_t *commitment_below)
{
    uint8_t ad[CRYPTO_CONTEXT_BYTES + KEYRING_PLACE_BYTES];
    struct secret key = SECRET_EMPTY;
    struct secret below = SECRET_EMPTY;
    enum rc rc;

    if (!id_is_zero(link->recipient) || link->len != LINK_BYTES || link->epoch < 2)
        return rc_fail(RC_UNTRUSTED, _("a link between epochs is forged: it has another form"));
    rc = keyring_get(keyring, link->stream, link->epoch, &key);
    if (rc == RC_OK)
        rc = secret_make(&below, CRYPTO_KEY_BYTES);
    if (rc != RC_OK)
        goto out;
    link_data(link->stream, link->epoch, ad);
    if (!crypto_open(key.bytes, link->bytes, ad, sizeof ad, link->bytes + CRYPTO_NONCE_BYTES,
                     LINK_BYTES - CRYPTO_NONCE_BYTES, below.bytes)) {
        rc = rc_fail(RC_UNTRUSTED, _("a link between epochs is forged: its seal does not hold"));
        goto out;
    }
    rc = take(keyring, link->stream, link->epoch - 1, &below, commitment_below);
out:
    secret_wipe(&key);
    secret_wipe(&below);
    return rc;
}

/* ---- boxes made ---- */

/* The bytes of a box for whose public key that is. */
static enum rc
seal_box(const struct secret *key, const uint8_t *box_public, struct wire_box *box)
{
    struct secret payload = SECRET_EMPTY;
    enum rc rc = secret_make(&payload, PAYLOAD_BYTES);

    if (rc != RC_OK)
        return rc;
    payload.bytes[0] = KEY_BOX_FORMAT;
    keyring_place(box->stream, box->epoch, payload.bytes + 1);
    memcpy(payload.bytes + 1 + KEYRING_PLACE_BYTES, key->bytes, CRYPTO_KEY_BYTES);
    rc = crypto_box_put(box_public, payload.bytes, payload.len, box->bytes);
    box->len = BOX_BYTES;
    secret_wipe(&payload);
    return rc;
}

/* One box with the key for one recipient, named in the key part. */
static enum rc
give(const struct keyring_epoch *epoch, const struct secret *key, struct id recipient,
     const uint8_t *box_public, struct ledger_part *part, struct wire_boxes *boxes)
{
    struct wire_box box = {.stream = epoch->stream, .epoch = epoch->epoch, .recipient = recipient};
    enum rc rc = seal_box(key, box_public, &box);

    if (rc == RC_OK)
        rc = wire_boxes_add(boxes, &box);
    return rc == RC_OK ? ledger_part_add_recipient(part, recipient) : rc;
}

static enum rc
give_all(const struct keyring_epoch *epoch, const struct secret *key, struct ledger_part *part,
         struct wire_boxes *boxes)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; i < epoch->recipient_count && rc == RC_OK; i++)
        rc = give(epoch, key, epoch->recipients[i].device, epoch->recipients[i].box_public, part,
                  boxes);
    if (rc == RC_OK && epoch->reserve_public != NULL)
        rc = give(epoch, key, ledger_reserve(), epoch->reserve_public, part, boxes);
    return rc;
}

static void
seal_link(const struct secret *key, const struct secret *below, struct wire_box *box)
{
    uint8_t ad[CRYPTO_CONTEXT_BYTES + KEYRING_PLACE_BYTES];

    random_fill(box->bytes, CRYPTO_NONCE_BYTES);
    link_data(box->stream, box->epoch, ad);
    crypto_seal(key->bytes, box->bytes, ad, sizeof ad, below->bytes, below->len,
                box->bytes + CRYPTO_NONCE_BYTES);
    box->len = LINK_BYTES;
}

static enum rc
give_link(const struct keyring_epoch *epoch, const struct secret *key, const struct secret *below,
          struct ledger_part *part, struct wire_boxes *boxes)
{
    struct wire_box box = {.stream = epoch->stream, .epoch = epoch->epoch, .recipient = ledger_link()};

    seal_link(key, below, &box);
    enum rc rc = wire_boxes_add(boxes, &box);
    return rc == RC_OK ? ledger_part_add_recipient(part, ledger_link()) : rc;
}

static enum rc
add_making_part(const struct keyring_epoch *epoch, const struct secret *key, struct ledger_op *op,
                struct ledger_part **part)
{
    enum rc rc = ledger_op_add_part(op, epoch->stream, epoch->epoch, part);

    if (rc == RC_OK) {
        (*part)->makes = true;
        commit(key, epoch->stream, epoch->epoch, (*part)->commitment);
    }
    return rc;
}

enum rc
keyring_make_epoch(const struct keyring *keyring, const struct keyring_epoch *epoch,
                   struct keyring *fresh, struct ledger_op *op, struct wire_boxes *boxes)
{
    struct secret key = SECRET_EMPTY;
    struct secret below = SECRET_EMPTY;
    struct ledger_part *part;
    enum rc rc = RC_OK;

    if (epoch->epoch > 1)
        rc = keyring_get(keyring, epoch->stream, epoch->epoch - 1, &below);
    if (rc == RC_OK)
        rc = secret_random(&key, CRYPTO_KEY_BYTES);
    if (rc == RC_OK)
        rc = add_making_part(epoch, &key, op, &part);
    if (rc == RC_OK)
        rc = give_all(epoch, &key, part, boxes);
    if (rc == RC_OK && epoch->epoch > 1)
        rc = give_link(epoch, &key, &below, part, boxes);
    if (rc == RC_OK)
        rc = keyring_put(fresh, epoch->stream, epoch->epoch, &key);
    secret_wipe(&key);
    secret_wipe(&below);
    return rc;
}

enum rc
keyring_make_reserve(const struct keyring_epoch *epoch, struct keyring *fresh, struct ledger_op *op,
                     struct wire_boxes *boxes, uint8_t reserve_public[CRYPTO_PUBLIC_BYTES])
{
    struct keyring_epoch reserve = *epoch;
    struct secret key = SECRET_EMPTY;
    struct ledger_part *part;
    enum rc rc;

    reserve.stream = ledger_reserve();
    reserve.reserve_public = NULL;
    rc = crypto_box_pair(reserve_public, &key);
    if (rc == RC_OK)
        rc = add_making_part(&reserve, &key, op, &part);
    if (rc == RC_OK)
        rc = give_all(&reserve, &key, part, boxes);
    if (rc == RC_OK)
        rc = keyring_put(fresh, reserve.stream, reserve.epoch, &key);
    secret_wipe(&key);
    return rc;
}

enum rc
keyring_share(const struct keyring *keyring, const struct keyring_epoch *epoch,
              struct ledger_op *op, struct wire_boxes *boxes)
{
    struct secret key = SECRET_EMPTY;
    struct ledger_part *part;
    enum rc rc = keyring_get(keyring, epoch->stream, epoch->epoch, &key);

    if (rc == RC_OK)
        rc = ledger_op_add_part(op, epoch->stream, epoch->epoch, &part);
    if (rc == RC_OK)
        rc = give_all(epoch, &key, part, boxes);
    secret_wipe(&key);
    return rc;
}

enum rc
keyring_box_again(const struct keyring *keyring, const uint8_t *box_public, struct wire_box *box)
{
    struct secret key = SECRET_EMPTY;
    struct secret below = SECRET_EMPTY;
    enum rc rc = keyring_get(keyring, box->stream, box->epoch, &key);

    if (rc == RC_OK && box_public == NULL)
        rc = keyring_get(keyring, box->stream, box->epoch - 1, &below);
    if (rc == RC_OK && box_public == NULL)
        seal_link(&key, &below, box);
    else if (rc == RC_OK)
        rc = seal_box(&key, box_public, box);
    secret_wipe(&key);
    secret_wipe(&below);
    return rc;
}
