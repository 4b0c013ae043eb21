/* kit_file.c - what the file itself shows, before any of its code runs. */
#include "kit.h"
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNTIME_BYTES = 16 }; /* crtbegin's own: __dso_handle, completed.0 */

struct elf {
    const uint8_t *data;
    size_t len;
    const ElfW(Ehdr) * h;
    const ElfW(Shdr) * sections;
    const char *names;
    size_t names_len;
};

static const void *span(const struct elf *e, uint64_t off, uint64_t len)
{
    return off <= e->len && len <= e->len - off ? e->data + off : NULL;
}

/* elf_check has accepted the file; here sections are needed as well. */
static bool elf_open(const char *path, struct elf *e, struct verdict *v)
{
    uint8_t *data;
    bkf_error err = BKF_ERROR_INIT;
    *e = (struct elf){ 0 };
    if (file_read(path, 256u << 20, &data, &e->len, &err) != BKF_OK) {
        verdict_fail(v, "%s", err.message);
        return false;
    }
    e->data = data;
    e->h = span(e, 0, sizeof *e->h);
    if (e->h && e->h->e_shoff && e->h->e_shentsize == sizeof(ElfW(Shdr)) &&
        e->h->e_shoff % _Alignof(ElfW(Shdr)) == 0)
        e->sections = span(e, e->h->e_shoff, (uint64_t)e->h->e_shnum * sizeof(ElfW(Shdr)));
    if (e->sections && e->h->e_shstrndx < e->h->e_shnum) {
        const ElfW(Shdr) *s = &e->sections[e->h->e_shstrndx];
        e->names = span(e, s->sh_offset, s->sh_size);
        e->names_len = s->sh_size;
    }
    if (e->names && e->names_len && e->names[e->names_len - 1] == '\0')
        return true;
    verdict_fail(v, "its section table is missing; do not strip it ('strip --strip-unneeded' keeps "
                    "what is needed)");
    return false;
}

static const char *section_name(const struct elf *e, size_t i)
{
    return e->sections[i].sh_name < e->names_len ? e->names + e->sections[i].sh_name : "";
}

static const ElfW(Shdr) * section(const struct elf *e, const char *name)
{
    for (size_t i = 0; i < e->h->e_shnum; i++)
        if (strcmp(section_name(e, i), name) == 0)
            return &e->sections[i];
    return NULL;
}

static uint64_t section_size(const struct elf *e, const char *name)
{
    const ElfW(Shdr) *s = section(e, name);
    return s ? s->sh_size : 0;
}

/* Calls found(ud, name, symbol) for every dynamic symbol. */
static void each_symbol(const struct elf *e,
                        void (*found)(void *ud, const char *name, const ElfW(Sym) *), void *ud)
{
    const ElfW(Shdr) *s = section(e, ".dynsym"), *t = section(e, ".dynstr");
    const char *text = t ? span(e, t->sh_offset, t->sh_size) : NULL;
    const ElfW(Sym) *sym = s ? span(e, s->sh_offset, s->sh_size) : NULL;
    if (!text || !sym || t->sh_size == 0 || text[t->sh_size - 1] != '\0')
        return;
    for (size_t i = 1; i < s->sh_size / sizeof *sym; i++)
        if (sym[i].st_name < t->sh_size)
            found(ud, text + sym[i].st_name, &sym[i]);
}

struct exports {
    bool entry, instrumented;
    char others[200];
};
static void collect(void *ud, const char *name, const ElfW(Sym) * s)
{
    struct exports *x = ud;
    if (s->st_shndx == SHN_UNDEF) {
        x->instrumented |= strncmp(name, "__asan_", 7) == 0 || strncmp(name, "__tsan_", 7) == 0 ||
                           strncmp(name, "__ubsan_", 8) == 0 || strncmp(name, "__gcov_", 7) == 0;
        return;
    }
    if (strcmp(name, "bkf_plugin_query") == 0) {
        x->entry = true;
        return;
    }
    size_t n = strlen(x->others);
    snprintf(x->others + n, sizeof x->others - n, "%s%s", n ? ", " : "", name);
}

static void look(const char *path, struct exports *x)
{
    struct elf e;
    struct verdict v = { 0 };
    *x = (struct exports){ 0 };
    if (elf_open(path, &e, &v))
        each_symbol(&e, collect, x);
    free((void *)(uintptr_t)e.data);
}

/* -- points ------------------------------------------------------------------------------ */

static void name_point(struct kit *k, struct verdict *v)
{
    const char *slash = strrchr(k->path, '/'), *base = slash ? slash + 1 : k->path;
    size_t n = strlen(base);
    MUST(v, n > 7 && strncmp(base, "bkf-", 4) == 0 && strcmp(base + n - 3, ".so") == 0,
         "it must be called bkf-NAME.so to be found, NAME being its (first) class");
}

static void elf_point(struct kit *k, struct verdict *v)
{
    bkf_error err = BKF_ERROR_INIT;
    MUST(v, elf_check(k->path, &err) == BKF_OK, "%s", err.message);
}

static void exports_point(struct kit *k, struct verdict *v)
{
    struct exports x;
    look(k->path, &x);
    MUST(v, x.entry, "it does not export bkf_plugin_query");
    if (x.instrumented) {
        verdict_skip(v, "built with a sanitizer or for coverage");
        return;
    }
    MUST(v, !x.others[0], "it exports more than bkf_plugin_query: %s (-fvisibility=hidden)",
         x.others);
}

static void statics_point(struct kit *k, struct verdict *v)
{
    static const char *const names[] = { ".data", ".bss", ".tdata", ".tbss" };
    struct elf e;
    if (k->instrumented) {
        verdict_skip(v, "built with a sanitizer or for coverage");
        return;
    }
    if (!elf_open(k->path, &e, v))
        return;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        MUST(v, section_size(&e, names[i]) <= (names[i][1] == 't' ? 0 : RUNTIME_BYTES),
             "%s has %llu bytes of mutable static data; keep state in the instance ('nm' shows the "
             "names with B, b, D, d)",
             names[i], (unsigned long long)section_size(&e, names[i]));
}

static void constructors_point(struct kit *k, struct verdict *v)
{
    struct elf e;
    if (k->instrumented) {
        verdict_skip(v, "built with a sanitizer or for coverage");
        return;
    }
    if (!elf_open(k->path, &e, v))
        return;
    MUST(v,
         section_size(&e, ".init_array") <= sizeof(void *) &&
             section_size(&e, ".fini_array") <= sizeof(void *) &&
             section_size(&e, ".preinit_array") == 0 && section_size(&e, ".ctors") == 0,
         "it has constructors or destructors of its own; code runs only when it is called");
}

static void needed_point(struct kit *k, struct verdict *v)
{
    struct elf e;
    if (!elf_open(k->path, &e, v))
        return;
    const ElfW(Shdr) *s = section(&e, ".dynamic"), *t = section(&e, ".dynstr");
    const ElfW(Dyn) *d = s ? span(&e, s->sh_offset, s->sh_size) : NULL;
    const char *text = t ? span(&e, t->sh_offset, t->sh_size) : NULL;
    MUST(v, d && text, "it has no dynamic section");
    for (size_t i = 0; i < s->sh_size / sizeof *d && d[i].d_tag != DT_NULL; i++) {
        MUST(v, d[i].d_tag != DT_TEXTREL, "it has text relocations: compile it with -fPIC");
        if (d[i].d_tag == DT_NEEDED && d[i].d_un.d_val < t->sh_size)
            MUST(v,
                 strncmp(text + d[i].d_un.d_val, "libbkflash", 10) != 0 &&
                     strncmp(text + d[i].d_un.d_val, "bkf-", 4) != 0,
                 "it is linked to %s; a plugin links to nothing of bkflash",
                 text + d[i].d_un.d_val);
    }
}

static void load_point(struct kit *k, struct verdict *v)
{
    struct plugin_file f = { .path = (char *)(uintptr_t)k->path, .exact = true };
    loader_load(&f);
    /* What the descriptor says is the next points' business; here it is that it loads. */
    MUST(v, f.plugin || (f.refused && !strstr(f.refused, "cannot be loaded")), "%s",
         f.refused ? f.refused : "out of memory");
}

bool file_points(struct kit *k)
{
    if (!kit_point(k, "file.elf", elf_point))
        return false;
    struct exports x;
    look(k->path, &x);
    k->instrumented = x.instrumented;
    kit_point(k, "file.name", name_point);
    bool entry = kit_point(k, "file.exports", exports_point) || x.entry;
    kit_point(k, "file.statics", statics_point);
    kit_point(k, "file.constructors", constructors_point);
    kit_point(k, "file.needed", needed_point);
    return kit_point(k, "file.load", load_point) && entry;
}
