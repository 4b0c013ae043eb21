/* check_flash.c - a board's [flash] against the part file it names. */
#include "build.h"
#include "find.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* conf/flash/NAME.ini, the name in lower case; malloc'ed or NULL. */
static char *part_file(struct merge *m, const char *part)
{
    char name[64];
    size_t n = strlen(part);
    if (n > 40 || strchr(part, '/'))
        return NULL;
    for (size_t i = 0; i <= n; i++)
        name[i] = (char)tolower((unsigned char)part[i]);
    for (size_t i = 0; m->env && m->env->dirs && m->env->dirs[i]; i++) {
        struct strbuf sb = STRBUF_INIT;
        strbuf_addf(&sb, "%s/flash/%s.ini", m->env->dirs[i], name);
        char *path = strbuf_take(&sb);
        m->nomem |= !path;
        if (path && file_exists(path))
            return path;
        free(path);
    }
    return NULL;
}

static void unknown_part(struct merge *m, const struct merged_value *v)
{
    struct folder all = { 0 };
    char typed[40] = "";
    for (size_t i = 0; i < sizeof typed - 1 && v->text[i]; i++)
        typed[i] = (char)tolower((unsigned char)v->text[i]);
    for (size_t i = 0; !all.n && m->env && m->env->dirs && m->env->dirs[i]; i++) {
        char *dir = path_join(m->env->dirs[i], "flash");
        if (dir)
            folder_list(dir, &all);
        free(dir);
    }
    const char *words[FOLDER_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < all.n; i++) {
        all.names[i][strlen(all.names[i]) - 4] = '\0';
        words[n++] = all.names[i];
    }
    words[n] = NULL;
    const char *near = suggest_word(typed, words);
    merge_warning(m, v->at, "flash", "part", "no file flash/%s.ini describes it%s%s%s", typed,
                  near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    folder_free(&all);
}

/* The part file on its own, in a merge of its own; findings about it are not ours. */
static bool read_part(struct merge *m, const char *path, struct nor_part *out)
{
    struct diag_list diags = { 0 };
    struct merge *pm = arena_alloc(m->arena, sizeof *pm);
    const char *file = arena_dup(m->arena, path);
    const struct merge_file_id none = { .known = false };
    uint8_t *text = NULL;
    size_t len = 0;
    bkf_status st = pm && file ? file_read(path, READER_MAX_FILE, &text, &len, NULL) : BKF_E_NOMEM;
    bool ok = st == BKF_OK;
    if (ok) {
        *pm = (struct merge){ .env = m->env, .diags = &diags, .arena = m->arena };
        ok = merge_text(pm, file, (const char *)text, len, &none) && pm->kind == KIND_FLASH &&
             part_build(pm, out) && !diags.errors;
    }
    m->nomem |= st == BKF_E_NOMEM || (pm && pm->nomem) || arena_failed(m->arena) || diags.failed;
    free(text);
    diag_free(&diags);
    return ok;
}

void profile_check_part(struct merge *m, struct bkf_profile *p)
{
    const struct merged_value *v = merge_find(m, "flash", "part");
    struct nor_part part;
    char *path = v ? part_file(m, v->text) : NULL;
    if (v && !path && !m->nomem)
        unknown_part(m, v);
    bool ok = path && read_part(m, path, &part);
    if (path && !ok && !m->nomem) {
        merge_error(m, v->at, "flash", "part", "%s cannot be used; check it", path);
    } else if (ok) {
        if (p->jedec && part.jedec != p->jedec)
            merge_error(m, p->jedec_at, "flash", "jedec", "%06X, but %s says %06X for %s", p->jedec,
                        path, part.jedec, v->text);
        if (p->size && part.size != p->size)
            merge_error(m, p->size_at, "flash", "size", "0x%x, but %s says 0x%x for %s", p->size,
                        path, part.size, v->text);
        if (!p->jedec && !merge_has(m, "flash", "jedec")) {
            p->jedec = part.jedec;
            p->jedec_at = v->at;
        }
        if (!p->size && !merge_has(m, "flash", "size")) {
            p->size = part.size;
            p->size_at = v->at;
        }
    }
    free(path);
}
