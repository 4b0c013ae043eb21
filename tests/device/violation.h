/* violation.h - the list of what a client did that hardware would punish. */
#ifndef TESTS_DEVICE_VIOLATION_H
#define TESTS_DEVICE_VIOLATION_H
#include "device.h"

struct violation_log {
    struct violation *items; /* the first ones; the rest is only counted */
    size_t n, cap;
    uint32_t count[VIOLATION_KINDS];
    uint32_t tolerated; /* bit per kind: counted, not listed */
};
void violation_add(struct violation_log *, uint64_t at_ns, unsigned kind, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void violation_free(struct violation_log *);
/* "busy,wel" -> bits; false and the first unknown word in bad otherwise. */
bool violation_kinds_parse(const char *list, uint32_t *bits, char bad[32]);
#endif
