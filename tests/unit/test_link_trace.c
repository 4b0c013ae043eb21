/* Traces: what is recorded answers again, also when it is cut short; bytes as words. */
#include "core/link/trace.h"
#include "tests/support/fake_link.h"
#include <unistd.h>

static const char *trace_prop(const bkf_props *p, const char *key)
{
    (void)key;
    return p->handle;
}

static bkf_status open_replay(const char *path, bkf_adapter **a, bkf_error *err)
{
    bkf_props props = { .struct_size = sizeof props, .handle = path, .str = trace_prop };
    return link_replay_class.open(NULL, NULL, &props, a, err);
}

/* What a small job does; every result goes into sum. */
static bkf_status small_job(struct link *l, uint8_t last, uint32_t *sum, bkf_error *err)
{
    const bkf_links *v = link_view(l);
    uint8_t tx[70] = { 0x9F }, rx[70];
    uint64_t origin = link_now_us(l);
    bkf_status st = setup(v, err);
    *sum = 0;
    for (int i = 0; !st && i < 3; i++) {
        tx[69] = i == 2 ? last : 3;
        link_sleep_us(l, 5000);
        st = xfer(v, tx, rx, sizeof tx, err);
        *sum = crc32_update(*sum, rx, st ? 0 : sizeof rx);
        *sum += (uint32_t)(link_now_us(l) - origin);
        if (!st)
            st = v->signal(v, "cen", (uint32_t)i & 1, err);
    }
    return st;
}

static char *record(const char *path, bool inverted, uint32_t *sum)
{
    struct fake f = { .caps = BKF_SPI_INLINE_LINE, .max_len = 31, .now = 123456 };
    struct link_pad mine[ARRAY_LEN(pads)];
    memcpy(mine, pads, sizeof mine);
    mine[0].inverted = inverted;
    struct link_config cfg = spi_config();
    cfg.pads = mine;
    cfg.trace_path = path;
    cfg.trace_meta = "{\"tool\":\"test\"}";
    struct link *l = open_on(&f, &cfg);
    bkf_error err = BKF_ERROR_INIT;
    if (small_job(l, 9, sum, &err))
        fail_msg("%s", err.message);
    link_close(l);
    uint8_t *text;
    size_t n;
    assert_int_equal(file_read(path, 1 << 20, &text, &n, &err), BKF_OK);
    return (char *)text;
}

static bkf_status replay(const char *path, uint8_t last, uint32_t *sum, bkf_error *err)
{
    bkf_adapter *a = NULL;
    struct link *l = NULL;
    struct link_pad mine[LINK_PADS_MAX];
    struct link_config cfg = { .transport = "spi", .pads = mine };
    cfg.n_pads = link_derive_pads("spi", pads, ARRAY_LEN(pads), &link_replay_class, mine);
    bkf_status st = open_replay(path, &a, err);
    if (!st)
        st = link_open(&cfg, NULL, &link_replay_class, a, &l, err);
    if (!st)
        st = small_job(l, last, sum, err);
    link_close(l);
    link_replay_class.close(a);
    return st;
}

static void trace_replays(void **state)
{
    (void)state;
    for (int inverted = 0; inverted < 2; inverted++) {
        char path[] = "/tmp/test_link_XXXXXX";
        close(mkstemp(path));
        uint32_t recorded = 0, replayed = 0;
        char *text = record(path, inverted, &recorded);
        assert_non_null(strstr(text, "bktrace 1\nmeta {\"tool\":\"test\"}\niface spi max_len=31"));
        assert_non_null(strstr(text, "h31=9f00*30."));
        bkf_error err = BKF_ERROR_INIT;
        /* bytes are the same, and time passes by the same amount */
        if (replay(path, 9, &replayed, &err))
            fail_msg("%s", err.message);
        assert_int_equal(recorded, replayed);
        /* another byte in the last transfer is found, with its record */
        assert_int_equal(replay(path, 8, &replayed, &err), BKF_E_MISMATCH);
        assert_non_null(strstr(err.message, "record "));
        assert_non_null(strstr(err.message, "differs at character"));
        free(text);
        unlink(path);
    }
}

static void trace_cut_short(void **state)
{
    (void)state;
    char path[] = "/tmp/test_link_XXXXXX";
    close(mkstemp(path));
    uint32_t sum;
    char *text = record(path, false, &sum);
    size_t n = strlen(text);
    bkf_error err = BKF_ERROR_INIT;
    /* a killed writer leaves any prefix: never a crash, never a success */
    for (size_t cut = 0; cut < n; cut += 7) {
        assert_int_equal(file_write_atomic(path, text, cut, &err), BKF_OK);
        char *tail = strstr(text, " x8=");
        bkf_status st = replay(path, 9, &sum, &err);
        if (!st && cut < (size_t)(tail - text))
            fail_msg("a trace cut to %zu bytes replayed whole", cut);
    }
    free(text);
    unlink(path);
}

static void byte_words(void **state)
{
    (void)state;
    uint8_t in[300], out[300];
    for (size_t n = 0; n < sizeof in; n++) {
        for (size_t i = 0; i < n; i++)
            in[i] = (uint8_t)(i * i / 37);
        struct strbuf sb = STRBUF_INIT;
        trace_put_bytes(&sb, in, n);
        assert_non_null(sb.data);
        struct trace_slice w = { sb.data, sb.len };
        size_t count;
        assert_true(trace_bytes(w, out, n));
        assert_memory_equal(in, out, n);
        assert_false(trace_bytes(w, out, n + 1));
        assert_true(trace_bytes_count(w, sizeof in, &count));
        assert_int_equal(count, n);
        strbuf_free(&sb);
    }
    static const char *const bad[] = {
        "0", "0g", "00*", "00*.", "00*0.", "00*x.", "00*4294967296.", "*3.", "00*3", "AB"
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct trace_slice w = { bad[i], strlen(bad[i]) };
        size_t count;
        if (trace_bytes_count(w, SIZE_MAX, &count))
            fail_msg("'%s' was taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trace_replays),
        cmocka_unit_test(trace_cut_short),
        cmocka_unit_test(byte_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
