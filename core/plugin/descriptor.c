/* descriptor.c - the rules a descriptor must keep before any of its functions is called
 * or any of its strings is printed.  Each has a name, used by docs/abi.md and by the
 * conformance kit. */
#include "loader.h"
#include <stdio.h>
#include <string.h>

enum {
    MAX_CLASSES = 32,
    MAX_PROPS = 256,
    MAX_LINES = 256,
    MAX_CAVEATS = 32,
    MAX_STRUCT = 65536,
    KNOWN_FLAGS = 0
};

struct check {
    const struct mapped *map;
    const char **rule;
    bkf_error *err;
    char who[80]; /* "adapter class 'ch341a'" */
};

static bkf_status bad(const struct check *c, const char *rule, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
static bkf_status bad(const struct check *c, const char *rule, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (c->rule)
        *c->rule = rule;
    return error_set(c->err, BKF_E_PLUGIN, "%s", text);
}

/* Length of the UTF-8 sequence at s, 0 if it is none (or a control character). */
static size_t utf8_char(const unsigned char *s, const unsigned char *end)
{
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7F;
    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || (size_t)(end - s) < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ||
        (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return n;
}

/* One line of printable UTF-8 of at most max bytes. */
static bkf_status text(const struct check *c, const char *what, const char *s, size_t max,
                       bool may_be_empty)
{
    if (!s)
        return bad(c, "text.null", "%s: %s is NULL", c->who, what);
    long n = mapped_text(c->map, s, max);
    if (n < 0)
        return bad(c, "text.bounds", "%s: %s is no static text of at most %zu bytes", c->who, what,
                   max);
    if (n == 0 && !may_be_empty)
        return bad(c, "text.empty", "%s: %s is empty", c->who, what);
    const unsigned char *p = (const unsigned char *)s, *end = p + n;
    while (p < end) {
        size_t step = utf8_char(p, end);
        if (!step)
            return bad(c, "text.utf8", "%s: %s is not one line of UTF-8", c->who, what);
        p += step;
    }
    return BKF_OK;
}

static bool name_ok(const struct check *c, const char *s)
{
    return s && mapped_text(c->map, s, 32) > 0 && class_name_ok(s);
}

bool class_name_ok(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return n > 0 && n <= 32 && s[n] == '\0';
}

static bool reverse_dns(const char *s)
{
    bool dot = false, start = true;
    for (; *s; s++) {
        if (*s == '.') {
            if (start)
                return false;
            dot = start = true;
            continue;
        }
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *s))
            return false;
        start = false;
    }
    return dot && !start;
}

/* -- options ------------------------------------------------------------------------ */

static bkf_status default_ok(const struct check *c, const bkf_prop_spec *p)
{
    struct prop_problem why;
    uint64_t v;
    bkf_status s;
    if (!p->dflt)
        return BKF_OK;
    if ((s = text(c, "an option's default", p->dflt, 200, true)) != BKF_OK)
        return s;
    if (p->dflt[0] && p->dflt[0] != '@' && !prop_parse(p, p->dflt, &v, &why))
        return bad(c, "prop.default", "%s: default of option '%s': %s", c->who, p->key, why.text);
    return BKF_OK;
}

static bkf_status prop_ok(const struct check *c, const bkf_prop_spec *all, size_t i, bool adapter)
{
    const bkf_prop_spec *p = &all[i];
    bkf_status s;
    if (!name_ok(c, p->key))
        return bad(c, "prop.key", "%s: option %zu has no name of [a-z0-9_-]{1,32}", c->who, i);
    for (size_t k = 0; k < i; k++)
        if (strcmp(all[k].key, p->key) == 0)
            return bad(c, "prop.unique", "%s: option '%s' is listed twice", c->who, p->key);
    if (adapter && strcmp(p->key, "path") == 0)
        return bad(c, "prop.path", "%s: option 'path' belongs to the host", c->who);
    if (p->type > BKF_PROP_MICROSECONDS)
        return bad(c, "prop.type", "%s: option '%s' has unknown type %u", c->who, p->key, p->type);
    if (p->min > p->max)
        return bad(c, "prop.bounds", "%s: option '%s' has min above max", c->who, p->key);
    if ((s = text(c, "an option's help", p->help, 400, false)) != BKF_OK)
        return s;
    return default_ok(c, p);
}

static bkf_status props_ok(const struct check *c, const bkf_prop_spec *props, bool adapter)
{
    if (!props)
        return bad(c, "class.mandatory", "%s: props is NULL (no options: a list of just its end)",
                   c->who);
    for (size_t i = 0; i <= MAX_PROPS; i++) {
        if (!mapped_data(c->map, &props[i], sizeof props[i], _Alignof(bkf_prop_spec)))
            return bad(c, "prop.terminated", "%s: the option list has no end", c->who);
        if (!props[i].key)
            return BKF_OK;
        bkf_status s = prop_ok(c, props, i, adapter);
        if (s != BKF_OK)
            return s;
    }
    return bad(c, "prop.terminated", "%s: more than %d options, or the list has no end", c->who,
               MAX_PROPS);
}

/* -- lines ---------------------------------------------------------------------------- */

static bool line_is(const bkf_line_spec *l, const char *name)
{
    return strcmp(l->name, name) == 0 || (l->alias && strcmp(l->alias, name) == 0);
}

static bkf_status line_ok(const struct check *c, const bkf_line_spec *all, size_t i)
{
    const bkf_line_spec *l = &all[i];
    bkf_status s = text(c, "a line's name", l->name, 32, false);
    if (s == BKF_OK && l->alias)
        s = text(c, "a line's alias", l->alias, 32, false);
    if (s == BKF_OK && l->pin)
        s = text(c, "a line's pin", l->pin, 80, false);
    if (s != BKF_OK)
        return s;
    if (l->roles == 0)
        return bad(c, "line.roles", "%s: line '%s' has no role", c->who, l->name);
    for (size_t k = 0; k < i; k++)
        if (line_is(&all[k], l->name) || (l->alias && line_is(&all[k], l->alias)))
            return bad(c, "line.unique", "%s: line '%s' is listed twice", c->who, l->name);
    return BKF_OK;
}

static bkf_status lines_ok(const struct check *c, const bkf_line_spec *lines)
{
    if (!lines)
        return bad(c, "class.mandatory", "%s: lines is NULL (no lines: a list of just its end)",
                   c->who);
    for (size_t i = 0; i <= MAX_LINES; i++) {
        if (!mapped_data(c->map, &lines[i], sizeof lines[i], _Alignof(bkf_line_spec)))
            return bad(c, "line.terminated", "%s: the line list has no end", c->who);
        if (!lines[i].name)
            return BKF_OK;
        bkf_status s = line_ok(c, lines, i);
        if (s != BKF_OK)
            return s;
    }
    return bad(c, "line.terminated", "%s: more than %d lines, or the list has no end", c->who,
               MAX_LINES);
}

static bkf_status caveats_ok(const struct check *c, const char *const *list)
{
    for (size_t i = 0; list && i <= MAX_CAVEATS; i++) {
        if (!mapped_data(c->map, &list[i], sizeof list[i], _Alignof(const char *)))
            break;
        if (!list[i])
            return BKF_OK;
        bkf_status s = text(c, "a caveat", list[i], 200, false);
        if (s != BKF_OK)
            return s;
    }
    return list ? bad(c, "caveat.terminated", "%s: the caveat list has no end", c->who) : BKF_OK;
}

/* -- classes ---------------------------------------------------------------------------- */

struct function {
    const char *name;
    uintptr_t at;
    bool optional;
};

static bkf_status functions_ok(const struct check *c, const struct function *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!f[i].at && !f[i].optional)
            return bad(c, "class.mandatory", "%s: mandatory %s() is NULL", c->who, f[i].name);
        if (f[i].at && !mapped_code(c->map, f[i].at))
            return bad(c, "class.code", "%s: %s does not point to code", c->who, f[i].name);
    }
    return BKF_OK;
}

#define NEED(cls, member)                        \
    {                                            \
#member, (uintptr_t)(cls)->member, false \
    }
#define MAY(cls, member)                        \
    {                                           \
#member, (uintptr_t)(cls)->member, true \
    }

/* struct_size, name and summary stand at the same place in both kinds of class. */
_Static_assert(offsetof(bkf_adapter_class, name) == offsetof(bkf_chip_class, name) &&
                   offsetof(bkf_adapter_class, summary) == offsetof(bkf_chip_class, summary),
               "class heads differ");
static bkf_status head_ok(struct check *c, const char *kind, const void *cls, size_t min)
{
    uint32_t size;
    snprintf(c->who, sizeof c->who, "%s class", kind);
    if (!mapped_data(c->map, cls, sizeof size, _Alignof(bkf_adapter_class)))
        return bad(c, "class.bounds", "%s: a class pointer leads nowhere", c->who);
    memcpy(&size, cls, sizeof size);
    if (size < min || size > MAX_STRUCT)
        return bad(c, "class.size",
                   "%s: struct_size is %u, ABI 1.0 needs %zu or more: write .struct_size = sizeof",
                   c->who, size, min);
    if (!mapped_data(c->map, cls, size, _Alignof(bkf_adapter_class)))
        return bad(c, "class.bounds", "%s: struct_size is %u, more than there is", c->who, size);
    const bkf_chip_class *head = cls;
    if (!name_ok(c, head->name))
        return bad(c, "class.name", "%s: its name is not [a-z0-9_-]{1,32}", c->who);
    snprintf(c->who, sizeof c->who, "%s class '%s'", kind, head->name);
    return text(c, "summary", head->summary, 100, false);
}

static bkf_status adapter_ok(struct check *c, const bkf_adapter_class *a)
{
    bkf_status s = head_ok(c, "adapter", a, BKF_ADAPTER_CLASS_1_0);
    if (s != BKF_OK || (s = props_ok(c, a->props, true)) != BKF_OK ||
        (s = lines_ok(c, a->lines)) != BKF_OK || (s = caveats_ok(c, a->caveats)) != BKF_OK)
        return s;
    const struct function f[] = {
        NEED(a, list),    NEED(a, open),    NEED(a, close),
        NEED(a, acquire), NEED(a, release), MAY(a, unit),
    };
    return functions_ok(c, f, ARRAY_LEN(f));
}

static bkf_status chip_ok(struct check *c, const bkf_chip_class *k)
{
    bkf_status s = head_ok(c, "chip", k, BKF_CHIP_CLASS_1_0);
    if (s != BKF_OK || (s = props_ok(c, k->props, false)) != BKF_OK)
        return s;
    const struct function f[] = {
        NEED(k, create),  NEED(k, destroy), NEED(k, attach), NEED(k, detach),  NEED(k, probe),
        NEED(k, windows), NEED(k, read),    NEED(k, erase),  NEED(k, program), MAY(k, status),
        MAY(k, unlock),   MAY(k, lock),     MAY(k, efuse),   MAY(k, reset),    MAY(k, extension),
    };
    if ((s = functions_ok(c, f, ARRAY_LEN(f))) != BKF_OK)
        return s;
    if (!k->unlock != !k->lock)
        return bad(c, "class.unlock", "%s: unlock and lock come together or not at all", c->who);
    return BKF_OK;
}

/* Walks one NULL-terminated list of classes; *n counts them. */
static bkf_status classes_ok(struct check *c, const void *const *list, bool adapters, size_t *n)
{
    const char *kind = adapters ? "adapter" : "chip";
    const char *names[MAX_CLASSES];
    *n = 0;
    for (size_t i = 0; list && i <= MAX_CLASSES; i++) {
        if (i == MAX_CLASSES || !mapped_data(c->map, &list[i], sizeof list[i], _Alignof(void *)))
            return bad(c, "class.terminated", "the list of %s classes has no end", kind);
        if (!list[i])
            return BKF_OK;
        bkf_status s = adapters ? adapter_ok(c, list[i]) : chip_ok(c, list[i]);
        if (s != BKF_OK)
            return s;
        names[i] = adapters ? ((const bkf_adapter_class *)list[i])->name
                            : ((const bkf_chip_class *)list[i])->name;
        for (size_t k = 0; k < i; k++)
            if (strcmp(names[k], names[i]) == 0)
                return bad(c, "class.unique", "%s is offered twice", c->who);
        ++*n;
    }
    return BKF_OK;
}

/* -- the descriptor ------------------------------------------------------------------------ */

bkf_status descriptor_version(const struct mapped *map, const bkf_plugin *p, uint32_t *major,
                              uint32_t *minor, const char **rule, bkf_error *err)
{
    struct check c = { map, rule, err, "descriptor" };
    if (!mapped_data(map, p, offsetof(bkf_plugin, id), _Alignof(bkf_plugin)))
        return bad(&c, "descriptor.bounds", "bkf_plugin_query does not return a static object");
    if (p->magic != BKF_PLUGIN_MAGIC)
        return bad(&c, "descriptor.magic",
                   "its descriptor starts with 0x%08X, not with BKF_PLUGIN_MAGIC 0x%08X", p->magic,
                   BKF_PLUGIN_MAGIC);
    *major = p->abi_major;
    *minor = p->abi_minor;
    if (p->abi_major != BKF_ABI_MAJOR ||
        (BKF_ABI_MAJOR == 0 && p->abi_minor != (uint16_t)BKF_ABI_MINOR))
        return bad(&c, "descriptor.version",
                   "it is built for plugin ABI %u.%u, this bkflash has %u.%u: get a build of it "
                   "for ABI %u, or a bkflash with ABI %u",
                   p->abi_major, p->abi_minor, BKF_ABI_MAJOR, BKF_ABI_MINOR, BKF_ABI_MAJOR,
                   p->abi_major);
    if (p->flags & ~(uint32_t)KNOWN_FLAGS)
        return bad(
            &c, "descriptor.flags",
            "its flags 0x%08X ask for something that this bkflash (ABI %u.%u) does not know: "
            "a newer bkflash is needed",
            p->flags, BKF_ABI_MAJOR, BKF_ABI_MINOR);
    if (p->struct_size < BKF_PLUGIN_1_0 || p->struct_size > MAX_STRUCT)
        return bad(&c, "descriptor.size",
                   "its descriptor's struct_size is %u, ABI 1.0 needs %zu or more: write "
                   ".struct_size = sizeof",
                   p->struct_size, (size_t)BKF_PLUGIN_1_0);
    if (!mapped_data(map, p, p->struct_size, _Alignof(bkf_plugin)))
        return bad(&c, "descriptor.bounds",
                   "its descriptor's struct_size is %u, more than there is", p->struct_size);
    return BKF_OK;
}

bkf_status descriptor_check(const struct mapped *map, const bkf_plugin *p, const char **rule,
                            bkf_error *err)
{
    struct check c = { map, rule, err, "descriptor" };
    size_t adapters = 0, chips = 0;
    bkf_status s = text(&c, "id", p->id, 64, false);
    if (s == BKF_OK && !reverse_dns(p->id))
        return bad(&c, "descriptor.id", "descriptor: id '%s' is not reverse DNS (com.example.name)",
                   p->id);
    if (s == BKF_OK)
        s = text(&c, "version", p->version, 32, false);
    if (s == BKF_OK)
        s = text(&c, "license", p->license, 64, false);
    if (s == BKF_OK)
        s = classes_ok(&c, (const void *const *)p->adapters, true, &adapters);
    if (s == BKF_OK)
        s = classes_ok(&c, (const void *const *)p->chips, false, &chips);
    if (s == BKF_OK && adapters + chips == 0)
        return bad(&c, "descriptor.empty", "descriptor: it offers no class at all");
    return s;
}
