/* cmd_log.c - the board's log, with times and meanings. */
#include "cli.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct log_out {
    struct cli *c;
    FILE *file; /* or NULL */
};

static bkf_status put(void *ud, const bkf_log_line *line, bkf_error *err)
{
    struct log_out *out = ud;
    const double s = (double)line->at_us / 1e6;
    if (out->c->json) {
        json_t *o = json_pack("{s:f, s:s}", "seconds", s, "line", line->text);
        if (o && line->meaning)
            json_object_set_new(o, "meaning", json_string(line->meaning));
        json_record(out->c, "log", o);
    } else {
        printf("%10.3f  %s\n", s, line->text);
        if (line->meaning)
            printf("            %s^ %s%s\n", paint_out(out->c, "bold"), line->meaning,
                   paint_out(out->c, "off"));
        if (fflush(stdout) && !out->c->output_error)
            out->c->output_error = errno;
    }
    if (!out->file)
        return BKF_OK;
    fprintf(out->file, "%10.3f  %s\n", s, line->text);
    if (line->meaning)
        fprintf(out->file, "            ^ %s\n", line->meaning);
    if (fflush(out->file) == 0)
        return BKF_OK;
    err->status = BKF_E_FILE;
    snprintf(err->message, sizeof err->message, "cannot write the log file: %s", strerror(errno));
    return BKF_E_FILE;
}

static bkf_status number(struct cli *c, enum opt_id id, const char *name, double max, double *out)
{
    const char *text = args_get(&c->args, id);
    char *end;
    *out = 0;
    if (!text)
        return BKF_OK;
    *out = strtod(text, &end);
    if (end != text && strcmp(end, "s") == 0)
        end++;
    if (end == text || *end || !(*out > 0 && *out <= max))
        return cli_fail(c, BKF_E_PARAM, "--%s %s: a number above 0 is needed", name, text);
    return BKF_OK;
}

static bkf_status open_file(struct cli *c, FILE **file)
{
    const char *path = c->args.n_positional ? c->args.positional[0] : NULL;
    if (!path)
        return BKF_OK;
    *file = fopen(path, args_has(&c->args, OPT_FORCE) ? "we" : "wxe");
    if (*file)
        return BKF_OK;
    if (errno == EEXIST)
        return cli_fail(c, BKF_E_FILE, "%s: exists already; --force replaces it", path);
    return cli_fail(c, BKF_E_FILE, "%s: cannot be written: %s", path, strerror(errno));
}

bkf_status cmd_log(struct cli *c)
{
    bkf_log_options o = { .struct_size = sizeof o,
                          .flags = (args_has(&c->args, OPT_EXPLAIN) ? BKF_LOG_EXPLAIN : 0) |
                                   (args_has(&c->args, OPT_SHOW_SECRETS) ? BKF_LOG_SECRETS : 0) };
    struct log_out out = { .c = c };
    double baud, seconds;
    bkf_status st = cli_profile(c);
    if (!st)
        st = number(c, OPT_BAUD, "baud", 12e6, &baud);
    if (!st)
        st = number(c, OPT_DURATION, "duration", 1e7, &seconds);
    if (!st)
        st = open_file(c, &out.file);
    if (st)
        return st;
    const char **options = args_list(&c->args, OPT_OPTION);
    o.route = args_get(&c->args, OPT_ADAPTER);
    o.unit = args_get(&c->args, OPT_UNIT);
    o.options = options;
    o.baud = (uint32_t)baud;
    o.duration_us = (uint64_t)(seconds * 1e6);
    signals_hold();
    st = bkf_log_listen(c->ctx, c->profile, &o, NULL, put, &out, &c->err);
    if (st == BKF_E_CANCELLED && !o.duration_us)
        st = BKF_OK; /* an interrupt is how an open-ended log ends */
    if (out.file)
        fclose(out.file);
    free(options);
    return st;
}
