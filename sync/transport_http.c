/* Requests over HTTP: the one home of curl. */
#include "sync/transport_http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/i18n.h"

enum {
    ADDRESS_CHARS = 512,
    URL_CHARS = 1024,
    HEADER_CHARS = 512,
    SILENT_MS = 60000, /* slower than the slowest line for so long */
    SLOWEST_BYTES_S = 1000,
    WHOLE_MS = 600000, /* five megabytes over a line that is not much faster */
    CONNECT_MS = 10000
};

struct transport_http {
    CURL *curl;
    char base[ADDRESS_CHARS];   /* without a slash at its end */
    char socket[ADDRESS_CHARS]; /* empty: TCP */
    char ca_file[ADDRESS_CHARS];
    bool is_plain;
};

/* One reply on its way in. */
struct receiving {
    struct transport_reply *reply;
    bool is_too_large;
};

/* ---- addresses -------------------------------------------------------------------------------- */

static bool
is_host(const char *text, const char *host)
{
    size_t len = strlen(host);

    return strncmp(text, host, len) == 0 &&
           (text[len] == '\0' || text[len] == ':' || text[len] == '/');
}

static bool
is_loopback(const char *host)
{
    return is_host(host, "127.0.0.1") || is_host(host, "[::1]") || is_host(host, "localhost");
}

/* Without a scheme: says with which one it would be an address. */
static enum rc
fail_bare(const char *address)
{
    return rc_fail(RC_INVALID,
                   _("the server's address lacks its beginning: it is %s%s (https://, or http:// for a "
                     "server on this computer itself)"),
                   is_loopback(address) ? "http://" : "https://", address);
}

static enum rc
take_address(struct transport_http *http, const char *address)
{
    static const char unix_scheme[] = "unix:", tls[] = "https://", plain[] = "http://";

    if (strlen(address) >= ADDRESS_CHARS - 32)
        return rc_fail(RC_INVALID, _("the server's address is too long"));
    if (strncmp(address, unix_scheme, sizeof unix_scheme - 1) == 0) {
        snprintf(http->socket, sizeof http->socket, "%s", address + sizeof unix_scheme - 1);
        snprintf(http->base, sizeof http->base, "http://localhost");
        http->is_plain = true;
        return http->socket[0] == '/' ? RC_OK
                                      : rc_fail(RC_INVALID, _("unix: asks for a whole path"));
    }
    const char *host = NULL;
    if (strncmp(address, tls, sizeof tls - 1) == 0)
        host = address + sizeof tls - 1;
    else if (strncmp(address, plain, sizeof plain - 1) == 0)
        host = address + sizeof plain - 1;
    if (host == NULL && strstr(address, "://") == NULL && address[0] != '\0' && address[0] != '/')
        return fail_bare(address);
    if (host == NULL || host[0] == '\0' || host[0] == '/')
        return rc_fail(RC_INVALID, _("the server's address must be such as https://baken.example"));
    if (strpbrk(host, "@?# \t\r\n") != NULL)
        return rc_fail(RC_INVALID, _("the server's address holds more than a name and a port"));
    http->is_plain = strncmp(address, plain, sizeof plain - 1) == 0;
    if (http->is_plain && !is_loopback(host))
        return rc_fail(RC_INVALID, _("http:// is only for a server on this computer itself; elsewhere "
                                     "the address begins with https://, as https://%s"),
                       host);
    snprintf(http->base, sizeof http->base, "%s", address);
    size_t len = strlen(http->base);
    while (len > 0 && http->base[len - 1] == '/')
        http->base[--len] = '\0';
    return RC_OK;
}

/* ---- receiving -------------------------------------------------------------------------------- */

static size_t
take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct receiving *receiving = context;
    size_t len = size * count;

    if (buf_put(&receiving->reply->body, bytes, len) != RC_OK) {
        receiving->is_too_large = true;
        return 0;
    }
    return len;
}

/* The value of a header line where it has that name; blanks around it are left out. */
static bool
is_header(const char *line, size_t len, const char *name, char *value, size_t room)
{
    size_t name_len = strlen(name);

    if (len <= name_len || strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
        return false;
    size_t from = name_len + 1;
    while (from < len && (line[from] == ' ' || line[from] == '\t'))
        from++;
    while (len > from && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
        len--;
    size_t take = len - from < room - 1 ? len - from : room - 1;
    memcpy(value, line + from, take);
    value[take] = '\0';
    return true;
}

static size_t
take_header(char *line, size_t size, size_t count, void *context)
{
    struct receiving *receiving = context;
    struct transport_reply *reply = receiving->reply;
    size_t len = size * count;
    char value[32];

    (void)is_header(line, len, "Content-Type", reply->content_type, sizeof reply->content_type);
    if (is_header(line, len, "Baken-Time", value, sizeof value)) {
        char *end;
        long long ms = strtoll(value, &end, 10);
        reply->server_time_ms = *end == '\0' && ms > 0 ? ms : 0;
    }
    return len;
}

/* ---- sending ---------------------------------------------------------------------------------- */

static enum rc
add_header(struct curl_slist **headers, const char *name, const char *value)
{
    char line[HEADER_CHARS];

    if (value == NULL)
        return RC_OK;
    int len = snprintf(line, sizeof line, "%s: %s", name, value);
    if (len < 0 || (size_t)len >= sizeof line)
        return rc_fail(RC_TOO_LARGE, _("a header of the request is too long"));
    struct curl_slist *grown = curl_slist_append(*headers, line);
    if (grown == NULL)
        return rc_nomem();
    *headers = grown;
    return RC_OK;
}

static enum rc
make_headers(const struct transport_request *request, struct curl_slist **headers)
{
    enum rc rc = add_header(headers, "Content-Digest", request->content_digest);

    if (rc == RC_OK)
        rc = add_header(headers, "Signature-Input", request->signature_input);
    if (rc == RC_OK)
        rc = add_header(headers, "Signature", request->signature);
    if (rc == RC_OK && request->body != NULL)
        rc = add_header(headers, "Content-Type", "application/vnd.baken");
    if (rc == RC_OK)
        rc = add_header(headers, "Accept", "application/vnd.baken");
    if (rc == RC_OK) { /* "Expect:" without a value: no waiting for 100 */
        struct curl_slist *grown = curl_slist_append(*headers, "Expect:");
        if (grown == NULL)
            return rc_nomem();
        *headers = grown;
    }
    return rc;
}

static void
set_up(struct transport_http *http, const struct transport_request *request, const char *url)
{
    CURL *curl = http->curl;

    curl_easy_reset(curl); /* keeps the connections */
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, http->is_plain ? "http" : "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "baken");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)SLOWEST_BYTES_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)((SILENT_MS + request->wait_ms + 999) / 1000));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(WHOLE_MS + request->wait_ms));
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->ceiling_bytes);
    if (http->socket[0] != '\0')
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, http->socket);
    if (http->ca_file[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    if (strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "");
    }
}

static enum rc
judge(CURLcode code, const struct receiving *receiving, const char *detail)
{
    const char *why = detail[0] != '\0' ? detail : curl_easy_strerror(code);

    if (receiving->is_too_large || code == CURLE_FILESIZE_EXCEEDED)
        return rc_fail(RC_TOO_LARGE, _("the server's answer is too large"));
    switch (code) {
    case CURLE_OK:
        return RC_OK;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return rc_fail(RC_UNTRUSTED, _("the server's certificate is not trusted: %s"), why);
    case CURLE_SSL_CACERT_BADFILE:
        return rc_fail(RC_INVALID, _("the file of certificates cannot be read: %s"), why);
    case CURLE_OUT_OF_MEMORY:
        return rc_nomem();
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        return rc_fail(RC_INVALID, _("the server's address cannot be used: %s"), why);
    case CURLE_COULDNT_RESOLVE_HOST:
        return rc_fail(RC_OFFLINE, _("the server was not reached: there is no connection, or its name is wrong"));
    case CURLE_COULDNT_CONNECT:
        return rc_fail(RC_OFFLINE, _("the server was not reached: nothing answers at its address"));
    case CURLE_OPERATION_TIMEDOUT:
        return rc_fail(RC_OFFLINE, _("the server was not reached: it took too long"));
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return rc_fail(RC_OFFLINE, _("the server was not reached: the connection broke off"));
    default:
        return rc_fail(RC_OFFLINE, _("the server was not reached: %s"), why);
    }
}

static enum rc
send_request(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    struct transport_http *http = context;
    struct receiving receiving = {reply, false};
    struct curl_slist *headers = NULL;
    char url[URL_CHARS], detail[CURL_ERROR_SIZE] = "";
    long status = 0;

    int len = snprintf(url, sizeof url, "%s%s", http->base, request->target);
    if (len < 0 || (size_t)len >= sizeof url)
        return rc_fail(RC_TOO_LARGE, _("the address is too long"));
    if (reply->body.ceiling_bytes > request->ceiling_bytes)
        reply->body.ceiling_bytes = request->ceiling_bytes;
    enum rc rc = make_headers(request, &headers);
    if (rc == RC_OK) {
        set_up(http, request, url);
        curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(http->curl, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, &receiving);
        curl_easy_setopt(http->curl, CURLOPT_HEADERFUNCTION, take_header);
        curl_easy_setopt(http->curl, CURLOPT_HEADERDATA, &receiving);
        curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, detail);
        CURLcode code = curl_easy_perform(http->curl);
        rc = judge(code, &receiving, detail);
        curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, NULL);
    }
    if (rc == RC_OK) {
        curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
        reply->status = (int)status;
    }
    curl_slist_free_all(headers);
    return rc;
}

enum rc
transport_http_open(const char *address, struct transport_http **out)
{
    struct transport_http *http = calloc(1, sizeof *http);

    *out = NULL;
    if (http == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(http);
        return rc_nomem();
    }
    enum rc rc = take_address(http, address);
    if (rc == RC_OK) {
        http->curl = curl_easy_init();
        rc = http->curl != NULL ? RC_OK : rc_nomem();
    }
    if (rc != RC_OK) {
        transport_http_close(http);
        return rc;
    }
    *out = http;
    return RC_OK;
}

enum rc
transport_http_trust(struct transport_http *http, const char *ca_file)
{
    int len = snprintf(http->ca_file, sizeof http->ca_file, "%s", ca_file);

    if (len < 0 || (size_t)len >= sizeof http->ca_file)
        return rc_fail(RC_INVALID, _("the path of the file of certificates is too long"));
    return RC_OK;
}

void
transport_http_close(struct transport_http *http)
{
    if (http == NULL)
        return;
    if (http->curl != NULL)
        curl_easy_cleanup(http->curl);
    curl_global_cleanup();
    free(http);
}

struct transport
transport_http_transport(struct transport_http *http)
{
    return (struct transport){send_request, http};
}
