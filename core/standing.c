/* What protects a family. */
#include "core/standing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/record_inside.h"

enum { LIST_CHARS = 160 };

static const struct schema_unit *
unit_of(const char *what)
{
    const struct schema_entity *entity = schema_entity(ENTITY_STANDING);

    for (size_t u = 0; u < entity->unit_count; u++)
        if (what != NULL && strcmp(entity->units[u].name, what) == 0)
            return &entity->units[u];
    return NULL;
}

static enum rc
check_word(const struct schema_unit *unit, const char *word)
{
    char words[LIST_CHARS] = "";

    for (size_t w = 0; unit->protection[w] != NULL; w++) {
        size_t len = strlen(words);
        if (word != NULL && strcmp(unit->protection[w], word) == 0)
            return RC_OK;
        (void)snprintf(words + len, sizeof words - len, "%s%s", w == 0 ? "" : ", ", unit->protection[w]);
    }
    return rc_fail(RC_INVALID, _("it is one of: %s"), words);
}

/* The versions that stand, for the question whether one may replace them. */
struct standing_now {
    struct version *versions;
    size_t count;
};

static enum rc
take_version(void *context, const struct current *current)
{
    struct standing_now *now = context;
    struct version *grown = realloc(now->versions, (now->count + 1) * sizeof *grown);

    if (grown == NULL)
        return rc_nomem();
    now->versions = grown;
    now->versions[now->count++] = current->version;
    return RC_OK;
}

static enum rc
check_may(struct journal *journal, const struct author *self, struct id family, const struct schema_unit *unit,
          const struct buf *value)
{
    struct standing_now now = {.count = 0};
    struct replacing replacing = {.entity = ENTITY_STANDING, .unit = unit->number, .record = family,
                                  .value = value->data, .value_len = value->len};
    enum rc rc = journal_find_stream(journal, family, STREAM_FILE, &replacing.stream);

    if (rc == RC_OK)
        rc = journal_current(journal, replacing.stream, ENTITY_STANDING, family, unit->number, take_version, &now);
    replacing.versions = now.versions;
    replacing.count = now.count;
    if (rc == RC_OK)
        rc = journal_may_resolve(journal, self, &replacing);
    free(now.versions);
    return rc;
}

enum rc
standing_put(struct journal *journal, struct change_set *set, const struct author *self, struct id family,
             const struct standing *standing)
{
    const struct schema_unit *unit = unit_of(standing->what);
    struct facts facts = {.id = family, .family = family};
    struct draft d = draft_start(journal, set, ENTITY_STANDING, &facts);

    draft_demand(&d, unit != NULL, _("it is about one of: consent, veto, visibility, safety"));
    if (d.rc == RC_OK)
        d.rc = check_word(unit, standing->word);
    draft_slug(&d, 1, standing->word);
    draft_date(&d, 2, standing->date);
    draft_text(&d, 3, standing->note);
    if (d.rc == RC_OK)
        d.rc = check_may(journal, self, family, unit, &d.value);
    draft_unit(&d, unit == NULL ? 0 : unit->number);
    return draft_finish(&d);
}

/* ---- listing -------------------------------------------------------------------------------- */

#define UNIT_COLUMNS(name) "r." name ", r." name "_date, r." name "_note"
static const struct query standings = {
    .entity = ENTITY_STANDING,
    .one = ONE_SQL(UNIT_COLUMNS("consent") ", " UNIT_COLUMNS("veto") ", " UNIT_COLUMNS("visibility") ", "
                   UNIT_COLUMNS("safety"), "file_standing"),
};
enum { STANDINGS = 4 };

struct standing_look {
    struct standing *standing;
    struct buf first; /* the first current version; the others are held against it */
};

static enum rc
compare_version(void *context, const struct current *current)
{
    struct standing_look *look = context;

    if (look->first.len == 0)
        return buf_put(&look->first, current->value, current->value_len);
    look->standing->is_conflict |= look->first.len != current->value_len ||
                                   memcmp(look->first.data, current->value, current->value_len) != 0;
    return RC_OK;
}

static enum rc
take_held(void *context, const struct current *current)
{
    struct standing_look *look = context;

    look->standing->is_held |= current->is_shown;
    return RC_OK;
}

static enum rc
look_at(struct journal *journal, struct id stream, struct id family, uint32_t unit, struct standing *standing)
{
    struct standing_look look = {standing, BUF_EMPTY(CHANGE_VALUE_BYTES)};
    enum rc rc = journal_current(journal, stream, ENTITY_STANDING, family, unit, compare_version, &look);

    if (rc == RC_OK)
        rc = journal_held(journal, stream, ENTITY_STANDING, family, unit, take_held, &look);
    buf_wipe(&look.first);
    return rc;
}

enum rc
standing_list(struct journal *journal, struct id family, standing_fn visit, void *context)
{
    const struct schema_entity *entity = schema_entity(ENTITY_STANDING);
    struct standing all[STANDINGS] = {{0}};
    struct texts texts = TEXTS_EMPTY;
    struct id stream;
    enum rc rc = journal_find_stream(journal, family, STREAM_FILE, &stream);

    if (rc != RC_OK)
        return rc;
    struct rows rows = rows_one(journal, &standings, family, &texts);
    bool is_there = rows_next(&rows);
    for (size_t u = 0; is_there && u < STANDINGS; u++) {
        all[u].word = row_text(&rows);
        all[u].date = row_u32(&rows);
        all[u].note = row_text(&rows);
    }
    rc = rows_finish(&rows);
    for (size_t u = 0; rc == RC_OK && u < STANDINGS; u++) {
        all[u].what = entity->units[u].name;
        rc = look_at(journal, stream, family, entity->units[u].number, &all[u]);
        if (rc == RC_OK)
            rc = visit(context, &all[u]);
    }
    texts_wipe(&texts);
    return rc;
}
