/* mapped.c - which addresses belong to loaded objects.  A descriptor is static data by
 * contract, so every pointer in it must lie in some loaded segment; a wild one is found
 * here instead of by a crash. */
#include "loader.h"
#include <link.h>
#include <stdlib.h>
#include <string.h>

static int add_object(struct dl_phdr_info *info, size_t size, void *ud)
{
    (void)size;
    struct mapped *m = ud;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_R))
            continue;
        if (m->n == m->cap) {
            size_t cap = m->cap ? m->cap * 2 : 64;
            struct mapped_segment *items = realloc(m->items, cap * sizeof *items);
            if (!items) {
                m->failed = true;
                return 1;
            }
            m->items = items;
            m->cap = cap;
        }
        uintptr_t start = info->dlpi_addr + ph->p_vaddr;
        m->items[m->n++] =
            (struct mapped_segment){ start, start + ph->p_memsz, (ph->p_flags & PF_X) != 0 };
    }
    return 0;
}

void mapped_take(struct mapped *m)
{
    *m = (struct mapped){ 0 };
    dl_iterate_phdr(add_object, m);
}

void mapped_free(struct mapped *m)
{
    free(m->items);
    *m = (struct mapped){ 0 };
}

static const struct mapped_segment *find(const struct mapped *m, uintptr_t p)
{
    for (size_t i = 0; i < m->n; i++)
        if (p >= m->items[i].start && p < m->items[i].end)
            return &m->items[i];
    return NULL;
}

bool mapped_data(const struct mapped *m, const void *p, size_t n, size_t align)
{
    uintptr_t at = (uintptr_t)p;
    const struct mapped_segment *s = find(m, at);
    return s && at % align == 0 && n <= s->end - at;
}

bool mapped_code(const struct mapped *m, uintptr_t function)
{
    const struct mapped_segment *s = find(m, function);
    return s && s->code;
}

long mapped_text(const struct mapped *m, const char *p, size_t max)
{
    const struct mapped_segment *s = find(m, (uintptr_t)p);
    if (!s)
        return -1;
    size_t room = s->end - (uintptr_t)p;
    if (room > max + 1)
        room = max + 1;
    const char *nul = memchr(p, '\0', room);
    return nul ? (long)(nul - p) : -1;
}
