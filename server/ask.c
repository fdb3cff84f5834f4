/* How routes answer, refuse, and read the query. */
#include "server/ask.h"

#include <string.h>

#include "server/server.h"

enum { SLOW_DOWN_S = 5 };

/* A sentence may quote what was received: control characters and quotes are escaped. */
static enum rc
put_json_text(struct buf *out, const char *text)
{
    enum rc rc = buf_put_u8(out, '"');

    for (; rc == RC_OK && *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20)
            rc = buf_printf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            rc = buf_printf(out, "\\%c", c);
        else
            rc = buf_put_u8(out, c);
    }
    return rc == RC_OK ? buf_put_u8(out, '"') : rc;
}

static void
refuse(struct ask *ask, enum wire_error error, const char *sentence, const char *why)
{
    struct reply *reply = ask->reply;

    buf_clear(&reply->body);
    reply->status = wire_error_status(error);
    reply->error = wire_error_name(error);
    reply->content_type = "application/json";
    if (error == WIRE_ERROR_CLOCK)
        reply->baken_time_ms = (int64_t)ask->now_ms;
    if (error == WIRE_ERROR_SLOW_DOWN || error == WIRE_ERROR_STOPPING)
        reply->retry_after_s = SLOW_DOWN_S;
    enum rc rc = buf_printf(&reply->body, "{\"error\": \"%s\", %s\"message\": ", reply->error, why);
    if (rc == RC_OK)
        rc = put_json_text(&reply->body, sentence);
    if (rc == RC_OK)
        rc = buf_put(&reply->body, "}\n", 2);
    if (rc != RC_OK)
        buf_clear(&reply->body); /* the status says enough */
}

void
ask_refuse(struct ask *ask, enum wire_error error, const char *sentence)
{
    refuse(ask, error, sentence, "");
}

void
ask_refuse_restored(struct ask *ask)
{
    refuse(ask, WIRE_ERROR_RULE, "The server was put back from a backup: for a while it takes back what devices know, and nothing new.",
           "\"why\": \"restored\", ");
}

void
ask_fail(struct ask *ask, enum rc rc)
{
    if (rc == RC_FULL)
        ask_refuse(ask, WIRE_ERROR_FULL, "The server's disk is full; nothing was stored.");
    else if (rc == RC_BUSY)
        ask_refuse(ask, WIRE_ERROR_SLOW_DOWN, "The server is busy; nothing was stored.");
    else
        ask_refuse(ask, WIRE_ERROR_STOPPING, "The server cannot answer now; nothing was stored.");
}

void
ask_answer(struct ask *ask, enum rc rc)
{
    if (rc != RC_OK) {
        ask_fail(ask, rc);
        return;
    }
    ask->reply->status = 200;
    ask->reply->content_type = "application/vnd.baken";
}

/* ---- the query ---- */

/* The value of a parameter, lent; *value is NULL when it is absent. False when it stands twice. */
static bool
find_parameter(const char *query, const char *name, const char **value, size_t *len)
{
    size_t name_len = strlen(name);

    *value = NULL;
    *len = 0;
    while (*query != '\0') {
        size_t item = strcspn(query, "&");
        if (item > name_len && query[name_len] == '=' && memcmp(query, name, name_len) == 0) {
            if (*value != NULL)
                return false;
            *value = query + name_len + 1;
            *len = item - name_len - 1;
        }
        query += item;
        query += *query == '&';
    }
    return true;
}

static bool
refuse_parameter(struct ask *ask)
{
    ask_refuse(ask, WIRE_ERROR_MALFORMED, "A parameter of the query has another form.");
    return false;
}

bool
ask_number(struct ask *ask, const char *name, uint64_t *value)
{
    const char *text;
    uint64_t number = 0;
    size_t len;

    if (!find_parameter(ask->request->query, name, &text, &len))
        return refuse_parameter(ask);
    if (text == NULL)
        return true;
    if (len == 0 || len > 19 || (len > 1 && text[0] == '0'))
        return refuse_parameter(ask);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return refuse_parameter(ask);
        number = number * 10 + (uint64_t)(text[i] - '0'); /* 19 nines are less than 2^64 */
    }
    if (number > INT64_MAX)
        return refuse_parameter(ask);
    *value = number;
    return true;
}

bool
ask_cursor(struct ask *ask, enum depot_counter counter, uint64_t number, struct depot_team *row)
{
    struct depot_team team;
    bool is_skipped = false;
    enum rc rc = depot_find_team(ask->depot, ask->team_id, &team);

    if (rc == RC_OK)
        rc = depot_was_skipped(ask->depot, team.key, counter, number, &is_skipped);
    if (rc != RC_OK) {
        ask_fail(ask, rc);
        return false;
    }
    if (row != NULL)
        *row = team;
    const uint64_t last[] = {[DEPOT_BOXES] = team.box, [DEPOT_ARRIVALS] = team.arrival, [DEPOT_ACKS] = team.ack};
    if (number <= last[counter] && !is_skipped)
        return true;
    ask_refuse(ask, WIRE_ERROR_STALE, "The server was restored, and that number is not one of its own: ask again from 0.");
    return false;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
ask_parse_hex(const char *text, size_t chars, uint8_t *out, size_t len)
{
    if (chars != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool
ask_hex(struct ask *ask, const char *name, uint8_t *out, size_t len, bool *found)
{
    const char *text;
    size_t chars;

    *found = false;
    if (!find_parameter(ask->request->query, name, &text, &chars))
        return refuse_parameter(ask);
    if (text == NULL)
        return true;
    *found = ask_parse_hex(text, chars, out, len);
    return *found || refuse_parameter(ask);
}
