/* What the profile reader relies on in libinih, and what it keeps away from it.  The same
 * text goes to the library as it is and through our reader: the first half documents the
 * library that is installed, the second half must hold with any build of it. */
#include "core/profile/reader.h"
#include "tests/support/cmocka.h"
#include <ini.h>
#include <stdio.h>
#include <string.h>

struct seen {
    char text[4096]; /* "section|key|value\n"... */
    int lines;
};

#if INI_HANDLER_LINENO
static int record(void *ud, const char *section, const char *name, const char *value, int lineno)
{
    (void)lineno;
#else
static int record(void *ud, const char *section, const char *name, const char *value)
{
#endif
    struct seen *s = ud;
    size_t n = strlen(s->text);
    if (name)
        snprintf(s->text + n, sizeof s->text - n, "%s|%s|%s\n", section, name, value);
    return 1;
}

static int library(const char *text, struct seen *s)
{
    *s = (struct seen){ .lines = 0 };
    return ini_parse_string(text, record, s);
}

struct ours {
    struct arena *arena;
    struct diag_list diags;
    struct ini_doc doc;
};

static void ours_read(struct ours *o, const char *text)
{
    *o = (struct ours){ .arena = arena_new() };
    assert_true(ini_read(o->arena, "f.ini", text, strlen(text), &o->diags, &o->doc));
}

static void ours_free(struct ours *o)
{
    diag_free(&o->diags);
    arena_free(o->arena);
}

/* One error on this line with this piece of text, and nothing else. */
static void one_error(const char *text, int line, const char *piece)
{
    struct ours o;
    ours_read(&o, text);
    for (size_t i = 0; i < o.diags.n; i++)
        if (o.diags.n != 1 || o.diags.items[i].line != line ||
            !strstr(o.diags.items[i].text, piece))
            fail_msg("line %d: %s", o.diags.items[i].line, o.diags.items[i].text);
    assert_int_equal(o.diags.n, 1);
    ours_free(&o);
}

static void handler_gets_no_line_number(void **state)
{
    (void)state;
    /* Debian builds without it; our own reader counts, so both builds are fine. */
    struct ours o;
    assert_true(INI_HANDLER_LINENO == 0 || INI_HANDLER_LINENO == 1);
    ours_read(&o, "; comment\n\n[a]\n\nx = 1\n# more\n  y = 2\r\n");
    assert_int_equal(o.diags.n, 0);
    assert_int_equal(o.doc.sections[0].line, 3);
    assert_int_equal(o.doc.entries[0].line, 5);
    assert_int_equal(o.doc.entries[1].line, 7);
    assert_string_equal(o.doc.entries[1].value, "2");
    ours_free(&o);
}

static void library_continues_after_a_bad_header(void **state)
{
    (void)state;
    struct seen s;
    const char *text = "[good]\na = 1\n[bad\nb = 2\n[next]\nc = 3\n";
    assert_int_equal(library(text, &s), 3);
    assert_non_null(strstr(s.text, "good|b|2\n")); /* under the wrong section */
    struct ours o;
    ours_read(&o, text);
    assert_int_equal(o.diags.n, 1);
    assert_int_equal(o.diags.items[0].line, 3);
    assert_int_equal(o.doc.n_entries, 2); /* b is skipped, c is read */
    assert_string_equal(o.doc.entries[1].key, "c");
    assert_string_equal(o.doc.sections[o.doc.entries[1].section].name, "next");
    ours_free(&o);
}

static void library_cuts_section_names(void **state)
{
    (void)state;
    struct seen s;
    char text[200];
    const char *ten = "abcdefghij";
    snprintf(text, sizeof text, "[%s%s%s%s%s]\nk = v\n", ten, ten, ten, ten, ten);
    assert_int_equal(library(text, &s), 0); /* 50 bytes, and no error */
    assert_int_equal(strcspn(s.text, "|"), 49);
    one_error(text, 1, "section name of 50 bytes, at most 48");
    snprintf(text, sizeof text, "[%s%s%s%s12345678]\nk = v\n", ten, ten, ten, ten);
    struct ours o;
    ours_read(&o, text);
    assert_int_equal(o.diags.n, 0);
    assert_int_equal(strlen(o.doc.sections[0].name), 48);
    ours_free(&o);
}

static void library_splits_long_lines(void **state)
{
    (void)state;
    struct seen s;
    char text[600] = "[a]\nk = ";
    size_t n = strlen(text);
    memset(text + n, 'x', 300);
    text[n + 190] = '\0';
    strcat(text, "xxxxxxxxxx evil = 1 xxxxxxx\nz = 2\n");
    int rc = library(text, &s);
    /* 55 takes the tail as a key of its own and reports success; 58 and later drop it. */
    bool tail_is_a_key = strstr(s.text, "|evil|") || strstr(s.text, "evil");
    assert_true(tail_is_a_key || rc != 0 || !strstr(s.text, "evil"));
    one_error(text, 2, "bytes, at most 198 are allowed");
}

static void longest_line_arrives_whole(void **state)
{
    (void)state;
    char text[260] = "[a]\nk=";
    size_t n = strlen(text);
    memset(text + n, 'x', 196); /* 198 with "k=" */
    strcpy(text + n + 196, "\n");
    struct ours o;
    ours_read(&o, text);
    assert_int_equal(o.diags.n, 0);
    assert_int_equal(strlen(o.doc.entries[0].value), 196);
    ours_free(&o);
    strcpy(text + n + 196, "y\n");
    one_error(text, 2, "line of 199 bytes");
}

static void library_repeats_keys_for_indented_lines(void **state)
{
    (void)state;
    struct seen s;
    const char *text = "[a]\nk = 1\n  m = 2\n";
    assert_int_equal(library(text, &s), 0);
    assert_string_equal(s.text, "a|k|1\na|k|m = 2\n");
    struct ours o;
    ours_read(&o, text);
    assert_int_equal(o.diags.n, 0);
    assert_int_equal(o.doc.n_entries, 2);
    assert_string_equal(o.doc.entries[1].key, "m");
    ours_free(&o);
}

static void library_takes_colons(void **state)
{
    (void)state;
    struct seen s;
    assert_int_equal(library("[a]\nk: 1\n", &s), 0);
    assert_string_equal(s.text, "a|k|1\n");
    one_error("[a]\nk: 1\n", 2, "not ':'");
}

static void only_semicolons_start_inline_comments(void **state)
{
    (void)state;
    struct seen s;
    const char *text = "[a]\nk = 1 ; two\nm = 1 # two\nn = a;b\n";
    assert_int_equal(library(text, &s), 0);
    assert_string_equal(s.text, "a|k|1\na|m|1 # two\na|n|a;b\n");
    struct ours o;
    ours_read(&o, text);
    assert_int_equal(o.diags.n, 0); /* the '#' is the schema's to refuse */
    assert_string_equal(o.doc.entries[0].value, "1");
    assert_string_equal(o.doc.entries[1].value, "1 # two");
    assert_string_equal(o.doc.entries[2].value, "a;b");
    ours_free(&o);
}

static void empty_sections_are_seen(void **state)
{
    (void)state;
    struct seen s;
    const char *text = "[a]\n[b]\nk = 1\n";
    assert_int_equal(library(text, &s), 0);
    assert_string_equal(s.text, "b|k|1\n");
    struct ours o;
    ours_read(&o, text);
    assert_int_equal(o.doc.n_sections, 2);
    assert_int_equal(o.doc.sections[0].keys, 0);
    ours_free(&o);
}

static void byte_order_mark_and_last_line(void **state)
{
    (void)state;
    struct ours o;
    ours_read(&o, "\xEF\xBB\xBF[a]\nk = caf\xC3\xA9"); /* no newline at the end */
    assert_int_equal(o.diags.n, 0);
    assert_string_equal(o.doc.entries[0].value, "caf\xC3\xA9");
    ours_free(&o);
    one_error("[a]\nk = \xC3\n", 2, "UTF-8");
    one_error("[a]\nk = \xED\xA0\x80\n", 2, "UTF-8"); /* a surrogate */
    one_error("[a]\nk = \xC0\xAF\n", 2, "UTF-8");     /* overlong '/' */
    one_error("[a]\nk = \x01\n", 2, "control character 0x01");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handler_gets_no_line_number),
        cmocka_unit_test(library_continues_after_a_bad_header),
        cmocka_unit_test(library_cuts_section_names),
        cmocka_unit_test(library_splits_long_lines),
        cmocka_unit_test(longest_line_arrives_whole),
        cmocka_unit_test(library_repeats_keys_for_indented_lines),
        cmocka_unit_test(library_takes_colons),
        cmocka_unit_test(only_semicolons_start_inline_comments),
        cmocka_unit_test(empty_sections_are_seen),
        cmocka_unit_test(byte_order_mark_and_last_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
