/* The table of rules, each a query over the typed tables; findings, and their dismissal by a record. */
#include "core/rules.h"

#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "core/i18n.h"
#include "core/record_inside.h"

/* Each gives family, one record, the other or NULL, date, text; ?1 is today. The family's line is f. Stream by stream, so that
 * a range of dates is looked up in each. */
#define OF(table)                                                                                  \
    " FROM journal_stream AS t LEFT JOIN " FAMILY_LINE " AS f ON f.id = t.family "                 \
    "CROSS JOIN " table " AS r ON r.s = t.s "
/* Each with the next alike alone: of n there are n - 1 findings, however many somebody wrote. */
#define TWICE(table, text, same, open)                                                             \
    "SELECT t.family, r.id, r.other, NULL, substr(r.text, 1, 500) FROM (SELECT s, id, " text " AS text, "                 \
    "lead(id) OVER (PARTITION BY s, " same " ORDER BY id) AS other FROM " table                    \
    " WHERE NOT hidden AND " text " IS NOT NULL AND " open ") AS r "                               \
    "JOIN journal_stream AS t ON t.s = r.s LEFT JOIN " FAMILY_LINE " AS f ON f.id = t.family "     \
    "WHERE ?1 IS NOT NULL AND r.other IS NOT NULL"

static const struct rule {
    const char *word;
    const char *said;
    const char *sql;
} rules[] = {
    {"visit-after-close", N_("a visit after the help was ended"),
     "SELECT t.family, r.id, NULL, r.date, NULL" OF("index_contact")
     "WHERE ?1 IS NOT NULL AND r.date > f.closed AND r.withdrawn IS NOT 1 AND NOT r.hidden"},
    {"visit-in-future", N_("a visit on a day that has not come"),
     "SELECT t.family, r.id, NULL, r.date, NULL" OF("index_contact")
     "WHERE r.date > ?1 AND r.withdrawn IS NOT 1 AND NOT r.hidden"},
    {"goal-twice", N_("the same goal twice"),
     TWICE("file_goal", "text", "text", "coalesce(status, 'open') = 'open'") " AND f.closed IS NULL"},
    {"agreement-twice", N_("the same agreement twice"),
     TWICE("file_agreement", "text", "text, due", "coalesce(done, 0) = 0") " AND f.closed IS NULL"},
    {"member-twice", N_("the same member of the family twice"),
     TWICE("file_member", "given_name", "given_name, surname, birth_date", "1")},
    /* A lookup takes names for one that differ in capitals alone. */
    {"name-twice", N_("two families with one code name"),
     "SELECT f.id, f.id, f.other, NULL, f.code_name FROM (SELECT id, code_name, "
     "lead(id) OVER (PARTITION BY code_name COLLATE folded ORDER BY id) AS other FROM " FAMILY_LINE
     " WHERE closed IS NULL AND code_name IS NOT NULL) AS f WHERE ?1 IS NOT NULL AND f.other IS NOT NULL"},
    {"family-without-name", N_("a family without a code name"),
     "SELECT t.family, t.family, NULL, NULL, NULL FROM journal_stream AS t LEFT JOIN " FAMILY_LINE
     " AS f ON f.id = t.family WHERE ?1 IS NOT NULL AND t.kind = 3 AND f.code_name IS NULL "
     "AND t.s IN (SELECT s FROM journal_record)"},
};
_Static_assert(STREAM_INDEX == 3, "a rule asks for streams of that kind");

enum { RULES = sizeof rules / sizeof rules[0] };
/* Fields of a dismissal. */
enum { RULE = 1, DISMISSED, REASON };

const char *
rules_say(const char *rule)
{
    for (size_t i = 0; i < RULES; i++)
        if (strcmp(rules[i].word, rule) == 0)
            return _(rules[i].said);
    return rule;
}

/* The first sixteen bytes of a hash over the rule and its records. */
static enum rc
derive(struct rule_finding *finding)
{
    struct buf bytes = BUF_EMPTY(256);
    uint8_t hash[CRYPTO_HASH_BYTES];
    enum rc rc = buf_put_text(&bytes, finding->rule);

    for (size_t i = 0; rc == RC_OK && i < RULES_RECORDS; i++)
        rc = buf_put(&bytes, finding->records[i].bytes, ID_BYTES);
    if (rc == RC_OK) {
        crypto_hash_once("baken rule 1", bytes.data, bytes.len, hash);
        memcpy(finding->id.bytes, hash, ID_BYTES);
    }
    buf_wipe(&bytes);
    return rc;
}

/* What the family's own file says of a finding. */
struct dismissing {
    struct rule_finding *finding;
    struct texts *texts;
};

static enum rc
read_dismissal(void *context, const struct current *current)
{
    struct dismissing *dismissing = context;
    struct rule_finding *finding = dismissing->finding;
    struct field fields[CHANGE_FIELDS];
    size_t count = 0;

    if (!current->is_shown)
        return RC_OK;
    enum rc rc = value_read(current->value, current->value_len, fields, &count);
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        if (fields[i].number == DISMISSED && fields[i].type == FIELD_INT)
            finding->is_dismissed = fields[i].integer == 1;
        if (fields[i].number != REASON || fields[i].type != FIELD_TEXT)
            continue;
        char *copy = strndup((const char *)fields[i].bytes, fields[i].len);
        rc = copy == NULL ? rc_nomem() : texts_copy(dismissing->texts, copy, &finding->reason);
        free(copy);
    }
    finding->by = current->person;
    finding->at_ms = hlc_ms(current->hlc);
    return rc;
}

static enum rc
note_dismissal(struct journal *journal, struct rule_finding *finding, struct texts *texts)
{
    struct dismissing dismissing = {finding, texts};
    struct id file;
    enum rc rc = journal_find_stream(journal, finding->family, STREAM_FILE, &file);

    if (rc == RC_OK)
        rc = journal_current(journal, file, ENTITY_DISMISSAL, finding->id, 1, read_dismissal, &dismissing);
    return rc == RC_ABSENT ? RC_OK : rc; /* the file is not here, or holds none */
}

/* Findings are gathered before they are visited: a visitor may ask the journal too. Their texts are their own. */
struct gathered {
    struct rule_finding *items;
    size_t count, room;
    struct texts texts;
};

static enum rc
gather(struct gathered *g, const struct rule_finding *finding)
{
    if (g->count == g->room) {
        size_t room = g->room == 0 ? 16 : g->room * 2;
        struct rule_finding *grown = realloc(g->items, room * sizeof *grown);
        if (grown == NULL)
            return rc_nomem();
        g->items = grown;
        g->room = room;
    }
    struct rule_finding *kept = &g->items[g->count++];
    *kept = *finding;
    enum rc rc = texts_copy(&g->texts, finding->text, &kept->text);
    return rc == RC_OK ? derive(kept) : rc;
}

static enum rc
read_finding(struct stmt *stmt, struct rule_finding *finding)
{
    enum rc rc = stmt_get_id(stmt, 0, &finding->family);

    if (rc == RC_OK)
        rc = stmt_get_id(stmt, 1, &finding->records[0]);
    if (rc == RC_OK && !stmt_is_null(stmt, 2))
        rc = stmt_get_id(stmt, 2, &finding->records[1]);
    finding->date = get_u32(stmt, 3);
    finding->text = stmt_get_text(stmt, 4);
    return rc;
}

static enum rc
run(struct journal *journal, const struct rule *rule, uint32_t today, struct gathered *g)
{
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(journal_db(journal), rule->sql, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, today);
    while (rc == RC_OK && row) {
        struct rule_finding finding = {.rule = rule->word};
        rc = stmt_step(stmt, &row);
        if (rc == RC_OK && row)
            rc = read_finding(stmt, &finding);
        if (rc == RC_OK && row)
            rc = gather(g, &finding);
    }
    stmt_done(stmt);
    return rc;
}

static int
compare_findings(const void *a, const void *b)
{
    const struct rule_finding *x = a, *y = b;
    int by = id_compare(x->family, y->family);

    if (by == 0)
        by = strcmp(x->rule, y->rule);
    if (by == 0)
        by = id_compare(x->records[0], y->records[0]);
    return by != 0 ? by : id_compare(x->records[1], y->records[1]);
}

static enum rc
visit_named(struct journal *journal, struct rule_finding *finding, struct texts *texts, rules_fn visit, void *context)
{
    struct stmt *stmt;
    bool row = false;
    enum rc rc = db_stmt(journal_db(journal), "SELECT code_name FROM " FAMILY_LINE " WHERE id = ?1", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, finding->family);
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row)
        rc = texts_copy(texts, stmt_get_text(stmt, 0), &finding->family_name);
    stmt_done(stmt);
    return rc == RC_OK ? visit(context, finding) : rc;
}

static enum rc
visit_one(struct journal *journal, struct rule_finding *finding, bool all, rules_fn visit, void *context)
{
    struct texts texts = TEXTS_EMPTY;
    enum rc rc = note_dismissal(journal, finding, &texts);

    if (rc == RC_OK && (all || !finding->is_dismissed))
        rc = visit_named(journal, finding, &texts, visit, context);
    texts_wipe(&texts);
    return rc;
}

static enum rc
list(struct journal *journal, uint32_t today, bool all, rules_fn visit, void *context)
{
    struct gathered g = {.texts = TEXTS_EMPTY};
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < RULES; i++)
        rc = run(journal, &rules[i], today, &g);
    if (rc == RC_OK && g.count > 1)
        qsort(g.items, g.count, sizeof *g.items, compare_findings);
    for (size_t i = 0; rc == RC_OK && i < g.count; i++)
        if (i == 0 || compare_findings(&g.items[i - 1], &g.items[i]) != 0)
            rc = visit_one(journal, &g.items[i], all, visit, context);
    texts_wipe(&g.texts);
    free(g.items);
    return rc;
}

enum rc
rules_list(struct journal *journal, uint32_t today, rules_fn visit, void *context)
{
    return list(journal, today, false, visit, context);
}

enum rc
rules_list_all(struct journal *journal, uint32_t today, rules_fn visit, void *context)
{
    return list(journal, today, true, visit, context);
}

struct wanted {
    const char *text;
    struct rule_finding *found;
    size_t count;
};

static enum rc
match(void *context, const struct rule_finding *finding)
{
    struct wanted *wanted = context;

    if (!id_matches(finding->id, wanted->text))
        return RC_OK;
    *wanted->found = *finding;
    wanted->found->text = wanted->found->family_name = wanted->found->reason = NULL;
    wanted->count++;
    return RC_OK;
}

enum rc
rules_find(struct journal *journal, uint32_t today, const char *text, struct rule_finding *finding)
{
    struct wanted wanted = {text, finding, 0};
    enum rc rc = rules_list_all(journal, today, match, &wanted);

    if (rc == RC_OK && wanted.count == 0)
        rc = rc_fail(RC_ABSENT, _("there is no finding `%s`"), text);
    if (rc == RC_OK && wanted.count > 1)
        rc = rc_fail(RC_AMBIGUOUS, _("more than one thing answers to `%s`"), text);
    return rc;
}

static enum rc
write(struct journal *journal, struct change_set *set, const struct rule_finding *finding, bool is_dismissed,
      const char *reason)
{
    struct facts facts = {.id = finding->id, .family = finding->family};
    struct draft d = draft_start(journal, set, ENTITY_DISMISSAL, &facts);

    draft_slug(&d, RULE, finding->rule);
    draft_int(&d, DISMISSED, is_dismissed);
    draft_text(&d, REASON, reason);
    draft_unit(&d, 1);
    return draft_finish(&d);
}

enum rc
rules_dismiss(struct journal *journal, struct change_set *set, const struct rule_finding *finding,
              const char *reason)
{
    return write(journal, set, finding, true, reason);
}

enum rc
rules_reopen(struct journal *journal, struct change_set *set, const struct rule_finding *finding,
             const char *reason)
{
    if (!finding->is_dismissed)
        return rc_fail(RC_STALE, _("nobody has dismissed this"));
    return write(journal, set, finding, false, reason);
}

/* ---- new ones ----------------------------------------------------------------------------------------- */

static enum rc
note_id(void *context, const struct rule_finding *finding)
{
    struct rules_known *known = context;

    if (known->count == known->room) {
        size_t room = known->room == 0 ? 16 : known->room * 2;
        struct id *grown = realloc(known->ids, room * sizeof *grown);
        if (grown == NULL)
            return rc_nomem();
        known->ids = grown;
        known->room = room;
    }
    known->ids[known->count++] = finding->id;
    return RC_OK;
}

static int
compare_ids(const void *a, const void *b)
{
    const struct id *x = a, *y = b;

    return id_compare(*x, *y);
}

enum rc
rules_know(struct journal *journal, uint32_t today, struct rules_known *known)
{
    *known = (struct rules_known){.ids = NULL};
    enum rc rc = rules_list(journal, today, note_id, known);

    if (rc == RC_OK && known->count > 1)
        qsort(known->ids, known->count, sizeof *known->ids, compare_ids);
    if (rc != RC_OK)
        rules_known_free(known);
    return rc;
}

size_t
rules_new(const struct rules_known *before, const struct rules_known *now)
{
    size_t count = 0;

    for (size_t i = 0; i < now->count; i++)
        count += before->count == 0 || bsearch(&now->ids[i], before->ids, before->count,
                                               sizeof *before->ids, compare_ids) == NULL;
    return count;
}

void
rules_known_free(struct rules_known *known)
{
    free(known->ids);
    *known = (struct rules_known){.ids = NULL};
}
