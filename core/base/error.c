/* error.c - filling the caller's error record. */
#include "base.h"
#include <stdio.h>
#include <string.h>

/* A plugin's or caller's record may be of another age: touch only what is there. */
static bool usable(const bkf_error *err)
{
    return err && BKF_HAS(bkf_error, err, message);
}

static void fill(bkf_error *err, bkf_status st, int os_code, const char *fmt, va_list ap)
{
    err->status = st;
    err->effect = BKF_EFFECT_NONE;
    err->os_code = os_code;
    vsnprintf(err->message, sizeof err->message, fmt, ap);
}

bkf_status error_set(bkf_error *err, bkf_status st, const char *fmt, ...)
{
    if (!usable(err))
        return st;
    va_list ap;
    va_start(ap, fmt);
    fill(err, st, 0, fmt, ap);
    va_end(ap);
    return st;
}

bkf_status error_os(bkf_error *err, bkf_status st, int os_code, const char *fmt, ...)
{
    if (!usable(err))
        return st;
    va_list ap;
    va_start(ap, fmt);
    fill(err, st, os_code, fmt, ap);
    va_end(ap);
    return st;
}

bkf_status error_prefix(bkf_error *err, const char *fmt, ...)
{
    if (!usable(err))
        return err ? err->status : BKF_E_INTERNAL;
    char old[sizeof err->message];
    memcpy(old, err->message, sizeof old);
    old[sizeof old - 1] = '\0';
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof err->message)
        return err->status;
    snprintf(err->message + n, sizeof err->message - (size_t)n, "%s%s", old[0] ? ": " : "", old);
    return err->status;
}

bkf_status error_append(bkf_error *err, const char *fmt, ...)
{
    if (!usable(err))
        return err ? err->status : BKF_E_INTERNAL;
    size_t n = strnlen(err->message, sizeof err->message - 1);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->message + n, sizeof err->message - n, fmt, ap);
    va_end(ap);
    return err->status;
}

void error_effect(bkf_error *err, uint32_t effect)
{
    if (usable(err) && effect > err->effect)
        err->effect = effect;
}

void error_clear(bkf_error *err)
{
    if (!usable(err))
        return;
    err->status = BKF_OK;
    err->effect = BKF_EFFECT_NONE;
    err->os_code = 0;
    err->message[0] = '\0';
}
