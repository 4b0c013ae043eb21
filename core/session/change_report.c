/* change_report.c - a plan and its outcome as JSON. */
#include "change.h"
#include <string.h>

static json_t *steps_json(const struct plan *p)
{
    json_t *out = json_array();
    for (size_t i = 0; out && i < p->n_steps; i++)
        json_array_append_new(out, json_pack("{s:s, s:I, s:I}", "do",
                                             p->steps[i].kind == STEP_ERASE ? "erase" : "program",
                                             "start", (json_int_t)p->steps[i].range.start, "end",
                                             (json_int_t)p->steps[i].range.end));
    return out;
}

static const char *kind_name(enum plan_kind k)
{
    return k == PLAN_WRITE ? "write" : k == PLAN_ERASE ? "erase" : "restore";
}

json_t *change_plan_json(const struct change *c)
{
    const struct plan *p = &c->plan;
    return json_pack("{s:o, s:I, s:I, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
                     "request", report_range(c->request), "filled_bytes", (json_int_t)c->filled,
                     "read_us", (json_int_t)c->learn_us, "sectors_equal", (int)p->equal,
                     "sectors_program_only", (int)p->program_only, "sectors_erase_program",
                     (int)p->erase_program, "sectors_erase_only", (int)p->erase_only, "erase_bytes",
                     (json_int_t)p->erase_bytes, "program_bytes", (json_int_t)p->program_bytes,
                     "erase_us", (json_int_t)p->erase_us, "program_us", (json_int_t)p->program_us,
                     "verify_us", (json_int_t)p->verify_us, "kept",
                     report_ranges(p->kept, p->n_kept), "steps", steps_json(p));
}

static void add_left(json_t *out, const bkf_range *r, size_t n, const char *why)
{
    for (size_t i = 0; out && i < n; i++)
        json_array_append_new(out, json_pack("{s:I, s:I, s:s}", "start", (json_int_t)r[i].start,
                                             "end", (json_int_t)r[i].end, "reason", why));
}

/* What a restore could not reach, or does not have, and why. */
static json_t *left_alone_json(const struct change *c)
{
    json_t *out = json_array();
    add_left(out, c->left_alone, c->n_left_alone,
             c->window_reason ? c->window_reason : "out of reach on this route");
    add_left(out, c->absent, c->n_absent, c->absent_why);
    return out;
}

/* What lies in a sector with the range wanted, and went back as it was. */
static json_t *shared_json(const struct change *c)
{
    bkf_range rest[2];
    size_t n = range_len(c->wanted) ? range_subtract(c->request, &c->wanted, 1, rest) : 0;
    return report_ranges(rest, n);
}

static const char *proof_text(const struct change *c)
{
    if (c->by_crc && c->by_reading)
        return "device CRC and reading back";
    return c->by_crc ? "device CRC" : c->by_reading ? "reading back" : "nothing to prove";
}

static const char *protection_text(const struct change *c)
{
    static const char *const texts[] = {
        [PROTECTION_UNTOUCHED] = "as before",
        [PROTECTION_RESTORED] = "as before",
        [PROTECTION_FAILED] = "NOT as before",
        [PROTECTION_UNSEEN] = "on, as the loader sets it; the application sets its own at boot",
    };
    return texts[c->protection];
}

/* Where nothing was changed, nothing is told of what might have become of it. */
static json_t *boots_json(const struct change *c, const char *outcome)
{
    static const char *const words[] = { NULL, "unknown", "yes", "no" };
    bool changed = strcmp(outcome, "nothing to do") != 0;
    if (c->boots == BOOTS_UNSAID || (c->boots == BOOTS_UNKNOWN && !changed))
        return json_null();
    return json_pack("{s:s, s:s}", "verdict", words[c->boots], "why", c->boots_why);
}

json_t *change_report(const struct change *c, const char *outcome)
{
    json_t *doc = json_object();
    if (!doc)
        return NULL;
    json_object_set_new(doc, "api", json_integer(BKF_API_VERSION));
    json_object_set_new(doc, "kind", json_string("change"));
    json_object_set_new(doc, "what", json_string(c->undoing ? "undo" : kind_name(c->kind)));
    json_object_set_new(doc, "outcome", json_string(outcome));
    json_object_set_new(doc, "device", json_string(c->key));
    json_object_set_new(doc, "label", c->label ? json_string(c->label) : json_null());
    json_object_set_new(doc, "plan", change_plan_json(c));
    json_object_set_new(doc, "shared", shared_json(c));
    json_object_set_new(doc, "left_alone", left_alone_json(c));
    if (c->kind == PLAN_RESTORE) /* ids show that the dump is of this very device */
        json_object_set_new(doc, "own_dump", json_boolean(c->may_change_keep));
    json_object_set_new(doc, "backup", c->backup ? json_string(c->backup) : json_null());
    json_object_set_new(doc, "backup_proof",
                        c->backup && c->backup_proof[0] ? json_string(c->backup_proof)
                                                        : json_null());
    json_object_set_new(doc, "backup_read_once",
                        c->backup ? json_integer((json_int_t)c->backup_read_once) : json_null());
    json_object_set_new(doc, "read", report_ranges(&c->looked_at, range_len(c->looked_at) != 0));
    json_object_set_new(doc, "touched", report_ranges(c->touched, c->n_touched));
    json_object_set_new(doc, "proven_bytes",
                        json_integer((json_int_t)c->by_crc + (json_int_t)c->by_reading));
    json_object_set_new(doc, "proof", json_string(proof_text(c)));
    json_object_set_new(doc, "repaired", report_ranges(c->repaired.items, c->repaired.n));
    json_object_set_new(doc, "retries", json_integer(c->s->stats.retries));
    json_object_set_new(doc, "protection", json_string(protection_text(c)));
    json_object_set_new(doc, "protection_restored",
                        c->protection == PROTECTION_UNSEEN
                            ? json_null()
                            : json_boolean(c->protection != PROTECTION_FAILED));
    json_object_set_new(doc, "boots", boots_json(c, outcome));
    json_object_set_new(doc, "duration_us",
                        json_integer((json_int_t)op_now(c->s) - (json_int_t)c->start_us));
    return doc;
}
