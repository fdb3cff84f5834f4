/* A passphrase as it is read from a descriptor or a file, for `baken` and for bakenvfs.so alike. */
#include "cli/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/i18n.h"

enum rc
passphrase_take(const struct secret *room, size_t len, struct secret *passphrase)
{
    if (len > 0 && room->bytes[len - 1] == '\n')
        len--;
    if (len > 0 && room->bytes[len - 1] == '\r')
        len--;
    if (len == 0)
        return rc_fail(RC_INVALID, _("the passphrase is empty"));
    return secret_copy(passphrase, room->bytes, len);
}

static enum rc
read_all(int descriptor, struct secret *room, size_t *len)
{
    *len = 0;
    while (*len < room->len) {
        ssize_t got = read(descriptor, room->bytes + *len, room->len - *len);
        if (got == 0)
            return RC_OK;
        if (got > 0)
            *len += (size_t)got;
        else if (errno != EINTR)
            return rc_fail(RC_IO, _("the passphrase cannot be read: %s"), strerror(errno));
    }
    return rc_fail(RC_TOO_LARGE, _("the passphrase is longer than %d bytes"), SECRET_MAX_BYTES - 1);
}

enum rc
passphrase_read(int descriptor, struct secret *passphrase)
{
    struct secret room = SECRET_EMPTY;
    size_t len = 0;
    enum rc rc = secret_make(&room, SECRET_MAX_BYTES);

    if (rc == RC_OK)
        rc = read_all(descriptor, &room, &len);
    if (rc == RC_OK)
        rc = passphrase_take(&room, len, passphrase);
    secret_wipe(&room);
    return rc;
}

enum rc
passphrase_read_file(const char *path, struct secret *passphrase)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);

    if (descriptor < 0)
        return rc_fail(errno == ENOENT ? RC_ABSENT : RC_IO, _("the file %s cannot be read: %s"), path, strerror(errno));
    enum rc rc = passphrase_read(descriptor, passphrase);
    (void)close(descriptor);
    return rc;
}
