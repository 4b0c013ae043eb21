/* cmd_dump.c - dump and read: flash into a file, with proof. */
#include "cli.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bkf_status how_to_verify(struct cli *c, uint32_t *verify)
{
    static const char *const names[] = { "full", "sample", "none" };
    const char *text = args_get(&c->args, OPT_VERIFY);
    *verify = BKF_VERIFY_FULL;
    for (uint32_t i = 0; text && i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *verify = i;
            return BKF_OK;
        }
    }
    return text ? cli_fail(c, BKF_E_PARAM, "--verify=%s: full, sample or none", text) : BKF_OK;
}

static bkf_status output_name(struct cli *c, const char **name)
{
    const char *o = args_get(&c->args, OPT_OUTPUT);
    *name = c->args.n_positional ? c->args.positional[0] : o;
    if (o && c->args.n_positional)
        return cli_fail(c, BKF_E_PARAM, "the file is named twice: %s and -o %s",
                        c->args.positional[0], o);
    if (*name && strcmp(*name, "-") == 0 && c->json)
        return cli_fail(c, BKF_E_PARAM, "-o - and --json both want standard output");
    if (*name && strcmp(*name, "-") == 0 && isatty(STDOUT_FILENO))
        return cli_fail(c, BKF_E_PARAM, "-o - would print the flash on your terminal; redirect it");
    return BKF_OK;
}

static bkf_status to_stdout(void *ud, uint32_t off, const uint8_t *p, size_t n, bkf_error *err)
{
    (void)ud;
    (void)off;
    while (n) {
        ssize_t k = write(STDOUT_FILENO, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            err->status = BKF_E_FILE;
            snprintf(err->message, sizeof err->message, "standard output: %s", strerror(errno));
            return BKF_E_FILE;
        }
        p += k;
        n -= (size_t)k;
    }
    return BKF_OK;
}

/* -- the last words -------------------------------------------------------------------------- */

static void say_ranges(struct cli *c, const json_t *doc, const char *key, const char *what)
{
    const json_t *list = json_object_get(doc, key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *r = json_array_get(list, i);
        say_always(c, "%s: 0x%06x..0x%06x", what, (unsigned)number_of(r, "start"),
                   (unsigned)number_of(r, "end"));
    }
}

static void say_constant(struct cli *c, const json_t *doc)
{
    const json_t *v = json_object_get(doc, "constant");
    if (v)
        say_always(c, "%swarning:%s every byte reads 0x%02X%s", paint(c, "yellow"), paint(c, "off"),
                   (unsigned)json_integer_value(v),
                   json_integer_value(v) == 0xFF ? ": the flash is blank"
                                                 : ": this is not what a firmware looks like");
}

/* "1 retry", "2 retries", "0 sectors read again" */
static const char *count_text(uint64_t n, const char *what, char buf[48])
{
    size_t word = strcspn(what, " ");
    bool y = word && what[word - 1] == 'y';
    if (n == 1)
        snprintf(buf, 48, "1 %s", what);
    else
        snprintf(buf, 48, "%" PRIu64 " %.*s%s%s", n, (int)(word - y), what, y ? "ies" : "s",
                 what + word);
    return buf;
}

void dump_summary(struct cli *c, const char *file, bkf_status st)
{
    json_t *doc = cli_result(c);
    const json_t *flash = json_object_get(doc, "flash"), *proof = json_object_get(doc, "proof");
    char size[32], rate[32], took[32];
    if (!doc)
        return;
    say_ranges(c, doc, "holes", "not readable");
    say_ranges(c, proof, "unstable", "never the same twice");
    if (!st && file) {
        say(c, "%s: sha256 %s", file, text_of(doc, "sha256"));
        say(c, "%s.json: chip, flash, partitions and how all of it was proven", file);
    }
    say_constant(c, doc);
    const json_t *resumed = json_object_get(doc, "resumed");
    if (resumed)
        say(c, "%s of it are from an earlier run (%s); ids and samples agree with this device",
            size_text(number_of(resumed, "bytes_held"), size), text_of(resumed, "begun"));
    char resets[48], retries[48], again[48];
    say(c, "%s%s%s in %s, %s, %s, %s, %s; complete backup: %s, because %s", text_of(flash, "part"),
        text_of(flash, "part")[0] ? ": " : "", size_text(number_of(doc, "bytes"), size),
        time_text((double)number_of(doc, "duration_us") / 1e6, took),
        rate_text((double)number_of(doc, "rate"), rate),
        count_text(number_of(doc, "resets"), "reset", resets),
        count_text(number_of(doc, "retries"), "retry", retries),
        count_text(number_of(doc, "rereads"), "sector read again", again),
        json_is_true(json_object_get(doc, "complete_backup")) ? "yes" : "no",
        text_of(doc, "complete_backup_reason"));
    json_decref(doc);
}

/* -- the job --------------------------------------------------------------------------- */

static bkf_status into_file(struct cli *c, const bkf_read_options *o, const char *name)
{
    char *made = NULL;
    bkf_status st = name ? BKF_OK : bkf_read_name(c->session, &made, &c->err);
    if (!name)
        name = made;
    if (!st && made)
        say_always(c, "writing to %s", made);
    if (!st)
        st = bkf_read_file(c->session, o, name, &c->result, &c->err);
    st = cli_finish(c, st);
    dump_summary(c, name, st);
    bkf_free(made);
    return st;
}

static bkf_status read_job(struct cli *c, bkf_read_options *o)
{
    struct stat sb;
    const char *name;
    bkf_status st = output_name(c, &name);
    if (!st)
        st = how_to_verify(c, &o->verify);
    if (st)
        return st;
    o->flags |= args_has(&c->args, OPT_FORCE) ? BKF_READ_FORCE : 0;
    o->flags |= args_has(&c->args, OPT_ALLOW_HOLES) ? BKF_READ_ALLOW_HOLES : 0;
    if (name && strcmp(name, "-") != 0 && !(o->flags & BKF_READ_FORCE) && stat(name, &sb) == 0 &&
        S_ISREG(sb.st_mode))
        return cli_fail(c, BKF_E_FILE, "%s: exists already; --force replaces it", name);
    st = cli_session(c);
    if (st)
        return st;
    if (!name || strcmp(name, "-") != 0)
        return into_file(c, o, name);
    st = bkf_read(c->session, o, to_stdout, NULL, &c->result, &c->err);
    st = cli_finish(c, st);
    dump_summary(c, NULL, st);
    return st;
}

bkf_status cmd_dump(struct cli *c)
{
    bkf_read_options o = { .struct_size = sizeof o };
    return read_job(c, &o);
}

bkf_status cmd_read(struct cli *c)
{
    bkf_read_options o = { .struct_size = sizeof o };
    bool has = false;
    bkf_status st = cli_profile(c);
    if (!st)
        st = cli_range(c, &o.range, &has, &o.label);
    if (!st && !has)
        return cli_fail(c, BKF_E_PARAM,
                        "read needs -P PARTITION or --range START..END; for the "
                        "whole flash use dump");
    o.has_range = has;
    return st ? st : read_job(c, &o);
}
