/* test_device_pty.c - bkflash-device: a client that only has a terminal. */
#include "tests/support/cmocka.h"
#include <asm/termbits.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct peer {
    pid_t pid;
    int tty;
    char path[64], report[64];
};

static void set_baud(int tty, unsigned baud)
{
    struct termios2 t;
    assert_int_equal(ioctl(tty, TCGETS2, &t), 0);
    t.c_cflag = (t.c_cflag & ~(tcflag_t)CBAUD) | BOTHER;
    t.c_ispeed = t.c_ospeed = baud;
    assert_int_equal(ioctl(tty, TCSETS2, &t), 0);
}

static void start(struct peer *p, const char *chip)
{
    int out[2];
    char option[64], report[96];
    (void)snprintf(p->report, sizeof p->report, "%s/pty-report-%d.json", BUILD_DIR, (int)getpid());
    (void)snprintf(option, sizeof option, "chip=%s", chip);
    (void)snprintf(report, sizeof report, "report=%s", p->report);
    assert_int_equal(pipe(out), 0);
    p->pid = fork();
    if (p->pid == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)close(out[0]);
        (void)close(out[1]);
        (void)execl(BUILD_DIR "/bkflash-device", "bkflash-device", "--pace=fast", option, report,
                    "size=2M", "jedec=EB6015", "sr=0", "blank=yes", "boot=off", (char *)NULL);
        _exit(127);
    }
    (void)close(out[1]);
    ssize_t n = 0;
    struct pollfd ready = { .fd = out[0], .events = POLLIN };
    assert_int_equal(poll(&ready, 1, 10000), 1);
    n = read(out[0], p->path, sizeof p->path - 1);
    assert_true(n > 5);
    p->path[n - 1] = 0; /* the newline */
    (void)close(out[0]);
    p->tty = open(p->path, O_RDWR | O_NOCTTY);
    assert_true(p->tty >= 0);
    set_baud(p->tty, 115200);
}

static void stop(struct peer *p)
{
    int status;
    (void)close(p->tty);
    assert_int_equal(kill(p->pid, SIGTERM), 0);
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static size_t hear(int tty, uint8_t *to, size_t want, int ms)
{
    size_t n = 0;
    struct pollfd p = { .fd = tty, .events = POLLIN };
    while (n < want && poll(&p, 1, ms) == 1) {
        ssize_t got = read(tty, to + n, want - n);
        if (got <= 0) {
            break;
        }
        n += (size_t)got;
    }
    return n;
}

static void session(void **state)
{
    (void)state;
    static const uint8_t check[] = { 0x01, 0xE0, 0xFC, 0x01, 0x00 };
    static const uint8_t baud[] = { 0x01, 0xE0, 0xFC, 6, 0x0F, 0x00, 0x10, 0x0E, 0x00, 50 };
    static const uint8_t read4k[] = { 0x01, 0xE0, 0xFC, 0xFF, 0xF4, 5, 0, 9, 0, 0x10, 1, 0 };
    static uint8_t rx[5000];
    struct peer p;
    start(&p, "bk7231n");
    assert_int_equal(write(p.tty, check, 5), 5);
    assert_int_equal(hear(p.tty, rx, 1, 100), 0); /* held in reset */
    assert_int_equal(kill(p.pid, SIGUSR1), 0);
    (void)usleep(20000);
    assert_int_equal(write(p.tty, check, 5), 5);
    assert_int_equal(hear(p.tty, rx, 8, 5000), 8);
    assert_memory_equal(rx, "\x04\x0E\x05\x01\xE0\xFC\x01\x00", 8);
    (void)usleep(20000);
    assert_int_equal(write(p.tty, baud, sizeof baud), (ssize_t)sizeof baud);
    (void)usleep(10000);
    set_baud(p.tty, 921600);
    assert_int_equal(hear(p.tty, rx, 12, 5000), 12);
    assert_memory_equal(rx + 6, "\x0F\x00\x10\x0E\x00\x32", 6);
    assert_int_equal(write(p.tty, read4k, sizeof read4k), (ssize_t)sizeof read4k);
    assert_int_equal(hear(p.tty, rx, 4111, 5000), 4111);
    assert_int_equal(rx[15], 0xFF);
    set_baud(p.tty, 115200); /* the device does not follow: garbage, no answer */
    assert_int_equal(write(p.tty, check, 5), 5);
    assert_int_not_equal(hear(p.tty, rx, 8, 100), 8);
    stop(&p);
    FILE *f = fopen(p.report, "r");
    assert_non_null(f);
    rx[fread(rx, 1, sizeof rx - 1, f)] = 0;
    (void)fclose(f);
    (void)unlink(p.report);
    assert_non_null(strstr((char *)rx, "\"uart-baud\":5"));
}

static void bad_arguments(void **state)
{
    (void)state;
    static const char *const args[] = { "chip", "no-such=1", "size=banana", NULL };
    for (size_t i = 0; args[i]; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            (void)close(STDERR_FILENO);
            (void)execl(BUILD_DIR "/bkflash-device", "bkflash-device", args[i], (char *)NULL);
            _exit(127);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session),
        cmocka_unit_test(bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
