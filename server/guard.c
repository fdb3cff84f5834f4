/* What a request's head must be (RFC 9110, section 5; RFC 9112, section 6). */
#include "server/guard.h"

#include <string.h>
#include <strings.h>

enum { LENGTH_DIGITS = 18 }; /* no more than 64 bits hold */

static const char *const once[GUARD_ONCE] = {"Signature", "Signature-Input", "Content-Digest",
                                             "Content-Type"};

/* RFC 9110, section 5.6.2. */
static bool
is_token(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (name[i] <= ' ' || name[i] >= 127 || strchr("()<>@,;:\\\"/[]?={}", name[i]) != NULL)
            return false;
    return len > 0;
}

static bool
is_clean(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (value[i] == '\r' || value[i] == '\n' || value[i] == '\0')
            return false;
    return true;
}

static bool
read_length(const char *value, size_t len, uint64_t *length)
{
    *length = 0;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9')
            return false;
        *length = *length * 10 + (uint64_t)(value[i] - '0');
    }
    return len > 0;
}

void
guard_header(struct guard *guard, const char *name, size_t name_len, const char *value,
             size_t value_len)
{
    if (!is_token(name, name_len) || !is_clean(value, value_len)) {
        guard->is_malformed = true;
        return;
    }
    if (strcasecmp(name, "Host") == 0) {
        guard->hosts++;
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        guard->transfer_encodings++;
    } else if (strcasecmp(name, "Content-Length") == 0) {
        guard->lengths++;
        if (value_len > LENGTH_DIGITS || !read_length(value, value_len, &guard->length))
            guard->is_malformed = true;
    }
    for (size_t i = 0; i < GUARD_ONCE; i++)
        if (strcasecmp(name, once[i]) == 0 && ++guard->once[i] > 1)
            guard->is_malformed = true;
}

enum wire_error
guard_verdict(const struct guard *guard, const char *method)
{
    if (guard->transfer_encodings > 0)
        return WIRE_ERROR_TRANSFER_ENCODING;
    if (guard->is_malformed || guard->hosts != 1 || guard->lengths > 1)
        return WIRE_ERROR_MALFORMED;
    if (guard->lengths == 0 && strcmp(method, "POST") == 0)
        return WIRE_ERROR_LENGTH_REQUIRED;
    return WIRE_ERROR_NONE;
}
