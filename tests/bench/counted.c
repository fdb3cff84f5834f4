/* What a device asks of its server, counted on the way. */
#include "tests/bench/counted.h"

#include <string.h>

#include "tests/bench/figure.h"

static enum rc
send_counted(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    struct counted *counted = context;

    counted->requests++;
    if (strcmp(request->method, "POST") == 0 && strstr(request->target, "/entries") != NULL)
        counted->entries_out += request->body_len;
    struct span start = figure_now();
    enum rc rc = counted->under.send(counted->under.context, request, reply);
    counted->under_cpu_s += figure_since(start).cpu_s;
    return rc;
}

void
counted_on(struct counted *counted, struct transport *transport)
{
    *counted = (struct counted){.under = *transport};
    *transport = (struct transport){send_counted, counted};
}

void
counted_off(struct counted *counted, struct transport *transport)
{
    *transport = counted->under;
}
