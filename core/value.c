/* Values of units: their fields, built and decoded byte by byte. */
#include "core/change.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/text.h"

/* value := u8 n, n x (varint number, u8 type, content); n is a varint below 128, thus one byte. */
_Static_assert(CHANGE_FIELDS < 128, "the count of fields is one byte");

enum { VERSION_BYTES = ID_BYTES + 8 + 4 + 4 };

/* Opens the next field; the count at the front goes up with it. */
static enum rc
begin_field(struct buf *value, uint32_t number, enum field_type type)
{
    enum rc rc = RC_OK;

    assert(number > 0);
    if (value->len == 0)
        rc = buf_put_u8(value, 0);
    if (rc == RC_OK && value->data[0] >= CHANGE_FIELDS)
        rc = rc_fail(RC_TOO_LARGE, _("more than %d fields"), CHANGE_FIELDS);
    if (rc == RC_OK)
        rc = buf_put_varint(value, number);
    if (rc == RC_OK)
        rc = buf_put_u8(value, (uint8_t)type);
    if (rc == RC_OK)
        value->data[0]++;
    return rc;
}

enum rc
value_put_int(struct buf *value, uint32_t number, int64_t integer)
{
    uint64_t zigzag = (uint64_t)integer << 1 ^ (integer < 0 ? UINT64_MAX : 0);
    enum rc rc = begin_field(value, number, FIELD_INT);

    return rc == RC_OK ? buf_put_varint(value, zigzag) : rc;
}

enum rc
value_put_text(struct buf *value, uint32_t number, const char *text)
{
    struct buf normal = BUF_EMPTY(CHANGE_NOTE_BYTES);
    enum rc rc = RC_OK;

    if (text == NULL || text[0] == '\0')
        return RC_OK;
    rc = text_normalise(text, strlen(text), CHANGE_NOTE_BYTES, _("the text"), &normal);
    if (rc == RC_OK)
        rc = begin_field(value, number, FIELD_TEXT);
    if (rc == RC_OK)
        rc = buf_put_block(value, normal.data, normal.len);
    buf_wipe(&normal);
    return rc;
}

enum rc
value_put_id(struct buf *value, uint32_t number, struct id id)
{
    enum rc rc = begin_field(value, number, FIELD_ID);

    return rc == RC_OK ? buf_put(value, id.bytes, ID_BYTES) : rc;
}

enum rc
value_put_date(struct buf *value, uint32_t number, uint32_t date)
{
    if (date == 0)
        return RC_OK;
    if (!value_date_exists(date))
        return rc_fail(RC_INVALID, _("%u is not a day that exists"), (unsigned)date);
    enum rc rc = begin_field(value, number, FIELD_DATE);
    return rc == RC_OK ? buf_put_u32(value, date) : rc;
}

enum rc
value_put_versions(struct buf *value, uint32_t number, const struct version *versions, size_t count)
{
    enum rc rc;

    if (count > CHANGE_LISTED_VERSIONS)
        return rc_fail(RC_TOO_LARGE, _("more than %d versions"), CHANGE_LISTED_VERSIONS);
    rc = begin_field(value, number, FIELD_VERSIONS);
    if (rc == RC_OK)
        rc = buf_put_varint(value, count);
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        rc = buf_put(value, versions[i].feed.device.bytes, ID_BYTES);
        if (rc == RC_OK)
            rc = buf_put_u64(value, versions[i].feed.incarnation);
        if (rc == RC_OK)
            rc = buf_put_u32(value, versions[i].save);
        if (rc == RC_OK)
            rc = buf_put_u32(value, versions[i].index);
    }
    return rc;
}

enum rc
value_put_field(struct buf *value, const struct field *field)
{
    enum rc rc;

    switch (field->type) {
    case FIELD_INT:
        return value_put_int(value, field->number, field->integer);
    case FIELD_DATE:
        return value_put_date(value, field->number, (uint32_t)field->integer);
    case FIELD_ID:
        return value_put_id(value, field->number, field->id);
    case FIELD_TEXT:
    case FIELD_BYTES:
        rc = begin_field(value, field->number, field->type);
        return rc == RC_OK ? buf_put_block(value, field->bytes, field->len) : rc;
    case FIELD_VERSIONS:
        rc = begin_field(value, field->number, field->type);
        if (rc == RC_OK)
            rc = buf_put_varint(value, field->len / VERSION_BYTES);
        return rc == RC_OK ? buf_put(value, field->bytes, field->len) : rc;
    }
    rc = begin_field(value, field->number, field->type); /* of a newer program */
    return rc == RC_OK ? buf_put_block(value, field->bytes, field->len) : rc;
}

bool
value_date_exists(uint32_t date)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t year = date / 10000;
    uint32_t month = date / 100 % 100;
    uint32_t day = date % 100;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    return day <= days[month - 1] || (month == 2 && day == 29 && leap);
}

static struct version
read_version(struct reader *in)
{
    struct version version;

    reader_copy(in, version.feed.device.bytes, ID_BYTES);
    version.feed.incarnation = reader_u64(in);
    version.save = reader_u32(in);
    version.index = reader_u32(in);
    return version;
}

static void
read_version_list(struct reader *in, struct field *field)
{
    size_t count = (size_t)reader_count(in, CHANGE_LISTED_VERSIONS);
    struct version last = {0};

    field->bytes = in->at;
    field->len = count * VERSION_BYTES;
    for (size_t i = 0; i < count && !in->failed; i++) {
        struct version version = read_version(in);
        if (version.save == 0 || (i > 0 && version_compare(&last, &version) >= 0))
            in->failed = true;
        last = version;
    }
}

static void
read_content(struct reader *in, struct field *field)
{
    uint64_t zigzag;
    uint32_t date;

    switch (field->type) {
    case FIELD_INT:
        zigzag = reader_varint(in);
        field->integer = (int64_t)(zigzag >> 1 ^ (0 - (zigzag & 1)));
        return;
    case FIELD_TEXT:
        field->bytes = reader_block(in, CHANGE_NOTE_BYTES, &field->len);
        if (!in->failed &&
            text_check(field->bytes, field->len, CHANGE_NOTE_BYTES, N_("a text")) != RC_OK)
            in->failed = true;
        return;
    case FIELD_BYTES:
        field->bytes = reader_block(in, CHANGE_NOTE_BYTES, &field->len);
        return;
    case FIELD_ID:
        reader_copy(in, field->id.bytes, ID_BYTES);
        return;
    case FIELD_DATE:
        date = reader_u32(in);
        field->integer = date;
        if (!value_date_exists(date))
            in->failed = true;
        return;
    case FIELD_VERSIONS:
        read_version_list(in, field);
        return;
    }
    /* A type of a newer program is a block. */
    field->bytes = reader_block(in, CHANGE_VALUE_BYTES, &field->len);
    if (field->type == 0)
        in->failed = true;
}

enum rc
value_read(const uint8_t *value, size_t len, struct field *fields, size_t *count)
{
    struct reader in = reader_of(value, len);
    uint32_t last = 0;

    *count = 0;
    if (len > CHANGE_VALUE_BYTES)
        return rc_fail(RC_CORRUPT, _("a value is longer than %d bytes"), CHANGE_VALUE_BYTES);
    size_t n = (size_t)reader_count(&in, CHANGE_FIELDS);
    for (size_t i = 0; i < n && !in.failed; i++) {
        fields[i] = (struct field){.number = (uint32_t)reader_count(&in, UINT32_MAX)};
        fields[i].type = (enum field_type)reader_u8(&in);
        if (fields[i].number <= last)
            in.failed = true;
        last = fields[i].number;
        if (!in.failed)
            read_content(&in, &fields[i]);
    }
    enum rc rc = reader_finish(&in, N_("a value"));
    if (rc == RC_OK)
        *count = n;
    return rc;
}

const struct field *
value_find(const struct field *fields, size_t count, uint32_t number)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].number == number)
            return &fields[i];
    return NULL;
}

enum rc
value_read_versions(const struct field *field, struct version **versions, size_t *count)
{
    *versions = NULL;
    *count = 0;
    assert(field->type == FIELD_VERSIONS);
    size_t n = field->len / VERSION_BYTES;
    if (n == 0)
        return RC_OK;
    *versions = malloc(n * sizeof **versions);
    if (*versions == NULL)
        return rc_nomem();
    struct reader in = reader_of(field->bytes, field->len);
    for (size_t i = 0; i < n; i++)
        (*versions)[i] = read_version(&in);
    *count = n;
    return reader_finish(&in, _("a list of versions"));
}

bool
value_is_empty(const uint8_t *value, size_t len)
{
    return len == 1 && value[0] == 0;
}
