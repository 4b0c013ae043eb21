/* fake_link.h - an adapter that writes down what reaches it, and links opened on it. */
#ifndef TESTS_SUPPORT_FAKE_LINK_H
#define TESTS_SUPPORT_FAKE_LINK_H
#include "core/link/link.h"
#include "tests/support/cmocka.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake {
    char log[4096];
    uint32_t caps;
    size_t max_len;
    uint64_t now;
    int calls, vanish_at;
    size_t rx_have; /* bytes the UART will deliver */
    int setup_fails;
};

static inline void note(struct fake *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline void note(struct fake *f, const char *fmt, ...)
{
    size_t n = strlen(f->log);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->log + n, sizeof f->log - n, fmt, ap);
    va_end(ap);
}

static inline bkf_status here(struct fake *f, bkf_error *err)
{
    f->now += 10;
    if (f->vanish_at && ++f->calls >= f->vanish_at)
        return error_set(err, BKF_E_NO_DEVICE, "fake is gone");
    return BKF_OK;
}

static inline bkf_status f_bind(void *self, const bkf_pin *p, size_t n, bkf_error *err)
{
    struct fake *f = self;
    for (size_t i = 0; i < n; i++)
        note(f, "%s=%s ", p[i].signal, p[i].line);
    return here(f, err);
}
static inline bkf_status f_setup(void *self, uint32_t mode, uint32_t want, uint32_t *got,
                                 bkf_error *err)
{
    struct fake *f = self;
    note(f, "setup%u/%u ", mode, want);
    *got = want > 1500000 ? 1500000 : want;
    if (f->setup_fails)
        return BKF_E_IO; /* a plugin that forgets the message */
    return here(f, err);
}
static inline bkf_status f_run(void *self, const bkf_spi_step *s, size_t n, bkf_error *err)
{
    struct fake *f = self;
    note(f, "[");
    for (size_t i = 0; i < n; i++) {
        if (s[i].kind == BKF_STEP_LINE) {
            note(f, "L%u=%u ", s[i].line, s[i].value);
        } else if (s[i].kind == BKF_STEP_DELAY) {
            note(f, "D%u ", s[i].value);
            f->now += s[i].value;
        } else {
            note(f, "%c%zu ", s[i].flags ? 'h' : 'x', s[i].len);
            for (size_t b = 0; s[i].rx && b < s[i].len; b++)
                s[i].rx[b] = (uint8_t)(s[i].tx ? ~s[i].tx[b] : 0xA5);
        }
    }
    note(f, "] ");
    return here(f, err);
}
static inline size_t f_max(void *self)
{
    return ((struct fake *)self)->max_len;
}
static uint32_t f_caps(void *self)
{
    return ((struct fake *)self)->caps;
}
static inline bkf_status f_claim(void *self, const char *line, uint32_t drive, uint32_t level,
                                 uint32_t *id, bkf_error *err)
{
    struct fake *f = self;
    note(f, "claim:%s/%u/%u ", line, drive, level);
    *id = 7;
    return here(f, err);
}
static inline bkf_status f_set(void *self, uint32_t id, uint32_t level, bkf_error *err)
{
    note(self, "%u=%u ", id, level);
    return here(self, err);
}
static inline bkf_status f_get(void *self, uint32_t id, uint32_t *level, bkf_error *err)
{
    (void)id;
    *level = 1;
    return here(self, err);
}
static inline void f_drop(void *self, uint32_t id)
{
    note(self, "drop%u ", id);
}
static inline bkf_status f_baud(void *self, uint32_t baud, uint32_t *got, bkf_error *err)
{
    *got = baud;
    return here(self, err);
}
static inline bkf_status f_write(void *self, const uint8_t *p, size_t len, uint32_t ms,
                                 size_t *done, bkf_error *err)
{
    (void)p;
    note(self, "w%zu/%u ", len, ms);
    *done = len;
    return here(self, err);
}
static inline bkf_status f_read(void *self, uint8_t *p, size_t len, uint32_t ms, size_t *done,
                                bkf_error *err)
{
    struct fake *f = self;
    note(f, "r%zu/%u ", len, ms);
    *done = f->rx_have < len ? f->rx_have : len;
    memset(p, 0x5A, *done);
    f->rx_have -= *done;
    if (*done < len && ms) {
        f->now += ms * 1000u;
        return error_set(err, BKF_E_TIMEOUT, "fake timeout");
    }
    return BKF_OK;
}
static inline bkf_status f_purge(void *self, bkf_error *err)
{
    return here(self, err);
}
static uint64_t f_now(void *self)
{
    return ((struct fake *)self)->now;
}
static inline void f_sleep(void *self, uint64_t us)
{
    struct fake *f = self;
    note(f, "s%llu ", (unsigned long long)us);
    f->now += us;
}
static const bkf_spi_ops spi_ops = { .struct_size = sizeof spi_ops,
                                     .bind = f_bind,
                                     .setup = f_setup,
                                     .run = f_run,
                                     .max_len = f_max,
                                     .caps = f_caps };
static const bkf_gpio_ops gpio_ops = {
    .struct_size = sizeof gpio_ops, .claim = f_claim, .set = f_set, .get = f_get, .drop = f_drop
};
static const bkf_uart_ops uart_ops = { .struct_size = sizeof uart_ops,
                                       .setup = f_baud,
                                       .write = f_write,
                                       .read = f_read,
                                       .purge = f_purge };
static const bkf_clock_ops clock_ops = { .struct_size = sizeof clock_ops,
                                         .now_us = f_now,
                                         .sleep_us = f_sleep };
static inline bkf_status f_acquire(bkf_adapter *a, const char *id, bkf_iface *i, bkf_error *err)
{
    const void *ops = !strcmp(id, BKF_IFACE_SPI)     ? (const void *)&spi_ops
                      : !strcmp(id, BKF_IFACE_GPIO)  ? (const void *)&gpio_ops
                      : !strcmp(id, BKF_IFACE_UART)  ? (const void *)&uart_ops
                      : !strcmp(id, BKF_IFACE_CLOCK) ? (const void *)&clock_ops
                                                     : NULL;
    *i = (bkf_iface){ ops, a };
    return ops ? BKF_OK : error_set(err, BKF_E_UNSUPPORTED, "no");
}
static inline void f_release(bkf_adapter *a, const char *id)
{
    note((struct fake *)a, "rel:%c ", id[8]);
}
static const bkf_line_spec fake_lines[] = {
    { .name = "SCK", .roles = BKF_ROLE_SCK },
    { .name = "MOSI", .roles = BKF_ROLE_MOSI },
    { .name = "MISO", .roles = BKF_ROLE_MISO },
    { .name = "CS0", .roles = BKF_ROLE_CS },
    { .name = "D2", .alias = "CS2", .roles = BKF_ROLE_OUT },
    { .name = NULL },
};
static const bkf_adapter_class fake_class = { .struct_size = sizeof fake_class,
                                              .name = "fake",
                                              .lines = fake_lines,
                                              .acquire = f_acquire,
                                              .release = f_release };
static const struct link_pad pads[] = {
    { "CE", "cen", "D2", false },     { "TCK", "sck", "SCK", false },
    { "TMS", "cs0", "CS0", false },   { "TDI", "mosi", "MOSI", false },
    { "TDO", "miso", "MISO", false },
};

static inline struct link_config spi_config(void)
{
    return (struct link_config){ .transport = "spi", .pads = pads, .n_pads = ARRAY_LEN(pads) };
}

static inline struct link *open_on(struct fake *f, const struct link_config *cfg)
{
    struct link *l;
    bkf_error err = BKF_ERROR_INIT;
    if (link_open(cfg, NULL, &fake_class, (bkf_adapter *)f, &l, &err))
        fail_msg("link_open: %s", err.message);
    return l;
}

static inline bkf_status xfer(const bkf_links *v, const uint8_t *tx, uint8_t *rx, size_t n,
                              bkf_error *err)
{
    const bkf_spi_ops *ops = v->spi->ops;
    bkf_spi_step s = { .kind = BKF_STEP_XFER, .tx = tx, .rx = rx, .len = n };
    return ops->run(v->spi->self, &s, 1, err);
}

static inline bkf_status setup(const bkf_links *v, bkf_error *err)
{
    const bkf_spi_ops *ops = v->spi->ops;
    uint32_t got;
    return ops->setup(v->spi->self, 0, 1000000, &got, err);
}

#endif
