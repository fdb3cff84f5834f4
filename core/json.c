/* JSON text as cJSON's tree, and what decoders ask of the tree. The strict look at the text before that is
 * json_look.c, the writer json_write.c. */
#include "core/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/json_look.h"
#include "core/secret.h"
#include "core/text.h"

static int
compare_keys(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum rc
refuse_duplicates(const cJSON *object)
{
    size_t count = 0;
    enum rc rc = RC_OK;

    for (const cJSON *member = object->child; member != NULL; member = member->next)
        count++;
    if (count < 2)
        return RC_OK;
    char **names = calloc(count, sizeof *names);
    if (names == NULL)
        return rc_nomem();
    size_t at = 0;
    for (const cJSON *member = object->child; member != NULL; member = member->next)
        names[at++] = member->string;
    qsort(names, count, sizeof *names, compare_keys);
    for (size_t i = 1; i < count && rc == RC_OK; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            rc = rc_fail(RC_INVALID, _("a JSON object has a key twice"));
    }
    free(names);
    return rc;
}

/* Visits every value once, parents first. The look has bounded the depth. */
static enum rc
walk(cJSON *root, enum rc (*visit)(cJSON *value))
{
    cJSON *stack[JSON_DEPTH_MOST + 1];
    size_t depth = 0;

    stack[depth++] = root;
    while (depth > 0) {
        cJSON *value = stack[depth - 1];
        if (value == NULL) {
            depth--;
            continue;
        }
        stack[depth - 1] = value == root ? NULL : value->next;
        enum rc rc = visit(value);
        if (rc != RC_OK)
            return rc;
        if (value->child != NULL) {
            assert(depth <= JSON_DEPTH_MOST);
            stack[depth++] = value->child;
        }
    }
    return RC_OK;
}

static enum rc
check_value(cJSON *value)
{
    return cJSON_IsObject(value) ? refuse_duplicates(value) : RC_OK;
}

static enum rc
wipe_value(cJSON *value)
{
    if (value->valuestring != NULL)
        wipe(value->valuestring, strlen(value->valuestring));
    return RC_OK;
}

enum rc
json_parse(const void *bytes, size_t len, size_t ceiling_bytes, struct json **root)
{
    *root = NULL;
    enum rc rc = text_check(bytes, len, ceiling_bytes, _("the JSON text"));
    if (rc != RC_OK)
        return rc;
    if (len == 0)
        return rc_fail(RC_INVALID, _("the JSON text is empty"));

    rc = json_look(bytes, len);
    if (rc != RC_OK)
        return rc;
    cJSON *tree = cJSON_ParseWithLength(bytes, len);
    if (tree == NULL) /* the grammar holds, so it can only be memory */
        return rc_nomem();
    rc = walk(tree, check_value);
    *root = (struct json *)(void *)tree;
    if (rc != RC_OK) {
        json_free(*root);
        *root = NULL;
    }
    return rc;
}

void
json_free(struct json *root)
{
    cJSON *tree = (cJSON *)(void *)root;

    if (tree == NULL)
        return;
    (void)walk(tree, wipe_value);
    cJSON_Delete(tree);
}

static const cJSON *
node(const struct json *value)
{
    return (const cJSON *)(const void *)value;
}

enum json_kind
json_kind(const struct json *value)
{
    const cJSON *tree = node(value);

    if (cJSON_IsBool(tree))
        return JSON_BOOL;
    if (cJSON_IsNumber(tree))
        return trunc(tree->valuedouble) >= tree->valuedouble && /* -Wfloat-equal stays quiet */
                       trunc(tree->valuedouble) <= tree->valuedouble &&
                       fabs(tree->valuedouble) <= (double)JSON_INT_MOST
                   ? JSON_INT
                   : JSON_DECIMAL;
    if (cJSON_IsString(tree))
        return JSON_TEXT;
    if (cJSON_IsArray(tree))
        return JSON_ARRAY;
    return cJSON_IsObject(tree) ? JSON_OBJECT : JSON_NULL;
}

const struct json *
json_get(const struct json *object, const char *key)
{
    if (object == NULL || !cJSON_IsObject(node(object)))
        return NULL;
    return (const struct json *)(const void *)cJSON_GetObjectItemCaseSensitive(node(object), key);
}

const struct json *
json_first(const struct json *container)
{
    return container == NULL ? NULL : (const struct json *)(const void *)node(container)->child;
}

const struct json *
json_next(const struct json *value)
{
    return (const struct json *)(const void *)node(value)->next;
}

const char *
json_name(const struct json *member)
{
    return node(member)->string;
}

size_t
json_count(const struct json *container)
{
    size_t count = 0;

    for (const struct json *at = json_first(container); at != NULL; at = json_next(at))
        count++;
    return count;
}

const char *
json_as_text(const struct json *value)
{
    return value != NULL && cJSON_IsString(node(value)) ? node(value)->valuestring : NULL;
}

bool
json_as_int(const struct json *value, int64_t *out)
{
    *out = 0;
    if (value == NULL || json_kind(value) != JSON_INT)
        return false;
    *out = (int64_t)node(value)->valuedouble;
    return true;
}

static enum rc
refuse(const struct json *object, const char *key, const char *wanted)
{
    if (json_get(object, key) == NULL)
        return rc_fail(RC_INVALID, _("\"%s\" is missing"), key);
    return rc_fail(RC_INVALID, _("\"%s\" is not %s"), key, wanted);
}

enum rc
json_need_text(const struct json *object, const char *key, size_t ceiling_bytes, const char **text)
{
    *text = json_as_text(json_get(object, key));
    if (*text == NULL)
        return refuse(object, key, _("a text"));
    if (strlen(*text) > ceiling_bytes) {
        *text = NULL;
        return rc_fail(RC_INVALID, _("%s is longer than %zu bytes"), key, ceiling_bytes);
    }
    return RC_OK;
}

enum rc
json_need_int(const struct json *object, const char *key, int64_t least, int64_t most,
              int64_t *value)
{
    if (!json_as_int(json_get(object, key), value))
        return refuse(object, key, _("a whole number"));
    if (*value < least || *value > most) {
        *value = 0;
        return rc_fail(RC_INVALID, _("\"%s\" is not between %lld and %lld"), key, (long long)least,
                       (long long)most);
    }
    return RC_OK;
}

/* The shortest decimal text of a number up to 2^64 - 1. */
static bool
parse_u64(const char *text, uint64_t *value)
{
    uint64_t sum = 0;

    if (text == NULL || text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

enum rc
json_need_u64(const struct json *object, const char *key, uint64_t *value)
{
    const struct json *member = json_get(object, key);
    int64_t number = 0;

    *value = 0;
    if (json_as_int(member, &number) && number >= 0) {
        *value = (uint64_t)number;
        return RC_OK;
    }
    return parse_u64(json_as_text(member), value) ? RC_OK
                                                  : refuse(object, key, _("a whole number"));
}

enum rc
json_need_array(const struct json *object, const char *key, const struct json **array)
{
    *array = json_get(object, key);
    if (*array != NULL && json_kind(*array) == JSON_ARRAY)
        return RC_OK;
    *array = NULL;
    return refuse(object, key, _("a list"));
}

enum rc
json_need_hex(const struct json *object, const char *key, void *out, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const char *text = json_as_text(json_get(object, key));
    uint8_t *bytes = out;

    memset(out, 0, len);
    if (text == NULL || strlen(text) != 2 * len || strspn(text, digits) != 2 * len)
        return refuse(object, key, _("hexadecimal of the right length"));
    for (size_t i = 0; i < len; i++) {
        size_t high = (size_t)(strchr(digits, text[2 * i]) - digits);
        size_t low = (size_t)(strchr(digits, text[2 * i + 1]) - digits);
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return RC_OK;
}

enum rc
json_only(const struct json *object, const char *const *keys)
{
    if (json_kind(object) != JSON_OBJECT)
        return rc_fail(RC_INVALID, _("there is no JSON object where one belongs"));
    for (const struct json *member = json_first(object); member != NULL;
         member = json_next(member)) {
        bool known = false;
        for (size_t i = 0; keys[i] != NULL && !known; i++)
            known = strcmp(keys[i], json_name(member)) == 0;
        if (!known)
            return rc_fail(RC_INVALID, _("\"%s\" is not known here"), json_name(member));
    }
    return RC_OK;
}
