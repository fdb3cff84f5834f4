/* The instance token: shows that this store is the one last used here. */
#include "core/store_token.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto.h"
#include "core/durable.h"
#include "core/i18n.h"
#include "core/json.h"
#include "core/version.h"

enum { CHECK_BYTES = 16, OLD_FORMAT = 1 /* one text in the file, without a check */ };

enum rc
store_token_directory(const char *state, struct buf *path)
{
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (state != NULL)
        return buf_printf(path, "%s", state);
    if (xdg != NULL && xdg[0] == '/') /* the specification ignores a relative path */
        return buf_printf(path, "%s/baken", xdg);
    if (home == NULL || home[0] == '\0')
        return rc_fail(RC_INVALID, _("neither XDG_STATE_HOME nor HOME is set"));
    return buf_printf(path, "%s/.local/state/baken", home);
}

enum rc
store_token_of(struct id store, const char *directory, uint64_t openings, struct store_token *token)
{
    struct stat info;

    if (stat(directory, &info) != 0)
        return rc_fail(RC_IO, "%s: %s", directory, strerror(errno));
    *token = (struct store_token){store, (uint64_t)info.st_dev, (uint64_t)info.st_ino, openings};
    return RC_OK;
}

/* What tells a token that was written half: the first bytes of a hash over what it says. */
static void
check_of(const struct store_token *token, uint8_t check[CHECK_BYTES])
{
    const uint64_t numbers[] = {token->device, token->inode, token->openings};
    uint8_t bytes[ID_BYTES + sizeof numbers], hash[CRYPTO_HASH_BYTES];

    memcpy(bytes, token->store.bytes, ID_BYTES);
    for (size_t n = 0; n < 3; n++)
        for (size_t i = 0; i < 8; i++)
            bytes[ID_BYTES + 8 * n + i] = (uint8_t)(numbers[n] >> (56 - 8 * i));
    crypto_hash_once("baken token 2", bytes, sizeof bytes, hash);
    memcpy(check, hash, CHECK_BYTES);
}

enum rc
store_token_encode(const struct store_token *token, struct buf *text)
{
    struct json_writer writer = json_writer_of(text, false);
    uint8_t check[CHECK_BYTES];

    check_of(token, check);
    json_object_start(&writer);
    json_put_int(&writer, "format", TOKEN_FORMAT);
    json_put_hex(&writer, "store", token->store.bytes, ID_BYTES);
    json_put_u64(&writer, "device", token->device);
    json_put_u64(&writer, "inode", token->inode);
    json_put_u64(&writer, "openings", token->openings);
    json_put_hex(&writer, "check", check, sizeof check);
    json_object_end(&writer);
    return json_finish(&writer);
}

/* Of a text of format `least` to `most`. */
static enum rc
check_format(const struct json *root, const struct store_token *token, int64_t least, int64_t most)
{
    static const char *const KEYS[] = {"format", "store", "device", "inode", "openings", "check", NULL};
    static const char *const KEYS_1[] = {"format", "store", "device", "inode", "openings", NULL};
    uint8_t expected[CHECK_BYTES], check[CHECK_BYTES];
    int64_t format;
    enum rc rc = json_need_int(root, "format", least, most, &format);

    if (rc != RC_OK || format == OLD_FORMAT)
        return rc == RC_OK ? json_only(root, KEYS_1) : rc;
    rc = json_only(root, KEYS);
    if (rc == RC_OK)
        rc = json_need_hex(root, "check", check, sizeof check);
    if (rc != RC_OK)
        return rc;
    check_of(token, expected);
    return memcmp(check, expected, sizeof check) == 0
               ? RC_OK
               : rc_fail(RC_CORRUPT, _("the instance token is not whole"));
}

static enum rc
decode(const void *text, size_t len, int64_t least, int64_t most, struct store_token *token)
{
    struct json *root = NULL;
    enum rc rc = json_parse(text, len, STORE_TOKEN_BYTES, &root);

    memset(token, 0, sizeof *token);
    if (rc == RC_OK)
        rc = json_need_hex(root, "store", token->store.bytes, ID_BYTES);
    if (rc == RC_OK)
        rc = json_need_u64(root, "device", &token->device);
    if (rc == RC_OK)
        rc = json_need_u64(root, "inode", &token->inode);
    if (rc == RC_OK)
        rc = json_need_u64(root, "openings", &token->openings);
    if (rc == RC_OK)
        rc = check_format(root, token, least, most);
    json_free(root);
    return rc == RC_INVALID || rc == RC_TOO_LARGE ? RC_CORRUPT : rc;
}

enum rc
store_token_decode(const void *text, size_t len, struct store_token *token)
{
    return decode(text, len, OLD_FORMAT, TOKEN_FORMAT, token);
}

/* --- slots --------------------------------------------------------------------------------------- */

enum rc
store_token_encode_slot(const struct store_token *token, uint8_t slot[STORE_TOKEN_SLOT_BYTES])
{
    struct buf text = BUF_EMPTY(STORE_TOKEN_SLOT_BYTES - 1);
    enum rc rc = store_token_encode(token, &text);

    memset(slot, ' ', STORE_TOKEN_SLOT_BYTES);
    slot[STORE_TOKEN_SLOT_BYTES - 1] = '\n';
    if (rc == RC_OK)
        memcpy(slot, text.data, text.len);
    buf_wipe(&text);
    return rc;
}

/* A slot is exactly what would be written for what it says. */
static enum rc
decode_slot(const uint8_t slot[STORE_TOKEN_SLOT_BYTES], struct store_token *token)
{
    uint8_t again[STORE_TOKEN_SLOT_BYTES];
    enum rc rc = decode(slot, STORE_TOKEN_SLOT_BYTES, TOKEN_FORMAT, TOKEN_FORMAT, token);

    if (rc == RC_OK)
        rc = store_token_encode_slot(token, again);
    if (rc == RC_OK && memcmp(slot, again, sizeof again) != 0)
        rc = rc_fail(RC_CORRUPT, _("the instance token is not whole"));
    return rc;
}

/* Behind a text of format 1 lie zeros once the second slot was written. */
static enum rc
decode_old(const uint8_t *bytes, size_t len, struct store_token *token)
{
    if (len > STORE_TOKEN_SLOT_BYTES)
        len = STORE_TOKEN_SLOT_BYTES;
    while (len > 0 && bytes[len - 1] == 0)
        len--;
    return decode(bytes, len, OLD_FORMAT, OLD_FORMAT, token);
}

enum rc
store_token_decode_file(const void *bytes, size_t len, struct store_token *token, unsigned *slot)
{
    const uint8_t *at = bytes;
    struct store_token one;
    bool found = false;

    memset(token, 0, sizeof *token);
    *slot = 0;
    for (unsigned i = 0; i < STORE_TOKEN_SLOTS; i++) {
        size_t start = (size_t)i * STORE_TOKEN_SLOT_STRIDE;
        enum rc rc = RC_CORRUPT;
        if (len >= start + STORE_TOKEN_SLOT_BYTES)
            rc = decode_slot(at + start, &one);
        if (rc == RC_CORRUPT && i == 0)
            rc = decode_old(at, len, &one);
        if (rc != RC_OK && rc != RC_CORRUPT)
            return rc;
        if (rc != RC_OK || (found && one.openings <= token->openings))
            continue;
        found = true;
        *token = one;
        *slot = i;
    }
    return found && len <= STORE_TOKEN_FILE_BYTES
               ? RC_OK
               : rc_fail(RC_CORRUPT, _("the instance token is not whole"));
}

/* --- the file ------------------------------------------------------------------------------------ */

static enum rc
path_of(const char *state_directory, struct id store, char path[PATH_MAX])
{
    char name[ID_TEXT_CHARS + 1];

    id_to_text(store, name);
    int len = snprintf(path, PATH_MAX, "%s/%s", state_directory, name);
    return len > 0 && len < PATH_MAX ? RC_OK : rc_fail(RC_TOO_LARGE, _("the path is too long"));
}

/* The file as it lies there. */
static enum rc
read_file(const struct store_token_file *file, const char *state_directory, struct id store,
          struct store_token *token, unsigned *slot)
{
    struct buf bytes = BUF_EMPTY(STORE_TOKEN_FILE_BYTES + 2 * 4096); /* durable_read takes room by 4096 */
    char name[ID_TEXT_CHARS + 1], path[PATH_MAX];
    enum rc rc;

    id_to_text(store, name);
    if (file->disk == NULL)
        rc = durable_read(state_directory, name, &bytes);
    else if ((rc = path_of(state_directory, store, path)) == RC_OK)
        rc = file->disk->read(file->disk->context, path, &bytes);
    if (rc == RC_OK)
        rc = store_token_decode_file(bytes.data, bytes.len, token, slot);
    else if (rc == RC_TOO_LARGE)
        rc = RC_CORRUPT;
    buf_wipe(&bytes);
    return rc;
}

enum rc
store_token_file_read(const struct store_token_file *file, const char *state_directory,
                      struct id store, struct store_token *token)
{
    unsigned slot;

    return read_file(file, state_directory, store, token, &slot);
}

enum rc
store_token_read(const char *state_directory, struct id store, struct store_token *token)
{
    const struct store_token_file file = STORE_TOKEN_FILE_EMPTY;

    return store_token_file_read(&file, state_directory, store, token);
}

void
store_token_file_close(struct store_token_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
    file->is_known = false;
}

/* Is what is open what lies under the name, and under no other? A second name is a copy of somebody's. */
static bool
is_there(const struct store_token_file *file, const char *path)
{
    struct stat open_, named;

    return fstat(file->fd, &open_) == 0 && lstat(path, &named) == 0 && S_ISREG(open_.st_mode) &&
           open_.st_nlink == 1 && open_.st_dev == named.st_dev && open_.st_ino == named.st_ino;
}

/* False where the file is to be made anew. */
static bool
open_there(struct store_token_file *file, const char *state_directory, const char *path,
           struct id store)
{
    struct store_token newest;
    unsigned slot = 0;

    if (file->disk == NULL && file->fd >= 0 && !is_there(file, path))
        store_token_file_close(file);
    if (file->disk == NULL && file->fd < 0)
        file->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file->disk == NULL && (file->fd < 0 || !is_there(file, path)))
        return false;
    if (!file->is_known)
        file->is_known = read_file(file, state_directory, store, &newest, &slot) == RC_OK;
    else
        return true;
    file->next = 1 - slot;
    return file->is_known;
}

static enum rc
make_anew(struct store_token_file *file, const char *state_directory, const char *path,
          struct id store, const uint8_t slot[STORE_TOKEN_SLOT_BYTES])
{
    uint8_t bytes[STORE_TOKEN_FILE_BYTES] = {0};
    char name[ID_TEXT_CHARS + 1];

    store_token_file_close(file);
    memcpy(bytes, slot, STORE_TOKEN_SLOT_BYTES);
    if (file->disk != NULL)
        return file->disk->write(file->disk->context, path, 0, bytes, sizeof bytes);
    id_to_text(store, name);
    enum rc rc = durable_mkdir(state_directory);
    return rc == RC_OK ? durable_write(state_directory, name, bytes, sizeof bytes) : rc;
}

enum rc
store_token_file_write(struct store_token_file *file, const char *state_directory,
                       const struct store_token *token)
{
    uint8_t slot[STORE_TOKEN_SLOT_BYTES];
    char path[PATH_MAX];
    enum rc rc = store_token_encode_slot(token, slot);

    if (rc == RC_OK)
        rc = path_of(state_directory, token->store, path);
    if (rc != RC_OK)
        return rc;
    if (!open_there(file, state_directory, path, token->store)) {
        rc = make_anew(file, state_directory, path, token->store, slot);
    } else {
        uint64_t at = (uint64_t)file->next * STORE_TOKEN_SLOT_STRIDE;
        rc = file->disk == NULL
                 ? durable_write_at(file->fd, path, at, slot, sizeof slot)
                 : file->disk->write(file->disk->context, path, at, slot, sizeof slot);
        if (rc == RC_OK)
            file->next = 1 - file->next;
    }
    return rc == RC_OK ? RC_OK : rc_while(rc, _("writing the instance token"));
}

enum rc
store_token_find(const char *state_directory, const char *directory, struct id *store)
{
    struct store_token here, token;
    struct dirent *entry;
    enum rc rc = store_token_of(*store, directory, 0, &here);
    DIR *tokens = rc == RC_OK ? opendir(state_directory) : NULL;
    bool found = false;

    if (rc != RC_OK)
        return rc;
    while (tokens != NULL && !found && (entry = readdir(tokens)) != NULL) {
        if (id_from_text(entry->d_name, store) == RC_OK &&
            store_token_read(state_directory, *store, &token) == RC_OK)
            found = token.device == here.device && token.inode == here.inode;
    }
    if (tokens != NULL)
        (void)closedir(tokens);
    return found ? RC_OK : rc_fail(RC_ABSENT, _("no instance token names the directory"));
}
