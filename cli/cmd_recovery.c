/* The recovery sheet: made, shown or written as a page to print. */
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/qr.h"
#include "cli/unlock.h"
#include "core/i18n.h"
#include "core/sheet.h"

#include <string.h>

enum {
    PATH_CEILING_BYTES = 4096,
    PAGE_CEILING_BYTES = 128 * 1024,
    GROUPS_A_LINE = 4,
    GROUP_STRIDE = SHEET_GROUP_CHARS + 1,
};

/* A sheet as it is shown. `groups` ends in NUL. */
struct shown {
    struct buf groups;
    struct qr qr;
    char day[DATE_TEXT_BYTES];
    struct id store;
};

static void
shown_wipe(struct shown *shown)
{
    buf_wipe(&shown->groups);
    qr_wipe(&shown->qr);
}

static enum rc
show(struct call *call, struct id store, const struct secret *sheet, struct shown *shown)
{
    struct secret text = SECRET_EMPTY;
    enum rc rc = sheet_to_text(sheet, &text);

    if (rc == RC_OK)
        rc = buf_put(&shown->groups, text.bytes, text.len);
    if (rc == RC_OK && buf_text(&shown->groups) == NULL)
        rc = rc_nomem();
    if (rc == RC_OK)
        rc = qr_make(buf_text(&shown->groups), &shown->qr);
    date_to_text(date_today(&call->clock), shown->day);
    shown->store = store;
    secret_wipe(&text);
    return rc;
}

/* ---- a page to print ---- */

static const char STYLE[] =
    "@page{margin:2cm}body{font:12pt/1.4 sans-serif;max-width:17cm;margin:2cm auto;color:#000;background:#fff}"
    "svg{width:6cm;height:6cm;float:right}p.groups{font:bold 20pt/1.8 monospace;letter-spacing:.08em}"
    "p.groups span{white-space:nowrap;margin-right:.8em}p{clear:none}";

static enum rc
put_groups(const char *groups, struct buf *page)
{
    enum rc rc = buf_printf(page, "<p class=\"groups\">");

    for (int i = 0; i < SHEET_GROUPS && rc == RC_OK; i++)
        rc = buf_printf(page, "<span>%.*s</span>%s", SHEET_GROUP_CHARS, groups + i * GROUP_STRIDE,
                        i % GROUPS_A_LINE == GROUPS_A_LINE - 1 ? "<br>" : " ");
    return rc == RC_OK ? buf_printf(page, "</p>\n") : rc;
}

/* Nothing in it comes from outside: there is nothing to escape. */
static enum rc
make_page(const struct shown *shown, struct buf *page)
{
    const char *const words[] = {
        _("With this sheet the store opens when the passphrase is forgotten. Whoever has the sheet and the computer can "
          "read all that is in it."),
        _("Print this page and delete the file. Keep the paper where you keep your passport: not in the same bag as the "
          "laptop, and not as a photograph."),
        _("To use it: <b>baken unlock --recovery</b> asks for the groups, and <b>baken passphrase change --recovery</b> "
          "sets a new passphrase. Small letters will do; O counts as 0, I and L as 1."),
        _("A new passphrase leaves this sheet valid; <b>baken recovery print</b> makes a new sheet and ends this one."),
        _("A backup opens only with the passphrase or the sheet of when it was made: keep this sheet, also when there is a "
          "newer one, until no backup of its time is left, and destroy it then."),
    };
    char store[ID_TEXT_CHARS + 1];
    enum rc rc = buf_printf(page,
                            "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><title>%s</title>"
                            "<style>%s</style></head><body>\n<h1>%s</h1>\n",
                            _("en"), _("Baken: recovery sheet"), STYLE, _("Baken: recovery sheet"));

    id_to_text(shown->store, store);
    if (rc == RC_OK)
        rc = qr_to_svg(&shown->qr, page);
    if (rc == RC_OK)
        rc = buf_printf(page, "\n<p>%s %s<br>%s %s</p>\n", _("Made on"), shown->day, _("For the store"), store);
    if (rc == RC_OK)
        rc = put_groups((const char *)shown->groups.data, page);
    for (size_t i = 0; i < sizeof words / sizeof words[0] && rc == RC_OK; i++)
        rc = buf_printf(page, "<p>%s</p>\n", words[i]);
    return rc == RC_OK ? buf_printf(page, "</body></html>\n") : rc;
}

/* ---- on the terminal ---- */

static enum rc
out_sheet(struct call *call, const struct shown *shown)
{
    const char *groups = (const char *)shown->groups.data;
    struct buf blocks = BUF_EMPTY(PAGE_CEILING_BYTES);
    enum rc rc = RC_OK;

    out_text(&call->out, "sheet", NULL, groups);
    if (call->out.width > 0) {
        rc = qr_to_blocks(&shown->qr, call->out.has_colour, &blocks);
        if (rc == RC_OK && buf_text(&blocks) == NULL)
            rc = rc_nomem();
        if (rc == RC_OK)
            out_drawing(&call->out, buf_text(&blocks));
    }
    out_line(&call->out, "%s", "");
    for (int i = 0; i < SHEET_GROUPS; i += GROUPS_A_LINE)
        out_line(&call->out, "    %.*s", GROUPS_A_LINE * GROUP_STRIDE - 1, groups + i * GROUP_STRIDE);
    out_line(&call->out, "\n%s",
             _("Write it down or print it: it is not shown again. Keep it away from the laptop; whoever has both can "
               "read everything. `baken unlock --recovery` asks for it."));
    buf_wipe(&blocks);
    return rc;
}

/* Its slot stands by now: where no file takes the page, the answer has the sheet. */
static enum rc
give(struct call *call, const char *output, const struct shown *shown)
{
    struct buf page = BUF_EMPTY(PAGE_CEILING_BYTES);
    enum rc rc = RC_OK;

    if (output != NULL) {
        rc = make_page(shown, &page);
        if (rc == RC_OK)
            rc = output_new_file(call, output, &page);
        if (rc != RC_OK) {
            out_notice(&call->out, "no_file", "%s", rc_sentence());
            call->exit = EXIT_PARTLY;
        }
    }
    bool is_in_file = output != NULL && rc == RC_OK;
    out_text(&call->out, "file", _("Recovery sheet in"), is_in_file ? output : NULL);
    if (is_in_file) {
        out_text(&call->out, "sheet", NULL, NULL);
        out_line(&call->out, "%s",
                 _("Print it and delete the file. Keep the paper away from the laptop; whoever has both can read "
                   "everything."));
    } else {
        rc = out_sheet(call, shown);
        /* Of an answer that cannot be written. */
        call->ending.safe = _("the store has a new recovery sheet, which nobody saw, and any of before is void");
        call->ending.advice = _("do it again");
    }
    buf_wipe(&page);
    return rc;
}

static enum rc
set_sheet(struct call *call, const char *directory, const struct secret *key, const struct secret *sheet)
{
    struct interrupt_later later;

    progress_step(&call->out.progress, _("making the recovery sheet"));
    interrupt_hold_later(&later, &call->clock);
    enum rc rc = store_key_set_sheet(directory, &later.clock, key, sheet);
    if (rc != RC_OK) /* else the sheet of before is void, and this one must be shown */
        interrupt_release_later(&later);
    return rc;
}

enum rc
cmd_recovery_print(struct call *call)
{
    struct shown shown = {.groups = BUF_EMPTY(SHEET_TEXT_CHARS + 16), .qr = QR_EMPTY};
    struct secret key = SECRET_EMPTY, sheet = SECRET_EMPTY;
    struct buf path = BUF_EMPTY(PATH_CEILING_BYTES);
    const char *output = call_option(call, OPT_OUTPUT), *directory = NULL;
    struct store_slots slots;
    enum rc rc = unlock_read_slots(call, &path, &directory, &slots);

    if (rc == RC_OK)
        rc = unlock_slots(call, directory, &slots, &key);
    if (rc == RC_OK)
        rc = sheet_make(&sheet);
    if (rc == RC_OK)
        rc = show(call, slots.store, &sheet, &shown);
    if (rc == RC_OK && output != NULL)
        rc = output_try(call, output);
    if (rc == RC_OK)
        rc = set_sheet(call, directory, &key, &sheet);
    if (rc != RC_OK)
        goto out;
    out_text(&call->out, "directory", NULL, directory);
    out_bool(&call->out, "has_replaced", NULL, store_key_has_sheet(&slots));
    rc = give(call, output, &shown);
    if (store_key_has_sheet(&slots))
        out_notice(&call->out, "old_sheet", "%s",
                   _("The sheet of before opens this store no more, only backups of before: make a new backup, then "
                     "destroy it."));
out:
    shown_wipe(&shown);
    secret_wipe(&sheet);
    secret_wipe(&key);
    buf_wipe(&path);
    return rc;
}
