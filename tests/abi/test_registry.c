/* Search order, trust, loading, and the reason given for every refusal. */
#include "core/plugin/loader.h"
#include "tests/support/cmocka.h"
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

struct fixture {
    char dir[64], one[80], two[80];
    char log[16384];
};

static void copy_as(const char *plugin, const char *dir, const char *as, size_t cut)
{
    char from[400], to[400];
    uint8_t *data;
    size_t len;
    bkf_error err = BKF_ERROR_INIT;
    snprintf(from, sizeof from, "%s/bkf-%s.so", PLUGINS, plugin);
    snprintf(to, sizeof to, "%s/bkf-%s.so", dir, as);
    assert_int_equal(file_read(from, 64u << 20, &data, &len, &err), BKF_OK);
    unlink(to); /* never write into a file that may be mapped */
    FILE *f = fopen(to, "wb");
    assert_non_null(f);
    size_t n = cut && cut < len ? cut : len;
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(to, 0644), 0);
    free(data);
}

static void copy(const char *plugin, const char *dir)
{
    copy_as(plugin, dir, plugin, 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/bkf-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->one, sizeof f->one, "%s/one", f->dir);
    snprintf(f->two, sizeof f->two, "%s/two", f->dir);
    assert_int_equal(mkdir(f->one, 0755), 0);
    assert_int_equal(mkdir(f->two, 0755), 0);
    *state = f;
    return 0;
}

static void remove_files(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    char path[400];
    while (d && (e = readdir(d)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    remove_files(f->one);
    remove_files(f->two);
    remove_files(f->dir);
    free(f);
    return 0;
}

static void keep_log(void *ud, int32_t level, const char *line)
{
    struct fixture *f = ud;
    size_t n = strlen(f->log);
    snprintf(f->log + n, sizeof f->log - n, "%d %s\n", level, line);
}

static struct registry_config config(struct fixture *f)
{
    return (struct registry_config){
        .user_dir = f->one, .system_dir = f->two, .log = keep_log, .log_ud = f
    };
}

static struct registry *open_registry(const struct registry_config *c)
{
    struct registry *r;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(registry_new(c, &r, &err), BKF_OK);
    return r;
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

/* Asks for adapter NAME; must be refused with every one of the texts in the message. */
static void refused(const struct registry_config *c, const char *name, const char *a, const char *b)
{
    struct registry *r = open_registry(c);
    const bkf_adapter_class *cls = (const void *)1;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(registry_adapter(r, name, &cls, &err), BKF_E_PLUGIN);
    assert_null(cls);
    has(err.message, a);
    if (b)
        has(err.message, b);
    registry_free(r);
}

static void loads(const struct registry_config *c, const char *name)
{
    struct registry *r = open_registry(c);
    const bkf_adapter_class *cls;
    bkf_error err = BKF_ERROR_INIT;
    if (registry_adapter(r, name, &cls, &err) != BKF_OK)
        fail_msg("%s: %s", name, err.message);
    assert_string_equal(cls->name, name);
    registry_free(r);
}

static void good_ones(void **state)
{
    struct fixture *f = *state;
    struct registry_config c = config(f);
    copy("good", f->one);
    copy("minor1", f->two);
    loads(&c, "good");
    loads(&c, "minor1"); /* a plugin of ABI 1.1 under a host of 1.0 */
}

static void broken_descriptors(void **state)
{
    static const struct {
        const char *name, *a, *b;
    } cases[] = {
        { "major2", "built for plugin ABI 2.0", "this bkflash has 1.0" },
        { "magic", "starts with 0x12345678", "BKF_PLUGIN_MAGIC" },
        { "member", "adapter class 'member'", "mandatory close() is NULL" },
        { "flags", "flags 0x00000004", "newer bkflash" },
        { "shortsize", "struct_size is 24", ".struct_size = sizeof" },
        { "hugesize", "struct_size is 60000, more than there is", NULL },
        { "shortclass", "struct_size is 24", "ABI 1.0 needs" },
        { "summary", "summary is no static text", NULL },
        { "function", "release does not point to code", NULL },
        { "misaligned", "a class pointer leads nowhere", NULL },
        { "default", "default of option 'count'", "'many' is not a number" },
        { "line", "line 'D1' is listed twice", NULL },
        { "twice", "is offered twice", NULL },
        { "empty", "no class at all", NULL },
        { "noversion", "version is NULL", NULL },
        { "badid", "'nodots' is not reverse DNS", NULL },
        { "utf8", "id is not one line of UTF-8", NULL },
        { "noexport", "does not export bkf_plugin_query", NULL },
        { "heap", "does not return a static object", NULL },
        { "null", "returned NULL", NULL },
        { "symbol", "nowhere_defined", "ldd -r" },
    };
    struct fixture *f = *state;
    struct registry_config c = config(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        copy(cases[i].name, f->one);
        refused(&c, cases[i].name, cases[i].a, cases[i].b);
    }
    /* An endless list reads what follows in memory, so only the refusal is certain. */
    copy("props", f->one);
    refused(&c, "props", "adapter class 'props'", NULL);
    /* None of them disturbs a good one. */
    copy("good", f->one);
    loads(&c, "good");
}

static void not_a_plugin(void **state)
{
    struct fixture *f = *state;
    struct registry_config c = config(f);
    char path[128];
    static const struct {
        size_t cut;
        const char *text;
    } cuts[] = { { 20, "truncated: 20 bytes" },
                 { 64, "truncated" },
                 { 500, "truncated" },
                 { 4000, "truncated" },
                 { 9000, "truncated" } };
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        copy_as("good", f->one, "cut", cuts[i].cut);
        refused(&c, "cut", cuts[i].text, "ldd");
    }
    snprintf(path, sizeof path, "%s/bkf-text.so", f->one);
    FILE *t = fopen(path, "w");
    for (int i = 0; i < 40; i++)
        fputs("this is not a library\n", t);
    fclose(t);
    refused(&c, "text", "no ELF header", path);
    t = fopen(path, "w");
    fclose(t);
    refused(&c, "text", "it is empty", NULL);
    unlink(path);
    assert_int_equal(mkdir(path, 0755), 0);
    refused(&c, "text", "not a regular file", NULL);
    rmdir(path);
    assert_int_equal(symlink("nowhere.so", path), 0);
    refused(&c, "text", "cannot be opened", NULL);
}

static void every_cut_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[128];
    copy("good", f->one);
    snprintf(path, sizeof path, "%s/bkf-good.so", f->one);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(elf_check(path, &err), BKF_OK);
    for (off_t n = st.st_size - 1; n >= 0; n -= n > 4096 ? 331 : 13) {
        assert_int_equal(truncate(path, n), 0);
        if (elf_check(path, &err) == BKF_OK)
            fail_msg("a plugin cut to %ld of %ld bytes was accepted", (long)n, (long)st.st_size);
    }
}

static void permissions(void **state)
{
    struct fixture *f = *state;
    struct registry_config c = config(f);
    char path[128];
    copy("good", f->one);
    snprintf(path, sizeof path, "%s/bkf-good.so", f->one);
    assert_int_equal(chmod(path, 0666), 0);
    refused(&c, "good", "file is writable by everyone (mode 0666)", "chmod go-w");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chmod(f->one, 0777), 0);
    refused(&c, "good", "folder is writable by everyone", f->one);
    if (geteuid() == 0) {
        assert_int_equal(chmod(f->one, 01777), 0);
        loads(&c, "good"); /* like /tmp: nobody else can replace the file */
    }
    assert_int_equal(chmod(f->one, 0755), 0);
    loads(&c, "good");
}

static void ownership(void **state)
{
    struct fixture *f = *state;
    struct registry_config c = config(f);
    if (geteuid() != 0) {
        print_message("ownership: skipped, giving files away needs root\n");
        skip();
    }
    char path[128];
    copy("good", f->one);
    snprintf(path, sizeof path, "%s/bkf-good.so", f->one);
    assert_int_equal(chown(path, NOBODY, 0), 0);
    refused(&c, "good", "file belongs to", "chown root");
    assert_int_equal(chown(path, 0, NOBODY), 0);
    assert_int_equal(chmod(path, 0664), 0);
    refused(&c, "good", "writable by group 65534", NULL);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chown(f->one, NOBODY, 0), 0);
    refused(&c, "good", "folder belongs to", f->one);
    assert_int_equal(chmod(f->one, 01777), 0);
    refused(&c, "good", "folder belongs to", NULL); /* sticky helps only when root owns it */
    assert_int_equal(chown(f->one, 0, 0), 0);
    loads(&c, "good");
}

static void privileges(void **state)
{
    struct fixture *f = *state;
    const char *exact[2] = { NULL, NULL };
    char path[128];
    copy("good", f->one);
    snprintf(path, sizeof path, "%s/bkf-good.so", f->one);
    exact[0] = path;
    struct registry_config c = { .env_path = f->one, .log = keep_log, .log_ud = f };
    loads(&c, "good");
    c.root = true;
    refused(&c, "good", "no plugin offers adapter 'good'", NULL);
    has(f->log, "BKFLASH_PLUGIN_PATH is ignored when running as root (--allow-user-plugins");
    c.allow_user_plugins = true;
    loads(&c, "good");
    c.elevated = true;
    c.files = exact;
    refused(&c, "good", "no plugin offers adapter 'good'", NULL);
    has(f->log, "raised privileges");
    struct registry_config user = { .user_dir = f->one, .root = true };
    refused(&user, "good", "no plugin offers", NULL);
    user.allow_user_plugins = true;
    loads(&user, "good");
}

static void explicit_file(void **state)
{
    struct fixture *f = *state;
    char path[128];
    const char *files[] = { path, NULL };
    copy("good", f->one);
    copy_as("magic", f->two, "good", 0);
    struct registry_config c = { .files = files, .system_dir = f->one };
    snprintf(path, sizeof path, "%s/bkf-good.so", f->two);
    refused(&c, "good", path, "BKF_PLUGIN_MAGIC"); /* asked for by name: no way around it */
    snprintf(path, sizeof path, "%s/absent.so", f->two);
    refused(&c, "good", path, "cannot be opened");
}

static void first_match_wins(void **state)
{
    struct fixture *f = *state;
    struct registry_config c = config(f);
    copy("good", f->one);
    copy("good", f->two);
    struct registry *r = open_registry(&c);
    const bkf_adapter_class *a, *b;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(registry_adapter(r, "good", &a, &err), BKF_OK);
    assert_int_equal(registry_adapter(r, "good", &b, &err), BKF_OK);
    assert_ptr_equal(a, b);
    registry_free(r);
    /* A broken first one gives way, and that is said. */
    copy_as("magic", f->one, "minor1", 0);
    copy("minor1", f->two);
    f->log[0] = '\0';
    loads(&c, "minor1");
    has(f->log, "is used instead");
}

static void did_you_mean(void **state)
{
    struct fixture *f = *state;
    struct registry_config c = config(f);
    copy("good", f->one);
    copy("magic", f->one);
    refused(&c, "goood", "did you mean 'good'?", "1 plugin file was refused");
    struct registry *r = open_registry(&c);
    const bkf_chip_class *k;
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(registry_chip(r, "good", &k, &err), BKF_E_PLUGIN);
    has(err.message, "no plugin offers chip 'good'");
    assert_int_equal(registry_chip(r, "../evil", &k, &err), BKF_E_PARAM);
    assert_int_equal(registry_chip(r, "", &k, &err), BKF_E_PARAM);
    registry_free(r);
}

/* A class may live in a file of another name: found by the scan. */
static void other_file_name(void **state)
{
    struct fixture *f = *state;
    struct registry_config c = config(f);
    copy_as("good", f->one, "renamed", 0);
    copy("magic", f->one);
    loads(&c, "good");
}

struct seen {
    size_t n, refused, shadowed;
    char text[8192];
};
static void collect(void *ud, const struct plugin_report *p)
{
    struct seen *s = ud;
    size_t n = strlen(s->text);
    s->n++;
    s->refused += p->refused != NULL;
    s->shadowed += p->shadowed_by != NULL;
    assert_true(!p->plugin == (p->refused != NULL));
    snprintf(s->text + n, sizeof s->text - n, "%s|%s|%u.%u|%s|%s\n", p->path, p->id ? p->id : "-",
             p->abi_major, p->abi_minor, p->owner, p->refused ? p->refused : "ok");
}

static void scan(void **state)
{
    struct fixture *f = *state;
    struct registry_config c = config(f);
    c.env_path = f->one; /* the same folder twice is one folder */
    static const bkf_adapter_class inner = { .struct_size = sizeof inner, .name = "replay" };
    static const bkf_adapter_class *const builtin[] = { &inner, NULL };
    c.builtin_adapters = builtin;
    copy("good", f->one);
    copy("major2", f->one);
    copy("good", f->two);
    copy_as("good", f->two, "cut", 900);
    struct registry *r = open_registry(&c);
    struct seen s = { 0 };
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(registry_scan(r, collect, &s, &err), BKF_OK);
    assert_int_equal(s.n, 5);
    assert_int_equal(s.refused, 2);
    assert_int_equal(s.shadowed, 1);
    has(s.text, "(built in)|org.bkflash.builtin|1.0");
    has(s.text, "|org.bkflash.test.good|1.0|");
    has(s.text, "bkf-major2.so|-|2.0|");
    has(s.text, "bkf-cut.so|-|0.0|");
    const bkf_adapter_class *a;
    assert_int_equal(registry_adapter(r, "replay", &a, &err), BKF_OK);
    assert_ptr_equal(a, &inner);
    registry_free(r);
}

static void *many(void *arg)
{
    const bkf_adapter_class *a;
    bkf_error err = BKF_ERROR_INIT;
    for (int i = 0; i < 20; i++)
        if (registry_adapter(arg, i % 2 ? "good" : "minor1", &a, &err) != BKF_OK ||
            registry_adapter(arg, "absent", &a, &err) == BKF_OK)
            return NULL;
    return arg;
}

static void threads(void **state)
{
    struct fixture *f = *state;
    struct registry_config c = config(f);
    copy("good", f->one);
    copy("minor1", f->two);
    c.log = NULL;
    struct registry *r = open_registry(&c);
    pthread_t t[8];
    for (size_t i = 0; i < ARRAY_LEN(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, many, r), 0);
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        void *ok;
        pthread_join(t[i], &ok);
        assert_ptr_equal(ok, r);
    }
    registry_free(r);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(good_ones),        CASE(broken_descriptors),
        CASE(not_a_plugin),     CASE(every_cut_is_refused),
        CASE(permissions),      CASE(ownership),
        CASE(privileges),       CASE(explicit_file),
        CASE(first_match_wins), CASE(did_you_mean),
        CASE(other_file_name),  CASE(scan),
        CASE(threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
