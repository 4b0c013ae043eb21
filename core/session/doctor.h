/* doctor.h - why an adapter could not be used, found without opening it.
 *
 * Reads /sys, /dev and /proc; knows adapters only through conf/doctor/usb.ini. */
#ifndef CORE_SESSION_DOCTOR_H
#define CORE_SESSION_DOCTOR_H
#include "../base/base.h"
#include <jansson.h>

/* One USB device that the rules know. */
struct doctor_rule {
    char id[16]; /* "1a86:5512" */
    char title[64], adapter[33], access[8], problem[160], next[200];
    unsigned speed;
    bool latency;
};
struct doctor_program {
    char name[33], problem[160], next[200];
};
struct doctor_rules {
    struct doctor_rule rule[64];
    size_t n_rules;
    struct doctor_program program[16];
    size_t n_programs;
};
/* path: conf/doctor/usb.ini.  BKF_E_PROFILE with file:line when it is not understood. */
bkf_status doctor_rules_load(const char *path, struct doctor_rules *, bkf_error *err);

/* Findings: [{"level":"ok"|"note"|"problem", "what", "evidence", "next", "adapter", "unit",
 * "usable":bool, "status":int}].  wanted: adapter class the profile's route needs, or NULL.
 * *outcome says whether a flash could be tried: BKF_OK, BKF_E_NO_DEVICE, BKF_E_ACCESS or
 * BKF_E_BUSY.  NULL = out of memory. */
json_t *doctor_usb(const struct doctor_rules *, const char *wanted, bkf_status *outcome);
#endif
