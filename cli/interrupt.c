/* Signals that end the program: at once, or where they are held, afterwards. */
#include "cli/interrupt.h"

#include "cli/exit.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void
end(int number)
{
    (void)number;
    _exit(EXIT_INTERRUPTED);
}

static void
end_line(int number)
{
    (void)number;
    if (write(STDERR_FILENO, "\n", 1) < 0)
        _exit(EXIT_INTERRUPTED);
    _exit(EXIT_INTERRUPTED);
}

void
interrupt_start(bool talks)
{
    struct sigaction before, action = {.sa_handler = talks ? end_line : end};

    if (sigaction(SIGINT, NULL, &before) != 0 || before.sa_handler == SIG_IGN)
        return;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
}

static sigset_t
endings(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGQUIT);
    return set;
}

void
interrupt_hold(sigset_t *before)
{
    sigset_t set = endings();

    (void)pthread_sigmask(SIG_BLOCK, &set, before);
}

void
interrupt_release(const sigset_t *before)
{
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

static int64_t
hold_and_tell(void *context)
{
    struct interrupt_later *later = context;

    if (!later->is_held)
        interrupt_hold(&later->before);
    later->is_held = true;
    return clock_wall_ms(later->own);
}

static int64_t
tell_mono(void *context)
{
    const struct interrupt_later *later = context;

    return clock_mono_ms(later->own);
}

static void
sleep_so(void *context, int64_t ms)
{
    const struct interrupt_later *later = context;

    clock_sleep_ms(later->own, ms);
}

void
interrupt_hold_later(struct interrupt_later *later, const struct clock *own)
{
    *later = (struct interrupt_later){
        .clock = {.wall_ms = hold_and_tell, .mono_ms = tell_mono, .sleep_ms = sleep_so, .context = later}, .own = own};
}

void
interrupt_release_later(const struct interrupt_later *later)
{
    if (later->is_held)
        interrupt_release(&later->before);
}

bool
interrupt_wait(int descriptor)
{
    sigset_t set = endings();
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    struct pollfd polled[] = {{.fd = descriptor, .events = POLLIN},
                              {.fd = signals, .events = POLLIN}};
    int count;

    do
        count = poll(polled, signals < 0 ? 1 : 2, -1);
    while (count < 0 && errno == EINTR);
    if (signals >= 0)
        (void)close(signals);
    return polled[1].revents == 0;
}
