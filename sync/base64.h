/* Base64 (RFC 4648): with padding for headers, the URL-safe form without for invitations. Strict. */
#ifndef SYNC_BASE64_H
#define SYNC_BASE64_H

#include "core/buf.h"
#include "core/rc.h"

#include <stddef.h>

enum base64_form { BASE64_PADDED, BASE64_URL };

/* Appends the text of `bytes`. */
enum rc base64_encode(const void *bytes, size_t len, enum base64_form form,
                      struct buf *text) MUST_CHECK;
/* Appends the bytes of `text`. RC_INVALID for another alphabet, wrong padding, or bits left over that are not zero. */
enum rc base64_decode(const char *text, size_t len, enum base64_form form,
                      struct buf *bytes) MUST_CHECK;

#endif
