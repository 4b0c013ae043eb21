/* status.c - one list gives every status its name and its text. */
#include "base.h"

#define STATUS_LIST(X)                                 \
    X(BKF_OK, "done")                                  \
    X(BKF_E_PARAM, "not a valid request")              \
    X(BKF_E_UNSUPPORTED, "not supported")              \
    X(BKF_E_NO_DEVICE, "adapter not found or lost")    \
    X(BKF_E_BUSY, "in use")                            \
    X(BKF_E_ACCESS, "permission denied")               \
    X(BKF_E_IO, "transfer failed")                     \
    X(BKF_E_TIMEOUT, "no answer in time")              \
    X(BKF_E_PROTOCOL, "unexpected answer")             \
    X(BKF_E_MISMATCH, "not what was expected")         \
    X(BKF_E_PROTECTED, "refused or protected")         \
    X(BKF_E_CANCELLED, "cancelled")                    \
    X(BKF_E_NOMEM, "out of memory")                    \
    X(BKF_E_INTERNAL, "internal error, please report") \
    X(BKF_E_NO_LINK, "target does not answer")         \
    X(BKF_E_UNPROVEN, "not proven")                    \
    X(BKF_E_PROFILE, "profile error")                  \
    X(BKF_E_PLUGIN, "plugin error")                    \
    X(BKF_E_UNKNOWN_PART, "unknown flash part")        \
    X(BKF_E_IMAGE, "image rejected")                   \
    X(BKF_E_FILE, "file or disk error")                \
    X(BKF_E_VERIFY, "flash and file differ")           \
    X(BKF_E_INCOMPLETE, "incomplete")                  \
    X(BKF_E_LINK_LOST, "link lost")

const char *status_name(bkf_status st)
{
    switch (st) {
#define X(code, text) \
    case code:        \
        return #code;
        STATUS_LIST(X)
#undef X
    default:
        return "BKF_E_(unknown)";
    }
}

const char *status_text(bkf_status st)
{
    switch (st) {
#define X(code, text) \
    case code:        \
        return text;
        STATUS_LIST(X)
#undef X
    default:
        return "unknown status";
    }
}
