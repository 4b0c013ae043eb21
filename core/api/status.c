/* status.c - version, names and exit codes for front ends. */
#include "../base/base.h"
#include <bkflash/bkflash.h>
#include <stdlib.h>

const char *bkf_version(void)
{
    return BKF_VERSION_TEXT;
}

const char *bkf_status_name(bkf_status st)
{
    return status_name(st);
}

const char *bkf_status_text(bkf_status st)
{
    return status_text(st);
}

void bkf_free(void *p)
{
    free(p);
}

const char *bkf_suggest(const char *typed, const char *const *words)
{
    return typed && words ? suggest_word(typed, words) : NULL;
}

int bkf_exit_code(bkf_status st)
{
    switch (st) {
    case BKF_OK:
        return 0;
    case BKF_E_PARAM:
        return 2;
    case BKF_E_PROFILE:
        return 3;
    case BKF_E_PLUGIN:
        return 4;
    case BKF_E_NO_DEVICE:
        return 10;
    case BKF_E_ACCESS:
        return 11;
    case BKF_E_BUSY:
        return 12;
    case BKF_E_NO_LINK:
    case BKF_E_TIMEOUT:
    case BKF_E_PROTOCOL:
        return 20;
    case BKF_E_LINK_LOST:
    case BKF_E_IO:
        return 21;
    case BKF_E_MISMATCH:
        return 22;
    case BKF_E_UNKNOWN_PART:
        return 23;
    case BKF_E_PROTECTED:
    case BKF_E_UNSUPPORTED:
        return 30;
    case BKF_E_VERIFY:
        return 31;
    case BKF_E_INCOMPLETE:
        return 32;
    case BKF_E_UNPROVEN:
        return 33;
    case BKF_E_IMAGE:
        return 40;
    case BKF_E_FILE:
        return 50;
    case BKF_E_CANCELLED:
        return 130;
    default: /* BKF_E_INTERNAL, BKF_E_NOMEM, and what a newer plugin may invent */
        return 1;
    }
}
