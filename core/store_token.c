/* The instance token: shows that this store is the one last used here. */
#include "core/store_token.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/durable.h"
#include "core/i18n.h"
#include "core/json.h"
#include "core/version.h"

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

enum rc
store_token_encode(const struct store_token *token, struct buf *text)
{
    struct json_writer writer = json_writer_of(text, true);

    json_object_start(&writer);
    json_put_int(&writer, "format", TOKEN_FORMAT);
    json_put_hex(&writer, "store", token->store.bytes, ID_BYTES);
    json_put_u64(&writer, "device", token->device);
    json_put_u64(&writer, "inode", token->inode);
    json_put_u64(&writer, "openings", token->openings);
    json_object_end(&writer);
    return json_finish(&writer);
}

enum rc
store_token_decode(const void *text, size_t len, struct store_token *token)
{
    static const char *const KEYS[] = {"format", "store", "device", "inode", "openings", NULL};
    struct json *root = NULL;
    int64_t format;
    enum rc rc = json_parse(text, len, STORE_TOKEN_BYTES, &root);

    memset(token, 0, sizeof *token);
    if (rc == RC_OK)
        rc = json_only(root, KEYS);
    if (rc == RC_OK)
        rc = json_need_int(root, "format", TOKEN_FORMAT, TOKEN_FORMAT, &format);
    if (rc == RC_OK)
        rc = json_need_hex(root, "store", token->store.bytes, ID_BYTES);
    if (rc == RC_OK)
        rc = json_need_u64(root, "device", &token->device);
    if (rc == RC_OK)
        rc = json_need_u64(root, "inode", &token->inode);
    if (rc == RC_OK)
        rc = json_need_u64(root, "openings", &token->openings);
    json_free(root);
    return rc == RC_INVALID || rc == RC_TOO_LARGE ? RC_CORRUPT : rc;
}

enum rc
store_token_read(const char *state_directory, struct id store, struct store_token *token)
{
    struct buf text = BUF_EMPTY(STORE_TOKEN_BYTES + 4096);
    char name[ID_TEXT_CHARS + 1];
    enum rc rc;

    id_to_text(store, name);
    rc = durable_read(state_directory, name, &text);
    if (rc == RC_OK)
        rc = store_token_decode(text.data, text.len, token);
    else if (rc == RC_TOO_LARGE)
        rc = RC_CORRUPT;
    buf_wipe(&text);
    return rc;
}

enum rc
store_token_write(const char *state_directory, const struct store_token *token)
{
    struct buf text = BUF_EMPTY(STORE_TOKEN_BYTES);
    char name[ID_TEXT_CHARS + 1];
    enum rc rc;

    id_to_text(token->store, name);
    rc = durable_mkdir(state_directory);
    if (rc == RC_OK)
        rc = store_token_encode(token, &text);
    if (rc == RC_OK)
        rc = durable_write(state_directory, name, text.data, text.len);
    buf_wipe(&text);
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
