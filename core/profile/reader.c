/* reader.c - INI text through inih, normalised first so that every build of the library
 * sees only lines that all builds read alike. */
#include "reader.h"
#include "utf8.h"
#include <ini.h>
#include <stdio.h>
#include <string.h>

struct reader {
    struct arena *arena;
    struct diag_list *diags;
    struct ini_doc *doc;
    const char *text;
    size_t len, pos;
    int line;
    bool skipping; /* after a bad header, up to the next good one */
    size_t fed;    /* key lines given to the library */
    bool nomem;
};

void finding_add(struct diag_list *l, int severity, const char *file, int line, const char *section,
                 const char *key, const char *fmt, ...)
{
    if (l->n >= READER_MAX_FINDINGS) {
        l->errors += severity == DIAG_ERROR;
        return;
    }
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    diag_add(l, severity, file, line, section, key, "%s", text);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_word(const char *s, size_t n, const char *extra)
{
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (!c || !strchr(extra, c)))
            return false;
    }
    return n > 0;
}

static const char *section_name(const struct reader *r)
{
    const struct ini_doc *d = r->doc;
    return d->n_sections && !r->skipping ? d->sections[d->n_sections - 1].name : NULL;
}

#define BAD(R, SECTION, KEY, ...) \
    finding_add((R)->diags, DIAG_ERROR, (R)->doc->file, (R)->line, SECTION, KEY, __VA_ARGS__)

/* The next raw line without its end; false at the end of the text. */
static bool raw_line(struct reader *r, const char **s, size_t *n)
{
    if (r->pos >= r->len)
        return false;
    const char *start = r->text + r->pos;
    const char *nl = memchr(start, '\n', r->len - r->pos);
    *s = start;
    *n = nl ? (size_t)(nl - start) : r->len - r->pos;
    r->pos += *n + (nl != NULL);
    r->line++;
    if (*n && start[*n - 1] == '\r')
        (*n)--;
    return true;
}

static void trim(const char **s, size_t *n)
{
    while (*n && is_blank(**s)) {
        (*s)++;
        (*n)--;
    }
    while (*n && is_blank((*s)[*n - 1]))
        (*n)--;
}

/* Length without an inline comment: ';' at the start or after a blank. */
static size_t without_comment(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] == ';' && (i == 0 || is_blank(s[i - 1])))
            return i;
    return n;
}

static bool text_ok(struct reader *r, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F) {
            BAD(r, section_name(r), NULL, "control character 0x%02X in the line", c);
            return false;
        }
    }
    if (!utf8_valid(s, n)) {
        BAD(r, section_name(r), NULL, "the line is not valid UTF-8");
        return false;
    }
    return true;
}

static void open_section(struct reader *r, const char *name)
{
    struct ini_doc *d = r->doc;
    for (size_t i = 0; i < d->n_sections; i++)
        if (strcmp(d->sections[i].name, name) == 0)
            BAD(r, name, NULL, "the section is opened twice (first at line %d)",
                d->sections[i].line);
    struct ini_section *s =
        arena_push(r->arena, &d->sections, &d->n_sections, &d->cap_sections, sizeof *s);
    if (!s)
        r->nomem = true;
    else
        *s = (struct ini_section){ name, r->line, 0, 0 };
}

/* "[name] ; comment" -> out; false after a finding. */
static bool header(struct reader *r, const char *s, size_t n, char *out, size_t cap)
{
    const char *end = memchr(s, ']', n);
    r->skipping = true;
    if (!end) {
        BAD(r, NULL, NULL, "section header has no ']'");
        return false;
    }
    const char *rest = end + 1;
    size_t rest_n = n - (size_t)(rest - s), len = (size_t)(end - s) - 1;
    trim(&rest, &rest_n);
    if (rest_n && *rest != ';') {
        BAD(r, NULL, NULL, "text after the section header: '%.*s'", (int)rest_n, rest);
        return false;
    }
    if (!is_word(s + 1, len, "_-:.")) {
        BAD(r, NULL, NULL, "'%.*s' is not a section name (letters, digits, _ - . and ':')",
            (int)len, s + 1);
        return false;
    }
    if (len > READER_MAX_SECTION || len + 4 > cap) {
        BAD(r, NULL, NULL, "section name of %zu bytes, at most %d are allowed", len,
            READER_MAX_SECTION);
        return false;
    }
    if (r->doc->n_sections >= READER_MAX_SECTIONS) {
        BAD(r, NULL, NULL, "more than %d sections", READER_MAX_SECTIONS);
        r->pos = r->len;
        return false;
    }
    char *name = arena_copy(r->arena, s + 1, len);
    if (!name) {
        r->nomem = true;
        return false;
    }
    r->skipping = false;
    open_section(r, name);
    snprintf(out, cap, "[%s]\n", name);
    return true;
}

/* Where the key ends; false after a finding. */
static bool split(struct reader *r, const char *s, size_t n, size_t *key_n)
{
    size_t eq = 0;
    while (eq < n && s[eq] != '=' && s[eq] != ':')
        eq++;
    if (eq < n && s[eq] == ':') {
        BAD(r, section_name(r), NULL, "use '=' between key and value, not ':'");
        return false;
    }
    if (eq == n) {
        BAD(r, section_name(r), NULL, "expected 'key = value', found '%.*s'", (int)n, s);
        return false;
    }
    *key_n = eq;
    return true;
}

/* "key = value ; comment" -> "key=value\n" in out; false after a finding. */
static bool key_line(struct reader *r, const char *s, size_t n, char *out, size_t cap)
{
    size_t key_n, value_n;
    if (!split(r, s, n, &key_n))
        return false;
    const char *key = s, *value = s + key_n + 1;
    value_n = without_comment(value, n - key_n - 1);
    trim(&key, &key_n);
    trim(&value, &value_n);
    if (!key_n) {
        BAD(r, section_name(r), NULL, "there is no key before '='");
        return false;
    }
    if (!is_word(key, key_n, "_-.#/+") || key_n > READER_MAX_KEY) {
        BAD(r, section_name(r), NULL,
            "'%.*s' is not a key (letters, digits, _ - . # / +, at most %d)", (int)key_n, key,
            READER_MAX_KEY);
        return false;
    }
    if (!value_n) {
        BAD(r, section_name(r), NULL, "%.*s has no value", (int)key_n, key);
        return false;
    }
    if (r->fed >= READER_MAX_ENTRIES) {
        BAD(r, section_name(r), NULL, "more than %d keys in one file", READER_MAX_ENTRIES);
        r->pos = r->len;
        return false;
    }
    if (key_n + value_n + 3 > cap) {
        BAD(r, section_name(r), NULL, "the line is too long for this build of libinih");
        return false;
    }
    snprintf(out, cap, "%.*s=%.*s\n", (int)key_n, key, (int)value_n, value);
    return true;
}

/* inih's reader: the next line worth parsing, in a form that cannot be misread. */
static char *feed(char *out, int num, void *stream)
{
    struct reader *r = stream;
    const char *s;
    size_t n;
    while (!r->nomem && num > 0 && raw_line(r, &s, &n)) {
        size_t raw_n = n;
        trim(&s, &n);
        if (!n || *s == ';' || *s == '#')
            continue;
        if (r->skipping && *s != '[')
            continue;
        if (*s != '[' && r->doc->n_sections)
            r->doc->sections[r->doc->n_sections - 1].keys++;
        if (raw_n > READER_MAX_LINE) {
            BAD(r, section_name(r), NULL, "line of %zu bytes, at most %d are allowed", raw_n,
                READER_MAX_LINE);
            r->skipping |= *s == '[';
            continue;
        }
        if (!text_ok(r, s, n))
            continue;
        if (*s == '[') {
            if (header(r, s, n, out, (size_t)num))
                return out;
        } else if (!r->doc->n_sections) {
            BAD(r, NULL, NULL, "a key before the first [section]");
            r->skipping = true;
        } else if (key_line(r, s, n, out, (size_t)num)) {
            r->fed++;
            return out;
        }
    }
    return NULL;
}

static void check_twice(struct reader *r, const char *name)
{
    const struct ini_doc *d = r->doc;
    const char *section = d->sections[d->n_sections - 1].name;
    for (size_t i = 0; i < d->n_entries; i++)
        if (strcmp(d->sections[d->entries[i].section].name, section) == 0 &&
            strcmp(d->entries[i].key, name) == 0) {
            BAD(r, section, name, "set twice (first at line %d)", d->entries[i].line);
            return;
        }
}

/* inih's handler.  Returns 0 to flag an error, as the library wants it. */
static int take(struct reader *r, const char *name, const char *value)
{
    struct ini_doc *d = r->doc;
    if (!name || !d->n_sections)
        return 1; /* builds that also report section headers */
    check_twice(r, name);
    struct ini_entry *e =
        arena_push(r->arena, &d->entries, &d->n_entries, &d->cap_entries, sizeof *e);
    const char *key = arena_dup(r->arena, name), *text = arena_dup(r->arena, value ? value : "");
    if (!e || !key || !text) {
        r->nomem = true;
        return 0;
    }
    *e = (struct ini_entry){ d->n_sections - 1, key, text, r->line };
    d->sections[d->n_sections - 1].good++;
    return 1;
}

#if INI_HANDLER_LINENO
static int handler(void *user, const char *section, const char *name, const char *value, int lineno)
{
    (void)lineno; /* counts the lines we fed, not the lines of the file */
    (void)section;
    return take(user, name, value);
}
#else
static int handler(void *user, const char *section, const char *name, const char *value)
{
    (void)section;
    return take(user, name, value);
}
#endif

bool ini_read(struct arena *arena, const char *file, const char *text, size_t len,
              struct diag_list *diags, struct ini_doc *doc)
{
    *doc = (struct ini_doc){ .file = file };
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        len -= 3;
    }
    struct reader r = { .arena = arena, .diags = diags, .doc = doc, .text = text, .len = len };
    int rc = ini_parse_stream(feed, &r, handler, &r);
    if (r.nomem || arena_failed(arena))
        return false;
    if (rc != 0 || r.fed != doc->n_entries) {
        /* The library read our normalised lines in its own way: trust nothing of it. */
        finding_add(diags, DIAG_ERROR, file, rc > 0 ? r.line : 0, NULL, NULL,
                    "libinih does not read this file as expected (result %d, %zu of %zu keys)", rc,
                    doc->n_entries, r.fed);
        doc->n_entries = doc->n_sections = 0;
    }
    return true;
}
