/* signals.c - Ctrl-C asks a job to stop; it never interrupts a transfer.  The signals stay
 * blocked and are fetched when the library asks: no handler, no global flag, and a second
 * Ctrl-C is as harmless as the first. */
#include "cli.h"
#include <signal.h>
#include <time.h>

static void stop_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGQUIT); /* Ctrl-\ is typed by people too: no dump is worth an open device */
}

void signals_hold(void)
{
    sigset_t set;
    stop_set(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

int signals_pending(void)
{
    const struct timespec now = { 0, 0 };
    sigset_t set;
    stop_set(&set);
    int signo = sigtimedwait(&set, NULL, &now);
    return signo > 0 ? signo : 0;
}
