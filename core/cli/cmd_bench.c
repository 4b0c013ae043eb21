/* cmd_bench.c - how good the wires are. */
#include "cli.h"
#include <inttypes.h>

static const char *hz_text(uint64_t hz, char buf[32])
{
    if (hz >= 1000000)
        snprintf(buf, 32, "%.4g MHz", (double)hz / 1e6);
    else
        snprintf(buf, 32, "%.4g kHz", (double)hz / 1e3);
    return buf;
}

static void print_rows(const json_t *rows)
{
    size_t i;
    json_t *r;
    printf("%12s %7s %7s %12s %14s\n", "clock", "reads", "wrong", "bit errors", "throughput");
    json_array_foreach((json_t *)rows, i, r)
    {
        char hz[32], rate[32];
        printf("%12s %7" PRIu64 " %7" PRIu64 " %12.2g %14s", hz_text(number_of(r, "hz"), hz),
               number_of(r, "reads"), number_of(r, "wrong"),
               json_real_value(json_object_get(r, "bit_error_rate")),
               rate_text((double)number_of(r, "rate"), rate));
        printf("%s%s\n", *text_of(r, "failure") ? "  " : "", text_of(r, "failure"));
    }
}

static void print_verdict(struct cli *c, const json_t *doc)
{
    char clean[32], used[32];
    uint64_t hz = number_of(doc, "highest_clean_hz");
    if (!json_is_true(json_object_get(doc, "telling")))
        say_always(c, "the flash reads the same value everywhere: errors towards it do not show");
    if (!hz)
        return; /* the error says it */
    printf("no errors up to %s; %s is in use\n", hz_text(hz, clean),
           hz_text(number_of(doc, "in_use_hz"), used));
    if (!json_is_true(json_object_get(doc, "failed")) &&
        json_array_size(json_object_get(doc, "rows")) > 1)
        say(c, "this was the limit of profile and options; -O spi_clock=30MHz tries more");
    else if (json_is_true(json_object_get(doc, "failed")))
        say(c, "shorter wires, a better ground, or 33 to 100 ohm in series may allow more");
}

bkf_status cmd_bench(struct cli *c)
{
    bkf_status st = cli_session(c);
    if (st)
        return st;
    st = bkf_bench(c->session, &c->result, &c->err);
    st = cli_finish(c, st);
    json_t *doc = cli_result(c);
    view_clear(c);
    if (doc && !c->json) {
        print_rows(json_object_get(doc, "rows"));
        print_verdict(c, doc);
    }
    json_decref(doc);
    return st;
}
