/* arena.c - chunks that are only ever released together. */
#include "arena.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 8192 };

struct chunk {
    struct chunk *next;
    size_t used, size;
    max_align_t data[];
};
struct arena {
    struct chunk *head;
    bool failed;
};

struct arena *arena_new(void)
{
    return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct chunk *c = a->head, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(a);
}

bool arena_failed(const struct arena *a)
{
    return a->failed;
}

void *arena_alloc(struct arena *a, size_t n)
{
    const size_t align = sizeof(max_align_t);
    if (n > SIZE_MAX / 2) {
        a->failed = true;
        return NULL;
    }
    n = (n + align - 1) / align * align;
    struct chunk *c = a->head;
    if (!c || c->size - c->used < n) {
        size_t size = n > CHUNK ? n : CHUNK;
        c = calloc(1, sizeof *c + size);
        if (!c) {
            a->failed = true;
            return NULL;
        }
        c->size = size;
        c->next = a->head;
        a->head = c;
    }
    void *p = (char *)c->data + c->used;
    c->used += n;
    return p;
}

char *arena_copy(struct arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1);
    if (p && n)
        memcpy(p, s, n);
    return p;
}

char *arena_dup(struct arena *a, const char *s)
{
    return s ? arena_copy(a, s, strlen(s)) : NULL;
}

void *arena_push(struct arena *a, void *items, size_t *n, size_t *cap, size_t size)
{
    void *array;
    memcpy(&array, items, sizeof array); /* the caller's pointer has its own type */
    if (*n == *cap) {
        size_t grown = *cap ? *cap * 2 : 8;
        void *p = arena_alloc(a, grown * size);
        if (!p)
            return NULL;
        if (*n)
            memcpy(p, array, *n * size);
        array = p;
        memcpy(items, &array, sizeof array);
        *cap = grown;
    }
    return (char *)array + (*n)++ * size;
}
