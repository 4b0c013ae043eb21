/* arena.h - memory of one profile: many small pieces, one release. */
#ifndef CORE_PROFILE_ARENA_H
#define CORE_PROFILE_ARENA_H
#include <stdbool.h>
#include <stddef.h>

struct arena;
struct arena *arena_new(void); /* NULL = no memory */
void arena_free(struct arena *);
/* Zeroed and aligned for anything; NULL = no memory (remembered, see arena_failed). */
void *arena_alloc(struct arena *, size_t n);
char *arena_copy(struct arena *, const char *s, size_t n);
char *arena_dup(struct arena *, const char *s); /* NULL stays NULL */
bool arena_failed(const struct arena *);

/* Room for one more element of an array in the arena: the new element, zeroed, or NULL.
 * *items, *n and *cap belong to the caller and start as NULL, 0, 0. */
void *arena_push(struct arena *, void *items, size_t *n, size_t *cap, size_t size);
#endif
