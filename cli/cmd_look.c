/* Looking at the work: today, the caseload of the team, and search. */
#include "cli/commands.h"
#include "cli/words.h"
#include "core/caseload.h"
#include "core/i18n.h"
#include "core/rules.h"
#include "core/schema.h"
#include "core/search.h"
#include "core/today.h"
#include "sync/ledger.h"

#include <string.h>

enum { LIMIT_MOST = 1000 };

static const char *
today_word(enum today_kind kind)
{
    switch (kind) {
    case TODAY_AGREEMENT:
        return "agreement";
    case TODAY_GOAL:
        return "goal";
    case TODAY_APPOINTMENT:
        return "appointment";
    case TODAY_BIRTHDAY:
        return "birthday";
    case TODAY_EXPECTED:
        return "expected";
    }
    return NULL;
}

static enum rc
row_today(void *context, const struct today_item *item)
{
    struct call *call = context;
    bool is_overdue = item->date < call_today(call);

    out_row(&call->out);
    out_id(&call->out, "record", _("Id"), item->record);
    out_date(&call->out, "date", _("Date"), item->date);
    out_bool(&call->out, "is_overdue", NULL, is_overdue);
    out_text(&call->out, NULL, "", is_overdue ? _("overdue") : "");
    out_word(&call->out, "kind", _("What"), today_word(item->kind),
             words_say(today_word(item->kind)));
    out_id(&call->out, "family_id", NULL, item->family);
    out_text(&call->out, "family_name", _("Family"), item->family_name);
    out_text(&call->out, "text", _("Text"), item->text);
    if (item->kind == TODAY_BIRTHDAY)
        out_int(&call->out, "age", NULL, item->age);
    out_row_end(&call->out);
    return RC_OK;
}

static enum rc
count_conflict(void *context, const struct conflict *conflict)
{
    uint32_t *count = context;

    (void)conflict;
    (*count)++;
    return RC_OK;
}

/* What the team says to this person today, beside the files: covers, conflicts, waiting work. */
static enum rc
remark_today(struct call *call, bool *has_any)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_cover *cover = NULL;
    uint32_t conflicts = 0, covers = 0;
    enum rc rc = journal_conflicts(call->journal, count_conflict, &conflicts);

    for (size_t i = 0; rc == RC_OK && (cover = ledger_cover_at(ledger, i)) != NULL; i++)
        if (cover->state == LEDGER_COVER_GIVEN &&
            id_equal(cover->person, replica_self(call->replica).person) &&
            (int64_t)cover->until_ms > replica_now_ms(call->replica))
            covers++;
    out_int(&call->out, "conflicts", NULL, conflicts);
    out_int(&call->out, "covers_to_accept", NULL, covers);
    *has_any = *has_any || conflicts > 0 || covers > 0;
    if (conflicts > 0)
        out_line(&call->out, _("%u with two versions: see `baken conflicts`."), conflicts);
    if (covers > 0)
        out_line(&call->out,
                 P_("%u cover waits for your answer: see `baken cover list`.",
                    "%u covers wait for your answer: see `baken cover list`.", covers),
                 covers);
    return rc;
}

static void
out_finding(struct call *call, const struct rule_finding *finding)
{
    out_id(&call->out, "id", _("Id"), finding->id);
    out_word(&call->out, "rule", _("What"), finding->rule, rules_say(finding->rule));
    out_id(&call->out, "family_id", NULL, finding->family);
    out_text(&call->out, "family_name", _("Family"), finding->family_name);
    out_date(&call->out, "date", _("Date"), finding->date);
    out_text(&call->out, "text", _("Text"), finding->text);
    out_id(&call->out, "record", _("Record"), finding->records[0]);
    out_id(&call->out, "other", _("and"), finding->records[1]);
}

/* What nobody made alone, or nobody can have meant. */
static enum rc
row_open(void *context, const struct rule_finding *finding)
{
    struct call *call = context;

    out_row(&call->out);
    out_finding(call, finding);
    out_row_end(&call->out);
    return RC_OK;
}

static enum rc
findings_today(struct call *call, bool *has_items)
{
    if (*has_items)
        out_line(&call->out, "%s", "");
    out_list(&call->out, "findings", OUT_TABLE);
    enum rc rc = rules_list(call->journal, call_today(call), row_open, call);
    bool has_any = call->out.rows > 0;
    out_list_end(&call->out, NULL);
    if (has_any)
        out_line(&call->out, "%s", _("Look at it together; `baken dismiss ID --reason TEXT` says that it is as it should be."));
    *has_items = *has_items || has_any;
    return rc;
}

static enum rc
row_dismissed(void *context, const struct rule_finding *finding)
{
    struct call *call = context;

    if (!finding->is_dismissed)
        return RC_OK;
    out_row(&call->out);
    out_finding(call, finding);
    enum rc rc = call_out_person(call, "person", _("By"), finding->by);
    out_time(&call->out, "at", _("When"), finding->at_ms);
    out_text(&call->out, "reason", _("Why"), finding->reason);
    out_row_end(&call->out);
    return rc;
}

/* With --all: what somebody said is as it should be, and who. */
static enum rc
dismissed_today(struct call *call)
{
    if (!call_has(call, OPT_ALL))
        return RC_OK;
    out_title(&call->out, _("As it should be, somebody said"));
    out_list(&call->out, "dismissed", OUT_TABLE);
    enum rc rc = rules_list_all(call->journal, call_today(call), row_dismissed, call);
    bool has_any = call->out.rows > 0;
    out_list_end(&call->out, _("nothing"));
    if (has_any)
        out_line(&call->out, "%s", _("`baken dismiss ID --undo --reason TEXT` has it asked again."));
    return rc;
}

enum rc
cmd_dismiss(struct call *call)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct rule_finding finding;
    const char *reason = NULL;
    enum rc rc = call_need_text(call, OPT_REASON, &texts, &reason);

    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = rules_find(call->journal, call_today(call), call->words[0], &finding);
    if (rc == RC_OK && call_has(call, OPT_UNDO)) {
        rc = rules_reopen(call->journal, &set, &finding, reason);
        if (rc != RC_OK)
            call->ending.advice = _("`baken today` shows what asks for a look, `baken today --all` what was dismissed");
    } else if (rc == RC_OK) {
        rc = rules_dismiss(call->journal, &set, &finding, reason);
    }
    if (rc == RC_OK)
        rc = call_save(call, &set, "dismissal", finding.id);
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_today(struct call *call)
{
    enum rc rc = call_open_team(call);

    if (rc != RC_OK)
        return rc;
    out_date(&call->out, "date", NULL, call_today(call));
    out_list(&call->out, "items", OUT_TABLE);
    rc = today_list(call->journal, call_today(call), row_today, call);
    bool has_any = call->out.rows > 0;
    out_list_end(&call->out, NULL);
    if (rc == RC_OK)
        rc = findings_today(call, &has_any);
    if (rc == RC_OK)
        rc = remark_today(call, &has_any);
    if (rc == RC_OK && !has_any)
        out_line(&call->out, "%s", _("Nothing asks for attention today."));
    return rc == RC_OK ? dismissed_today(call) : rc;
}

/* When a colleague's devices last told what they have; 0: never. Own devices are here and now. */
static enum rc
heard_of(struct call *call, struct id person, int64_t *at_ms)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_device *device = NULL;
    struct author self = replica_self(call->replica);

    *at_ms = 0;
    if (id_equal(person, self.person)) {
        *at_ms = replica_now_ms(call->replica);
        return RC_OK;
    }
    for (size_t i = 0; (device = ledger_device_at(ledger, i)) != NULL; i++) {
        int64_t heard_ms;
        if (!id_equal(device->person, person) || !ledger_device_is_active(ledger, device->id))
            continue;
        enum rc rc = replica_heard_at(call->replica, device->id, &heard_ms);
        if (rc != RC_OK)
            return rc;
        if (heard_ms > *at_ms)
            *at_ms = heard_ms;
    }
    return RC_OK;
}

static enum rc
row_caseload(void *context, const struct caseload_line *line)
{
    struct call *call = context;
    const struct ledger_family *facts = ledger_family(replica_ledger(call->replica), line->family);
    struct id owner = facts == NULL ? (struct id){{0}} : facts->owner;
    int64_t heard_ms = 0;
    enum rc rc = facts == NULL ? RC_OK : heard_of(call, owner, &heard_ms);
    bool is_stale = replica_now_ms(call->replica) - heard_ms > CALL_STALE_DAYS * DAY_MS;

    out_row(&call->out);
    out_id(&call->out, "id", _("Id"), line->family);
    out_text(&call->out, "code_name", _("Family"), line->code_name);
    if (rc == RC_OK)
        rc = call_out_person(call, "owner", _("Owner"), owner);
    out_word(&call->out, "phase", _("Phase"), line->phase, words_say(line->phase));
    out_date(&call->out, "since", NULL, line->since);
    out_date(&call->out, "opened", NULL, line->opened);
    out_date(&call->out, "closed", NULL, line->closed);
    out_date(&call->out, "last_contact", _("Last contact"), line->last_contact);
    out_text(&call->out, "last_kind", NULL, line->last_kind);
    out_int(&call->out, "contacts_30_days", _("30 days"), line->contacts_30_days);
    out_int(&call->out, "open_goals", _("Goals"), line->open_goals);
    out_date(&call->out, "next_deadline", _("Next deadline"), line->next_deadline);
    out_int(&call->out, "overdue_goals", NULL, line->overdue_goals);
    out_int(&call->out, "overdue_agreements", NULL, line->overdue_agreements);
    out_int(&call->out, NULL, _("Overdue"),
            (int64_t)line->overdue_goals + line->overdue_agreements);
    out_date(&call->out, "last_safety", _("Safety judged"), line->last_safety);
    out_int(&call->out, "conflicts", _("Two versions"), line->conflicts);
    out_time(&call->out, "heard_of_owner_at", _("Heard of owner"), heard_ms);
    out_bool(&call->out, "is_stale", NULL, is_stale);
    out_text(&call->out, NULL, "", is_stale ? _("old picture") : "");
    out_row_end(&call->out);
    return rc;
}

/* How old each coach's part of the picture is. */
static enum rc
colleagues_freshness(struct call *call)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_person *person = NULL;
    enum rc rc = RC_OK;

    out_line(&call->out, "%s", "");
    out_list(&call->out, "colleagues", OUT_TABLE);
    for (size_t i = 0; rc == RC_OK && (person = ledger_person_at(ledger, i)) != NULL; i++) {
        int64_t heard_ms = 0;
        if (person->roles == 0)
            continue;
        rc = heard_of(call, person->id, &heard_ms);
        out_row(&call->out);
        if (rc == RC_OK)
            rc = call_out_person(call, "person", _("Colleague"), person->id);
        out_time(&call->out, "heard_at", _("Picture of"), heard_ms);
        out_bool(&call->out, "is_you", NULL,
                 id_equal(person->id, replica_self(call->replica).person));
        out_bool(&call->out, "is_stale", NULL,
                 replica_now_ms(call->replica) - heard_ms > CALL_STALE_DAYS * DAY_MS);
        out_row_end(&call->out);
    }
    out_list_end(&call->out, NULL);
    return rc;
}

enum rc
cmd_caseload(struct call *call)
{
    enum rc rc = call_open_team(call);

    if (rc != RC_OK)
        return rc;
    out_list(&call->out, "families", OUT_TABLE);
    rc =
        caseload_list(call->journal, call_today(call), call_has(call, OPT_ALL), row_caseload, call);
    out_list_end(&call->out, _("There are no families on this device."));
    return rc == RC_OK ? colleagues_freshness(call) : rc;
}

/* A byte of UTF-8 that goes on with a character. */
static bool
is_within_character(const char *text, size_t at)
{
    return ((unsigned char)text[at] & 0xC0) == 0x80;
}

enum { SNIPPET_BEFORE = 120, SNIPPET_BYTES = 600 };

/* The words found stand out: in colour on a terminal, in brackets elsewhere. The marks themselves never leave the program.
 * Sixteen words are of any length, as a colleague wrote them: what is far from the first that was found is left out. */
static enum rc
put_snippet(struct buf *out, const char *snippet)
{
    static const char left_out[] = "\xe2\x80\xa6";
    size_t mark = strcspn(snippet, SEARCH_OPEN);
    size_t from = mark > SNIPPET_BEFORE && snippet[mark] != '\0' ? mark - SNIPPET_BEFORE : 0;
    size_t len = strlen(snippet), until = len - from > SNIPPET_BYTES ? from + SNIPPET_BYTES : len;
    enum rc rc = RC_OK;

    while (from > 0 && is_within_character(snippet, from))
        from--;
    while (until < len && is_within_character(snippet, until))
        until--;
    if (from > 0)
        rc = buf_put(out, left_out, sizeof left_out - 1);
    for (size_t i = from; rc == RC_OK && i < until; i++) {
        char shown = snippet[i] == SEARCH_OPEN[0] ? '[' : snippet[i] == SEARCH_CLOSE[0] ? ']' : snippet[i];
        rc = buf_put(out, &shown, 1);
    }
    return rc == RC_OK && until < len ? buf_put(out, left_out, sizeof left_out - 1) : rc;
}

static enum rc
row_search(void *context, const struct search_hit *hit)
{
    struct call *call = context;
    const struct schema_entity *entity = schema_entity(hit->entity);
    struct buf snippet = BUF_EMPTY(2 * SNIPPET_BYTES);
    enum rc rc = put_snippet(&snippet, hit->snippet == NULL ? "" : hit->snippet);

    out_row(&call->out);
    out_id(&call->out, "record", _("Id"), hit->record);
    if (rc == RC_OK)
        rc = call_out_family(call, "family", _("Family"), hit->family);
    out_word(&call->out, "entity", _("What"), entity == NULL ? NULL : entity->name,
             words_entity(entity == NULL ? NULL : entity->name));
    out_date(&call->out, "date", _("Date"), hit->date);
    out_text(&call->out, "snippet", _("Found"), buf_text(&snippet));
    out_row_end(&call->out);
    buf_wipe(&snippet);
    return rc;
}

enum rc
cmd_search(struct call *call)
{
    struct buf words = BUF_EMPTY(4096);
    const char *family_text = call_option(call, OPT_FAMILY);
    struct id family = {{0}};
    uint32_t limit = 50;
    enum rc rc = call_number(call, OPT_LIMIT, 1, LIMIT_MOST, 50, &limit);

    for (size_t i = 0; rc == RC_OK && i < call->word_count; i++)
        rc = buf_printf(&words, "%s%s", i == 0 ? "" : " ", call->words[i]);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK && family_text != NULL)
        rc = call_family(call, family_text, &family);
    const char *text = rc == RC_OK ? buf_text(&words) : NULL;
    if (rc == RC_OK && text == NULL)
        rc = rc_nomem();
    if (rc == RC_OK) {
        out_list(&call->out, "hits", OUT_TABLE);
        rc = search(call->journal, text, family, limit, row_search, call);
        out_list_end(&call->out, _("Nothing was found."));
    }
    buf_wipe(&words);
    return rc;
}
