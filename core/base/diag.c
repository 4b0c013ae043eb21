/* diag.c - a list of findings with file and line, kept until all are known. */
#include "base.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const char *s)
{
    return s ? strdup(s) : NULL;
}

static void item_free(struct diag *d)
{
    free(d->file);
    free(d->section);
    free(d->key);
    free(d->text);
}

void diag_add(struct diag_list *l, int severity, const char *file, int line, const char *section,
              const char *key, const char *fmt, ...)
{
    if (severity == DIAG_ERROR)
        l->errors++;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        struct diag *items = realloc(l->items, cap * sizeof *items);
        if (!items) {
            l->failed = true;
            return;
        }
        l->items = items;
        l->cap = cap;
    }
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct diag d = { copy(file), line, severity, copy(section), copy(key), copy(text) };
    if ((file && !d.file) || (section && !d.section) || (key && !d.key) || !d.text) {
        item_free(&d);
        l->failed = true;
        return;
    }
    l->items[l->n++] = d;
}

/* Where a file is first mentioned; lists are short, so no table. */
static size_t file_rank(const struct diag_list *l, const char *file)
{
    for (size_t i = 0; i < l->n; i++) {
        const char *f = l->items[i].file;
        if (f == file || (f && file && strcmp(f, file) == 0))
            return i;
    }
    return l->n;
}

struct ranked {
    struct diag d;
    size_t rank, index;
};

static int by_place(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->d.line != y->d.line)
        return x->d.line < y->d.line ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

void diag_sort(struct diag_list *l)
{
    struct ranked *r = l->n ? calloc(l->n, sizeof *r) : NULL;
    if (!r)
        return; /* unsorted findings are better than none */
    for (size_t i = 0; i < l->n; i++)
        r[i] = (struct ranked){ l->items[i], file_rank(l, l->items[i].file), i };
    qsort(r, l->n, sizeof *r, by_place);
    for (size_t i = 0; i < l->n; i++)
        l->items[i] = r[i].d;
    free(r);
}

void diag_free(struct diag_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        item_free(&l->items[i]);
    free(l->items);
    *l = (struct diag_list){ 0 };
}
