/* find.c - which profiles the folders hold. */
#include "find.h"
#include "build.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

void folder_free(struct folder *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->names[i]);
    free(f->names);
    *f = (struct folder){ 0 };
}

bool folder_list(const char *path, struct folder *out)
{
    *out = (struct folder){ 0 };
    size_t cap = 0;
    DIR *d = opendir(path);
    if (!d)
        return true; /* a folder that is not there holds nothing */
    bool ok = true;
    for (struct dirent *e; ok && out->n < FOLDER_MAX && (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        if (len < 5 || e->d_name[0] == '.' || strcmp(e->d_name + len - 4, ".ini") != 0)
            continue;
        if (out->n == cap) {
            cap = cap ? cap * 2 : 64;
            char **names = realloc(out->names, cap * sizeof *names);
            if (!names) {
                ok = false;
                break;
            }
            out->names = names;
        }
        out->names[out->n] = strdup(e->d_name);
        ok = out->names[out->n] != NULL;
        out->n += ok;
    }
    closedir(d);
    if (!ok)
        folder_free(out);
    else if (out->n)
        qsort(out->names, out->n, sizeof *out->names, by_name);
    return ok;
}

struct seen {
    char **names;
    size_t n, cap;
};

static bool has_seen(const struct seen *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->names[i], name) == 0)
            return true;
    return false;
}

static bool note_seen(struct seen *s, const char *name)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 32;
        char **names = realloc(s->names, cap * sizeof *names);
        if (!names)
            return false;
        s->names = names;
        s->cap = cap;
    }
    char *copy = strdup(name);
    if (copy)
        s->names[s->n++] = copy;
    return copy != NULL;
}

static const char *own_value(const struct ini_doc *d, const char *key)
{
    for (size_t i = 0; i < d->n_entries; i++)
        if (strcmp(d->sections[d->entries[i].section].name, "profile") == 0 &&
            strcmp(d->entries[i].key, key) == 0)
            return d->entries[i].value;
    return NULL;
}

/* Only [profile] is looked at, so a broken file is still listed.  False = no memory. */
static bool report(const char *path, const char *stem,
                   void (*found)(void *, const struct profile_found *), void *ud)
{
    uint8_t *text;
    size_t len;
    struct ini_doc d;
    struct diag_list ignored = { 0 };
    struct arena *arena = arena_new();
    bkf_status st = arena ? file_read(path, READER_MAX_FILE, &text, &len, NULL) : BKF_E_NOMEM;
    bool ok = st != BKF_E_NOMEM;
    if (!st) {
        ok = ini_read(arena, path, (const char *)text, len, &ignored, &d);
        if (ok) {
            const struct profile_found f = { stem, path, own_value(&d, "kind"),
                                             own_value(&d, "title") };
            found(ud, &f);
        }
        free(text);
    }
    diag_free(&ignored);
    arena_free(arena);
    return ok;
}

bkf_status profile_find_in(const struct profile_env *env, const char *folder,
                           void (*found)(void *ud, const struct profile_found *), void *ud,
                           bkf_error *err)
{
    struct seen seen = { 0 };
    bool ok = true;
    for (size_t i = 0; ok && env && env->dirs && env->dirs[i]; i++) {
        struct folder list = { 0 };
        char *dir = path_join(env->dirs[i], folder);
        ok = dir && folder_list(dir, &list);
        for (size_t k = 0; ok && k < list.n; k++) {
            char *path = path_join(dir, list.names[k]);
            list.names[k][strlen(list.names[k]) - 4] = '\0';
            ok = path != NULL;
            if (ok && !has_seen(&seen, list.names[k]))
                ok = note_seen(&seen, list.names[k]) && report(path, list.names[k], found, ud);
            free(path);
        }
        folder_free(&list);
        free(dir);
    }
    for (size_t i = 0; i < seen.n; i++)
        free(seen.names[i]);
    free(seen.names);
    return ok ? BKF_OK : error_set(err, BKF_E_NOMEM, "out of memory");
}

bkf_status profile_find_all(const struct profile_env *env,
                            void (*found)(void *ud, const struct profile_found *), void *ud,
                            bkf_error *err)
{
    bkf_status st = profile_find_in(env, "boards", found, ud, err);
    return st ? st : profile_find_in(env, "chips", found, ud, err);
}
