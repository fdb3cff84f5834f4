/* What a person typed or piped: dates, numbers, words and long texts, each with its sentence when it cannot be. */
#include "cli/command.h"

#include "cli/interrupt.h"
#include "cli/words.h"
#include "core/durable.h"
#include "core/i18n.h"
#include "core/schema.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHORT_TEXT_BYTES = 4096, BLOCK_BYTES = 65536, WRITER_MS = 5000 };

const char *
call_option(const struct call *call, enum option option)
{
    return options_get(&call->options, option);
}

bool
call_has(const struct call *call, enum option option)
{
    return call_option(call, option) != NULL;
}

enum rc
call_need(const struct call *call, enum option option, const char **value)
{
    char said[OPTIONS_SAID_BYTES];

    *value = call_option(call, option);
    if (*value == NULL || (*value)[0] == '\0')
        return rc_fail(RC_INVALID, _("--%s is needed here: baken %s%s%s %s"), option_name(option),
                       call->command->noun, call->command->verb == NULL ? "" : " ",
                       call->command->verb == NULL ? "" : call->command->verb,
                       options_say(call->command->words, said));
    return RC_OK;
}

/* yyyymmdd. */
static uint32_t
date_number(struct date date)
{
    return (uint32_t)(date.year * 10000 + date.month * 100 + date.day);
}

uint32_t
call_today(const struct call *call)
{
    return date_number(date_today(&call->clock));
}

enum rc
call_date(const struct call *call, enum option option, uint32_t otherwise, uint32_t *date)
{
    const char *text = call_option(call, option);
    struct date parsed;
    enum rc rc;

    *date = otherwise;
    if (text == NULL)
        return RC_OK;
    rc = date_parse(text, &parsed);
    if (rc != RC_OK)
        return rc_while(rc, "--%s", option_name(option));
    *date = date_number(parsed);
    return RC_OK;
}

enum rc
call_number(const struct call *call, enum option option, uint32_t least, uint32_t most,
            uint32_t otherwise, uint32_t *number)
{
    const char *text = call_option(call, option);
    char *end = NULL;

    *number = otherwise;
    if (text == NULL)
        return RC_OK;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < least ||
        value > most)
        return rc_fail(RC_INVALID, _("--%s is not a whole number from %u to %u"),
                       option_name(option), (unsigned)least, (unsigned)most);
    *number = (uint32_t)value;
    return RC_OK;
}

enum rc
call_moment(const char *text, bool is_end, int64_t *ms)
{
    char moment[DATE_TEXT_BYTES + 6];
    struct date date;
    enum rc rc;

    if (strchr(text, ':') != NULL)
        return time_parse(text, ms);
    rc = date_parse(text, &date);
    if (rc != RC_OK)
        return rc;
    date_to_text(is_end ? date_add_days(date, 1) : date, moment);
    (void)snprintf(moment + DATE_TEXT_BYTES - 1, 7, " 00:00");
    return time_parse(moment, ms);
}

enum rc
input_text(const char *typed, const char *what, struct texts *texts, const char **text)
{
    struct buf normal = BUF_EMPTY(SHORT_TEXT_BYTES);
    enum rc rc = text_normalise(typed, strlen(typed), SHORT_TEXT_BYTES, what, &normal);

    *text = NULL;
    if (rc != RC_OK)
        goto out;
    input_trim(&normal);
    const char *copy = buf_text(&normal);
    rc = copy == NULL ? rc_nomem() : texts_copy(texts, copy, text);
out:
    buf_wipe(&normal);
    return rc;
}

enum rc
call_text(const struct call *call, enum option option, struct texts *texts, const char **text)
{
    const char *typed = call_option(call, option);

    *text = NULL;
    return typed == NULL ? RC_OK : input_text(typed, option_name(option), texts, text);
}

enum rc
call_need_text(const struct call *call, enum option option, struct texts *texts, const char **text)
{
    enum rc rc = call_need(call, option, text);

    return rc == RC_OK ? call_text(call, option, texts, text) : rc;
}

enum rc
call_word(const struct call *call, enum option option, const char *const *known,
          const char *otherwise, const char **word)
{
    const char *typed = call_option(call, option);
    char list[WORDS_LIST_BYTES];

    *word = otherwise;
    if (typed == NULL)
        return RC_OK;
    *word = words_meant(typed, known);
    if (*word != NULL)
        return RC_OK;
    return rc_fail(RC_INVALID, _("--%s is not one of: %s"), option_name(option), words_list(known, list));
}

enum rc
call_own_word(const struct call *call, enum option option, struct texts *texts, const char **word)
{
    char small[SHORT_TEXT_BYTES + 1];
    enum rc rc = call_text(call, option, texts, word);

    if (rc != RC_OK || *word == NULL)
        return rc;
    for (size_t i = 0, len = strlen(*word); i <= len; i++)
        small[i] = (char)((*word)[i] >= 'A' && (*word)[i] <= 'Z' ? (*word)[i] - 'A' + 'a' : (*word)[i]);
    return schema_check_slug(small) == RC_OK ? texts_copy(texts, small, word) : schema_check_slug(*word);
}

enum rc
call_word_or_own(const struct call *call, enum option option, const char *const *known, struct texts *texts, const char **word)
{
    const char *own = NULL;
    enum rc rc = call_text(call, option, texts, &own);

    if (rc != RC_OK || own == NULL)
        return rc;
    *word = words_meant(own, known);
    return *word != NULL ? RC_OK : call_own_word(call, option, texts, word);
}

void
input_trim(struct buf *text)
{
    size_t start = 0;

    while (text->len > 0 && strchr(" \t\r\n", text->data[text->len - 1]) != NULL &&
           text->data[text->len - 1] != '\0')
        text->len--;
    while (start < text->len && text->data[start] != '\0' &&
           strchr(" \t\r\n", text->data[start]) != NULL)
        start++;
    if (start > 0)
        memmove(text->data, text->data + start, text->len - start);
    text->len -= start;
}

/* One byte over the ceiling is read, to know that there is more. */
static enum rc
read_all(int descriptor, size_t ceiling_bytes, const char *what, struct buf *out)
{
    struct buf all = BUF_EMPTY(ceiling_bytes + BLOCK_BYTES);
    enum rc rc = RC_OK;

    while (all.len <= ceiling_bytes) {
        uint8_t *room = NULL;
        rc = buf_extend(&all, BLOCK_BYTES, &room);
        if (rc != RC_OK)
            goto out;
        ssize_t got = read(descriptor, room, BLOCK_BYTES);
        if (got < 0 && errno != EINTR) {
            rc = rc_fail(RC_IO, _("%s cannot be read: %s"), what, strerror(errno));
            goto out;
        }
        all.len -= BLOCK_BYTES - (size_t)(got < 0 ? 0 : got);
        if (got == 0)
            break;
    }
    if (all.len > ceiling_bytes)
        rc = rc_fail(RC_TOO_LARGE, _("%s is larger than %zu KiB"), what, ceiling_bytes / 1024);
    else
        rc = buf_put(out, all.data, all.len);
out:
    buf_wipe(&all);
    return rc;
}

/* A pipe in the file system that nobody writes to would be waited for without end: somebody left it where a file was expected. */
static enum rc
await_writer(int descriptor, const char *path)
{
    struct pollfd waits = {.fd = descriptor, .events = POLLIN};
    struct stat status;
    char byte;

    if (fstat(descriptor, &status) != 0)
        return rc_fail(RC_IO, _("the file %s cannot be read: %s"), path, strerror(errno));
    if (!S_ISFIFO(status.st_mode) || poll(&waits, 1, WRITER_MS) != 0 || read(descriptor, &byte, 1) < 0)
        return RC_OK; /* something came, or somebody writes */
    return rc_fail(RC_IO, _("the file %s cannot be read: it is a pipe, and nobody writes to it"), path);
}

static enum rc
read_path(const char *path, size_t ceiling_bytes, const char *what, struct buf *out)
{
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (descriptor < 0) {
        enum rc code = errno == ENOENT ? RC_ABSENT : errno == EACCES ? RC_DENIED : RC_IO;
        return rc_fail(code, _("the file %s cannot be read: %s"), path, strerror(errno));
    }
    enum rc rc = await_writer(descriptor, path);
    if (rc == RC_OK && fcntl(descriptor, F_SETFL, 0) != 0) /* from here on waiting is right */
        rc = rc_fail(RC_IO, _("the file %s cannot be read: %s"), path, strerror(errno));
    if (rc == RC_OK)
        rc = read_all(descriptor, ceiling_bytes, what, out);
    (void)close(descriptor);
    return rc;
}

enum rc
input_read(struct call *call, const char *path, size_t ceiling_bytes, const char *what,
           struct buf *out)
{
    progress_step(&call->out.progress, NULL); /* standard input may be the keyboard */
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, ceiling_bytes, what, out);

    progress_step(&call->out.progress, _("reading the file"));
    enum rc rc = read_path(path, ceiling_bytes, what, out);
    progress_step(&call->out.progress, NULL);
    if (rc == RC_ABSENT || rc == RC_DENIED || rc == RC_IO)
        call->ending.advice = _("look at the name and the rights of the file and do it again");
    return rc;
}

/* What is full is told as that: room helps, and the doctor does not. */
static bool
is_full(int error)
{
    return error == ENOSPC || error == EDQUOT;
}

static enum rc
make_new(struct call *call, const char *path, int *descriptor)
{
    *descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (*descriptor >= 0)
        return RC_OK;
    enum rc rc = errno == EEXIST ? RC_EXISTS : errno == ENOENT ? RC_ABSENT : is_full(errno) ? RC_FULL : RC_IO;
    if (rc != RC_EXISTS && rc != RC_FULL)
        call->ending.advice = _("look at the directory and its rights, or choose another file");
    return rc_fail(rc, _("the file %s cannot be made: %s"), path, strerror(errno));
}

enum rc
output_try(struct call *call, const char *path)
{
    sigset_t before;
    int descriptor;

    interrupt_hold(&before);
    enum rc rc = make_new(call, path, &descriptor);
    if (rc == RC_OK) {
        (void)close(descriptor);
        (void)unlink(path);
    }
    interrupt_release(&before);
    return rc;
}

static enum rc
fail_writing(const char *path)
{
    int error = errno;

    return rc_fail(is_full(error) ? RC_FULL : RC_IO, _("the file %s cannot be written: %s"), path, strerror(error));
}

/* Until it is on the disk. */
static enum rc
fill(int descriptor, const char *path, const struct buf *content)
{
    for (size_t done = 0; done < content->len;) {
        ssize_t put = write(descriptor, content->data + done, content->len - done);
        if (put < 0 && errno != EINTR)
            return fail_writing(path);
        done += put < 0 ? 0 : (size_t)put;
    }
    return fsync(descriptor) == 0 ? RC_OK : fail_writing(path);
}

/* A file stays after a power cut only when its name does. */
static enum rc
keep_name(const char *path)
{
    char copy[PATH_MAX];
    int len = snprintf(copy, sizeof copy, "%s", path);

    if (len < 0 || (size_t)len >= sizeof copy)
        return rc_fail(RC_TOO_LARGE, _("the path is too long"));
    return durable_sync_directory(dirname(copy));
}

static enum rc
write_new(struct call *call, const char *path, const struct buf *content)
{
    int descriptor;
    enum rc rc = make_new(call, path, &descriptor);

    if (rc != RC_OK)
        return rc;
    rc = fill(descriptor, path, content);
    if (close(descriptor) != 0 && rc == RC_OK)
        rc = fail_writing(path);
    if (rc == RC_OK)
        rc = keep_name(path);
    if (rc != RC_OK)
        (void)unlink(path);
    return rc;
}

enum rc
output_new_file(struct call *call, const char *path, const struct buf *content)
{
    sigset_t before;

    interrupt_hold(&before); /* no half file */
    enum rc rc = write_new(call, path, content);
    interrupt_release(&before);
    return rc;
}

/* Whether it comes from standard input: then *file is "-", else NULL. */
static enum rc
ask_note(struct call *call, enum note_wish wish, const char **file)
{
    bool is_typed = isatty(STDIN_FILENO) == 1;

    *file = NULL;
    if (wish == NOTE_IF_NAMED || (wish == NOTE_IF_ANY && is_typed && call_has(call, OPT_NO_INPUT)))
        return RC_OK;
    if (is_typed && call_has(call, OPT_NO_INPUT))
        return rc_fail(RC_INVALID, _("there is no text: give --note-file or standard input"));
    if (is_typed)
        (void)fprintf(stderr, "%s\n", _("Type the text; end with Ctrl-D on a line of its own."));
    *file = "-";
    return RC_OK;
}

static enum rc
read_note(struct call *call, const char *typed, const char *file, struct buf *note)
{
    struct buf raw = BUF_EMPTY((size_t)CHANGE_NOTE_BYTES + 1);
    enum rc rc = RC_OK;

    if (typed == NULL)
        rc = input_read(call, file, CHANGE_NOTE_BYTES, _("the text"), &raw);
    else if (strlen(typed) > CHANGE_NOTE_BYTES)
        rc = rc_fail(RC_TOO_LARGE, _("the text is larger than 256 KiB"));
    else
        rc = buf_put(&raw, typed, strlen(typed));
    if (rc == RC_OK)
        rc = text_normalise(raw.data, raw.len, CHANGE_NOTE_BYTES, _("the text"), note);
    if (rc == RC_OK)
        input_trim(note);
    buf_wipe(&raw);
    return rc;
}

enum rc
call_note(struct call *call, enum note_wish wish, struct texts *texts, const char **text)
{
    const char *typed = call_option(call, OPT_TEXT), *file = call_option(call, OPT_NOTE_FILE);
    bool is_named = typed != NULL || file != NULL;
    struct buf note = BUF_EMPTY(CHANGE_NOTE_BYTES);

    if (typed != NULL && file != NULL)
        return rc_fail(RC_INVALID, _("--text and --note-file do not go together"));
    enum rc rc = is_named ? RC_OK : ask_note(call, wish, &file);
    if (rc != RC_OK || (typed == NULL && file == NULL))
        return rc;
    rc = read_note(call, typed, file, &note);
    if (rc == RC_OK && note.len > 0) {
        const char *read = buf_text(&note);
        rc = read == NULL ? rc_nomem() : texts_copy(texts, read, text);
    } else if (rc == RC_OK && (is_named || wish == NOTE_NEEDED)) {
        rc = rc_fail(RC_INVALID, _("the text is empty: give it on standard input, or with --text or "
                                   "--note-file"));
    }
    buf_wipe(&note);
    return rc;
}

/* The bit of a word that was typed, 0 when it is that of no role. */
static uint32_t
role_of(const char *typed)
{
    const char *const *words = words_roles();
    const char *word = words_meant(typed, words);

    for (unsigned bit = 0; word != NULL && words[bit] != NULL; bit++)
        if (words[bit] == word)
            return UINT32_C(1) << bit;
    return 0;
}

enum rc
input_roles(const char *list, uint32_t *roles)
{
    char known[WORDS_LIST_BYTES];

    *roles = 0;
    for (const char *at = list;;) {
        size_t len = strcspn(at, ",");
        char typed[64];
        (void)snprintf(typed, sizeof typed, "%.*s", (int)(len < sizeof typed ? len : sizeof typed), at);
        uint32_t role = role_of(typed);
        if (role == 0)
            return rc_fail(RC_INVALID, _("`%.*s` is not a role; roles are: %s"), (int)(len < 40 ? len : 40), at,
                           words_list(words_roles(), known));
        *roles |= role;
        if (at[len] == '\0')
            return RC_OK;
        at += len + 1;
    }
}
