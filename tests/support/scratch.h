/* A directory of its own for a test, removed with all that is in it. */
#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scratch {
    char directory[64];
    char path[8][192]; /* of the latest calls, so that a few can be held at once */
    unsigned at;
};

void scratch_make(struct scratch *scratch);
void scratch_remove(struct scratch *scratch);
void scratch_remove_tree(const char *directory); /* with all that is in it; nothing when it is not there */
/* Path of a file in it; lent until seven calls later. */
const char *scratch_path(struct scratch *scratch, const char *name);
void scratch_write(struct scratch *scratch, const char *name, const void *bytes, size_t len);
/* The content of a file by path, the caller's to free; NULL when there is none. */
uint8_t *scratch_read(const char *path, size_t *len);
/* True when any file below the directory holds `word`. */
bool scratch_holds(const struct scratch *scratch, const char *word);

#endif
