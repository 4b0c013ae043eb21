/* args.c - the command line: options before and after the verb, long and short, with the
 * environment behind every global one. */
#include "cli.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bkf_status usage(bkf_error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bkf_status usage(bkf_error *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    err->status = BKF_E_PARAM;
    return BKF_E_PARAM;
}

static const struct opt_spec *find_in(const struct opt_spec *o, const char *name, size_t len,
                                      char letter)
{
    for (; o && o->name; o++) {
        if (letter ? o->letter == letter : strlen(o->name) == len && !strncmp(o->name, name, len))
            return o;
    }
    return NULL;
}

static const struct opt_spec *find_opt(const struct args *a, const char *name, size_t len,
                                       char letter)
{
    const struct opt_spec *o = find_in(global_opts, name, len, letter);
    if (!o && a->verb)
        o = find_in(a->verb->opts, name, len, letter);
    return o;
}

static bkf_status add(struct args *a, const struct opt_spec *o, const char *value, bkf_error *err)
{
    if (a->n_given == ARGS_MAX)
        return usage(err, "too many options");
    if (o->arg && !o->repeat && args_has(a, o->id))
        return usage(err, "--%s is given twice, as '%s' and as '%s': which one is meant?", o->name,
                     args_get(a, o->id), value);
    a->given[a->n_given].id = o->id;
    a->given[a->n_given++].value = value;
    return BKF_OK;
}

/* A verb that has the option, for the hint. */
static const char *verb_with(const char *name, size_t len, char letter)
{
    for (const struct verb_spec *v = verbs; v->name; v++)
        if (find_in(v->opts, name, len, letter))
            return v->name;
    return NULL;
}

static const char *near_option(const struct args *a, const char *name, size_t len)
{
    const char *words[ARGS_MAX];
    char typed[64];
    size_t n = 0;
    snprintf(typed, sizeof typed, "%.*s", (int)len, name);
    for (const struct opt_spec *o = global_opts; o->name; o++)
        if (!o->hidden)
            words[n++] = o->name;
    for (const struct opt_spec *o = a->verb ? a->verb->opts : NULL; o && o->name; o++)
        words[n++] = o->name;
    words[n] = NULL;
    return bkf_suggest(typed, words);
}

static bkf_status no_verb(const char *typed, bkf_error *err)
{
    const char *words[ARGS_MAX];
    size_t n = 0;
    for (const struct verb_spec *v = verbs; v->name; v++)
        words[n++] = v->name;
    words[n] = NULL;
    const char *near = bkf_suggest(typed, words);
    return usage(err, "there is no verb '%s'%s%s%s (bkflash help shows all)", typed,
                 near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bkf_status unknown(const struct args *a, const char *arg, const char *name, size_t len,
                          char letter, bkf_error *err)
{
    const char *other = verb_with(name, len, letter);
    char shown[64];
    if (letter)
        snprintf(shown, sizeof shown, "-%c", letter);
    else
        snprintf(shown, sizeof shown, "%.*s", (int)(len + 2), arg);
    if (other)
        return usage(err, "%s is an option of '%s'%s%s; see: bkflash help %s", shown, other,
                     a->verb ? ", not of " : "", a->verb ? a->verb->name : "", other);
    const char *near = letter ? NULL : near_option(a, name, len);
    return usage(err, "there is no option %s%s%s%s (bkflash help%s%s shows all)", shown,
                 near ? ", did you mean --" : "", near ? near : "", near ? "?" : "",
                 a->verb ? " " : "", a->verb ? a->verb->name : "");
}

/* --name, --name=value, --name value */
static bkf_status long_option(struct args *a, char **argv, int argc, int *i, bkf_error *err)
{
    const char *name = argv[*i] + 2, *eq = strchr(name, '=');
    size_t len = eq ? (size_t)(eq - name) : strlen(name);
    const struct opt_spec *o = find_opt(a, name, len, 0);
    if (!o)
        return unknown(a, argv[*i], name, len, 0, err);
    if (!o->arg && eq)
        return usage(err, "--%s takes no value", o->name);
    if (!o->arg)
        return add(a, o, "", err);
    if (eq)
        return add(a, o, eq + 1, err);
    if (*i + 1 >= argc)
        return usage(err, "--%s needs %s", o->name, o->arg);
    return add(a, o, argv[++*i], err);
}

/* -v, -vv, -pNAME, -p NAME */
static bkf_status short_options(struct args *a, char **argv, int argc, int *i, bkf_error *err)
{
    for (const char *c = argv[*i] + 1; *c; c++) {
        const struct opt_spec *o = find_opt(a, NULL, 0, *c);
        if (!o)
            return unknown(a, argv[*i], "", 0, *c, err);
        if (!o->arg) {
            bkf_status st = add(a, o, "", err);
            if (st)
                return st;
            continue;
        }
        if (c[1])
            return add(a, o, c + 1, err);
        if (*i + 1 >= argc)
            return usage(err, "-%c needs %s", *c, o->arg);
        return add(a, o, argv[++*i], err);
    }
    return BKF_OK;
}

/* The verb must be known before its options are: the first word that is no option and no
 * option's value. */
static bkf_status find_verb(struct args *a, int argc, char **argv, bkf_error *err)
{
    for (int i = 1; i < argc; i++) {
        const char *s = argv[i];
        if (strcmp(s, "--") == 0)
            return BKF_OK;
        if (s[0] != '-' || !s[1]) {
            a->verb = verb_find(s);
            if (!a->verb)
                return no_verb(s, err);
            return BKF_OK;
        }
        if (s[1] == '-') {
            const struct opt_spec *o = find_in(global_opts, s + 2, strlen(s + 2), 0);
            i += o && o->arg;
            continue;
        }
        for (const char *c = s + 1; *c; c++) {
            const struct opt_spec *o = find_in(global_opts, NULL, 0, *c);
            if (o && o->arg) {
                i += !c[1];
                break;
            }
        }
    }
    return BKF_OK;
}

/* -- environment ------------------------------------------------------------------------- */

static bkf_status from_environment(struct args *a, const struct opt_spec *o, bkf_error *err)
{
    char name[48] = "BKFLASH_";
    size_t n = strlen(name);
    for (const char *c = o->name; *c && n < sizeof name - 1; c++)
        name[n++] = (char)(*c == '-' ? '_' : toupper((unsigned char)*c));
    name[n] = '\0';
    const char *value = getenv(name);
    if (!value || !*value || args_has(a, o->id))
        return BKF_OK;
    if (!o->arg) {
        int times = isdigit((unsigned char)*value) ? (int)strtol(value, NULL, 10) : 1;
        if (strcmp(value, "no") == 0)
            times = 0;
        for (int i = 0; i < times && i < 4; i++)
            if (add(a, o, "", err))
                return BKF_E_PARAM;
        return BKF_OK;
    }
    if (!o->repeat)
        return add(a, o, value, err);
    /* several values: one a line */
    char *save = NULL, *text = a->env_texts[o->id] = strdup(value);
    for (char *v = text ? strtok_r(text, "\n", &save) : NULL; v; v = strtok_r(NULL, "\n", &save))
        if (add(a, o, v, err))
            return BKF_E_PARAM;
    return BKF_OK;
}

/* After a mistake: how does the user want to read about it?  (--json, --color, -q) */
static void salvage(struct args *a, int argc, char **argv)
{
    bkf_error ignored = BKF_ERROR_INIT;
    a->n_given = 0;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *s = argv[i];
        if (s[0] == '-' && s[1] == '-')
            (void)long_option(a, argv, argc, &i, &ignored);
        else if (s[0] == '-' && s[1])
            (void)short_options(a, argv, argc, &i, &ignored);
    }
}

bkf_status args_parse(struct args *a, int argc, char **argv, bkf_error *err)
{
    bool words_only = false, verb_seen = false;
    bkf_error ignored = BKF_ERROR_INIT;
    bkf_status st = find_verb(a, argc, argv, err);
    for (int i = 1; i < argc && !st; i++) {
        const char *s = argv[i];
        if (!words_only && strcmp(s, "--") == 0) {
            words_only = true;
        } else if (!words_only && s[0] == '-' && s[1] == '-') {
            st = long_option(a, argv, argc, &i, err);
        } else if (!words_only && s[0] == '-' && s[1]) {
            st = short_options(a, argv, argc, &i, err);
        } else if (!verb_seen) {
            verb_seen = true;
            if (!a->verb && !(a->verb = verb_find(s)))
                st = no_verb(s, err);
        } else if (a->n_positional < ARGS_MAX - 1) {
            a->positional[a->n_positional++] = s;
        } else {
            st = usage(err, "too many arguments");
        }
    }
    if (st)
        salvage(a, argc, argv);
    for (const struct opt_spec *o = global_opts; o->name; o++)
        if (o->id != OPT_HELP && o->id != OPT_VERSION && !o->hidden)
            st = st ? (void)from_environment(a, o, &ignored), st : from_environment(a, o, err);
    if (st || !a->verb || args_has(a, OPT_HELP))
        return st;
    if (a->n_positional < a->verb->min_args)
        return usage(err, "%s needs %s; see: bkflash help %s", a->verb->name, a->verb->args,
                     a->verb->name);
    if (a->n_positional > a->verb->max_args)
        return usage(err, "%s: '%s' is one word too many; see: bkflash help %s", a->verb->name,
                     a->positional[a->verb->max_args], a->verb->name);
    return BKF_OK;
}

void args_free(struct args *a)
{
    for (size_t i = 0; i < OPT_COUNT; i++)
        free(a->env_texts[i]);
}

bool args_has(const struct args *a, enum opt_id id)
{
    return args_count(a, id) > 0;
}

const char *args_get(const struct args *a, enum opt_id id)
{
    for (size_t i = a->n_given; i-- > 0;)
        if (a->given[i].id == id)
            return a->given[i].value;
    return NULL;
}

size_t args_count(const struct args *a, enum opt_id id)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_given; i++)
        n += a->given[i].id == id;
    return n;
}

const char **args_list(const struct args *a, enum opt_id id)
{
    size_t n = args_count(a, id), k = 0;
    const char **list = n ? calloc(n + 1, sizeof *list) : NULL;
    for (size_t i = 0; list && i < a->n_given; i++)
        if (a->given[i].id == id)
            list[k++] = a->given[i].value;
    return list;
}
