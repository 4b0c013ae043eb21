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

void json_result(struct cli *c, bkf_status st, int exit_code)
{
    static const char *const effects[] = { "none", "partial", "unknown" };
    json_t *o = json_pack("{s:s, s:i, s:s}", "status", bkf_status_name(st), "exit", exit_code,
                          "effect", effects[c->err.effect <= 2 ? c->err.effect : 2]);
    if (st)
        json_object_set_new(o, "message", json_string(c->err.message));
    if (c->result)
        json_object_set_new(o, "data", json_loads(c->result, 0, NULL));
    json_record(c, "result", o);
}
