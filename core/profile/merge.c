/* merge.c - includes first, then our own keys over them, each with its origin. */
#include "merge.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct merged_value *find_any(const struct merge *m, const char *section, const char *key)
{
    for (size_t i = 0; i < m->n_values; i++)
        if (strcmp(m->values[i].section, section) == 0 && strcmp(m->values[i].key, key) == 0)
            return &m->values[i];
    return NULL;
}

const struct merged_value *merge_find(const struct merge *m, const char *section, const char *key)
{
    const struct merged_value *v = find_any(m, section, key);
    return v && !v->bad ? v : NULL;
}

bool merge_has(const struct merge *m, const char *section, const char *key)
{
    return find_any(m, section, key) != NULL;
}

const struct merged_section *merge_section(const struct merge *m, const char *section)
{
    for (size_t i = 0; i < m->n_sections; i++)
        if (!m->sections[i].removed && strcmp(m->sections[i].name, section) == 0)
            return &m->sections[i];
    return NULL;
}

bool merge_tainted(const struct merge *m, const char *section)
{
    for (size_t i = 0; i < m->n_values; i++)
        if (m->values[i].bad && strcmp(m->values[i].section, section) == 0)
            return true;
    const struct merged_section *s = merge_section(m, section);
    return s && s->bad_lines;
}

static void finding(struct merge *m, int severity, const struct origin *at, const char *section,
                    const char *key, const char *fmt, va_list ap)
{
    char text[1024];
    vsnprintf(text, sizeof text, fmt, ap);
    const struct merged_section *whole = at ? NULL : merge_section(m, "profile");
    at = whole ? whole->at : at;
    const char *file = at ? at->file : m->n_files ? m->files[0] : NULL;
    finding_add(m->diags, severity, file, at ? at->line : 1, section, key, "%s", text);
}

void merge_error(struct merge *m, const struct origin *at, const char *section, const char *key,
                 const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    finding(m, DIAG_ERROR, at, section, key, fmt, ap);
    va_end(ap);
}

void merge_warning(struct merge *m, const struct origin *at, const char *section, const char *key,
                   const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    finding(m, DIAG_WARNING, at, section, key, fmt, ap);
    va_end(ap);
}

static const struct origin *origin_new(struct merge *m, const char *file, int line,
                                       const struct origin *overrides)
{
    struct origin *o = arena_alloc(m->arena, sizeof *o);
    if (!o) {
        m->nomem = true;
        return NULL;
    }
    *o = (struct origin){ file, line, overrides };
    return o;
}

/* -- one file's own keys over what is there ----------------------------------------- */

static void set_section(struct merge *m, const struct ini_doc *d, const struct ini_section *s)
{
    const struct origin *at = origin_new(m, d->file, s->line, NULL);
    bool bad_lines = s->keys != s->good;
    for (size_t i = 0; i < m->n_sections; i++)
        if (!m->sections[i].removed && strcmp(m->sections[i].name, s->name) == 0) {
            m->sections[i].at = at;
            m->sections[i].bad_lines |= bad_lines;
            return;
        }
    struct merged_section *ms =
        arena_push(m->arena, &m->sections, &m->n_sections, &m->cap_sections, sizeof *ms);
    if (!ms)
        m->nomem = true;
    else
        *ms = (struct merged_section){ s->name, at, false, bad_lines };
}

static void set_value(struct merge *m, const char *file, const char *section,
                      const struct ini_entry *e, bool bad)
{
    struct merged_value *v = find_any(m, section, e->key);
    const struct origin *at = origin_new(m, file, e->line, v ? v->at : NULL);
    if (!v) {
        v = arena_push(m->arena, &m->values, &m->n_values, &m->cap_values, sizeof *v);
        if (!v) {
            m->nomem = true;
            return;
        }
        v->section = section;
        v->key = e->key;
    }
    v->text = e->value;
    v->at = at;
    v->bad = bad;
}

/* remove = yes: drops what the included files said about this section. */
static bool remove_section(struct merge *m, const struct ini_doc *d, const struct ini_section *s,
                           size_t index)
{
    const struct ini_entry *remove = NULL;
    size_t keys = 0;
    for (size_t i = 0; i < d->n_entries; i++) {
        if (d->entries[i].section != index)
            continue;
        keys++;
        if (strcmp(d->entries[i].key, "remove") == 0 && strcmp(d->entries[i].value, "yes") == 0)
            remove = &d->entries[i];
    }
    if (!remove || strncmp(s->name, "partition:", 10) != 0)
        return false;
    const struct merged_section *old = merge_section(m, s->name);
    if (!old)
        finding_add(m->diags, DIAG_ERROR, d->file, remove->line, s->name, "remove",
                    "no included file describes this partition");
    else if (keys > 1)
        finding_add(m->diags, DIAG_ERROR, d->file, remove->line, s->name, "remove",
                    "other keys beside it have no effect");
    size_t kept = 0;
    for (size_t i = 0; i < m->n_values; i++)
        if (strcmp(m->values[i].section, s->name) != 0)
            m->values[kept++] = m->values[i];
    m->n_values = kept;
    for (size_t i = 0; i < m->n_sections; i++)
        if (strcmp(m->sections[i].name, s->name) == 0)
            m->sections[i].removed = true;
    return true;
}

/* [profile] of an included file is its own business. */
static bool merges(const struct merge *m, const char *section)
{
    return m->depth == 0 || strcmp(section, "profile") != 0;
}

static void merge_own(struct merge *m, const struct ini_doc *d, enum kind kind)
{
    for (size_t i = 0; i < d->n_sections && !m->nomem; i++) {
        const struct ini_section *s = &d->sections[i];
        if (!schema_check_section(m->diags, d->file, s, kind) || schema_is_foreign(s->name))
            continue;
        bool removed = merges(m, s->name) && remove_section(m, d, s, i);
        if (!removed && merges(m, s->name))
            set_section(m, d, s);
        for (size_t k = 0; k < d->n_entries && !m->nomem; k++) {
            const struct ini_entry *e = &d->entries[k];
            if (e->section != i)
                continue;
            bool ok = schema_check_entry(m->diags, d->file, s->name, e, kind);
            if (!removed && merges(m, s->name) && !schema_is_foreign(e->key))
                set_value(m, d->file, s->name, e, !ok);
        }
    }
}

/* -- includes -------------------------------------------------------------------------- */

static const struct ini_entry *doc_entry(const struct ini_doc *d, const char *section,
                                         const char *key)
{
    for (size_t i = 0; i < d->n_entries; i++)
        if (strcmp(d->sections[d->entries[i].section].name, section) == 0 &&
            strcmp(d->entries[i].key, key) == 0)
            return &d->entries[i];
    return NULL;
}

static bool leaves_folder(const char *path)
{
    if (*path == '/' || *path == '~' || strchr(path, '\\'))
        return true;
    for (const char *p = path; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || !p[2]))
            return true;
    }
    return false;
}

static bool is_regular(const char *path, struct merge_file_id *id)
{
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode))
        return false;
    *id = (struct merge_file_id){ st.st_dev, st.st_ino, true };
    return true;
}

static bool same_file(const struct merge_file_id *a, const struct merge_file_id *b)
{
    return a->known && b->known && a->dev == b->dev && a->ino == b->ino;
}

/* In the including file's folder, then in the search path; malloc'ed or NULL. */
static char *resolve(struct merge *m, const char *from, const char *name, struct merge_file_id *id)
{
    struct strbuf sb = STRBUF_INIT;
    const char *slash = strrchr(from, '/');
    if (slash)
        strbuf_add(&sb, from, (size_t)(slash - from) + 1);
    strbuf_addf(&sb, "%s", name);
    char *path = strbuf_take(&sb);
    if (path && is_regular(path, id))
        return path;
    for (size_t i = 0; path && m->env && m->env->dirs && m->env->dirs[i]; i++) {
        free(path);
        path = path_join(m->env->dirs[i], name);
        if (path && is_regular(path, id))
            return path;
    }
    m->nomem |= !path;
    free(path);
    return NULL;
}

struct include {
    const struct ini_doc *doc;
    const struct ini_entry *entry;
    enum kind kind; /* of the including file */
};

#define INCLUDE_BAD(M, I, ...)                                                                  \
    finding_add((M)->diags, DIAG_ERROR, (I)->doc->file, (I)->entry->line, "profile", "include", \
                __VA_ARGS__)

static bool seen(struct merge *m, const struct include *inc, const char *name,
                 const struct merge_file_id *id)
{
    for (size_t i = 0; i <= m->depth; i++)
        if (same_file(&m->stack[i].id, id)) {
            INCLUDE_BAD(m, inc, "'%s' includes itself%s%s", name, i < m->depth ? " by way of " : "",
                        i < m->depth ? inc->doc->file : "");
            return true;
        }
    for (size_t i = 0; i < m->n_files; i++)
        if (same_file(&m->ids[i], id))
            return true; /* came in another way already: its text stands once */
    return false;
}

static bool merge_doc(struct merge *m, const char *file, const char *text, size_t len,
                      const struct merge_file_id *id, const struct include *from);

static void include_one(struct merge *m, const struct include *inc, const char *name)
{
    struct merge_file_id id = { 0 };
    if (!*name) {
        INCLUDE_BAD(m, inc, "an empty name in the list");
        return;
    }
    if (leaves_folder(name)) {
        INCLUDE_BAD(m, inc, "'%s' leaves the profile folders; use a relative name without '..'",
                    name);
        return;
    }
    if (m->depth >= MERGE_MAX_DEPTH || m->n_files >= MERGE_MAX_FILES) {
        INCLUDE_BAD(m, inc, "'%s' is nested too deep (at most %d levels and %d files)", name,
                    MERGE_MAX_DEPTH, MERGE_MAX_FILES);
        return;
    }
    char *path = resolve(m, inc->doc->file, name, &id);
    if (!path) {
        if (!m->nomem)
            INCLUDE_BAD(m, inc, "no file '%s' beside this one or in the profile folders", name);
        return;
    }
    if (!seen(m, inc, name, &id)) {
        uint8_t *text;
        size_t len;
        bkf_error err = BKF_ERROR_INIT;
        const char *file = arena_dup(m->arena, path);
        bkf_status st = file_read(path, READER_MAX_FILE, &text, &len, &err);
        if (st == BKF_E_NOMEM) {
            m->nomem = true;
        } else if (st) {
            INCLUDE_BAD(m, inc, "%s", err.message);
        } else {
            m->depth++;
            m->nomem |= !file || !merge_doc(m, file, (const char *)text, len, &id, inc);
            m->depth--;
            free(text);
        }
    }
    free(path);
}

static void merge_includes(struct merge *m, const struct ini_doc *d, enum kind kind)
{
    const struct ini_entry *e = doc_entry(d, "profile", "include");
    if (!e)
        return;
    const struct include inc = { d, e, kind };
    char *list = arena_dup(m->arena, e->value);
    const char *names[16];
    size_t n = list ? value_list(list, names, ARRAY_LEN(names)) : 0;
    m->nomem |= !list;
    if (n > ARRAY_LEN(names)) {
        INCLUDE_BAD(m, &inc, "more than %zu files", ARRAY_LEN(names));
        return;
    }
    for (size_t i = 0; i < n && !m->nomem; i++) {
        bool twice = false;
        for (size_t k = 0; k < i; k++)
            twice |= strcmp(names[k], names[i]) == 0;
        if (twice)
            INCLUDE_BAD(m, &inc, "'%s' is listed twice", names[i]);
        else
            include_one(m, &inc, names[i]);
    }
}

/* -- one file ---------------------------------------------------------------------------- */

/* Each file names what it is, included or not. */
static enum kind check_identity(struct merge *m, const struct ini_doc *d,
                                const struct include *from)
{
    const char *const *required = schema_required("profile", KIND_NONE);
    int line = 0;
    for (size_t i = 0; i < d->n_sections; i++)
        if (strcmp(d->sections[i].name, "profile") == 0)
            line = d->sections[i].line;
    if (!line) {
        finding_add(m->diags, DIAG_ERROR, d->file, 1, "profile", NULL,
                    "the section is missing (schema, kind and name)");
        return KIND_NONE;
    }
    for (size_t i = 0; required[i]; i++)
        if (!doc_entry(d, "profile", required[i]))
            finding_add(m->diags, DIAG_ERROR, d->file, line, "profile", required[i], "is missing");
    const struct ini_entry *e = doc_entry(d, "profile", "kind");
    enum kind kind = e ? kind_parse(e->value) : KIND_NONE;
    if (kind && from && !(kind_may_include(from->kind) & (unsigned)kind))
        INCLUDE_BAD(m, from, "a %s profile may not include a %s profile (%s)",
                    kind_name(from->kind), kind_name(kind), d->file);
    return kind;
}

/* A chip on top of a chip takes its place; two side by side contradict each other. */
static void note_chip(struct merge *m, const struct ini_doc *d, enum kind kind,
                      const struct include *from, const char *outer)
{
    const struct ini_entry *name = doc_entry(d, "profile", "name");
    if (kind == KIND_CHIP && name)
        m->chip_name = name->value;
    if (outer && m->chip_name && from && from->kind != KIND_CHIP)
        INCLUDE_BAD(m, from, "a second chip profile, %s beside %s", m->chip_name, outer);
    if (!m->chip_name)
        m->chip_name = outer;
}

static bool merge_doc(struct merge *m, const char *file, const char *text, size_t len,
                      const struct merge_file_id *id, const struct include *from)
{
    struct ini_doc d;
    const char **slot = arena_push(m->arena, &m->files, &m->n_files, &m->cap_files, sizeof *slot);
    if (!slot)
        return false;
    *slot = file;
    m->ids[m->n_files - 1] = *id;
    m->stack[m->depth].id = *id;
    m->stack[m->depth].file = file;
    if (!ini_read(m->arena, file, text, len, m->diags, &d))
        return false;
    enum kind kind = check_identity(m, &d, from);
    if (!from)
        m->kind = kind;
    const char *outer_chip = m->chip_name;
    m->chip_name = NULL;
    merge_includes(m, &d, kind);
    note_chip(m, &d, kind, from, outer_chip);
    merge_own(m, &d, kind);
    return !m->nomem;
}

bool merge_text(struct merge *m, const char *file, const char *text, size_t len,
                const struct merge_file_id *id)
{
    return merge_doc(m, file, text, len, id, NULL) && !arena_failed(m->arena);
}
