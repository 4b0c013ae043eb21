/* search.c - where plugins are looked for, in order: files named by the user,
 * BKFLASH_PLUGIN_PATH, the user's folder, the installed folder. */
#include "loader.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct folders { /* already listed, so that one folder given twice does not shadow itself */
    struct {
        dev_t dev;
        ino_t ino;
    } seen[64];
    size_t n;
};

static void say(const struct registry_config *c, int32_t level, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
static void say(const struct registry_config *c, int32_t level, const char *fmt, ...)
{
    if (!c->log)
        return;
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    c->log(c->log_ud, level, line);
}

static void add(struct plugin_paths *out, char *path, bool exact)
{
    if (path && out->n == out->cap) {
        size_t cap = out->cap ? out->cap * 2 : 16;
        struct plugin_path *items = realloc(out->items, cap * sizeof *items);
        if (items) {
            out->items = items;
            out->cap = cap;
        }
    }
    if (!path || out->n == out->cap) {
        free(path);
        out->failed = true;
        return;
    }
    out->items[out->n++] = (struct plugin_path){ path, exact };
}

static bool is_plugin_name(const char *name)
{
    size_t n = strlen(name);
    return n > 7 && memcmp(name, "bkf-", 4) == 0 && strcmp(name + n - 3, ".so") == 0;
}

static int by_path(const void *a, const void *b)
{
    const struct plugin_path *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static bool seen_before(struct folders *f, const struct stat *st)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->seen[i].dev == st->st_dev && f->seen[i].ino == st->st_ino)
            return true;
    if (f->n < ARRAY_LEN(f->seen)) {
        f->seen[f->n].dev = st->st_dev;
        f->seen[f->n++].ino = st->st_ino;
    }
    return false;
}

static void add_folder(const struct registry_config *c, const char *dir, struct folders *f,
                       struct plugin_paths *out)
{
    struct stat st;
    if (!dir || !dir[0] || stat(dir, &st) != 0 || seen_before(f, &st))
        return;
    DIR *d = opendir(dir);
    if (!d) {
        say(c, BKF_LOG_WARN, "plugin folder %s cannot be read: %s", dir, strerror(errno));
        return;
    }
    size_t first = out->n;
    const struct dirent *e;
    while ((e = readdir(d)) != NULL)
        if (is_plugin_name(e->d_name))
            add(out, path_join(dir, e->d_name), false);
    closedir(d);
    if (out->n > first)
        qsort(out->items + first, out->n - first, sizeof *out->items, by_path);
}

static void add_env(const struct registry_config *c, struct folders *f, struct plugin_paths *out)
{
    const char *p = c->env_path;
    if (!p || !p[0])
        return;
    if (c->elevated || (c->root && !c->allow_user_plugins)) {
        say(c, BKF_LOG_WARN, "BKFLASH_PLUGIN_PATH is ignored %s",
            c->elevated ? "because this program runs with raised privileges"
                        : "when running as root (--allow-user-plugins permits it)");
        return;
    }
    for (;;) {
        size_t n = strcspn(p, ":");
        char *dir = strndup(p, n);
        if (!dir)
            out->failed = true;
        else
            add_folder(c, dir, f, out);
        free(dir);
        if (!p[n])
            return;
        p += n + 1;
    }
}

void search_plugins(const struct registry_config *c, struct plugin_paths *out)
{
    struct folders folders = { 0 };
    for (size_t i = 0; c->files && c->files[i]; i++) {
        if (c->elevated)
            say(c, BKF_LOG_WARN,
                "plugin %s is ignored because this program runs with raised "
                "privileges",
                c->files[i]);
        else
            add(out, strdup(c->files[i]), true);
    }
    add_env(c, &folders, out);
    if (!c->elevated && (!c->root || c->allow_user_plugins))
        add_folder(c, c->user_dir, &folders, out);
    add_folder(c, c->system_dir, &folders, out);
}

void search_free(struct plugin_paths *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->items[i].path);
    free(p->items);
    *p = (struct plugin_paths){ 0 };
}
