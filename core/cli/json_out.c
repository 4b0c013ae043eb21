/* json_out.c - NDJSON on stdout: hello first, result last, everything flushed by line. */
#include "cli.h"
#include <errno.h>
#include <stdlib.h>

static void line(struct cli *c, json_t *o)
{
    errno = 0;
    bool failed = json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER) ||
                  fputc('\n', stdout) == EOF || fflush(stdout);
    if (failed && !c->output_error) /* without one: text that is no UTF-8, so no JSON either */
        c->output_error = errno ? errno : EILSEQ;
    json_decref(o);
}

void json_record(struct cli *c, const char *type, json_t *members)
{
    json_t *o = json_pack("{s:s}", "type", type);
    json_object_update(o, members);
    json_decref(members);
    line(c, o);
}

void json_hello(struct cli *c)
{
    json_record(c, "hello",
                json_pack("{s:i, s:s, s:s, s:s}", "api", BKF_API_VERSION, "program", "bkflash",
                          "version", bkf_version(), "verb",
                          c->args.verb ? c->args.verb->name : ""));
}

/* docs/man/bkflash.md lists the words.  Success: was anything written?  Failure: the error's word,
 * but never "none" after a job that had come to its end, as when only letting go failed. */
static const char *effect_word(const struct cli *c, bkf_status st)
{
    static const char *const words[] = { "none", "partial", "unknown" };
    if (!st)
        return c->changed ? "complete" : "none";
    if (c->changed && c->err.effect == BKF_EFFECT_NONE)
        return "partial";
    return words[c->err.effect <= BKF_EFFECT_UNKNOWN ? c->err.effect : BKF_EFFECT_UNKNOWN];
}

void json_result(struct cli *c, bkf_status st, int exit_code)
{
    json_t *o = json_pack("{s:s, s:i, s:s}", "status", bkf_status_name(st), "exit", exit_code,
                          "effect", effect_word(c, st));
    if (st)
        json_object_set_new(o, "message", json_string(c->err.message));
    if (c->result)
        json_object_set_new(o, "data", json_loads(c->result, 0, NULL));
    json_record(c, "result", o);
}
