/* Merging, origins, and the printed forms of a profile. */
#include "core/profile/findings.h"
#include "core/profile/load.h"
#include "core/profile/show.h"
#include "tests/support/cmocka.h"
#include <stdlib.h>
#include <string.h>

static const char *const dirs[] = { SOURCE_DIR "/conf", NULL };
static const struct profile_env env = { dirs };

static struct bkf_profile *load_text(const char *text, struct diag_list *d)
{
    struct bkf_profile *p = NULL;
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = profile_load_text(&env, "mine.ini", text, strlen(text), d, &p, &err);
    struct strbuf sb = STRBUF_INIT;
    findings_text(d, 0, &sb);
    if (st)
        fail_msg("%s\n%s", err.message, sb.data ? sb.data : "");
    strbuf_free(&sb);
    return p;
}

static const char mine[] = "[profile]\nschema = 1\nkind = board\nname = mine\n"
                           "include = boards/doorbell_mlt1t.ini\n"
                           "[pads]\nCE = cen @ D4 !\n"
                           "[flash]\nblock = 128K\npart = XT25F32B\n"
                           "[partition:storage]\nremove = yes\n"
                           "[partition:ota_meta]\nremove = yes\n"
                           "[partition:app1]\noffset = 0x12000\nsize = 0x1A8000\n"
                           "[partition:app2]\nremove = yes\n"
                           "[partition:boot_tail]\nremove = yes\n"
                           "[x-tool]\nanything = goes\n";

static void overrides_key_by_key(void **state)
{
    (void)state;
    struct diag_list d = { 0 };
    struct bkf_profile *p = load_text(mine, &d);
    const struct origin *at;
    assert_string_equal(profile_value(p, "flash", "block", &at), "128K");
    assert_string_equal(at->file, "mine.ini");
    assert_int_equal(at->line, 9);
    assert_non_null(strstr(at->overrides->file, "chips/bk7252.ini"));
    assert_null(at->overrides->overrides);
    assert_int_equal(p->block, 0x20000);
    assert_int_equal(p->page, 256); /* inherited */
    const struct prof_route *r = profile_route(p, NULL);
    assert_int_equal(r->n_pads, 5);
    assert_string_equal(r->pads[0].line, "D4");
    assert_true(r->pads[0].inverted);
    assert_null(profile_partition(p, "storage"));
    assert_null(profile_partition(p, "app2"));
    assert_non_null(profile_partition(p, "app1"));
    assert_int_equal(profile_partition(p, "app1")->range.start, 0x12000);
    assert_null(profile_value(p, "x-tool", "anything", NULL));
    assert_string_equal(p->name, "mine"); /* identity is never inherited */
    assert_null(p->title);
    assert_string_equal(p->chip_name, "bk7252");
    assert_int_equal(p->n_files, 3);
    profile_free(p);
    diag_free(&d);
}

static void same(const struct bkf_profile *a, const struct bkf_profile *b)
{
    for (size_t i = 0; i < a->n_values; i++) {
        const struct prof_value *v = &a->values[i];
        const char *text = profile_value(b, v->section, v->key, NULL);
        if (strcmp(v->key, "include") == 0)
            continue;
        if (!text || strcmp(text, v->text) != 0)
            fail_msg("[%s] %s: '%s' became '%s'", v->section, v->key, v->text, text ? text : "-");
    }
    assert_int_equal(a->n_partitions, b->n_partitions);
    assert_int_equal(a->n_routes, b->n_routes);
}

/* What is printed can be read again, and says the same without any include. */
static void printed_text_is_a_profile(void **state)
{
    (void)state;
    for (int origins = 0; origins < 2; origins++) {
        struct diag_list d = { 0 }, d2 = { 0 };
        struct strbuf sb = STRBUF_INIT;
        struct bkf_profile *p = load_text(mine, &d), *q = NULL;
        bkf_error err = BKF_ERROR_INIT;
        profile_show_text(p, origins, &sb);
        assert_non_null(sb.data);
        assert_int_equal(strstr(sb.data, "mine.ini:9, overrides ") != NULL, origins);
        assert_memory_equal(sb.data, "[profile]\n", 10);
        bkf_status st = profile_load_text(&env, "again.ini", sb.data, sb.len, &d2, &q, &err);
        if (st)
            fail_msg("%s line %d: %s\n%s", err.message, d2.items[0].line, d2.items[0].text,
                     sb.data);
        same(p, q);
        same(q, p);
        profile_free(p);
        profile_free(q);
        strbuf_free(&sb);
        diag_free(&d);
        diag_free(&d2);
    }
}

static void json_says_the_same(void **state)
{
    (void)state;
    struct diag_list d = { 0 };
    struct bkf_profile *p = load_text(mine, &d);
    json_t *j = profile_show_json(p);
    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "kind")), "profile");
    assert_string_equal(json_string_value(json_object_get(j, "profile_kind")), "board");
    assert_string_equal(json_string_value(json_object_get(j, "chip")), "bk7252");
    json_t *flash = json_object_get(j, "flash");
    assert_string_equal(json_string_value(json_object_get(flash, "jedec")), "0B4016");
    assert_int_equal(json_integer_value(json_object_get(flash, "size")), 0x400000);
    assert_int_equal(json_array_size(json_object_get(j, "values")), p->n_values);
    assert_int_equal(json_array_size(json_object_get(j, "files")), 3);
    assert_int_equal(json_array_size(json_object_get(j, "routes")), p->n_routes);
    assert_int_equal(json_array_size(json_object_get(j, "partitions")), p->n_partitions);
    bool found = false;
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(j, "values"), i, v)
    {
        if (strcmp(json_string_value(json_object_get(v, "key")), "block") != 0)
            continue;
        found = true;
        json_t *origins = json_object_get(v, "origins"), *first = json_array_get(origins, 0);
        assert_int_equal(json_array_size(origins), 2);
        assert_int_equal(json_integer_value(json_object_get(first, "line")), 9);
    }
    assert_true(found);
    json_decref(j);
    profile_free(p);
    diag_free(&d);
}

static void findings_are_capped_but_counted(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;
    struct diag_list d = { 0 };
    struct bkf_profile *p;
    bkf_error err = BKF_ERROR_INIT;
    strbuf_addf(&text, "[profile]\nschema = 1\nkind = chip\nname = x\n[chip]\ndriver = x\n"
                       "[partition:p]\n");
    for (int i = 0; i < 700; i++)
        strbuf_addf(&text, "wrong%d = 1\n", i);
    assert_int_equal(profile_load_text(&env, "f.ini", text.data, text.len, &d, &p, &err),
                     BKF_E_PROFILE);
    assert_null(p);
    assert_int_equal(d.errors, 702); /* and offset and size are missing */
    assert_true(d.n <= 500);
    assert_non_null(strstr(err.message, "702 problems"));
    findings_text(&d, FINDINGS_SHOWN, &out);
    size_t lines = 0;
    for (const char *s = out.data; *s; s++)
        lines += *s == '\n';
    assert_int_equal(lines, FINDINGS_SHOWN + 1);
    assert_non_null(strstr(out.data, "... and 682 more errors\n"));
    const char *line = "f.ini:8: error: [partition:p] wrong0: no such key\n";
    assert_memory_equal(out.data, line, strlen(line));
    json_t *j = findings_json(&d);
    json_t *first = json_array_get(j, 0);
    assert_int_equal(json_array_size(j), d.n);
    assert_string_equal(json_string_value(json_object_get(first, "file")), "f.ini");
    assert_int_equal(json_integer_value(json_object_get(first, "line")), 8);
    assert_string_equal(json_string_value(json_object_get(first, "severity")), "error");
    assert_string_equal(json_string_value(json_object_get(first, "section")), "partition:p");
    assert_string_equal(json_string_value(json_object_get(first, "key")), "wrong0");
    json_decref(j);
    strbuf_free(&text);
    strbuf_free(&out);
    diag_free(&d);
}

static void names_are_looked_up(void **state)
{
    (void)state;
    struct diag_list d = { 0 };
    struct bkf_profile *p;
    bkf_error err = BKF_ERROR_INIT;
    static const char *const good[] = {
        "generic_bk7252",        "generic_bk7252.ini", "bk7252",
        "boards/generic_bk7252", "chips/bk7252.ini",   SOURCE_DIR "/conf/boards/generic_bk7252.ini"
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(profile_load(&env, good[i], &d, &p, &err), BKF_OK);
        profile_free(p);
    }
    static const char *const bad[] = { "generic_bk7253", "../conf/boards/generic_bk7252",
                                       "boards/../boards/generic_bk7252", "/nowhere/x.ini", "" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(profile_load(&env, bad[i], &d, &p, &err), BKF_E_FILE);
        assert_null(p);
    }
    assert_int_equal(profile_load(&env, bad[0], &d, &p, &err), BKF_E_FILE);
    assert_non_null(strstr(err.message, "did you mean 'generic_bk7252"));
    assert_non_null(strstr(err.message, "looked in " SOURCE_DIR "/conf"));
    assert_int_equal(d.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overrides_key_by_key), cmocka_unit_test(printed_text_is_a_profile),
        cmocka_unit_test(json_says_the_same),   cmocka_unit_test(findings_are_capped_but_counted),
        cmocka_unit_test(names_are_looked_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
