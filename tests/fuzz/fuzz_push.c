/* Fuzz entry of sync/wire_run and sync/wire: pushes, bundles inside, answers and submissions. */
#include "sync/wire_run.h"

#include <stdlib.h>

#include "core/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct wire_run_list list = WIRE_RUN_LIST_EMPTY;
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct wire_push_answer answer = WIRE_PUSH_ANSWER_EMPTY;
    struct wire_hello hello;
    static const uint8_t key[32] = {1};

    if (secret_start() != RC_OK)
        abort();
    if (wire_run_push_decode(data, len, &list) == RC_OK && list.unknown.count > 0)
        abort();
    (void)(wire_run_bundle_decode(data, len, &content) == RC_OK);
    (void)(wire_push_answer_decode(data, len, key, key, &answer) == RC_OK);
    (void)(wire_hello_decode(data, len, &hello) == RC_OK);
    wire_run_list_wipe(&list);
    wire_run_bundle_wipe(&content);
    wire_push_answer_wipe(&answer);
    return 0;
}
