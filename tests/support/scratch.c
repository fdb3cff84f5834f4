/* A directory of its own for a test, removed with all that is in it. */
#define _GNU_SOURCE /* nftw, memmem */
#include "tests/support/scratch.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
demand(bool condition, const char *what)
{
    if (condition)
        return;
    perror(what);
    abort();
}

void
scratch_make(struct scratch *scratch)
{
    const char *place = getenv("TMPDIR");

    memset(scratch, 0, sizeof *scratch);
    if (place == NULL || place[0] != '/' || strlen(place) > 32)
        place = "/tmp";
    snprintf(scratch->directory, sizeof scratch->directory, "%s/baken-test-XXXXXX", place);
    demand(mkdtemp(scratch->directory) != NULL, "mkdtemp");
}

static int
remove_one(const char *path, const struct stat *stat, int kind, struct FTW *ftw)
{
    (void)stat;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void
scratch_remove_tree(const char *directory)
{
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
scratch_remove(struct scratch *scratch)
{
    scratch_remove_tree(scratch->directory);
}

const char *
scratch_path(struct scratch *scratch, const char *name)
{
    char *path = scratch->path[scratch->at++ % 8];
    size_t len = strlen(scratch->directory);

    memcpy(path, scratch->directory, len);
    snprintf(path + len, sizeof scratch->path[0] - len, "/%s", name);
    return path;
}

void
scratch_write(struct scratch *scratch, const char *name, const void *bytes, size_t len)
{
    FILE *file = fopen(scratch_path(scratch, name), "wb");

    demand(file != NULL, name);
    demand(fwrite(bytes, 1, len, file) == len, name);
    demand(fclose(file) == 0, name);
}

uint8_t *
scratch_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");

    *len = 0;
    if (file == NULL)
        return NULL;
    demand(fseek(file, 0, SEEK_END) == 0, path);
    long size = ftell(file);
    demand(size >= 0, path);
    rewind(file);
    uint8_t *bytes = malloc((size_t)size + 1);
    demand(bytes != NULL && fread(bytes, 1, (size_t)size, file) == (size_t)size, path);
    fclose(file);
    *len = (size_t)size;
    return bytes;
}

static bool
holds(const char *path, const char *word)
{
    size_t len = 0;
    uint8_t *bytes = scratch_read(path, &len);
    bool found = bytes != NULL && memmem(bytes, len, word, strlen(word)) != NULL;

    free(bytes);
    return found;
}

bool
scratch_holds(const struct scratch *scratch, const char *word)
{
    DIR *directory = opendir(scratch->directory);
    bool found = false;

    demand(directory != NULL, scratch->directory);
    for (struct dirent *entry; !found && (entry = readdir(directory)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", scratch->directory, entry->d_name);
        if (entry->d_type == DT_REG)
            found = holds(path, word);
    }
    closedir(directory);
    return found;
}
