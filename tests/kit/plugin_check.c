/* plugin_check.c - bkflash-plugin-check: does this plugin keep the contract?
 * Every point has a name; docs/write-a-plugin.md says what each asks for. */
#include "kit.h"
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: bkflash-plugin-check [options] FILE.so\n"
    "\n"
    "Checks a bkflash plugin against the contract of <bkflash/plugin.h>.  Output is TAP.\n"
    "\n"
    "  --json           one JSON document instead\n"
    "  --class NAME     only this class of the plugin\n"
    "  --unit PATH      open this unit of an adapter\n"
    "  --loopback       MOSI is wired to MISO and TXD to RXD: check the data too\n"
    "  --flash          a SPI flash is attached: its answers can be compared\n"
    "  -O KEY=VALUE     option of the class, as opt.KEY in a profile\n"
    "  -D KEY=VALUE     option of the virtual device that chips are tried on\n"
    "  --limit SECONDS  longest a single point may take (default 60)\n"
    "  --help\n"
    "\n"
    "Exit code: 0 every point holds, 1 one does not, 2 usage.\n";

static int usage_error(const char *why, const char *what)
{
    fprintf(stderr, "bkflash-plugin-check: %s%s\n%s", why, what, usage_text);
    return 2;
}

static bool take_option(struct option *list, size_t *n, size_t cap, char *text)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text || *n == cap)
        return false;
    *equals = '\0';
    list[(*n)++] = (struct option){ text, equals + 1 };
    return true;
}

/* -1 = go on, else the exit code */
static int parse(int argc, char **argv, struct kit *k)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        bool more = i + 1 < argc;
        if (strcmp(a, "--help") == 0) {
            fputs(usage_text, stdout);
            return 0;
        }
        if (strcmp(a, "--json") == 0)
            k->json = true;
        else if (strcmp(a, "--loopback") == 0)
            k->loopback = true;
        else if (strcmp(a, "--flash") == 0)
            k->flash = true;
        else if (strcmp(a, "--class") == 0 && more)
            k->only = argv[++i];
        else if (strcmp(a, "--unit") == 0 && more)
            k->unit = argv[++i];
        else if (strcmp(a, "--limit") == 0 && more) {
            uint64_t s;
            if (!num_parse_u64(argv[++i], &s) || s == 0 || s > 3600)
                return usage_error("not a number of seconds: ", argv[i]);
            k->limit_s = (unsigned)s;
        } else if (strcmp(a, "-O") == 0 && more) {
            if (!take_option(k->options, &k->n_options, ARRAY_LEN(k->options), argv[++i]))
                return usage_error("-O needs KEY=VALUE, not ", argv[i]);
        } else if (strcmp(a, "-D") == 0 && more) {
            if (!take_option(k->device, &k->n_device, ARRAY_LEN(k->device), argv[++i]))
                return usage_error("-D needs KEY=VALUE, not ", argv[i]);
        } else if (a[0] == '-') {
            return usage_error("unknown option, or its value is missing: ", a);
        } else if (k->path) {
            return usage_error("one file at a time, not also ", a);
        } else {
            k->path = a;
        }
    }
    return k->path ? -1 : usage_error("which plugin?", "");
}

/* -- the descriptor -------------------------------------------------------------------- */

static const bkf_plugin *query(const struct kit *k)
{
    char *file = strchr(k->path, '/') ? strdup(k->path) : path_join(".", k->path);
    void *handle = file ? dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) : NULL;
    void *symbol = handle ? dlsym(handle, "bkf_plugin_query") : NULL;
    bkf_plugin_query_fn fn = NULL;
    free(file);
    memcpy(&fn, &symbol, sizeof fn);
    return fn ? fn() : NULL;
}

static void returns_point(struct kit *k, struct verdict *v)
{
    struct usage before, after;
    const bkf_plugin *first = query(k);
    usage_take(&before);
    const bkf_plugin *second = query(k);
    usage_take(&after);
    MUST(v, first, "bkf_plugin_query returned NULL");
    MUST(v, first == second, "bkf_plugin_query returned another object the second time");
    MUST(v, after.fds == before.fds && after.threads == before.threads,
         "bkf_plugin_query opened files or started threads");
    MUST(v, after.heap <= before.heap + 64, "bkf_plugin_query allocates memory");
}

/* The first broken rule, or NULL; its text in err. */
static const char *broken_rule(const bkf_plugin *p, bkf_error *err)
{
    struct mapped map;
    const char *rule = "descriptor";
    uint32_t major, minor;
    mapped_take(&map);
    bkf_status s = descriptor_version(&map, p, &major, &minor, &rule, err);
    if (s == BKF_OK)
        s = descriptor_check(&map, p, &rule, err);
    mapped_free(&map);
    return s == BKF_OK ? NULL : rule;
}

static void rule_point(struct kit *k, struct verdict *v)
{
    bkf_error err = BKF_ERROR_INIT;
    if (broken_rule(k->plugin, &err))
        verdict_fail(v, "%s", err.message);
}

static void reserved_point(struct kit *k, struct verdict *v)
{
    const bkf_plugin *p = k->plugin;
    for (size_t i = 0; p->adapters && p->adapters[i]; i++) {
        const bkf_adapter_class *a = p->adapters[i];
        bool zero = a->reserved == 0;
        for (size_t n = 0; a->props[n].key; n++)
            zero &= a->props[n].reserved == 0;
        for (size_t n = 0; a->lines[n].name; n++)
            zero &= a->lines[n].reserved == 0;
        MUST(v, zero, "a reserved member of class '%s' is not 0", a->name);
    }
    for (size_t i = 0; p->chips && p->chips[i]; i++) {
        bool zero = p->chips[i]->reserved == 0;
        for (size_t n = 0; p->chips[i]->props[n].key; n++)
            zero &= p->chips[i]->props[n].reserved == 0;
        MUST(v, zero, "a reserved member of class '%s' is not 0", p->chips[i]->name);
    }
}

static void roles_point(struct kit *k, struct verdict *v)
{
    const bkf_plugin *p = k->plugin;
    const uint32_t known = 2u * BKF_ROLE_RX - 1;
    for (size_t i = 0; p->adapters && p->adapters[i]; i++)
        for (const bkf_line_spec *l = p->adapters[i]->lines; l->name; l++)
            MUST(v, !(l->roles & ~known), "line '%s' has unknown roles 0x%X", l->name, l->roles);
}

static bool descriptor_points(struct kit *k)
{
    bkf_error err = BKF_ERROR_INIT;
    if (!kit_point(k, "descriptor.pure", returns_point))
        return false;
    k->plugin = query(k);
    const char *rule = broken_rule(k->plugin, &err);
    if (!kit_point(k, rule ? rule : "descriptor.rules", rule_point))
        return false;
    kit_point(k, "descriptor.reserved", reserved_point);
    kit_point(k, "line.known-roles", roles_point);
    return true;
}

static void remove_scratch(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    while (d && (e = readdir(d)) != NULL)
        (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    (void)rmdir(dir);
}

/* The C library keeps freed memory in caches that count as used, so that nothing leaks and
 * something seems to.  They can be switched off only before a program starts. */
static void without_malloc_caches(char **argv)
{
    if (getenv("GLIBC_TUNABLES"))
        return;
    if (setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0", 1) == 0)
        (void)execv("/proc/self/exe", argv); /* on failure: go on as it is */
}

int main(int argc, char **argv)
{
    without_malloc_caches(argv);
    struct kit k = { .limit_s = 60 };
    int code = parse(argc, argv, &k);
    if (code >= 0)
        return code;
    char scratch[] = "/tmp/bkflash-check-XXXXXX";
    char *path = realpath(k.path, NULL); /* points may change the folder */
    if (path)
        k.path = path;
    k.scratch = mkdtemp(scratch);
    if (!k.scratch)
        return usage_error("no scratch folder: ", scratch);
    kit_begin(&k);
    if (file_points(&k) && descriptor_points(&k)) {
        for (size_t i = 0; k.plugin->adapters && k.plugin->adapters[i]; i++) {
            k.adapter = k.plugin->adapters[i];
            k.who = k.adapter->name;
            if (!k.only || strcmp(k.only, k.who) == 0)
                adapter_points(&k);
        }
        k.adapter = NULL;
        for (size_t i = 0; k.plugin->chips && k.plugin->chips[i]; i++) {
            k.chip = k.plugin->chips[i];
            k.who = k.chip->name;
            if (!k.only || strcmp(k.only, k.who) == 0)
                chip_points(&k);
        }
    }
    remove_scratch(scratch);
    code = kit_end(&k);
    free(path);
    return code;
}
