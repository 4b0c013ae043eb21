#include "harness.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void log_line(const bkf_host *host, int32_t level, const char *line)
{
    (void)host;
    if (level <= BKF_LOG_WARN)
        print_message("log %d: %s\n", (int)level, line);
}

static const bkf_host host = {
    .struct_size = sizeof host,
    .abi_major = BKF_ABI_MAJOR,
    .abi_minor = BKF_ABI_MINOR,
    .log = log_line,
};

/* The user's value, else the declared default. */
static const char *text(const bkf_props *p, const char *key)
{
    static char value[64];
    const char *opts = getenv("USB_TEST_OPTS");
    size_t n = strlen(key);
    for (const char *o = opts; o && *o; o = strchr(o, ',') ? strchr(o, ',') + 1 : NULL)
        if (!strncmp(o, key, n) && o[n] == '=') {
            snprintf(value, sizeof value, "%.*s", (int)strcspn(o + n + 1, ","), o + n + 1);
            return value;
        }
    for (const bkf_prop_spec *s = p->handle; s->key; s++)
        if (!strcmp(s->key, key))
            return s->dflt ? s->dflt : "";
    fail_msg("the plugin asks for the undeclared option %s", key);
    return "";
}

static uint64_t number(const bkf_props *p, const char *key)
{
    return strtoull(text(p, key), NULL, 0);
}

void harness_load(struct harness *h)
{
    memset(h, 0, sizeof *h);
    h->err = (bkf_error)BKF_ERROR_INIT;
    h->log_path = getenv("USB_TEST_LOG");
    const char *path = getenv("USB_TEST_PLUGIN");
    assert_non_null(path);
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!so)
        fail_msg("%s", dlerror());
    bkf_plugin_query_fn query;
    *(void **)&query = dlsym(so, "bkf_plugin_query");
    assert_non_null(query);
    h->cls = query()->adapters[0];
}

bkf_status harness_open(struct harness *h, const char *unit)
{
    const bkf_props props = {
        .struct_size = sizeof props, .handle = h->cls->props, .str = text, .num = number
    };
    h->err.message[0] = 0;
    return h->cls->open(&host, unit, &props, &h->adapter, &h->err);
}

void harness_acquire(struct harness *h)
{
    OK(h->cls->acquire(h->adapter, BKF_IFACE_SPI, &h->spi, &h->err));
    OK(h->cls->acquire(h->adapter, BKF_IFACE_GPIO, &h->gpio, &h->err));
    h->s = h->spi.ops;
    h->g = h->gpio.ops;
}

void harness_close(struct harness *h)
{
    h->cls->close(h->adapter);
    h->adapter = NULL;
}

char *harness_log(struct harness *h, bool with_in)
{
    char *out = calloc(1, 1), *line = NULL;
    size_t cap = 0, used = 0;
    FILE *f = fopen(h->log_path, "r");
    assert_non_null(f);
    fseek(f, h->log_at, SEEK_SET);
    ssize_t n;
    while ((n = getline(&line, &cap, f)) > 0) {
        if (!with_in && !strncmp(line, "IN", 2))
            continue;
        out = realloc(out, used + (size_t)n + 2);
        line[n - 1] = 0;
        used += (size_t)sprintf(out + used, "%s%s", used ? "|" : "", line);
    }
    h->log_at = ftell(f);
    fclose(f);
    free(line);
    return out;
}

void harness_skip(struct harness *h)
{
    FILE *f = fopen(h->log_path, "r");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    h->log_at = ftell(f);
    fclose(f);
}

void harness_expect(struct harness *h, const char *want)
{
    char *got = harness_log(h, false);
    assert_string_equal(got, want);
    free(got);
}
