/* load.c - finding a profile by path or name, and the way from its text to a profile. */
#include "load.h"
#include "build.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void profile_free(struct bkf_profile *p)
{
    if (p)
        arena_free(p->arena); /* holds p itself */
}

/* Everything but reading the first file. */
static bkf_status load(const struct profile_env *env, const char *file, const char *text,
                       size_t len, const struct merge_file_id *id, struct diag_list *diags,
                       struct bkf_profile **out, bkf_error *err)
{
    size_t before = diags->errors;
    struct arena *arena = arena_new();
    struct bkf_profile *p = arena ? arena_alloc(arena, sizeof *p) : NULL;
    struct merge *m = arena ? arena_alloc(arena, sizeof *m) : NULL;
    char *name = arena ? arena_dup(arena, file) : NULL;
    bool ok = p && m && name;
    if (ok) {
        *m = (struct merge){ .env = env, .diags = diags, .arena = arena };
        ok = merge_text(m, name, text, len, id) && profile_build(m, p);
    }
    if (ok) {
        profile_check(m, p);
        p->arena = arena;
    }
    if (!ok || arena_failed(arena) || diags->failed) {
        arena_free(arena);
        return error_set(err, BKF_E_NOMEM, "%s: out of memory", file);
    }
    diag_sort(diags);
    if (diags->errors > before) {
        size_t n = diags->errors - before;
        arena_free(arena);
        return error_set(err, BKF_E_PROFILE, "%s: %zu problem%s in the profile", file, n,
                         n == 1 ? "" : "s");
    }
    *out = p;
    return BKF_OK;
}

bkf_status profile_load_text(const struct profile_env *env, const char *file, const char *text,
                             size_t len, struct diag_list *diags, struct bkf_profile **out,
                             bkf_error *err)
{
    const struct merge_file_id none = { .known = false };
    *out = NULL;
    return load(env, file, text, len, &none, diags, out, err);
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), t = strlen(tail);
    return n >= t && strcmp(s + n - t, tail) == 0;
}

/* DIR/FOLDER/NAME[.ini]; malloc'ed when it exists. */
static char *in_folder(const char *dir, const char *folder, const char *name)
{
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s/%s%s%s%s", dir, folder, *folder ? "/" : "", name,
                ends_with(name, ".ini") ? "" : ".ini");
    char *path = strbuf_take(&sb);
    if (path && is_file(path))
        return path;
    free(path);
    return NULL;
}

/* A name may carry its folder ("chips/bk7252.ini"), but may not climb out of it. */
static char *search(const struct profile_env *env, const char *name)
{
    static const char *const folders[] = { "boards", "chips", "" };
    if (strstr(name, "..") || *name == '/')
        return NULL;
    for (size_t i = 0; env && env->dirs && env->dirs[i]; i++)
        for (size_t k = 0; k < ARRAY_LEN(folders); k++) {
            bool has_folder = strchr(name, '/') != NULL;
            char *path =
                has_folder == !*folders[k] ? in_folder(env->dirs[i], folders[k], name) : NULL;
            if (path)
                return path;
        }
    return NULL;
}

struct names {
    const char *list[256];
    size_t n;
};

static void collect(void *ud, const struct profile_found *f)
{
    struct names *names = ud;
    if (names->n < ARRAY_LEN(names->list) - 1) {
        char *copy = strdup(f->name);
        if (copy)
            names->list[names->n++] = copy;
    }
}

static bkf_status not_found(const struct profile_env *env, const char *name, bkf_error *err)
{
    struct names names = { .n = 0 };
    struct strbuf tried = STRBUF_INIT;
    profile_find_all(env, collect, &names, NULL);
    names.list[names.n] = NULL;
    const char *slash = strrchr(name, '/');
    char *stem = strdup(slash ? slash + 1 : name);
    if (stem && ends_with(stem, ".ini"))
        stem[strlen(stem) - 4] = '\0';
    const char *near = stem ? suggest_word(stem, names.list) : NULL;
    for (size_t i = 0; env && env->dirs && env->dirs[i]; i++)
        strbuf_addf(&tried, "%s%s", i ? ", " : "; looked in ", env->dirs[i]);
    error_set(err, BKF_E_FILE, "no profile '%s'%s%s%s (bkflash list profiles shows all)%s", name,
              near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "",
              tried.data ? tried.data : "");
    strbuf_free(&tried);
    free(stem);
    for (size_t i = 0; i < names.n; i++)
        free((char *)(uintptr_t)names.list[i]);
    return BKF_E_FILE;
}

static bkf_status locate(const struct profile_env *env, const char *name, char **path,
                         bkf_error *err)
{
    bool here = is_file(name);
    *path = here ? strdup(name) : search(env, name);
    if (*path)
        return BKF_OK;
    if (here)
        return error_set(err, BKF_E_NOMEM, "%s: out of memory", name);
    return not_found(env, name, err);
}

bkf_status profile_load(const struct profile_env *env, const char *name, struct diag_list *diags,
                        struct bkf_profile **out, bkf_error *err)
{
    char *path;
    uint8_t *text = NULL;
    size_t len = 0;
    struct stat st;
    *out = NULL;
    bkf_status rc = locate(env, name, &path, err);
    if (rc)
        return rc;
    rc = file_read(path, READER_MAX_FILE, &text, &len, err);
    if (!rc) {
        bool known = stat(path, &st) == 0;
        struct merge_file_id id = { .known = known };
        if (known) {
            id.dev = st.st_dev;
            id.ino = st.st_ino;
        }
        rc = load(env, path, (const char *)text, len, &id, diags, out, err);
        free(text);
    }
    free(path);
    return rc;
}
