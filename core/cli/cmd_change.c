/* cmd_change.c - write, erase, restore, resume and undo: everything that changes the flash. */
#include "cli.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

static uint32_t flag_if(struct cli *c, enum opt_id id, uint32_t flag)
{
    return args_has(&c->args, id) ? flag : 0;
}

static uint32_t take_flags(struct cli *c, bkf_change_options *o)
{
    o->backup = args_get(&c->args, OPT_BACKUP);
    o->backup_dir = args_get(&c->args, OPT_BACKUP_DIR);
    return flag_if(c, OPT_DRY_RUN, BKF_CHANGE_DRY_RUN) |
           flag_if(c, OPT_NO_BACKUP, BKF_CHANGE_NO_BACKUP) |
           flag_if(c, OPT_TRUST_BACKUP, BKF_CHANGE_TRUST_BACKUP) |
           flag_if(c, OPT_PRESERVE_KEEP, BKF_CHANGE_PRESERVE_KEEP) |
           flag_if(c, OPT_PAD, BKF_CHANGE_PAD) | flag_if(c, OPT_ANYWAY, BKF_CHANGE_ANY_IMAGE) |
           flag_if(c, OPT_BACKUP_VERIFY, BKF_CHANGE_VERIFY_BACKUP);
}

/* --no-backup says that there shall be none: nothing else may ask for one. */
static bkf_status one_backup(struct cli *c)
{
    bool none = args_has(&c->args, OPT_NO_BACKUP);
    if (none && args_has(&c->args, OPT_BACKUP))
        return cli_fail(c, BKF_E_PARAM, "--backup and --no-backup exclude each other");
    if (none && args_has(&c->args, OPT_BACKUP_VERIFY))
        return cli_fail(c, BKF_E_PARAM, "--backup-verify and --no-backup exclude each other");
    return BKF_OK;
}

/* -P, --range or --at; --at leaves the end to the file. */
static bkf_status take_place(struct cli *c, bkf_change_options *o)
{
    const char *at = args_get(&c->args, OPT_AT);
    bool has = false;
    const char *label = NULL;
    bkf_status st = cli_range(c, &o->range, &has, &label);
    if (st)
        return st;
    if (at && has)
        return cli_fail(c, BKF_E_PARAM, "--at excludes -P and --range");
    if (at) {
        o->range.end = 0;
        has = true;
        st = bkf_profile_address(c->profile, at, &o->range.start, &c->err);
    }
    o->has_range = has;
    o->label = args_get(&c->args, OPT_PARTITION);
    return st;
}

/* ---- what is said ---- */

static void say_plan(struct cli *c, const json_t *doc)
{
    const json_t *p = json_object_get(doc, "plan");
    char erase[32], program[32], t[32];
    say(c,
        "plan: %" PRIu64 " sectors are right already, %" PRIu64 " only get bits cleared, "
        "%" PRIu64 " are erased and programmed, %" PRIu64 " only erased",
        number_of(p, "sectors_equal"), number_of(p, "sectors_program_only"),
        number_of(p, "sectors_erase_program"), number_of(p, "sectors_erase_only"));
    say(c, "plan: erase %s, program %s, about %s", size_text(number_of(p, "erase_bytes"), erase),
        size_text(number_of(p, "program_bytes"), program),
        time_text((double)(number_of(p, "read_us") + number_of(p, "erase_us") +
                           number_of(p, "program_us") + number_of(p, "verify_us")) /
                      1e6,
                  t));
    if (number_of(p, "filled_bytes"))
        say(c, "plan: the last sector is filled up with %" PRIu64 " erased bytes",
            number_of(p, "filled_bytes"));
}

static void say_kept(struct cli *c, const json_t *doc)
{
    const json_t *kept = json_object_get(json_object_get(doc, "plan"), "kept");
    bool foreign = json_is_false(json_object_get(doc, "own_dump"));
    for (size_t i = 0; i < json_array_size(kept); i++)
        say(c, "kept: 0x%06x..0x%06x is left as it is%s",
            (unsigned)number_of(json_array_get(kept, i), "start"),
            (unsigned)number_of(json_array_get(kept, i), "end"),
            foreign ? ": nothing shows that the dump is of this very device; if it is, "
                      "--allow-protected NAME puts that partition back"
                    : "");
}

static void print_ranges(const char *what, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        printf("%-7s 0x%06x..0x%06x\n", what, (unsigned)number_of(json_array_get(list, i), "start"),
               (unsigned)number_of(json_array_get(list, i), "end"));
}

/* In the order of a real run: what is saved, changed, proven. */
static void print_steps(const json_t *doc)
{
    print_ranges("read", json_object_get(doc, "read"));
    const json_t *steps = json_object_get(json_object_get(doc, "plan"), "steps");
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *s = json_array_get(steps, i);
        printf("%-7s 0x%06x..0x%06x\n", text_of(s, "do"), (unsigned)number_of(s, "start"),
               (unsigned)number_of(s, "end"));
    }
    print_ranges("verify", json_object_get(doc, "touched"));
}

static void say_left_alone(struct cli *c, const json_t *doc)
{
    const json_t *left = json_object_get(doc, "left_alone");
    for (size_t i = 0; i < json_array_size(left); i++) {
        const json_t *r = json_array_get(left, i);
        say_always(c, "left alone: 0x%06x..0x%06x: %s", (unsigned)number_of(r, "start"),
                   (unsigned)number_of(r, "end"), text_of(r, "reason"));
    }
}

/* "; boots as far as the image tells": "" when no place for code was written. */
static const char *boots_text(const json_t *doc, char buf[500])
{
    const json_t *o = json_object_get(doc, "boots");
    const char *verdict = text_of(o, "verdict"), *why = text_of(o, "why");
    buf[0] = '\0';
    if (strcmp(verdict, "yes") == 0)
        snprintf(buf, 500, "; boots as far as the image tells%s%s", *why ? ", but " : "", why);
    else if (strcmp(verdict, "no") == 0)
        snprintf(buf, 500, "; it will not boot: %s", why);
    else if (*verdict)
        snprintf(buf, 500, "; not known if it boots%s%s", *why ? ": " : "", why);
    return buf;
}

/* The last line: what was proven, and whether it boots. */
static void say_outcome(struct cli *c, const json_t *doc)
{
    char boots[500], size[32], t[32];
    const char *outcome = text_of(doc, "outcome");
    boots_text(doc, boots);
    if (strcmp(outcome, "planned") == 0)
        say_always(c, "dry run: nothing was changed%s", boots);
    else if (strcmp(outcome, "nothing to do") == 0)
        say(c, "the flash holds this already: nothing was changed%s", boots);
    else
        say(c, "%s done in %s: %s proven by %s, %" PRIu64 " retries, protection %s%s",
            text_of(doc, "what"), time_text((double)number_of(doc, "duration_us") / 1e6, t),
            size_text(number_of(doc, "proven_bytes"), size), text_of(doc, "proof"),
            number_of(doc, "retries"), text_of(doc, "protection"), boots);
}

static void say_done(struct cli *c, const json_t *doc)
{
    size_t repaired = json_array_size(json_object_get(doc, "repaired"));
    if (text_of(doc, "backup")[0])
        say(c, "backup of the old contents: %s (%s)", text_of(doc, "backup"),
            text_of(doc, "backup_proof"));
    if (!number_of(doc, "proven_bytes"))
        say(c, "the flash holds the contents wanted already");
    if (repaired)
        say_always(c, "%zu ranges had to be written again", repaired);
}

static void summary(struct cli *c)
{
    json_t *doc = cli_result(c);
    if (!doc)
        return;
    const char *outcome = text_of(doc, "outcome");
    if (strcmp(outcome, "nothing to do") != 0)
        say_plan(c, doc);
    if (strcmp(outcome, "planned") == 0 && !c->json)
        print_steps(doc);
    else if (strcmp(outcome, "done") == 0)
        say_done(c, doc);
    say_kept(c, doc);
    say_left_alone(c, doc);
    say_outcome(c, doc);
    json_decref(doc);
}

/* Did the change that came to its end write anything?  (--json tells it as "effect") */
static bool has_written(const struct cli *c)
{
    json_t *doc = cli_result(c);
    bool done = strcmp(text_of(doc, "kind"), "change") == 0 &&
                strcmp(text_of(doc, "outcome"), "done") == 0 &&
                json_array_size(json_object_get(doc, "touched"));
    json_decref(doc);
    return done;
}

static bkf_status finish(struct cli *c, bkf_status st)
{
    c->changed = !st && has_written(c);
    st = cli_finish(c, st);
    if (!st)
        summary(c);
    return st;
}

/* ---- commands ---- */

bkf_status cli_change(struct cli *c, bkf_change_options *o, const char *path)
{
    const char **allow = args_list(&c->args, OPT_ALLOW_PROTECTED);
    o->allow_protected = allow;
    o->flags |= take_flags(c, o);
    bkf_status st = one_backup(c);
    if (!st && (o->flags & BKF_CHANGE_NO_BACKUP))
        say_warning(c, "without a backup there is no way back");
    if (!st)
        st = cli_session(c);
    if (!st)
        st = finish(c, bkf_change(c->session, o, path, &c->result, &c->err));
    free(allow);
    return st;
}

bkf_status cmd_write(struct cli *c)
{
    bkf_change_options o = { .struct_size = sizeof o, .kind = BKF_CHANGE_WRITE };
    bkf_status st = cli_profile(c);
    if (!st)
        st = take_place(c, &o);
    if (!st && !o.has_range)
        return cli_fail(c, BKF_E_PARAM,
                        "write needs a place: -P PARTITION, --at OFFSET or --range START..END; a "
                        "whole dump is put back with: restore FILE");
    return st ? st : cli_change(c, &o, c->args.positional[0]);
}

bkf_status cmd_erase(struct cli *c)
{
    bkf_change_options o = { .struct_size = sizeof o, .kind = BKF_CHANGE_ERASE };
    bkf_status st = cli_profile(c);
    if (!st)
        st = take_place(c, &o);
    if (!st && !o.has_range)
        return cli_fail(c, BKF_E_PARAM, "erase needs -P PARTITION or --range START..END");
    return st ? st : cli_change(c, &o, NULL);
}

bkf_status cmd_restore(struct cli *c)
{
    bkf_change_options o = { .struct_size = sizeof o, .kind = BKF_CHANGE_RESTORE };
    bkf_status st = cli_profile(c);
    return st ? st : cli_change(c, &o, c->args.positional[0]);
}

/* What there was to finish, the report tells. */
bkf_status cmd_resume(struct cli *c)
{
    bkf_status st = cli_session(c);
    if (st)
        return st;
    st = bkf_resume(c->session, &c->result, &c->err);
    c->changed = !st && has_written(c);
    st = cli_finish(c, st);
    json_t *doc = cli_result(c);
    if (strcmp(text_of(doc, "kind"), "read") == 0)
        dump_summary(c, text_of(doc, "path"), st);
    else if (!st)
        summary(c);
    json_decref(doc);
    return st;
}

bkf_status cmd_undo(struct cli *c)
{
    bkf_status st = cli_session(c);
    return st ? st : finish(c, bkf_undo(c->session, &c->result, &c->err));
}

/* On or off: the registers are looked at before as well, as only a difference is a change. */
static bkf_status protect(struct cli *c, uint32_t mode)
{
    char *before = NULL;
    bkf_status st = mode ? bkf_protect(c->session, 0, &before, &c->err) : BKF_OK;
    if (st)
        return st;
    st = bkf_protect(c->session, mode, &c->result, &c->err);
    c->changed = !st && before && strcmp(before, c->result) != 0;
    if (st && mode && st != BKF_E_UNSUPPORTED) /* some registers may be written, some not */
        c->err.effect = BKF_EFFECT_UNKNOWN;
    bkf_free(before);
    return st;
}

bkf_status cmd_protect(struct cli *c)
{
    static const char *const words[] = { "show", "on", "off" };
    const char *word = c->args.n_positional ? c->args.positional[0] : "show";
    uint32_t mode = 0;
    while (mode < ARRAY_LEN(words) && strcmp(words[mode], word) != 0)
        mode++;
    if (mode == ARRAY_LEN(words))
        return cli_fail(c, BKF_E_PARAM, "protect %s: show, on or off", word);
    bkf_status st = cli_session(c);
    if (st)
        return st;
    st = protect(c, mode);
    st = cli_finish(c, st);
    json_t *doc = cli_result(c);
    const json_t *ranges = json_object_get(doc, "protected");
    if (doc && !c->json) {
        printf("status registers: 0x%0*x\n", (int)(number_of(doc, "status_bits") / 4),
               (unsigned)number_of(doc, "status"));
        for (size_t i = 0; i < json_array_size(ranges); i++)
            printf("protected: 0x%06x..0x%06x\n",
                   (unsigned)number_of(json_array_get(ranges, i), "start"),
                   (unsigned)number_of(json_array_get(ranges, i), "end"));
        if (!json_array_size(ranges))
            puts("nothing is protected");
    }
    json_decref(doc);
    return st;
}
