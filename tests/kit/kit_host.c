/* kit_host.c - the host of the kit: a log that checks its lines, options from the command
 * line and a stand-in profile, and what a process uses. */
#include "kit.h"
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void host_log(const bkf_host *host, int32_t level, const char *line)
{
    struct kit_host *h = host->handle;
    h->lines++;
    if (level < BKF_LOG_ERROR || level > BKF_LOG_TRACE)
        verdict_fail(h->v, "log level %d does not exist", level);
    if (!line || !line[0] || strpbrk(line, "\r\n"))
        verdict_fail(h->v, "a log line is empty or has a newline");
}

static const void *host_service(const bkf_host *host, const char *id)
{
    const struct kit_host *h = host->handle;
    return strcmp(id, "bkflash.nor/1") == 0 ? h->nor : NULL;
}

void kit_host_init(struct kit_host *h, struct verdict *v, const void *nor)
{
    *h = (struct kit_host){ .v = v, .nor = nor };
    h->host = (bkf_host){ .struct_size = sizeof h->host,
                          .abi_major = BKF_ABI_MAJOR,
                          .abi_minor = BKF_ABI_MINOR,
                          .handle = h,
                          .log = host_log,
                          .service = host_service };
}

static const char *fill(void *ud, const char *what)
{
    static const struct option profile[] = { { "flash.size", "512K" },
                                             { "flash.jedec", "0B4013" },
                                             { "profile.name", "check" } };
    const struct kit *k = ud;
    for (size_t i = 0; i < ARRAY_LEN(profile); i++)
        if (strcmp(what, profile[i].key) == 0)
            return profile[i].value;
    if (strcmp(what, "chip.name") == 0 || strcmp(what, "chip.driver") == 0)
        return k->chip ? k->chip->name : NULL;
    return NULL;
}

bool kit_props(struct kit *k, const bkf_prop_spec *spec, const char *who, struct props **out,
               struct verdict *v)
{
    struct prop_input in[ARRAY_LEN(k->options)];
    for (size_t i = 0; i < k->n_options; i++)
        in[i] = (struct prop_input){ .key = k->options[i].key, .value = k->options[i].value };
    struct diag_list diags = { 0 };
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = props_new(spec, who, in, k->n_options, fill, k, &diags, out, &err);
    diag_free(&diags);
    if (st != BKF_OK)
        verdict_skip(v, "%s", err.message);
    return st == BKF_OK;
}

bool kit_failed_well(struct verdict *v, const char *call, bkf_status st, const bkf_error *err)
{
    if (st == BKF_OK)
        verdict_fail(v, "%s returned BKF_OK for something that must fail", call);
    else if (st > 0 || st < BKF_E_LINK_LOST)
        verdict_fail(v, "%s returned %d, which is no BKF_E_*", call, st);
    else if (!memchr(err->message, '\0', sizeof err->message) || !err->message[0])
        verdict_fail(v, "%s failed (%s) without a message", call, status_name(st));
    else if (strpbrk(err->message, "\r\n"))
        verdict_fail(v, "%s: the message is not one line", call);
    else if (err->status != st)
        verdict_fail(v, "%s returned %s but wrote %s into the error", call, status_name(st),
                     status_name(err->status));
    else
        return true;
    return false;
}

static size_t entries(const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

/* Known to sanitized builds only, where malloc's own count stands still. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

void usage_take(struct usage *u)
{
    if (__sanitizer_get_current_allocated_bytes) {
        u->heap = __sanitizer_get_current_allocated_bytes();
    } else {
        struct mallinfo2 m = mallinfo2();
        u->heap = m.uordblks + m.hblkhd;
    }
    u->fds = entries("/proc/self/fd");
    u->threads = entries("/proc/self/task");
}
