/* findings.c - problems in profiles, printed. */
#include "findings.h"

static const char *severity_name(int severity)
{
    return severity == DIAG_ERROR ? "error" : severity == DIAG_WARNING ? "warning" : "note";
}

void finding_text(const struct diag *d, struct strbuf *sb)
{
    if (d->file && d->line)
        strbuf_addf(sb, "%s:%d: ", d->file, d->line);
    else if (d->file)
        strbuf_addf(sb, "%s: ", d->file);
    strbuf_addf(sb, "%s: ", severity_name(d->severity));
    if (d->section)
        strbuf_addf(sb, "[%s] ", d->section);
    if (d->key)
        strbuf_addf(sb, "%s: ", d->key);
    strbuf_addf(sb, "%s", d->text);
}

void findings_text(const struct diag_list *l, size_t limit, struct strbuf *sb)
{
    size_t shown = limit && l->n > limit ? limit : l->n, errors = 0;
    for (size_t i = 0; i < shown; i++) {
        finding_text(&l->items[i], sb);
        strbuf_addf(sb, "\n");
        errors += l->items[i].severity == DIAG_ERROR;
    }
    if (l->errors > errors)
        strbuf_addf(sb, "... and %zu more error%s\n", l->errors - errors,
                    l->errors - errors == 1 ? "" : "s");
}

json_t *finding_json(const struct diag *d)
{
    return json_pack("{s:s?, s:i, s:s, s:s?, s:s?, s:s}", "file", d->file, "line", d->line,
                     "severity", severity_name(d->severity), "section", d->section, "key", d->key,
                     "text", d->text);
}

json_t *findings_json(const struct diag_list *l)
{
    json_t *a = json_array();
    for (size_t i = 0; a && i < l->n; i++)
        if (json_array_append_new(a, finding_json(&l->items[i]))) {
            json_decref(a);
            a = NULL;
        }
    return a;
}
