/* memory.c - small values remembered between runs, one file per adapter unit and chip. */
#include "session.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 32, KEY_MAX = 40 };

struct memory {
    char *path; /* NULL = only for this session */
    char *dir;
    bool dirty;
    struct entry {
        char key[KEY_MAX];
        uint64_t value;
    } entries[ENTRIES_MAX];
    size_t n;
    bkf_memory view;
};

static struct entry *find(struct memory *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->entries[i].key, key) == 0)
            return &m->entries[i];
    return NULL;
}

static int32_t get(const bkf_memory *view, const char *key, uint64_t *value)
{
    const struct entry *e = find(view->handle, key);
    if (e)
        *value = e->value;
    return e != NULL;
}

static void set(const bkf_memory *view, const char *key, uint64_t value)
{
    struct memory *m = view->handle;
    struct entry *e = find(m, key);
    if (e && e->value == value)
        return;
    if (!e) {
        if (m->n == ENTRIES_MAX || !*key || strlen(key) >= KEY_MAX || strpbrk(key, " =\n"))
            return;
        e = &m->entries[m->n++];
        memcpy(e->key, key, strlen(key) + 1);
    }
    e->value = value;
    m->dirty = true;
}

/* "usb:1-4" and the like as a file name. */
static void add_name(struct strbuf *sb, const char *name)
{
    for (; *name; name++)
        strbuf_addf(sb, "%c", isalnum((unsigned char)*name) || *name == '.' ? *name : '_');
}

static void load(struct memory *m)
{
    uint8_t *text = NULL;
    size_t len;
    char *save = NULL;
    if (file_read(m->path, 65536, &text, &len, NULL))
        return; /* nothing remembered yet */
    for (char *line = strtok_r((char *)text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        char *eq = strstr(line, " = ");
        uint64_t value;
        if (!eq || !num_parse_u64(eq + 3, &value))
            continue; /* damaged: the worst case is that it is learnt again */
        *eq = '\0';
        set(&m->view, line, value);
    }
    m->dirty = false;
    free(text);
}

struct memory *memory_new(const char *dir, const char *adapter, const char *unit, const char *chip)
{
    struct memory *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->view = (bkf_memory){ .struct_size = sizeof m->view, .handle = m, .get = get, .set = set };
    if (!dir)
        return m;
    struct strbuf name = STRBUF_INIT;
    add_name(&name, adapter);
    strbuf_addf(&name, "-");
    add_name(&name, unit);
    strbuf_addf(&name, "-");
    add_name(&name, chip);
    char *file = strbuf_take(&name);
    m->dir = path_join(dir, "memory");
    m->path = file && m->dir ? path_join(m->dir, file) : NULL;
    free(file);
    if (m->path)
        load(m);
    return m;
}

const bkf_memory *memory_view(const struct memory *m)
{
    return &m->view;
}

static void save(struct memory *m)
{
    struct strbuf sb = STRBUF_INIT;
    for (size_t i = 0; i < m->n; i++)
        strbuf_addf(&sb, "%s = %" PRIu64 "\n", m->entries[i].key, m->entries[i].value);
    if (!sb.failed && sb.data && !dir_make(m->dir, NULL))
        (void)file_write_atomic(m->path, sb.data, sb.len, NULL);
    strbuf_free(&sb);
}

void memory_free(struct memory *m)
{
    if (!m)
        return;
    if (m->path && m->dirty)
        save(m);
    free(m->path);
    free(m->dir);
    free(m);
}
