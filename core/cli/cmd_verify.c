/* cmd_verify.c - flash against a file. */
#include "cli.h"
#include <inttypes.h>
#include <sys/stat.h>

static void planned(struct cli *c, const char *file)
{
    json_t *doc = cli_result(c);
    const json_t *plan = json_object_get(doc, "plan"), *rows = json_object_get(plan, "compare");
    uint64_t us = number_of(plan, "compare_us");
    char t[32];
    for (size_t i = 0; !c->json && i < json_array_size(rows); i++) {
        const json_t *r = json_array_get(rows, i);
        printf("compare 0x%06x..0x%06x by %s\n", (unsigned)number_of(r, "start"),
               (unsigned)number_of(r, "end"), text_of(r, "by"));
    }
    say(c, "plan: compare with %s, about %s", file,
        us ? time_text((double)us / 1e6, t) : "as long as it takes: the speed is not known");
    say_always(c, "dry run: nothing was compared");
    json_decref(doc);
}

static void summary(struct cli *c, const char *file, uint32_t rest)
{
    json_t *doc = cli_result(c);
    const json_t *differ = json_object_get(doc, "differ"),
                 *names = json_object_get(doc, "differing_partitions"),
                 *range = json_object_get(doc, "range");
    char size[32], more[32];
    if (!doc)
        return;
    for (size_t i = 0; i < json_array_size(differ); i++) {
        const json_t *r = json_array_get(differ, i);
        if (i == 16) {
            say_always(c, "... and %zu more ranges", json_array_size(differ) - i);
            break;
        }
        say_always(c, "differs: 0x%06x..0x%06x", (unsigned)number_of(r, "start"),
                   (unsigned)number_of(r, "end"));
    }
    for (size_t i = 0; i < json_array_size(names); i++)
        say_always(c, "differs in partition: %s", json_string_value(json_array_get(names, i)));
    if (json_is_true(json_object_get(doc, "equal")))
        say(c, "flash and %s are equal: %s%s", file,
            size_text(number_of(range, "end") - number_of(range, "start"), size),
            number_of(doc, "bytes_by_device_crc") ? ", by the device's own CRC" : "");
    if (rest)
        say_always(c, "the file ends there: the other %s of %s were not compared",
                   size_text(rest, more), args_get(&c->args, OPT_PARTITION));
    json_decref(doc);
}

/* What write would have written: with -P or --at the file says where the range ends.  *rest:
 * bytes of the partition behind it. */
static bkf_status place(struct cli *c, const char *file, bkf_range *range, bool *has,
                        uint32_t *rest)
{
    const char *label, *at = args_get(&c->args, OPT_AT);
    struct stat sb;
    bkf_status st = cli_range(c, range, has, &label);
    *rest = 0;
    if (st)
        return st;
    if (at && *has)
        return cli_fail(c, BKF_E_PARAM, "--at excludes -P and --range");
    bool known = stat(file, &sb) == 0 && S_ISREG(sb.st_mode) && sb.st_size > 0;
    if (at) {
        st = bkf_profile_address(c->profile, at, &range->start, &c->err);
        *has = true;
        uint64_t end = (uint64_t)range->start + (known ? (uint64_t)sb.st_size : 1);
        range->end = end < UINT32_MAX ? (uint32_t)end : UINT32_MAX;
    } else if (known && args_has(&c->args, OPT_PARTITION) &&
               sb.st_size < range->end - range->start) {
        *rest = range->end - range->start - (uint32_t)sb.st_size;
        range->end = range->start + (uint32_t)sb.st_size;
    }
    return st;
}

bkf_status cmd_verify(struct cli *c)
{
    const char *file = c->args.positional[0];
    bkf_range range;
    bool has = false;
    uint32_t rest = 0;
    bkf_status st = cli_profile(c);
    if (!st)
        st = place(c, file, &range, &has, &rest);
    if (!st)
        st = cli_session(c);
    if (st)
        return st;
    const bkf_range *where = has ? &range : NULL;
    if (args_has(&c->args, OPT_DRY_RUN)) {
        st = bkf_verify_plan(c->session, where, file, &c->result, &c->err);
        st = cli_finish(c, st);
        if (!st)
            planned(c, file);
        return st;
    }
    st = bkf_verify_file(c->session, where, file, &c->result, &c->err);
    st = cli_finish(c, st);
    summary(c, file, rest);
    return st;
}
