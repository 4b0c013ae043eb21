/* Differences and the report page. */
#include "core/image/diff.h"
#include "core/image/report_html.h"
#include "core/image/report_labels.h"
#include "tests/support/synth.h"
#include <stdlib.h>

static struct image_facts *facts_of(const uint8_t *p, size_t n)
{
    struct image_facts *f;
    bkf_error err = BKF_ERROR_INIT;
    if (inspect_image(p, n, &synth_doorbell_layout, 1, &f, &err))
        fail_msg("%s", err.message);
    return f;
}

static void differences(void **state)
{
    (void)state;
    uint8_t *a = synth_doorbell(), *b = synth_doorbell();
    struct image_facts *fa = facts_of(a, SYNTH_DOORBELL), *fb = facts_of(b, SYNTH_DOORBELL);
    struct image_diff *d = image_diff(fa, fb);
    assert_true(d->same);
    assert_int_equal(d->n_ranges + d->n_keys + d->n_parts, 0);
    free(d);
    inspect_free(fb);
    b[0x20000] ^= 1;
    b[0x20010] ^= 1;
    b[0x20100] ^= 1;
    b[0x3FFFFF] ^= 1;
    const char *wsm = "{\"ssid\":\"Somewhere else\"}";
    uint8_t inner[16] = { 1 };
    const struct kv_item items[] = { { "gw_wsm", (const uint8_t *)wsm, strlen(wsm) },
                                     { "new_key", (const uint8_t *)"1", 1 } };
    assert_true(kv_build(inner, KV_MAGIC_CLASSIC, items, 2, 17, b + 0x397000));
    fb = facts_of(b, SYNTH_DOORBELL);
    d = image_diff(fa, fb);
    assert_false(d->same);
    assert_int_equal(d->range[0].start, 0x20000);
    assert_int_equal(d->range[0].end, 0x20011);
    assert_int_equal(d->range[0].bytes, 2);
    assert_int_equal(d->range[1].start, 0x20100);
    assert_string_equal(d->part[0].name, "app1");
    assert_int_equal(d->part[0].bytes, 3);
    assert_int_equal(d->part[0].sectors, 1);
    size_t changed = 0, added = 0, removed = 0, all = 0;
    for (size_t i = 0; i < SYNTH_DOORBELL; i++)
        all += a[i] != b[i];
    assert_int_equal(d->bytes, all);
    for (size_t i = 0; i < d->n_keys; i++) {
        changed += d->key[i].change == DIFF_CHANGED;
        added += d->key[i].change == DIFF_ADDED;
        removed += d->key[i].change == DIFF_REMOVED;
    }
    assert_int_equal(changed, 1);
    assert_int_equal(added, 1);
    assert_int_equal(removed, 4);
    struct strbuf text = STRBUF_INIT;
    diff_text(d, "a.bin", "b.bin", &text);
    assert_non_null(strstr(text.data, "gw_wsm"));
    assert_null(strstr(text.data, "Somewhere"));
    strbuf_free(&text);
    json_t *j = diff_json(d);
    assert_int_equal(json_integer_value(json_object_get(j, "bytes")), (json_int_t)all);
    json_decref(j);
    free(d);
    inspect_free(fb);
    fb = facts_of(b, 0x300000);
    d = image_diff(fa, fb);
    assert_int_equal(d->only_a, 0x100000);
    assert_int_equal(d->only_b, 0);
    free(d);
    inspect_free(fb);
    inspect_free(fa);
    free(a);
    free(b);
}

/* Many scattered differences: the table is bounded, the totals are not. */
static void many_ranges(void **state)
{
    (void)state;
    uint8_t *a = synth_doorbell(), *b = synth_doorbell();
    for (size_t i = 0; i < 2000; i++)
        b[0x11000 + i * 200] ^= 1;
    struct image_facts *fa = facts_of(a, SYNTH_DOORBELL), *fb = facts_of(b, SYNTH_DOORBELL);
    struct image_diff *d = image_diff(fa, fb);
    assert_int_equal(d->n_ranges, DIFF_RANGES);
    assert_int_equal(d->ranges_total, 2000);
    assert_int_equal(d->bytes, 2000);
    free(d);
    inspect_free(fa);
    inspect_free(fb);
    free(a);
    free(b);
}

/* Names of crowded partitions: all placed, no text over another, no line through a text. */
static void labels(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int round = 0; round < 2000; round++) {
        struct report_label l[LAYOUT_PARTS];
        size_t n = (size_t)(rand_r(&seed) % LAYOUT_PARTS) + 1;
        double at = rand_r(&seed) % 900;
        for (size_t i = 0; i < n; i++) {
            at += rand_r(&seed) % (round % 2 ? 12 : 120);
            at = at < 1000 ? at : 999.5; /* a crowd at the edge */
            l[i] = (struct report_label){ .text = "x", .at = at, .width = 12 + rand_r(&seed) % 70 };
        }
        int rows = report_labels_place(l, n, 1000);
        for (size_t i = 0; i < n; i++) {
            assert_true(l[i].row >= 0);
            assert_true(l[i].row < rows && l[i].x >= 0 && l[i].x + l[i].width <= 1000);
            for (size_t k = 0; k < n; k++) {
                bool over = k != i && l[k].row == l[i].row && l[k].x < l[i].x + l[i].width &&
                            l[i].x < l[k].x + l[k].width;
                bool struck = k != i && l[k].row > l[i].row && l[k].foot > l[i].x &&
                              l[k].foot < l[i].x + l[i].width;
                if (over || struck)
                    fail_msg("round %d: label %zu at %g meets %zu at %g", round, i, l[i].at, k,
                             l[k].at);
            }
        }
    }
}

/* Elements open and close in order; no script, nothing from outside. */
static void well_formed(const char *html)
{
    char stack[64][16];
    size_t depth = 0;
    for (const char *p = strchr(html, '<'); p; p = strchr(p + 1, '<')) {
        char tag[16] = "";
        bool closing = p[1] == '/';
        sscanf(p + 1 + closing, "%15[a-zA-Z0-9!]", tag);
        const char *end = strchr(p, '>');
        assert_non_null(end);
        if (strcmp(tag, "meta") == 0 || tag[0] == '!' || end[-1] == '/')
            continue;
        if (!closing) {
            assert_true(depth < 64);
            strcpy(stack[depth++], tag);
        } else if (depth == 0 || strcmp(stack[--depth], tag) != 0) {
            fail_msg("</%s> closes <%s>", tag, stack[depth]);
        }
        if (strcmp(tag, "style") == 0 && !closing)
            p = strstr(p, "</style>") - 1;
    }
    assert_int_equal(depth, 0);
    static const char *const banned[] = { "<script", "http:", "https:",  "<link",     "<img",
                                          "@import", "url(",  "onclick", "javascript" };
    for (size_t i = 0; i < ARRAY_LEN(banned); i++)
        if (strstr(html, banned[i]))
            fail_msg("the page has '%s'", banned[i]);
}

static void pages(void **state)
{
    (void)state;
    uint8_t *a = synth_doorbell(), *b = synth_doorbell();
    b[0x20000] ^= 1;
    struct image_facts *fa = facts_of(a, SYNTH_DOORBELL), *fb = facts_of(b, SYNTH_DOORBELL);
    for (int show = 0; show < 2; show++) {
        struct strbuf page = STRBUF_INIT;
        assert_true(report_html(fa, "a<b>&\".bin", fb, "b.bin", show, &page));
        well_formed(page.data);
        assert_non_null(strstr(page.data, "a&lt;b&gt;&amp;&quot;.bin"));
        assert_int_equal(strstr(page.data, SYNTH_PASS) != NULL, show);
        assert_int_equal(strstr(page.data, SYNTH_UUID) != NULL, show);
        static const char *const has[] = { "app1",           "app2",
                                           "ota_meta",       "prefers-color-scheme:dark",
                                           "boot_tail",      "0x020000..0x020001",
                                           "@media print",   "Compared with b.bin",
                                           "5a5a5a01",       "entropy",
                                           "No damage found" };
        for (size_t i = 0; i < ARRAY_LEN(has); i++)
            if (!strstr(page.data, has[i]))
                fail_msg("the page lacks '%s'", has[i]);
        strbuf_free(&page);
    }
    struct strbuf page = STRBUF_INIT;
    assert_true(report_html(fb, "/home/someone/b.bin", NULL, NULL, false, &page));
    assert_null(strstr(page.data, "someone"));
    assert_non_null(strstr(page.data, "<h1>b.bin</h1>"));
    assert_non_null(strstr(page.data, "of damage"));
    well_formed(page.data);
    strbuf_free(&page);
    inspect_free(fa);
    inspect_free(fb);
    static const size_t sizes[] = { 0, 1, 100, 5000, 0x11000, 0x12345 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) { /* anything gives a page */
        fa = facts_of(a, sizes[i]);
        assert_true(report_html(fa, "x", NULL, NULL, false, &page));
        well_formed(page.data);
        strbuf_free(&page);
        inspect_free(fa);
    }
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences),
        cmocka_unit_test(many_ranges),
        cmocka_unit_test(labels),
        cmocka_unit_test(pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
