/* show.c - a merged profile as INI text with the origin of each value. */
#include "show.h"
#include "reader.h"
#include <string.h>

/* The text is whole without its includes, so they may only stand in a comment. */
static bool is_include(const struct prof_value *v)
{
    return strcmp(v->section, "profile") == 0 && strcmp(v->key, "include") == 0;
}

static void add_origin(const struct prof_value *v, struct strbuf *sb)
{
    strbuf_addf(sb, "%s:%d", v->at->file, v->at->line);
    for (const struct origin *o = v->at->overrides; o; o = o->overrides)
        strbuf_addf(sb, ", overrides %s:%d", o->file, o->line);
}

static void add_value(const struct prof_value *v, bool origins, struct strbuf *sb)
{
    size_t start = sb->len;
    struct strbuf note = STRBUF_INIT;
    if (origins) {
        add_origin(v, &note);
        /* A line that would be too long to be read again is split into two. */
        if (strlen(v->key) + strlen(v->text) + note.len + 6 > READER_MAX_LINE) {
            strbuf_addf(sb, "; %s\n", note.data ? note.data : "");
            strbuf_free(&note);
        }
    }
    start = note.len ? sb->len : start;
    strbuf_addf(sb, "%s%s = %s", is_include(v) ? "; " : "", v->key, v->text);
    if (note.len) {
        while (!sb->failed && sb->len - start < 36 &&
               sb->len - start + note.len + 4 < READER_MAX_LINE)
            strbuf_add(sb, " ", 1);
        strbuf_addf(sb, " ; %s", note.data);
    }
    strbuf_addf(sb, "\n");
    strbuf_free(&note);
}

static bool first_of_section(const struct bkf_profile *p, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(p->values[k].section, p->values[i].section) == 0)
            return false;
    return true;
}

static void add_section(const struct bkf_profile *p, const char *name, bool origins,
                        struct strbuf *sb)
{
    strbuf_addf(sb, "%s[%s]\n", sb->len ? "\n" : "", name);
    for (size_t i = 0; i < p->n_values; i++)
        if (strcmp(p->values[i].section, name) == 0)
            add_value(&p->values[i], origins, sb);
}

void profile_show_text(const struct bkf_profile *p, bool origins, struct strbuf *sb)
{
    add_section(p, "profile", origins, sb);
    for (size_t i = 0; i < p->n_values; i++)
        if (first_of_section(p, i) && strcmp(p->values[i].section, "profile") != 0)
            add_section(p, p->values[i].section, origins, sb);
}
