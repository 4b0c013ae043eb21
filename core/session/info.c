/* info.c - what is there: chip, flash, protection, windows, partitions, content. */
#include "look.h"
#include <stdlib.h>
#include <string.h>

static json_t *windows_json(const bkf_session *s, uint32_t size)
{
    static const struct {
        const char *name;
        uint32_t access;
    } kinds[] = { { "read", BKF_CAN_READ },
                  { "erase", BKF_CAN_ERASE },
                  { "program", BKF_CAN_PROGRAM } };
    json_t *o = json_object();
    const char *why = NULL;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        bkf_range r[WINDOWS_MAX];
        const char *reason;
        size_t n = session_windows(s, kinds[i].access, size, r, &reason);
        bool missing = n != 1 || r[0].start || r[0].end != size;
        json_object_set_new(o, kinds[i].name, report_ranges(r, n));
        if (missing && !why)
            why = reason;
    }
    if (why)
        json_object_set_new(o, "reason", json_string(why));
    return o;
}

static void add_protection(bkf_session *s, json_t *doc)
{
    const bkf_chip_class *c = s->chip_class;
    bkf_error err = BKF_ERROR_INIT;
    bkf_range r[WINDOWS_MAX];
    size_t n = 0;
    const bkf_protect_ops *p = BKF_HAS(bkf_chip_class, c, extension) && c->extension
                                   ? c->extension(s->chip, BKF_EXT_PROTECT)
                                   : NULL;
    if (!p || p->ranges(s->chip, &s->op, r, WINDOWS_MAX, &n, &err))
        return;
    json_object_set_new(doc, "protected", report_ranges(r, n < WINDOWS_MAX ? n : WINDOWS_MAX));
}

static json_t *partitions_json(const struct bkf_profile *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_partitions; i++) {
        const struct prof_partition *q = &p->partitions[i];
        json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:b}", "name", q->name, "start",
                                              (json_int_t)q->range.start, "end",
                                              (json_int_t)q->range.end, "protect", q->protect));
    }
    return list;
}

bkf_status bkf_info(bkf_session *s, char **json, bkf_error *err)
{
    bkf_error own = BKF_ERROR_INIT;
    if (!s || !json)
        return error_set(err, BKF_E_PARAM, "bkf_info: session and result are needed");
    *json = NULL;
    bkf_status st = session_identify(s, err ? err : &own);
    if (!s->probed)
        return st;
    uint32_t size = s->info.flash_size ? s->info.flash_size : s->profile->size;
    json_t *doc =
        json_pack("{s:i, s:s, s:s, s:s}", "api", BKF_API_VERSION, "kind", "info", "profile",
                  s->profile->name, "title", s->profile->title ? s->profile->title : "");
    json_t *identity = report_identity(s);
    json_object_update(doc, identity);
    json_decref(identity);
    json_object_set_new(doc, "matches_profile", json_boolean(!st));
    json_object_set_new(doc, "windows", windows_json(s, size));
    json_object_set_new(doc, "partitions", partitions_json(s->profile));
    if (!st) {
        json_t *content = NULL;
        add_protection(s, doc);
        st = session_look(s, size, &content, err ? err : &own);
        if (content)
            json_object_set_new(doc, "content", content);
    }
    *json = json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(doc);
    return *json ? st : error_set(err, BKF_E_NOMEM, "out of memory");
}
