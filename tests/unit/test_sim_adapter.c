/* test_sim_adapter.c - the sim adapter through its plugin ABI: entry, dump, violations. */
#include "tests/device/device.h"
#include "tests/support/cmocka.h"
#include <bkflash/plugin.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct given {
    const bkf_prop_spec *specs;
    struct device_option opt[16];
    size_t n;
};

static const char *props_str(const bkf_props *p, const char *key)
{
    const struct given *g = p->handle;
    for (size_t i = 0; i < g->n; i++) {
        if (!strcmp(g->opt[i].key, key)) {
            return g->opt[i].value;
        }
    }
    for (const bkf_prop_spec *s = g->specs; s->key; s++) {
        if (!strcmp(s->key, key)) {
            return s->dflt[0] == '@' ? "" : s->dflt;
        }
    }
    fail_msg("property %s is not declared", key);
    return "";
}

static uint64_t props_num(const bkf_props *p, const char *key)
{
    const char *s = props_str(p, key);
    char *end;
    uint64_t v = strtoull(s, &end, 0);
    return strcmp(end, "MHz") ? v : v * 1000000;
}

struct heard {
    char line[512];
    unsigned n;
};

static void host_log(const bkf_host *host, int32_t level, const char *line)
{
    struct heard *h = host->handle;
    (void)level;
    h->n++;
    (void)snprintf(h->line, sizeof h->line, "%s", line);
}

struct rig {
    const bkf_adapter_class *cls;
    struct given given;
    struct heard heard;
    bkf_host host;
    bkf_props props;
    bkf_adapter *adapter;
    bkf_iface spi, gpio, clock;
    uint32_t cen;
};

static const bkf_adapter_class *load(void)
{
    void *so = dlopen(BUILD_DIR "/plugins-1/bkf-sim.so", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!so) {
        fail_msg("%s", dlerror());
    }
    bkf_plugin_query_fn query;
    *(void **)&query = dlsym(so, "bkf_plugin_query");
    assert_non_null(query);
    return query()->adapters[0];
}

static void rig_open(struct rig *r, const char *options)
{
    static const bkf_pin pins[] = {
        { "sck", "sck" }, { "mosi", "mosi" }, { "miso", "miso" }, { "cs0", "cs0" }
    };
    char *text = strdup(options), *save = NULL;
    bkf_error err = BKF_ERROR_INIT;
    memset(r, 0, sizeof *r);
    r->cls = load();
    r->given.specs = r->cls->props;
    for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        char *eq = strchr(w, '=');
        *eq = 0;
        r->given.opt[r->given.n++] = (struct device_option){ w, eq + 1 };
    }
    r->host = (bkf_host){ .struct_size = sizeof r->host, .handle = &r->heard, .log = host_log };
    r->props = (bkf_props){
        .struct_size = sizeof r->props, .handle = &r->given, .str = props_str, .num = props_num
    };
    if (r->cls->open(&r->host, NULL, &r->props, &r->adapter, &err)) {
        fail_msg("open: %s", err.message);
    }
    assert_int_equal(r->cls->acquire(r->adapter, BKF_IFACE_SPI, &r->spi, &err), BKF_OK);
    assert_int_equal(r->cls->acquire(r->adapter, BKF_IFACE_GPIO, &r->gpio, &err), BKF_OK);
    assert_int_equal(r->cls->acquire(r->adapter, BKF_IFACE_CLOCK, &r->clock, &err), BKF_OK);
    const bkf_spi_ops *spi = r->spi.ops;
    const bkf_gpio_ops *gpio = r->gpio.ops;
    uint32_t got;
    assert_int_equal(spi->bind(r->spi.self, pins, 4, &err), BKF_OK);
    assert_int_equal(spi->setup(r->spi.self, 0, 1000000, &got, &err), BKF_OK);
    assert_int_equal(got, 1000000);
    assert_int_equal(gpio->claim(r->gpio.self, "cen", BKF_LINE_PUSH_PULL, 1, &r->cen, &err),
                     BKF_OK);
    free(text);
}

static void rig_close(struct rig *r)
{
    const bkf_gpio_ops *gpio = r->gpio.ops;
    gpio->drop(r->gpio.self, r->cen);
    r->cls->release(r->adapter, BKF_IFACE_SPI);
    r->cls->release(r->adapter, BKF_IFACE_GPIO);
    r->cls->release(r->adapter, BKF_IFACE_CLOCK);
    r->cls->close(r->adapter);
}

static void run(struct rig *r, const bkf_spi_step *steps, size_t n)
{
    bkf_error err = BKF_ERROR_INIT;
    const bkf_spi_ops *spi = r->spi.ops;
    if (spi->run(r->spi.self, steps, n, &err)) {
        fail_msg("run: %s", err.message);
    }
}

static uint32_t rdid(struct rig *r)
{
    uint8_t tx[4] = { 0x9F }, rx[4];
    bkf_spi_step s = { .kind = BKF_STEP_XFER, .tx = tx, .rx = rx, .len = 4 };
    run(r, &s, 1);
    return (uint32_t)rx[1] << 16 | (uint32_t)rx[2] << 8 | rx[3];
}

/* The device-timed sweep: CEN low, then CEN high and 70 ms of D2 from one list. */
static void enter(struct rig *r)
{
    static uint8_t d2[8750], echo[8750];
    const bkf_spi_step steps[] = {
        { .kind = BKF_STEP_LINE, .line = r->cen, .value = 0 },
        { .kind = BKF_STEP_DELAY, .value = 100000 },
        { .kind = BKF_STEP_LINE, .line = r->cen, .value = 1 },
        { .kind = BKF_STEP_XFER, .tx = d2, .rx = echo, .len = sizeof d2 },
    };
    memset(d2, 0xD2, sizeof d2);
    run(r, steps, 4);
    bkf_error err = BKF_ERROR_INIT;
    (void)err;
    const bkf_clock_ops *clock = r->clock.ops;
    clock->sleep_us(r->clock.self, 50000);
}

static void entry_and_dump(void **state)
{
    (void)state;
    struct rig r;
    uint8_t head[4] = { 0x03, 0, 0, 0 }, meta[4], *all = malloc(4u << 20);
    rig_open(&r, "jedec=0B4016 size=4194304 seed=5 "
                 "partitions=bootloader:0x0:0x11000:raw;ota_meta:0xF000:0x1000:raw;"
                 "app1:0x11000:0x1A9000:crc34;app2:0x1BA000:0x1A9000:crc34");
    assert_int_equal(rdid(&r), 0xFFFFFF); /* the application has the pins */
    enter(&r);
    assert_int_equal(rdid(&r), 0x0B4016);
    const bkf_spi_step read[] = {
        { .kind = BKF_STEP_XFER, .flags = BKF_SPI_HOLD_CS, .tx = head, .len = 4 },
        { .kind = BKF_STEP_XFER, .rx = all, .len = 4u << 20 },
    };
    const bkf_clock_ops *clock = r.clock.ops;
    uint64_t before = clock->now_us(r.clock.self);
    run(&r, read, 2);
    assert_in_range(clock->now_us(r.clock.self) - before, 33554464, 33554464 + 300);
    memcpy(meta, all + 0xF000, 4);
    assert_memory_equal(meta, "\x01\x5A\x5A\x5A", 4);
    assert_int_not_equal(all[0x11000], 0xFF);
    assert_int_not_equal(all[0x1BA000], 0xFF);
    for (size_t i = 0x363000; i < 4u << 20; i++) {
        assert_int_equal(all[i], 0xFF);
    }
    free(all);
    rig_close(&r);
    assert_int_equal(r.heard.n, 0);
}

static void violations_are_reported_at_close(void **state)
{
    (void)state;
    struct rig r;
    uint8_t bad[4] = { 0x20, 0, 0, 0 };
    bkf_spi_step s = { .kind = BKF_STEP_XFER, .tx = bad, .len = 4 };
    rig_open(&r, "boot=spi");
    run(&r, &s, 1);
    rig_close(&r);
    assert_int_equal(r.heard.n, 1);
    assert_non_null(strstr(r.heard.line, "sim: 1 protocol violation: wel"));
}

/* A flood of LinkChecks, somebody presses reset, then one read: over bkflash.uart/1. */
static void uart_link_and_read(void **state)
{
    (void)state;
    static const uint8_t check[5] = { 0x01, 0xE0, 0xFC, 0x01, 0x00 };
    static const uint8_t read4k[] = { 0x01, 0xE0, 0xFC, 0xFF, 0xF4, 5, 0, 9, 0, 0x10, 0x01, 0 };
    static uint8_t rx[8192];
    struct rig r;
    bkf_iface uart;
    bkf_error err = BKF_ERROR_INIT;
    size_t done, total = 0;
    uint32_t got;
    rig_open(&r, "chip=bk7231n jedec=EB6015 size=2097152 user_reset=300000");
    assert_int_equal(r.cls->acquire(r.adapter, BKF_IFACE_UART, &uart, &err), BKF_OK);
    const bkf_uart_ops *ops = uart.ops;
    const bkf_clock_ops *clock = r.clock.ops;
    assert_int_equal(ops->setup(uart.self, 115200, &got, &err), BKF_OK);
    while (total < 8 && clock->now_us(r.clock.self) < 2000000) {
        assert_int_equal(ops->write(uart.self, check, sizeof check, 100, &done, &err), BKF_OK);
        assert_int_equal(ops->read(uart.self, rx + total, sizeof rx - total, 0, &done, &err),
                         BKF_OK);
        total += done;
    }
    assert_in_range(clock->now_us(r.clock.self), 300000, 310000);
    clock->sleep_us(r.clock.self, 50000);
    assert_int_equal(ops->purge(uart.self, &err), BKF_OK);
    assert_int_equal(ops->write(uart.self, read4k, sizeof read4k, 100, &done, &err), BKF_OK);
    uint64_t before = clock->now_us(r.clock.self);
    assert_int_equal(ops->read(uart.self, rx, 4111, 1000, &done, &err), BKF_OK);
    assert_in_range(clock->now_us(r.clock.self) - before, 354000, 358000);
    assert_int_equal(ops->read(uart.self, rx, 1, 20, &done, &err), BKF_E_TIMEOUT);
    assert_int_equal(done, 0);
    r.cls->release(r.adapter, BKF_IFACE_UART);
    rig_close(&r);
    assert_int_equal(r.heard.n, 0);
}

static void misuse_is_refused(void **state)
{
    (void)state;
    struct rig r;
    bkf_error err = BKF_ERROR_INIT;
    uint32_t got = 0, id;
    rig_open(&r, "boot=spi");
    const bkf_spi_ops *spi = r.spi.ops;
    const bkf_gpio_ops *gpio = r.gpio.ops;
    assert_int_equal(spi->setup(r.spi.self, 0, 5, &got, &err), BKF_E_UNSUPPORTED);
    assert_int_equal(got, 10000);
    assert_int_equal(spi->setup(r.spi.self, 4, 0, &got, &err), BKF_E_PARAM);
    assert_int_equal(gpio->claim(r.gpio.self, "D2", 1, 1, &id, &err), BKF_E_PARAM);
    assert_int_equal(gpio->claim(r.gpio.self, "cen", 1, 1, &id, &err), BKF_E_BUSY);
    bkf_spi_step s = { .kind = BKF_STEP_LINE, .line = 2, .value = 0 };
    assert_int_equal(spi->run(r.spi.self, &s, 1, &err), BKF_E_PARAM);
    rig_close(&r);
    assert_int_equal(r.cls->open(&r.host, "usb:1-4", &r.props, &r.adapter, &err), BKF_E_NO_DEVICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_and_dump),
        cmocka_unit_test(violations_are_reported_at_close),
        cmocka_unit_test(uart_link_and_read),
        cmocka_unit_test(misuse_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
