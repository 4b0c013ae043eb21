/* host.c - what the host lends to adapter and chip: a log and services. */
#include "session.h"
#include <stdio.h>
#include <string.h>

static void on_log(const bkf_host *host, int32_t level, const char *line)
{
    const struct host_end *end = host->handle;
    ctx_log(end->session->ctx, &end->session->cb, level, end->who, line);
}

static const void *on_service(const bkf_host *host, const char *id)
{
    const struct host_end *end = host->handle;
    if (strcmp(id, BKF_SERVICE_NOR) == 0)
        return &end->session->nor;
    if (strcmp(id, BKF_SERVICE_MEMORY) == 0 && end->session->memory)
        return memory_view(end->session->memory);
    return NULL;
}

void host_init(struct host_end *end, bkf_session *s, const char *who)
{
    end->session = s;
    end->who = who;
    end->host = (bkf_host){ .struct_size = sizeof end->host,
                            .abi_major = BKF_ABI_MAJOR,
                            .abi_minor = BKF_ABI_MINOR,
                            .handle = end,
                            .log = on_log,
                            .service = on_service };
}

void session_log(bkf_session *s, int32_t level, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    ctx_log(s->ctx, &s->cb, level, "bkflash", line);
}
