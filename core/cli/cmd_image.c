/* cmd_image.c - verbs about files of flash content: inspect, diff, report, redact, extract, pack.
 */
#include "cli.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint32_t image_flags(const struct cli *c)
{
    return (args_has(&c->args, OPT_SHOW_SECRETS) ? BKF_IMAGE_SHOW_SECRETS : 0) |
           (args_has(&c->args, OPT_FORCE) ? BKF_IMAGE_FORCE : 0) |
           (args_has(&c->args, OPT_KEEP_BAD) ? BKF_IMAGE_KEEP_BAD : 0);
}

/* The board matters only when it is named: its layout is then tried first. */
static bkf_status board(struct cli *c)
{
    return args_has(&c->args, OPT_PROFILE) ? cli_profile(c) : cli_context(c);
}

bkf_status image_bytes(struct cli *c, const char *path, void **data, size_t *len)
{
    if (strcmp(path, "-") == 0) {
        if (c->stdin_read)
            return cli_fail(c, BKF_E_PARAM,
                            "%s: standard input can stand for one file only, name the other",
                            c->args.verb->name);
        c->stdin_read = true;
    }
    return bkf_load(path, data, len, &c->err);
}

bkf_status image_load(struct cli *c, const char *path, bkf_image **out)
{
    void *data = NULL;
    size_t len = 0;
    *out = NULL;
    bkf_status st = board(c);
    if (!st)
        st = image_bytes(c, path, &data, &len);
    if (!st)
        st = bkf_image_open(c->ctx, c->profile, path, data, len, out, &c->err);
    bkf_free(data);
    return st;
}

/* -- the device as an image -------------------------------------------------------------------- */
struct memory {
    uint8_t *p;
    size_t len, cap;
};

static bkf_status to_memory(void *ud, uint32_t offset, const uint8_t *p, size_t n, bkf_error *err)
{
    struct memory *m = ud;
    if ((size_t)offset + n > m->cap) {
        size_t cap = (size_t)offset + n + (1 << 20); /* never much more than the flash */
        uint8_t *grown = realloc(m->p, cap);
        if (!grown) {
            err->status = BKF_E_NOMEM;
            snprintf(err->message, sizeof err->message, "no memory for the flash");
            return BKF_E_NOMEM;
        }
        m->p = grown;
        m->cap = cap;
    }
    memcpy(m->p + offset, p, n);
    if (offset + n > m->len)
        m->len = offset + n;
    return BKF_OK;
}

bkf_status image_read_device(struct cli *c, bkf_image **out)
{
    bkf_read_options o = { .struct_size = sizeof o, .flags = BKF_READ_ALLOW_HOLES };
    struct memory m = { 0 };
    *out = NULL;
    bkf_status st = cli_session(c);
    if (!st) {
        st = bkf_read(c->session, &o, to_memory, &m, NULL, &c->err);
        st = cli_finish(c, st);
    }
    if (!st)
        st = bkf_image_open(c->ctx, c->profile, "device", m.p, m.len, out, &c->err);
    free(m.p);
    return st;
}

bkf_status file_or_device(struct cli *c, int index, bkf_image **out)
{
    *out = NULL;
    if (c->args.n_positional > index)
        return image_load(c, c->args.positional[index], out);
    if (!args_has(&c->args, OPT_PROFILE))
        return cli_fail(c, BKF_E_PARAM, "%s: which FILE? Without one it reads a device: -p BOARD",
                        c->args.verb->name);
    return image_read_device(c, out);
}

/* Text for people on stdout; nothing with --json, where the result says it. */
void image_print(struct cli *c, char *text)
{
    if (text && !c->json)
        fputs(text, stdout);
    bkf_free(text);
}

bkf_status image_output(struct cli *c, const char **path)
{
    *path = args_get(&c->args, OPT_OUTPUT);
    if (!*path)
        return cli_fail(c, BKF_E_PARAM, "%s: where to? -o FILE ('-' is standard output)",
                        c->args.verb->name);
    if (strcmp(*path, "-") == 0 && c->json)
        return cli_fail(c, BKF_E_PARAM, "-o - and --json both want standard output");
    if (strcmp(*path, "-") == 0 && isatty(STDOUT_FILENO))
        return cli_fail(c, BKF_E_PARAM,
                        "-o - would print binary data on your terminal; redirect it");
    return BKF_OK;
}

/* -- verbs ----------------------------------------------------------------------------- */
bkf_status cmd_inspect(struct cli *c)
{
    bkf_image *image;
    char *text = NULL;
    bkf_status st = file_or_device(c, 0, &image);
    if (!st)
        st = bkf_image_inspect(image, image_flags(c), &c->result, &text, &c->err);
    image_print(c, text);
    bkf_image_free(image);
    return st;
}

bkf_status cmd_diff(struct cli *c)
{
    bkf_image *a, *b = NULL;
    char *text = NULL;
    int32_t same = 0;
    bkf_status st = image_load(c, c->args.positional[0], &a);
    if (!st)
        st = file_or_device(c, 1, &b);
    if (!st)
        st = bkf_image_diff(a, b, &same, &c->result, &text, &c->err);
    image_print(c, text);
    bkf_image_free(a);
    bkf_image_free(b);
    if (!st && !same)
        return cli_fail(c, BKF_E_VERIFY, "the images differ");
    return st;
}

bkf_status cmd_report(struct cli *c)
{
    const char *path, *against = args_get(&c->args, OPT_AGAINST);
    bkf_image *image = NULL, *other = NULL;
    char *html = NULL;
    bkf_status st = image_output(c, &path);
    if (!st)
        st = file_or_device(c, 0, &image);
    if (!st && against)
        st = image_load(c, against, &other);
    if (!st)
        st = bkf_image_report(image, other, image_flags(c), &html, &c->err);
    if (!st)
        st = bkf_save(path, html, strlen(html), image_flags(c), &c->err);
    if (!st)
        say(c, "%s: the report; open it in a browser", path);
    bkf_free(html);
    bkf_image_free(image);
    bkf_image_free(other);
    return st;
}

static void say_redactions(struct cli *c, const char *path)
{
    json_t *doc = cli_result(c), *list = json_object_get(doc, "changed"), *row;
    size_t i;
    json_array_foreach(list, i, row)
    {
        say(c, "0x%06x %5u bytes  %s", (unsigned)number_of(row, "offset"),
            (unsigned)number_of(row, "length"), text_of(row, "what"));
    }
    say(c,
        "%s: %zu places changed; values that nobody can recognise as secrets are still there, look "
        "before you post it",
        path, json_array_size(list));
    json_decref(doc);
}

bkf_status cmd_redact(struct cli *c)
{
    const char *path;
    bkf_image *image = NULL;
    void *data = NULL;
    size_t len = 0;
    bkf_status st = image_output(c, &path);
    if (!st)
        st = image_load(c, c->args.positional[0], &image);
    if (!st)
        st = bkf_image_redact(image, &data, &len, &c->result, &c->err);
    if (!st)
        st = bkf_save(path, data, len, image_flags(c), &c->err);
    if (!st)
        say_redactions(c, path);
    bkf_free(data);
    bkf_image_free(image);
    return st;
}

bkf_status cmd_extract(struct cli *c)
{
    const char *dir = args_get(&c->args, OPT_OUTPUT);
    bkf_image *image = NULL;
    if (!dir)
        return cli_fail(c, BKF_E_PARAM, "extract: into which folder? -o DIR");
    bkf_status st = file_or_device(c, 0, &image);
    if (!st)
        st = bkf_image_extract(image, dir, image_flags(c), &c->result, &c->err);
    if (!st) {
        json_t *doc = cli_result(c);
        say(c, "%s: %zu files; they hold everything the device held, secrets too", dir,
            json_array_size(json_object_get(doc, "files")));
        json_decref(doc);
    }
    bkf_image_free(image);
    return st;
}

bkf_status cmd_pack(struct cli *c)
{
    const char *path;
    void *data = NULL;
    size_t len = 0;
    int32_t same = 0;
    bkf_status st = image_output(c, &path);
    if (!st)
        st = bkf_image_pack(c->args.positional[0], &data, &len, &same, &c->err);
    if (!st)
        st = bkf_save(path, data, len, image_flags(c), &c->err);
    if (!st)
        say(c, "%s: %zu bytes, %s", path, len,
            same ? "byte for byte the image that was extracted" : "changed since it was extracted");
    if (!st) {
        json_t *doc = json_pack("{s:i, s:s, s:I, s:b}", "api", BKF_API_VERSION, "kind", "pack",
                                "size", (json_int_t)len, "same", same);
        c->result = json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER);
        json_decref(doc);
    }
    bkf_free(data);
    return st;
}
