/* log_rules.c - reading conf/log, and matching. */
#include "log_rules.h"
#include <dirent.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct log_rules *rules;
    char section[64], problem[200];
    bool failed; /* out of memory */
};

static struct log_rule *rule_for(struct reading *rd, const char *section)
{
    struct log_rules *r = rd->rules;
    if (r->n && strcmp(rd->section, section) == 0)
        return &r->items[r->n - 1];
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 64;
        struct log_rule *items = realloc(r->items, cap * sizeof *items);
        if (!items)
            return NULL;
        r->items = items;
        r->cap = cap;
    }
    snprintf(rd->section, sizeof rd->section, "%s", section);
    r->items[r->n] = (struct log_rule){ .match = NULL };
    return &r->items[r->n++];
}

static bool set_text(char **to, const char *value)
{
    free(*to);
    *to = strdup(value);
    return *to != NULL;
}

static int take(void *user, const char *section, const char *key, const char *value)
{
    struct reading *rd = user;
    uint64_t yes = 0;
    struct log_rule *rule = rule_for(rd, section);
    if (!rule) {
        rd->failed = true;
        return 0;
    }
    bool ok = false;
    if (strcmp(key, "match") == 0)
        ok = *value && set_text(&rule->match, value);
    else if (strcmp(key, "meaning") == 0)
        ok = *value && set_text(&rule->meaning, value);
    else if (strcmp(key, "redact") == 0 && num_parse_bool(value, &yes))
        ok = (rule->redact = yes != 0, true);
    if (!ok && !rd->problem[0])
        snprintf(rd->problem, sizeof rd->problem, "[%s] %s = %s is not understood", section, key,
                 value);
    return ok;
}

static bkf_status load_file(const char *path, struct log_rules *rules, bkf_error *err)
{
    struct reading rd = { .rules = rules };
    size_t first = rules->n;
    int rc = ini_parse(path, take, &rd);
    if (rd.failed)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    if (rc < 0)
        return error_set(err, BKF_E_FILE, "%s: cannot be read", path);
    if (rc > 0)
        return error_set(err, BKF_E_PROFILE, "%s:%d: error: %s", path, rc,
                         rd.problem[0] ? rd.problem : "not an INI line");
    for (size_t i = first; i < rules->n; i++)
        if (!rules->items[i].match)
            return error_set(err, BKF_E_PROFILE, "%s: a section has no match", path);
    return BKF_OK;
}

static int is_ini(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && strcmp(e->d_name + n - 4, ".ini") == 0;
}

bkf_status log_rules_load(const char *dir, struct log_rules *rules, bkf_error *err)
{
    struct dirent **list = NULL;
    int n = scandir(dir, &list, is_ini, alphasort);
    bkf_status st = BKF_OK;
    for (int i = 0; i < n; i++) {
        char *path = path_join(dir, list[i]->d_name);
        if (!st)
            st = path ? load_file(path, rules, err) : error_set(err, BKF_E_NOMEM, "out of memory");
        free(path);
        free(list[i]);
    }
    free(list);
    return st;
}

void log_rules_free(struct log_rules *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->items[i].match);
        free(r->items[i].meaning);
    }
    free(r->items);
    *r = (struct log_rules){ .n = 0 };
}

/* Where in line the pieces between the stars follow each other; end of the last one. */
static const char *match_end(const char *pattern, const char *line,
                             char *(*search)(const char *, const char *))
{
    const char *at = line;
    while (at && *pattern) {
        size_t n = strcspn(pattern, "*");
        char piece[LOG_LINE_MAX];
        if (n >= sizeof piece)
            return NULL;
        memcpy(piece, pattern, n);
        piece[n] = '\0';
        at = search(at, piece);
        if (!at)
            return NULL;
        at += n;
        pattern += n;
        pattern += *pattern == '*';
    }
    return at;
}

const struct log_rule *log_rules_find(const struct log_rules *r, const char *line,
                                      const char **after)
{
    const struct log_rule *best = NULL;
    for (size_t i = 0; i < r->n; i++) {
        const struct log_rule *rule = &r->items[i];
        const char *end = match_end(rule->match, line, strstr);
        if (end && (!best || strlen(rule->match) > strlen(best->match))) {
            best = rule;
            *after = end;
        }
    }
    return best;
}

const char *log_rules_private(const struct log_rules *r, const char *line)
{
    const char *first = NULL;
    for (size_t i = 0; i < r->n; i++) {
        const struct log_rule *rule = &r->items[i];
        const char *end = rule->redact ? match_end(rule->match, line, strcasestr) : NULL;
        if (end && (!first || end < first))
            first = end;
    }
    return first;
}

/* -- lines ------------------------------------------------------------------------------ */

static void add(struct log_lines *l, uint8_t b)
{
    if (b < 0x20 || b == 0x7F) {
        static const char hex[] = "0123456789ABCDEF";
        const char text[4] = { '\\', 'x', hex[b >> 4], hex[b & 15] };
        memcpy(l->text + l->len, text, 4);
        l->len += 4;
    } else {
        l->text[l->len++] = (char)b;
    }
}

bool log_lines_take(struct log_lines *l, uint8_t b, uint64_t now_us)
{
    if (!l->len)
        l->started_us = now_us;
    if (l->escape == 1) {
        l->escape = b == '[' ? 2 : 0;
        return false;
    }
    if (l->escape == 2) {
        l->escape = b >= 0x40 && b <= 0x7E ? 0 : 2;
        return false;
    }
    if (b == 0x1B) {
        l->escape = 1;
        return false;
    }
    if (b == '\r')
        return false;
    if (b != '\n')
        add(l, b == '\t' ? ' ' : b);
    if (b == '\n' || l->len >= LOG_LINE_MAX) {
        l->text[l->len] = '\0';
        return true;
    }
    return false;
}

void log_lines_next(struct log_lines *l)
{
    l->len = 0;
}
