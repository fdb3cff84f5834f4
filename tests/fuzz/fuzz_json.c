/* Fuzz entry of core/json: what is taken can be walked, and is taken again when written. */
#include "core/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct json *root = NULL;
    const char *text = NULL;
    uint64_t number = 0;

    if (json_parse(data, len, 65536, &root) != RC_OK)
        return 0;
    for (const struct json *at = json_first(root); at != NULL; at = json_next(at)) {
        if (json_name(at) == NULL)
            continue;
        /* An object's key leads to its member: there is one of each. */
        if (json_get(root, json_name(at)) != at)
            abort();
        enum rc as_text = json_need_text(root, json_name(at), 100, &text);
        enum rc as_number = json_need_u64(root, json_name(at), &number);
        if (as_text == RC_OK && as_number == RC_OK && json_kind(at) != JSON_TEXT)
            abort();
    }
    json_free(root);
    return 0;
}
