/* The serial adapter, loaded as the host loads it, on pseudo-terminals and through socat. */
#include "tests/support/cmocka.h"
#include <bkflash/plugin.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

struct ptm {
    int master;
    char path[128];
};

static struct ptm pty_make(void)
{
    struct ptm p;
    int slave;
    assert_int_equal(openpty(&p.master, &slave, p.path, NULL, NULL), 0);
    struct termios t;
    tcgetattr(slave, &t);
    cfmakeraw(&t);
    tcsetattr(slave, TCSANOW, &t);
    close(slave);
    return p;
}

static void no_log(const bkf_host *h, int32_t level, const char *line)
{
    (void)h;
    (void)level;
    (void)line;
}
static const void *no_service(const bkf_host *h, const char *id)
{
    (void)h;
    (void)id;
    return NULL;
}
static const char *prop_str(const bkf_props *p, const char *key)
{
    (void)p;
    (void)key;
    return "yes";
}
static uint64_t prop_num(const bkf_props *p, const char *key)
{
    (void)p;
    (void)key;
    return 1;
}
static const bkf_host host = {
    .struct_size = sizeof host, .abi_major = BKF_ABI_MAJOR, .log = no_log, .service = no_service
};
static const bkf_props props = { .struct_size = sizeof props, .str = prop_str, .num = prop_num };

static const bkf_adapter_class *class_of(const char *name)
{
    void *so = dlopen(BUILD_DIR "/plugins-1/bkf-serial.so", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!so) {
        fail_msg("%s", dlerror());
    }
    bkf_plugin_query_fn query;
    *(void **)&query = dlsym(so, "bkf_plugin_query");
    assert_non_null(query);
    for (const bkf_adapter_class *const *c = query()->adapters; *c; c++) {
        if (strcmp((*c)->name, name) == 0) {
            return *c;
        }
    }
    fail_msg("no class %s", name);
    return NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct opened {
    const bkf_adapter_class *c;
    bkf_adapter *a;
    const bkf_uart_ops *ops;
    void *self;
    bkf_error err;
};

static struct opened open_unit(const char *class_name, const char *unit)
{
    struct opened o = { .c = class_of(class_name), .err = BKF_ERROR_INIT };
    if (o.c->open(&host, unit, &props, &o.a, &o.err) != BKF_OK) {
        fail_msg("open: %s", o.err.message);
    }
    bkf_iface i;
    assert_int_equal(o.c->acquire(o.a, BKF_IFACE_UART, &i, &o.err), BKF_OK);
    o.ops = i.ops;
    o.self = i.self;
    uint32_t got;
    assert_int_equal(o.ops->setup(o.self, 115200, &got, &o.err), BKF_OK);
    return o;
}

static void shut(struct opened *o)
{
    o->c->release(o->a, BKF_IFACE_UART);
    o->c->close(o->a);
}

static void bytes_both_ways(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct ptm p = pty_make();
        struct opened o = open_unit(k ? "ft232r" : "serial", p.path);
        uint8_t all[256], back[256];
        size_t done;
        for (size_t i = 0; i < 256; i++) {
            all[i] = (uint8_t)i;
        }
        assert_int_equal(o.ops->write(o.self, all, 256, 1000, &done, &o.err), BKF_OK);
        assert_int_equal(done, 256);
        size_t n = 0;
        while (n < 256) {
            const ssize_t r = read(p.master, back + n, 256 - n);
            assert_true(r > 0);
            n += (size_t)r;
        }
        assert_memory_equal(all, back, 256);
        assert_int_equal(write(p.master, all, 256), 256);
        memset(back, 0, sizeof back);
        assert_int_equal(o.ops->read(o.self, back, 256, 1000, &done, &o.err), BKF_OK);
        assert_memory_equal(all, back, 256);
        shut(&o);
        close(p.master);
    }
}

/* What is there is counted, also on a time-out; with 0 nothing is waited for. */
static void partial_reads(void **state)
{
    (void)state;
    struct ptm p = pty_make();
    struct opened o = open_unit("serial", p.path);
    uint8_t b[16];
    size_t done = 99;
    assert_int_equal(o.ops->read(o.self, b, 16, 0, &done, &o.err), BKF_OK);
    assert_int_equal(done, 0);
    assert_int_equal(write(p.master, "abc", 3), 3);
    double t = now();
    assert_int_equal(o.ops->read(o.self, b, 16, 60, &done, &o.err), BKF_E_TIMEOUT);
    assert_int_equal(done, 3);
    assert_true(now() - t >= 0.055 && now() - t < 2);
    assert_int_equal(write(p.master, "xyz", 3), 3);
    usleep(20000);
    assert_int_equal(o.ops->purge(o.self, &o.err), BKF_OK);
    assert_int_equal(o.ops->read(o.self, b, 16, 0, &done, &o.err), BKF_OK);
    assert_int_equal(done, 0);
    shut(&o);
    close(p.master);
}

static void *hang_up(void *arg)
{
    usleep(100000);
    close(*(int *)arg);
    return NULL;
}

static void vanished_port_is_noticed_at_once(void **state)
{
    (void)state;
    struct ptm p = pty_make();
    struct opened o = open_unit("serial", p.path);
    pthread_t t;
    const double start = now();
    pthread_create(&t, NULL, hang_up, &p.master);
    uint8_t b[16];
    size_t done;
    assert_int_equal(o.ops->read(o.self, b, 16, 20000, &done, &o.err), BKF_E_NO_DEVICE);
    assert_true(now() - start < 3);
    assert_non_null(strstr(o.err.message, "vanished"));
    pthread_join(t, NULL);
    assert_int_equal(o.ops->write(o.self, b, 16, 20000, &done, &o.err), BKF_E_NO_DEVICE);
    assert_true(now() - start < 3);
    shut(&o);
}

static void every_rate_is_set(void **state)
{
    (void)state;
    static const uint32_t rates[] = { 9600,   115200,  230400,  460800,
                                      921600, 1000000, 1500000, 2000000 };
    struct ptm p = pty_make();
    struct opened o = open_unit("serial", p.path);
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        uint32_t got = 0;
        assert_int_equal(o.ops->setup(o.self, rates[i], &got, &o.err), BKF_OK);
        assert_int_equal(got, rates[i]);
        struct termios t;
        assert_int_equal(tcgetattr(p.master, &t), 0);
        assert_int_equal(t.c_lflag & (ICANON | ECHO | ISIG), 0);
        assert_int_equal(t.c_oflag & OPOST, 0);
    }
    shut(&o);
    close(p.master);
}

static void second_user_learns_who_has_it(void **state)
{
    (void)state;
    struct ptm p = pty_make();
    int ready[2], end[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    const pid_t child = fork();
    if (child == 0) {
        const int fd = open(p.path, O_RDWR | O_NOCTTY);
        flock(fd, LOCK_EX);
        char c = (char)write(ready[1], "r", 1);
        c = (char)read(end[0], &c, 1);
        _exit(0);
    }
    char c;
    assert_int_equal(read(ready[0], &c, 1), 1);
    const bkf_adapter_class *k = class_of("serial");
    bkf_adapter *a = NULL;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(k->open(&host, p.path, &props, &a, &err), BKF_E_BUSY);
    char pid[32];
    snprintf(pid, sizeof pid, "process %d", (int)child);
    if (!strstr(err.message, pid)) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(write(end[1], "e", 1), 1);
    waitpid(child, NULL, 0);
    close(p.master);
    close(ready[0]);
    close(ready[1]);
    close(end[0]);
    close(end[1]);
}

static void two_openers_in_one_program(void **state)
{
    (void)state;
    struct ptm p = pty_make();
    struct opened o = open_unit("serial", p.path);
    bkf_adapter *a = NULL;
    assert_int_equal(o.c->open(&host, p.path, &props, &a, &o.err), BKF_E_BUSY);
    shut(&o);
    o = open_unit("serial", p.path);
    shut(&o);
    close(p.master);
}

static void refusals(void **state)
{
    (void)state;
    const bkf_adapter_class *k = class_of("serial");
    bkf_adapter *a = NULL;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(k->open(&host, "/dev/ttyNOPE9", &props, &a, &err), BKF_E_NO_DEVICE);
    assert_int_equal(k->open(&host, "/dev/null", &props, &a, &err), BKF_E_PARAM);
    assert_int_equal(k->open(&host, "NOSUCHSERIAL", &props, &a, &err), BKF_E_NO_DEVICE);
    assert_non_null(strstr(err.message, "NOSUCHSERIAL"));
    k = class_of("ft232r");
    assert_int_equal(k->open(&host, NULL, &props, &a, &err), BKF_E_NO_DEVICE);
}

static void no_modem_lines_on_a_pty(void **state)
{
    (void)state;
    struct ptm p = pty_make();
    struct opened o = open_unit("serial", p.path);
    bkf_iface i;
    assert_int_equal(o.c->acquire(o.a, BKF_IFACE_GPIO, &i, &o.err), BKF_OK);
    const bkf_gpio_ops *g = i.ops;
    uint32_t id;
    assert_int_equal(g->claim(i.self, "RTS#", BKF_LINE_PUSH_PULL, 1, &id, &o.err),
                     BKF_E_UNSUPPORTED);
    assert_int_equal(g->claim(i.self, "D2", BKF_LINE_PUSH_PULL, 1, &id, &o.err), BKF_E_PARAM);
    o.c->release(o.a, BKF_IFACE_GPIO);
    assert_int_equal(o.c->acquire(o.a, BKF_IFACE_SPI, &i, &o.err), BKF_E_UNSUPPORTED);
    shut(&o);
    close(p.master);
}

static void through_socat(void **state)
{
    (void)state;
    char link[2][96], arg[2][160];
    for (int i = 0; i < 2; i++) {
        snprintf(link[i], sizeof link[i], "/tmp/bkf-socat-%d-%d", (int)getpid(), i);
        snprintf(arg[i], sizeof arg[i], "pty,rawer,link=%s", link[i]);
    }
    const pid_t child = fork();
    if (child == 0) {
        execlp("socat", "socat", arg[0], arg[1], (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 300 && (access(link[0], F_OK) || access(link[1], F_OK)); i++) {
        int status;
        if (waitpid(child, &status, WNOHANG) == child) {
            skip(); /* no socat on this machine */
        }
        usleep(10000);
    }
    struct opened a = open_unit("serial", link[0]);
    struct opened b = open_unit("serial", link[1]);
    uint8_t out[4111], in[4111];
    for (size_t i = 0; i < sizeof out; i++) {
        out[i] = (uint8_t)(i * 7);
    }
    size_t done;
    assert_int_equal(a.ops->write(a.self, out, sizeof out, 5000, &done, &a.err), BKF_OK);
    assert_int_equal(b.ops->read(b.self, in, sizeof in, 5000, &done, &b.err), BKF_OK);
    assert_memory_equal(in, out, sizeof out);
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
    const double start = now();
    assert_int_equal(b.ops->read(b.self, in, sizeof in, 20000, &done, &b.err), BKF_E_NO_DEVICE);
    assert_true(now() - start < 3);
    shut(&a);
    shut(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_both_ways),
        cmocka_unit_test(partial_reads),
        cmocka_unit_test(vanished_port_is_noticed_at_once),
        cmocka_unit_test(every_rate_is_set),
        cmocka_unit_test(second_user_learns_who_has_it),
        cmocka_unit_test(two_openers_in_one_program),
        cmocka_unit_test(refusals),
        cmocka_unit_test(no_modem_lines_on_a_pty),
        cmocka_unit_test(through_socat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
