/* image_files.c - images from and to files: load, save, extract, pack, convert. */
#include "../image/convert.h"
#include "../image/extract.h"
#include "image.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 64 << 20 };

static bkf_status os_failed(bkf_error *err, const char *what, const char *path)
{
    int e = errno;
    return error_os(err, BKF_E_FILE, e, "%s: cannot %s: %s", path, what, strerror(e));
}

static bkf_status load_stdin(void **data, size_t *len, bkf_error *err)
{
    struct strbuf all = STRBUF_INIT;
    char chunk[65536];
    for (;;) {
        ssize_t k = read(STDIN_FILENO, chunk, sizeof chunk);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0) {
            strbuf_free(&all);
            return os_failed(err, "read", "standard input");
        }
        if (k == 0)
            break;
        if (all.len + (size_t)k > MAX_FILE) {
            strbuf_free(&all);
            return error_set(err, BKF_E_FILE, "standard input: more than 64 MiB");
        }
        strbuf_add(&all, chunk, (size_t)k);
    }
    *len = all.len;
    *data = all.len ? (void *)strbuf_take(&all) : malloc(1);
    return *data ? BKF_OK : error_set(err, BKF_E_NOMEM, "no memory for standard input");
}

bkf_status bkf_load(const char *path, void **data, size_t *len, bkf_error *err)
{
    uint8_t *p = NULL;
    if (!path || !data || !len)
        return error_set(err, BKF_E_PARAM, "bkf_load: an argument is missing");
    if (strcmp(path, "-") == 0)
        return load_stdin(data, len, err);
    bkf_status st = file_read(path, MAX_FILE, &p, len, err);
    *data = p;
    return st;
}

static bkf_status save_stdout(const uint8_t *p, size_t n, bkf_error *err)
{
    while (n) {
        ssize_t k = write(STDOUT_FILENO, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return os_failed(err, "write", "standard output");
        p += k;
        n -= (size_t)k;
    }
    return BKF_OK;
}

bkf_status bkf_save(const char *path, const void *data, size_t len, uint32_t flags, bkf_error *err)
{
    struct stat sb;
    if (!path || (!data && len))
        return error_set(err, BKF_E_PARAM, "bkf_save: an argument is missing");
    if (strcmp(path, "-") == 0)
        return save_stdout(data, len, err);
    if (lstat(path, &sb) == 0) {
        if (!S_ISREG(sb.st_mode) && !S_ISLNK(sb.st_mode))
            return error_set(err, BKF_E_FILE, "%s: exists and is not a plain file", path);
        if (!(flags & BKF_IMAGE_FORCE))
            return error_set(err, BKF_E_FILE, "%s: exists already; --force replaces it", path);
    }
    return file_write_atomic(path, data, len, err);
}

/* -- folders ---------------------------------------------------------------------------------- */
struct folder {
    const char *dir;
    uint32_t flags;
    json_t *files;
};

static bkf_status put(void *ud, const char *name, const uint8_t *p, size_t n, bkf_error *err)
{
    struct folder *d = ud;
    char *path = path_join(d->dir, name);
    if (!path)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    bkf_status st = bkf_save(path, p, n, d->flags, err);
    free(path);
    if (!st)
        json_array_append_new(d->files,
                              json_pack("{s:s, s:I}", "name", name, "size", (json_int_t)n));
    return st;
}

static bkf_status get(void *ud, const char *name, uint8_t **p, size_t *n, bkf_error *err)
{
    struct folder *d = ud;
    char *path = path_join(d->dir, name);
    if (!path)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    bkf_status st = file_read(path, MAX_FILE, p, n, err);
    free(path);
    return st;
}

bkf_status bkf_image_extract(const bkf_image *image, const char *dir, uint32_t flags, char **json,
                             bkf_error *err)
{
    if (!image || !dir)
        return error_set(err, BKF_E_PARAM, "bkf_image_extract: an argument is missing");
    if (!image->len)
        return error_set(err, BKF_E_IMAGE, "%s is empty: there is nothing to take apart",
                         image->name);
    struct folder d = { dir, flags, json_array() };
    bkf_status st = dir_make(dir, err);
    if (!st)
        st = extract_image(image->facts, flags & BKF_IMAGE_SHOW_SECRETS, put, &d, err);
    if (st) {
        json_decref(d.files);
        return st;
    }
    return image_document(json_pack("{s:s, s:o}", "folder", dir, "files", d.files), "extraction",
                          json, err);
}

bkf_status bkf_image_pack(const char *dir, void **data, size_t *len, int32_t *same, bkf_error *err)
{
    struct folder d = { dir, 0, NULL };
    uint8_t *out;
    bool as_before = false;
    if (!dir || !data || !len)
        return error_set(err, BKF_E_PARAM, "bkf_image_pack: an argument is missing");
    bkf_status st = pack_image(get, &d, &out, len, &as_before, err);
    if (st)
        return st;
    *data = out;
    if (same)
        *same = as_before;
    return BKF_OK;
}

/* -- conversions ----------------------------------------------------------------------- */
static bkf_status convert_settings(const bkf_convert_options *in, struct convert_options *o,
                                   bkf_error *err)
{
    convert_defaults(o);
    if (!in)
        return BKF_OK;
    o->keep_bad = in->flags & BKF_IMAGE_KEEP_BAD;
    o->has_key = in->key != NULL;
    if (in->key && !crypt_parse(in->key, &o->key))
        return error_set(err, BKF_E_PARAM,
                         "'%s' is no key: a name (tuya, uascent, zero) or four hex words", in->key);
    o->has_address = in->has_address;
    o->address = in->address;
    o->partition = in->partition;
    o->rbl.timestamp = in->rbl_timestamp;
    if (in->has_algo)
        o->rbl.algo = in->rbl_algo;
    if ((in->rbl_name && strlen(in->rbl_name) >= sizeof o->rbl.name) ||
        (in->rbl_version && strlen(in->rbl_version) >= sizeof o->rbl.version))
        return error_set(err, BKF_E_PARAM, "an RBL name has at most 16 characters, a version 24");
    if (in->rbl_name)
        snprintf(o->rbl.name, sizeof o->rbl.name, "%s", in->rbl_name);
    if (in->rbl_version)
        snprintf(o->rbl.version, sizeof o->rbl.version, "%s", in->rbl_version);
    return BKF_OK;
}

bkf_status bkf_convert(const char *steps, const bkf_convert_options *options, const void *in,
                       size_t in_len, void **out, size_t *out_len, bkf_error *err)
{
    struct convert_options o;
    uint8_t *p = NULL;
    if (!steps || (!in && in_len) || !out || !out_len)
        return error_set(err, BKF_E_PARAM, "bkf_convert: an argument is missing");
    bkf_status st = convert_settings(options, &o, err);
    if (!st)
        st = convert_run(steps, &o, in, in_len, &p, out_len, err);
    *out = p;
    return st;
}

bkf_status bkf_convert_list(char **json, bkf_error *err)
{
    json_t *items = json_array();
    for (size_t i = 0; i < convert_step_count; i++)
        json_array_append_new(items, json_pack("{s:s, s:s}", "name", convert_steps[i].name,
                                               "summary", convert_steps[i].summary));
    return image_document(json_pack("{s:o}", "items", items), "conversions", json, err);
}
