/* Two texts compared: cut into tokens, numbered, and the shortest way from one to the other. */
#include "core/diff.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "core/text.h"

/* ---- the shortest way ----------------------------------------------------------------------------- */

/* A piece of both lists that is still to be compared. */
struct box {
    size_t a, a_end, b, b_end;
};

struct search {
    const uint32_t *a, *b;
    uint8_t *deleted, *inserted;
    int32_t *forward, *backward; /* how far each diagonal was reached; -1: not at all */
    size_t middle;               /* where diagonal 0 stands in both */
    struct box *waiting;
    size_t count, room;
};

static enum rc
push(struct search *s, struct box box)
{
    struct box *grown = array_grow(s->waiting, &s->room, s->count + 1, sizeof *grown);
    if (grown == NULL)
        return RC_NOMEM;
    s->waiting = grown;
    s->waiting[s->count++] = box;
    return RC_OK;
}

/* Sets how far diagonal k is reached with one more step; `width` and `height` are those of the box. */
static int32_t
step(int32_t *reached, int32_t k, int32_t width, int32_t height)
{
    int32_t down = reached[k + 1];
    int32_t right = reached[k - 1];

    if (down - k > height)
        down = -1;
    right = right < 0 || right >= width ? -1 : right + 1;
    return down > right ? down : right;
}

/* Where the shortest way through the box is half done. Its first tokens differ, and its last. */
static void
find_middle(const struct search *s, const struct box *box, size_t *a_middle, size_t *b_middle)
{
    const uint32_t *a = s->a + box->a, *b = s->b + box->b;
    int32_t n = (int32_t)(box->a_end - box->a), m = (int32_t)(box->b_end - box->b);
    int32_t *f = s->forward + s->middle, *r = s->backward + s->middle;
    int32_t delta = n - m;
    bool is_odd = (delta & 1) != 0;

    f[1] = r[1] = 0;
    for (int32_t d = 0;; d++) {
        assert(d <= (n + m + 1) / 2);
        f[-d - 1] = r[-d - 1] = -1;
        if (d > 0)
            f[d + 1] = r[d + 1] = -1;
        for (int32_t k = -d; k <= d; k += 2) {
            int32_t x = step(f, k, n, m);
            while (x >= 0 && x < n && x - k < m && a[x] == b[x - k])
                x++;
            f[k] = x;
            int32_t other = delta - k;
            if (is_odd && x >= 0 && other > -d && other < d && r[other] >= 0 && x + r[other] >= n) {
                *a_middle = box->a + (size_t)x;
                *b_middle = box->b + (size_t)(x - k);
                return;
            }
        }
        for (int32_t k = -d; k <= d; k += 2) {
            int32_t x = step(r, k, n, m);
            while (x >= 0 && x < n && x - k < m && a[n - 1 - x] == b[m - 1 - (x - k)])
                x++;
            r[k] = x;
            int32_t other = delta - k;
            if (!is_odd && x >= 0 && other >= -d && other <= d && f[other] >= 0 &&
                x + f[other] >= n) {
                *a_middle = box->a + (size_t)(n - x);
                *b_middle = box->b + (size_t)(m - (x - k));
                return;
            }
        }
    }
}

static enum rc
compare_box(struct search *s, struct box box)
{
    while (box.a < box.a_end && box.b < box.b_end && s->a[box.a] == s->b[box.b])
        box.a++, box.b++;
    while (box.a < box.a_end && box.b < box.b_end && s->a[box.a_end - 1] == s->b[box.b_end - 1])
        box.a_end--, box.b_end--;
    if (box.a == box.a_end || box.b == box.b_end) {
        memset(s->deleted + box.a, 1, box.a_end - box.a);
        memset(s->inserted + box.b, 1, box.b_end - box.b);
        return RC_OK;
    }
    size_t a, b;
    find_middle(s, &box, &a, &b);
    enum rc rc = push(s, (struct box){a, box.a_end, b, box.b_end});
    return rc == RC_OK ? push(s, (struct box){box.a, a, box.b, b}) : rc;
}

enum rc
diff_numbers(const uint32_t *first, size_t first_count, uint8_t *deleted, const uint32_t *second,
             size_t second_count, uint8_t *inserted)
{
    struct search s = {first, second, deleted, inserted, NULL, NULL, 0, NULL, 0, 0};
    enum rc rc = RC_OK;

    assert(first_count + second_count <= DIFF_TOKENS);
    s.middle = (first_count + second_count) / 2 + 3;
    s.forward = malloc(2 * s.middle * sizeof *s.forward);
    s.backward = malloc(2 * s.middle * sizeof *s.backward);
    if (s.forward == NULL || s.backward == NULL)
        rc = rc_nomem();
    if (rc == RC_OK)
        rc = push(&s, (struct box){0, first_count, 0, second_count});
    while (rc == RC_OK && s.count > 0)
        rc = compare_box(&s, s.waiting[--s.count]);
    free(s.forward);
    free(s.backward);
    free(s.waiting);
    return rc;
}

/* ---- tokens ----------------------------------------------------------------------------------------- */

enum { SLOTS = 65536 }; /* more than twice what three texts of DIFF_TOKENS in all can fill */

struct diff_table {
    struct slot {
        const uint8_t *text; /* NULL: free */
        size_t len;
    } slots[SLOTS];
    size_t used;
};

enum rc
diff_table_new(struct diff_table **table)
{
    *table = calloc(1, sizeof **table);
    return *table == NULL ? rc_nomem() : RC_OK;
}

void
diff_table_free(struct diff_table *table)
{
    free(table);
}

/* FNV-1a. A text made to collide makes this slow, never wrong; its length is bounded. */
static uint32_t
hash_of(const uint8_t *text, size_t len)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ text[i]) * 16777619U;
    return hash ^ hash >> 15;
}

static enum rc
number_of(struct diff_table *table, const uint8_t *text, size_t len, uint32_t *number)
{
    uint32_t at = hash_of(text, len) % SLOTS;

    while (table->slots[at].text != NULL &&
           (table->slots[at].len != len || memcmp(table->slots[at].text, text, len) != 0))
        at = (at + 1) % SLOTS;
    if (table->slots[at].text == NULL && table->used == SLOTS - 1)
        return rc_fail(RC_TOO_LARGE, _("the texts are too long to be compared"));
    table->used += table->slots[at].text == NULL;
    table->slots[at] = (struct slot){text, len};
    *number = at;
    return RC_OK;
}

void
diff_tokens_free(struct diff_tokens *tokens)
{
    free(tokens->from);
    free(tokens->numbers);
    *tokens = (struct diff_tokens){.count = 0};
}

/* Numbers the tokens that begin where `begins` is not 0; begins[0] counts as such. */
static enum rc
number_tokens(struct diff_table *table, const uint8_t *text, size_t len, const uint8_t *begins,
              struct diff_tokens *tokens)
{
    size_t count = 0;
    enum rc rc = RC_OK;

    for (size_t i = 0; i < len; i++)
        count += i == 0 || begins[i] != 0;
    *tokens = (struct diff_tokens){.text = text};
    if (count > DIFF_TOKENS)
        return rc_fail(RC_TOO_LARGE, _("the texts are too long to be compared"));
    tokens->from = malloc((count + 1) * sizeof *tokens->from);
    tokens->numbers = malloc((count + 1) * sizeof *tokens->numbers);
    if (tokens->from == NULL || tokens->numbers == NULL) {
        diff_tokens_free(tokens);
        return rc_nomem();
    }
    for (size_t i = 0; i < len; i++)
        if (i == 0 || begins[i] != 0)
            tokens->from[tokens->count++] = i;
    tokens->from[tokens->count] = len;
    for (size_t i = 0; rc == RC_OK && i < tokens->count; i++)
        rc = number_of(table, text + tokens->from[i], tokens->from[i + 1] - tokens->from[i],
                       &tokens->numbers[i]);
    if (rc != RC_OK)
        diff_tokens_free(tokens);
    return rc;
}

enum rc
diff_lines(struct diff_table *table, const void *text, size_t len, struct diff_tokens *tokens)
{
    const uint8_t *bytes = text;
    uint8_t *begins = calloc(len + 1, 1);

    if (begins == NULL)
        return rc_nomem();
    for (size_t i = 1; i < len; i++)
        begins[i] = bytes[i - 1] == '\n';
    enum rc rc = number_tokens(table, bytes, len, begins, tokens);
    free(begins);
    return rc;
}

static enum rc
cut_words(struct diff_table *table, const void *text, size_t len, struct diff_tokens *tokens)
{
    uint8_t *begins = calloc(len + 1, 1);

    if (begins == NULL)
        return rc_nomem();
    enum rc rc = text_word_breaks(text, len, begins);
    if (rc == RC_OK)
        rc = number_tokens(table, text, len, begins, tokens);
    free(begins);
    return rc;
}

/* ---- texts ------------------------------------------------------------------------------------------ */

static enum rc
add_part(struct diff *diff, enum diff_op op, const uint8_t *text, size_t len)
{
    if (len == 0)
        return RC_OK;
    struct diff_part *last = diff->count == 0 ? NULL : &diff->parts[diff->count - 1];
    if (last != NULL && last->op == op && last->text + last->len == text) {
        last->len += len;
        return RC_OK;
    }
    struct diff_part *grown = realloc(diff->parts, (diff->count + 1) * sizeof *grown);
    if (grown == NULL)
        return rc_nomem();
    diff->parts = grown;
    diff->parts[diff->count++] = (struct diff_part){op, text, len};
    return RC_OK;
}

static bool
is_blank_token(const struct diff_tokens *tokens, size_t at)
{
    for (size_t i = tokens->from[at]; i < tokens->from[at + 1]; i++)
        if (tokens->text[i] != ' ')
            return false;
    return true;
}

/* A blank alone between two changed words counts as changed with them: people read the phrase, not the blank. */
static void
join_over_blanks(const struct diff_tokens *a, uint8_t *deleted, const struct diff_tokens *b,
                 uint8_t *inserted)
{
    size_t i = 0, k = 0;
    bool was_changed = false;

    while (i < a->count && k < b->count) {
        if (deleted[i] || inserted[k]) {
            i += deleted[i];
            k += inserted[k];
            was_changed = true;
            continue;
        }
        bool is_followed = (i + 1 < a->count && deleted[i + 1]) && (k + 1 < b->count && inserted[k + 1]);
        if (was_changed && is_followed && is_blank_token(a, i))
            deleted[i] = inserted[k] = 1;
        else
            was_changed = false;
        i++;
        k++;
    }
}

static enum rc
put_parts(const struct diff_tokens *a, const uint8_t *deleted, const struct diff_tokens *b,
          const uint8_t *inserted, struct diff *diff)
{
    size_t i = 0, k = 0;
    enum rc rc = RC_OK;

    while (rc == RC_OK && (i < a->count || k < b->count)) {
        size_t from = i, second_from = k;
        while (i < a->count && deleted[i])
            i++;
        while (k < b->count && inserted[k])
            k++;
        rc = add_part(diff, DIFF_DELETE, a->text + a->from[from], a->from[i] - a->from[from]);
        if (rc == RC_OK)
            rc = add_part(diff, DIFF_INSERT, b->text + b->from[second_from],
                          b->from[k] - b->from[second_from]);
        for (; rc == RC_OK && i < a->count && !deleted[i] && k < b->count && !inserted[k]; i++, k++)
            rc = add_part(diff, DIFF_EQUAL, a->text + a->from[i], a->from[i + 1] - a->from[i]);
    }
    return rc;
}

static enum rc
compare_tokens(const struct diff_tokens *a, const struct diff_tokens *b, bool are_words,
               struct diff *diff)
{
    uint8_t *deleted = calloc(a->count + 1, 1);
    uint8_t *inserted = calloc(b->count + 1, 1);
    enum rc rc = deleted == NULL || inserted == NULL ? rc_nomem() : RC_OK;

    if (rc == RC_OK)
        rc = diff_numbers(a->numbers, a->count, deleted, b->numbers, b->count, inserted);
    if (rc == RC_OK && are_words)
        join_over_blanks(a, deleted, b, inserted);
    if (rc == RC_OK)
        rc = put_parts(a, deleted, b, inserted, diff);
    free(deleted);
    free(inserted);
    return rc;
}

/* RC_TOO_LARGE, with nothing in `diff`, when there are too many tokens. */
static enum rc
compare_by(enum rc (*cut)(struct diff_table *, const void *, size_t, struct diff_tokens *),
           const struct diff_part *a, const struct diff_part *b, struct diff *diff)
{
    struct diff_table *table = NULL;
    struct diff_tokens first = {.count = 0}, second = {.count = 0};
    enum rc rc = diff_table_new(&table);

    if (rc == RC_OK)
        rc = cut(table, a->text, a->len, &first);
    if (rc == RC_OK)
        rc = cut(table, b->text, b->len, &second);
    if (rc == RC_OK && first.count + second.count > DIFF_TOKENS)
        rc = rc_fail(RC_TOO_LARGE, _("the texts are too long to be compared"));
    if (rc == RC_OK)
        rc = compare_tokens(&first, &second, cut == cut_words, diff);
    diff_tokens_free(&first);
    diff_tokens_free(&second);
    diff_table_free(table);
    return rc;
}

enum rc
diff_wholes(const void *first, size_t first_len, const void *second, size_t second_len,
            struct diff *diff)
{
    enum rc rc = add_part(diff, DIFF_DELETE, first, first_len);

    return rc == RC_OK ? add_part(diff, DIFF_INSERT, second, second_len) : rc;
}

enum rc
diff_texts(const void *first, size_t first_len, const void *second, size_t second_len,
           struct diff *diff)
{
    struct diff_part a = {DIFF_DELETE, first_len == 0 ? (const uint8_t *)"" : first, first_len};
    struct diff_part b = {DIFF_INSERT, second_len == 0 ? (const uint8_t *)"" : second, second_len};
    enum rc rc = compare_by(cut_words, &a, &b, diff);

    if (rc == RC_TOO_LARGE)
        rc = compare_by(diff_lines, &a, &b, diff);
    if (rc == RC_TOO_LARGE)
        rc = diff_wholes(first, first_len, second, second_len, diff);
    if (rc != RC_OK)
        diff_free(diff);
    return rc;
}

void
diff_free(struct diff *diff)
{
    free(diff->parts);
    *diff = (struct diff){.count = 0};
}
