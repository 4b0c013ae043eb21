/* kit_adapter.c - points of an adapter class.  Without a unit attached only the first ones
 * can be tried; the others are skipped and say so. */
#include "kit_unit.h"
#include <string.h>
#include <unistd.h>

#define NO_UNIT "no-such-unit-7f3a"
enum { CHURN = 100, HEAP_SLACK = 1024 };

struct listing {
    struct verdict *v;
    unsigned n;
};
static void found_unit(void *ud, const char *path, const char *label)
{
    struct listing *l = ud;
    l->n++;
    if (!path || !path[0] || !label || !label[0])
        verdict_fail(l->v, "list reported a unit without a path or label");
    else if (strlen(path) > 255 || strpbrk(path, "\r\n") || strpbrk(label, "\r\n"))
        verdict_fail(l->v, "list reported a path or label that is not one line");
}

static void list_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    struct listing l = { v, 0 };
    bkf_error err = BKF_ERROR_INIT;
    kit_host_init(&b.host, v, NULL);
    bkf_status st = k->adapter->list(&b.host.host, found_unit, &l, &err);
    if (st != BKF_OK)
        kit_failed_well(v, "list", st, &err);
    struct usage before, after;
    usage_take(&before);
    for (int i = 0; i < 20; i++)
        k->adapter->list(&b.host.host, found_unit, &l, &err);
    usage_take(&after);
    MUST(v, after.fds <= before.fds, "list leaves files open (%zu more after 20 calls)",
         after.fds - before.fds);
    MUST(v, after.heap <= before.heap + HEAP_SLACK, "list leaks memory (%zu bytes in 20 calls)",
         after.heap - before.heap);
}

static void unknown_unit_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    bkf_error err = BKF_ERROR_INIT;
    if (!unit_props(&b, k, v))
        return;
    bkf_status st = unit_try_open(&b, NO_UNIT, &err);
    if (st == BKF_OK && b.a && unit_has_clock(&b)) {
        verdict_skip(v, "a virtual adapter may take any unit name");
        unit_end(&b);
        return;
    }
    if (kit_failed_well(v, "open of a unit that does not exist", st, &err))
        MUST(v, !b.a, "open failed, but left an adapter behind");
    unit_end(&b);
}

/* Callers of another age hand in a shorter record, or none. */
static void error_record_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    union {
        bkf_error err;
        unsigned char bytes[sizeof(bkf_error)];
    } u;
    if (!unit_props(&b, k, v))
        return;
    memset(&u, 0xA5, sizeof u);
    u.err.struct_size = offsetof(bkf_error, message);
    if (unit_try_open(&b, NO_UNIT, &u.err) == BKF_OK) {
        verdict_skip(v, "a virtual adapter may take any unit name");
        unit_end(&b);
        return;
    }
    for (size_t i = offsetof(bkf_error, message); i < sizeof u; i++)
        MUST(v, u.bytes[i] == 0xA5,
             "open wrote into an error record past its struct_size; test BKF_HAS(bkf_error, err, "
             "message) first");
    unit_try_open(&b, NO_UNIT, NULL); /* crashes if it does not look */
    unit_end(&b);
}

static void garbage_point(struct kit *k, struct verdict *v)
{
    static const char *const junk[] = { "/dev/null/none", "\xff\xfe", "%s%n%s", "-1", "a b c" };
    char longest[5001];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    size_t own = k->n_options;
    MUST(v, chdir(k->scratch) == 0, "no scratch folder");
    for (const bkf_prop_spec *p = k->adapter->props; p->key; p++) {
        if (p->type != BKF_PROP_STRING || own == ARRAY_LEN(k->options))
            continue;
        for (size_t i = 0; i <= ARRAY_LEN(junk); i++) {
            struct unit b;
            bkf_error err = BKF_ERROR_INIT;
            k->options[own] = (struct option){ p->key, i < ARRAY_LEN(junk) ? junk[i] : longest };
            k->n_options = own + 1;
            if (!unit_props(&b, k, v))
                return;
            bkf_status st = unit_try_open(&b, k->unit, &err);
            if (st != BKF_OK && !kit_failed_well(v, "open with a bad option", st, &err))
                return;
            unit_end(&b);
        }
    }
    k->n_options = own;
}

static void churn_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    struct usage before = { 0 }, after;
    if (!unit_props(&b, k, v))
        return;
    for (int i = 0; i < CHURN + 10; i++) {
        if (i == 10)
            usage_take(&before); /* libraries have filled their caches by now */
        bkf_error err = BKF_ERROR_INIT;
        bkf_iface f;
        bkf_status st = unit_try_open(&b, k->unit, &err);
        if (st == BKF_OK) {
            static const char *const ids[] = { BKF_IFACE_GPIO, BKF_IFACE_SPI, BKF_IFACE_UART };
            for (size_t n = 0; n < ARRAY_LEN(ids); n++)
                if (k->adapter->acquire(b.a, ids[n], &f, &err) == BKF_OK)
                    k->adapter->release(b.a, ids[n]);
            k->adapter->close(b.a);
        } else if (!kit_failed_well(v, "open", st, &err)) {
            return;
        }
        MUST(v, st != BKF_OK || b.a, "open returned BKF_OK without an adapter");
    }
    usage_take(&after);
    MUST(v, after.fds <= before.fds, "%d times open and close left %zu files open", CHURN,
         after.fds - before.fds);
    MUST(v, after.threads <= before.threads, "%d times open and close left %zu threads", CHURN,
         after.threads - before.threads);
    MUST(v, after.heap <= before.heap + HEAP_SLACK, "%d times open and close leaked %zu bytes",
         CHURN, after.heap - before.heap);
    props_free(b.props);
}

static void two_point(struct kit *k, struct verdict *v)
{
    struct unit one, two;
    if (!unit_start(&one, k, v))
        return;
    if (!unit_props(&two, k, v))
        return;
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = unit_try_open(&two, k->unit, &err);
    if (st == BKF_OK) {
        MUST(v, two.a && two.a != one.a, "two hosts got the same adapter object");
        unit_end(&two);
    } else if (kit_failed_well(v, "second open", st, &err)) {
        MUST(v, st == BKF_E_BUSY || st == BKF_E_ACCESS || st == BKF_E_NO_DEVICE,
             "the second open of one unit says %s, not BKF_E_BUSY", status_name(st));
    }
    bkf_iface f; /* the first one still works */
    st = k->adapter->acquire(one.a, "com.example.none/1", &f, &err);
    MUST(v, st == BKF_E_UNSUPPORTED, "after a second open and close the first unit answers %s",
         status_name(st));
    unit_end(&one);
}

static void unit_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    if (!BKF_HAS(bkf_adapter_class, k->adapter, unit) || !k->adapter->unit) {
        verdict_skip(v, "the class has no unit()");
        return;
    }
    if (!unit_start(&b, k, v))
        return;
    const char *name = k->adapter->unit(b.a);
    MUST(v, name && name[0] && strlen(name) < 256 && !strpbrk(name, "\r\n"),
         "unit() gives no one-line name");
    MUST(v, strcmp(name, k->adapter->unit(b.a)) == 0, "unit() changes its answer");
    unit_end(&b);
}

static void unknown_iface_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    bkf_iface f = { NULL, NULL };
    bkf_error err = BKF_ERROR_INIT;
    if (!unit_start(&b, k, v))
        return;
    bkf_status st = k->adapter->acquire(b.a, "com.example.none/1", &f, &err);
    if (kit_failed_well(v, "acquire of an unknown interface", st, &err))
        MUST(v, st == BKF_E_UNSUPPORTED,
             "acquire of an unknown interface says %s, not "
             "BKF_E_UNSUPPORTED",
             status_name(st));
    k->adapter->release(b.a, "com.example.none/1"); /* harmless */
    unit_end(&b);
}

static void offers_point(struct kit *k, struct verdict *v)
{
    struct unit b;
    bkf_iface f;
    bkf_error err = BKF_ERROR_INIT;
    if (!unit_start(&b, k, v))
        return;
    bool any = k->adapter->acquire(b.a, BKF_IFACE_SPI, &f, &err) == BKF_OK;
    any |= k->adapter->acquire(b.a, BKF_IFACE_UART, &f, &err) == BKF_OK;
    MUST(v, any, "it offers neither %s nor %s: no chip can be reached", BKF_IFACE_SPI,
         BKF_IFACE_UART);
    unit_end(&b);
}

void adapter_points(struct kit *k)
{
    kit_point(k, "adapter.list", list_point);
    kit_point(k, "adapter.unknown-unit", unknown_unit_point);
    kit_point(k, "adapter.error-record", error_record_point);
    kit_point(k, "adapter.bad-options", garbage_point);
    kit_point(k, "adapter.churn", churn_point);
    kit_point(k, "adapter.two-hosts", two_point);
    kit_point(k, "adapter.unit", unit_point);
    kit_point(k, "adapter.unknown-interface", unknown_iface_point);
    kit_point(k, "adapter.offers", offers_point);
    gpio_points(k);
    spi_points(k);
    uart_points(k);
}
