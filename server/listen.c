/* The socket that the server listens on. */
#include "server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/i18n.h"

enum { BACKLOG = 512, HOST_CHARS = 64, PORT_DIGITS = 5, PORT_MOST = 65535 };

static enum rc
fail_errno(const char *where)
{
    int error = errno;
    enum rc rc = error == EADDRINUSE ? RC_BUSY : error == EACCES ? RC_DENIED : RC_IO;

    return rc_fail(rc, "%s: %s", where, strerror(error));
}

static enum rc
fail_form(const char *where)
{
    return rc_fail(RC_INVALID, _("%s: must be a loopback address with a port, or unix:PATH"), where);
}

static enum rc
bind_and_listen(int fd, const struct sockaddr *address, socklen_t len, const char *where)
{
    bool is_unix = address->sa_family == AF_UNIX;
    int on = 1;

    if (!is_unix)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    mode_t mask = umask(0117); /* the socket is born 0660 */
    int bound = bind(fd, address, len);
    (void)umask(mask);
    if (bound != 0 || listen(fd, BACKLOG) != 0)
        return fail_errno(where);
    return RC_OK;
}

/* True when somebody listens there. */
static bool
is_alive(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return true;
    bool alive = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    (void)close(fd);
    return alive;
}

static bool
is_socket_path(const char *path)
{
    return path[0] != '\0' && strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

static enum rc
open_unix(const char *where, const char *path, int *fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat info;

    if (!is_socket_path(path))
        return fail_form(where);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (lstat(path, &info) == 0 && S_ISSOCK(info.st_mode) && !is_alive(&address))
        (void)unlink(path);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return fail_errno(where);
    return bind_and_listen(*fd, (const struct sockaddr *)&address, sizeof address, where);
}

static bool
is_loopback(const struct addrinfo *info)
{
    if (info->ai_family == AF_INET) {
        struct sockaddr_in address;
        memcpy(&address, info->ai_addr, sizeof address);
        return ntohl(address.sin_addr.s_addr) >> 24 == 127;
    }
    if (info->ai_family == AF_INET6) {
        struct sockaddr_in6 address;
        memcpy(&address, info->ai_addr, sizeof address);
        return IN6_IS_ADDR_LOOPBACK(&address.sin6_addr);
    }
    return false;
}

static enum rc
bound_port(int fd, uint16_t *port)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char digits[8];

    memset(&address, 0, sizeof address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
        getnameinfo((struct sockaddr *)&address, len, NULL, 0, digits, sizeof digits,
                    NI_NUMERICSERV) != 0)
        return rc_fail(RC_IO, _("the bound port cannot be read"));
    unsigned number = 0;
    (void)sscanf(digits, "%5u", &number);
    *port = (uint16_t)number;
    return RC_OK;
}

/* Digits alone: getaddrinfo takes signs, blanks and nothing, and of what is too large the last 16 bits. */
static bool
is_port(const char *text)
{
    unsigned number = 0;
    size_t len = 0;

    for (; len <= PORT_DIGITS && text[len] >= '0' && text[len] <= '9'; len++)
        number = number * 10 + (unsigned)(text[len] - '0');
    return len > 0 && len <= PORT_DIGITS && text[len] == '\0' && number <= PORT_MOST;
}

/* freeaddrinfo frees what RC_OK gives. */
static enum rc
find_address(const char *where, struct addrinfo **info)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    const char *colon = strrchr(where, ':');
    char host[HOST_CHARS];

    *info = NULL;
    if (colon == NULL || colon == where || (size_t)(colon - where) >= sizeof host || !is_port(colon + 1))
        return fail_form(where);
    bool is_bracketed = where[0] == '[' && colon[-1] == ']';
    size_t len = (size_t)(colon - where) - (is_bracketed ? 2 : 0);
    memcpy(host, where + is_bracketed, len);
    host[len] = '\0';
    if (getaddrinfo(host, colon + 1, &hints, info) != 0) {
        *info = NULL;
        return fail_form(where);
    }
    if (is_loopback(*info))
        return RC_OK;
    freeaddrinfo(*info);
    *info = NULL;
    return fail_form(where);
}

static enum rc
open_tcp(const char *where, int *fd, uint16_t *port)
{
    struct addrinfo *info;
    enum rc rc = find_address(where, &info);

    if (rc != RC_OK)
        return rc;
    *fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    rc = *fd < 0 ? fail_errno(where)
                 : bind_and_listen(*fd, info->ai_addr, info->ai_addrlen, where);
    if (rc == RC_OK)
        rc = bound_port(*fd, port);
    freeaddrinfo(info);
    return rc;
}

enum rc
listen_open(const char *where, int *fd, uint16_t *port)
{
    enum rc rc;

    *fd = -1;
    *port = 0;
    if (strncmp(where, "unix:", 5) == 0)
        rc = open_unix(where, where + 5, fd);
    else
        rc = open_tcp(where, fd, port);
    if (rc != RC_OK && *fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
    return rc;
}
