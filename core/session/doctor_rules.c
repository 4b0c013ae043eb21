/* doctor_rules.c - reading conf/doctor/usb.ini. */
#include "doctor.h"
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct doctor_rules *rules;
    char problem[200];
};

static bool copy(char *out, size_t cap, const char *s)
{
    return (size_t)snprintf(out, cap, "%s", s) < cap;
}

static struct doctor_rule *rule_at(struct doctor_rules *r, const char *id)
{
    struct doctor_rule *last = r->n_rules ? &r->rule[r->n_rules - 1] : NULL;
    if (last && strcmp(last->id, id) == 0)
        return last;
    if (r->n_rules == ARRAY_LEN(r->rule))
        return NULL;
    struct doctor_rule *rule = &r->rule[r->n_rules];
    *rule = (struct doctor_rule){ 0 };
    if (!copy(rule->id, sizeof rule->id, id))
        return NULL;
    r->n_rules++;
    return rule;
}

static struct doctor_program *program_at(struct doctor_rules *r, const char *name)
{
    struct doctor_program *last = r->n_programs ? &r->program[r->n_programs - 1] : NULL;
    if (last && strcmp(last->name, name) == 0)
        return last;
    if (r->n_programs == ARRAY_LEN(r->program))
        return NULL;
    struct doctor_program *p = &r->program[r->n_programs];
    *p = (struct doctor_program){ 0 };
    if (!copy(p->name, sizeof p->name, name))
        return NULL;
    r->n_programs++;
    return p;
}

static bool set_rule(struct doctor_rule *r, const char *key, const char *value)
{
    uint64_t n;
    if (strcmp(key, "title") == 0)
        return copy(r->title, sizeof r->title, value);
    if (strcmp(key, "adapter") == 0)
        return copy(r->adapter, sizeof r->adapter, value);
    if (strcmp(key, "access") == 0)
        return (!strcmp(value, "node") || !strcmp(value, "tty")) &&
               copy(r->access, sizeof r->access, value);
    if (strcmp(key, "problem") == 0)
        return copy(r->problem, sizeof r->problem, value);
    if (strcmp(key, "next") == 0)
        return copy(r->next, sizeof r->next, value);
    if (strcmp(key, "speed") == 0 && num_parse_u64(value, &n) && n < 100000) {
        r->speed = (unsigned)n;
        return true;
    }
    if (strcmp(key, "latency") == 0 && num_parse_bool(value, &n)) {
        r->latency = n != 0;
        return true;
    }
    return false;
}

static bool set_program(struct doctor_program *p, const char *key, const char *value)
{
    if (strcmp(key, "problem") == 0)
        return copy(p->problem, sizeof p->problem, value);
    return strcmp(key, "next") == 0 && copy(p->next, sizeof p->next, value);
}

static int take(void *user, const char *section, const char *key, const char *value)
{
    struct reading *rd = user;
    bool ok = false;
    if (strncmp(section, "usb:", 4) == 0) {
        struct doctor_rule *r = rule_at(rd->rules, section + 4);
        ok = r && set_rule(r, key, value);
    } else if (strncmp(section, "program:", 8) == 0) {
        struct doctor_program *p = program_at(rd->rules, section + 8);
        ok = p && set_program(p, key, value);
    }
    if (!ok && !rd->problem[0])
        snprintf(rd->problem, sizeof rd->problem, "[%s] %s = %s is not understood", section, key,
                 value);
    return ok;
}

bkf_status doctor_rules_load(const char *path, struct doctor_rules *rules, bkf_error *err)
{
    struct reading rd = { rules, "" };
    *rules = (struct doctor_rules){ .n_rules = 0 };
    int rc = ini_parse(path, take, &rd);
    if (rc < 0)
        return error_set(err, BKF_E_FILE, "%s: cannot be read", path);
    if (rc > 0)
        return error_set(err, BKF_E_PROFILE, "%s:%d: error: %s", path, rc,
                         rd.problem[0] ? rd.problem : "not an INI line");
    return BKF_OK;
}
