/* cmd_verify.c - flash against a file. */
#include "cli.h"
#include <inttypes.h>

static void summary(struct cli *c, const char *file)
{
    json_t *doc = cli_result(c);
    const json_t *differ = json_object_get(doc, "differ"),
                 *names = json_object_get(doc, "differing_partitions"),
                 *range = json_object_get(doc, "range");
    char size[32];
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
    json_decref(doc);
}

bkf_status cmd_verify(struct cli *c)
{
    const char *file = c->args.positional[0], *label;
    bkf_range range;
    bool has = false;
    bkf_status st = cli_profile(c);
    if (!st)
        st = cli_range(c, &range, &has, &label);
    if (!st)
        st = cli_session(c);
    if (st)
        return st;
    st = bkf_verify_file(c->session, has ? &range : NULL, file, &c->result, &c->err);
    st = cli_finish(c, st);
    summary(c, file);
    return st;
}
