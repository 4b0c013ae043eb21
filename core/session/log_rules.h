/* log_rules.h - known lines of boot logs and what they mean; the knowledge is data in
 * conf/log.  Inside core/session. */
#ifndef CORE_LOG_RULES_H
#define CORE_LOG_RULES_H
#include "../base/base.h"

struct log_rule {
    char *match;   /* part of a line; '*' stands for anything */
    char *meaning; /* or NULL */
    bool redact;   /* what follows the match is secret */
};
struct log_rules {
    struct log_rule *items;
    size_t n, cap;
};
/* All *.ini of one folder, in the order of their names; a folder that does not exist has
 * no rules.  BKF_E_PROFILE with file:line for a rule that is not understood. */
bkf_status log_rules_load(const char *dir, struct log_rules *, bkf_error *);
void log_rules_free(struct log_rules *);
/* The rule with the longest match in the line, or NULL; *after = where the match ended. */
const struct log_rule *log_rules_find(const struct log_rules *, const char *line,
                                      const char **after);

/* Where private values begin in the line: behind the first match of a rule that says so, upper
 * and lower case alike; NULL = none. */
const char *log_rules_private(const struct log_rules *, const char *line);

/* Bytes into lines: colours and carriage returns are dropped, other control bytes shown as
 * \xNN, a line of more than LOG_LINE_MAX bytes is cut in two. */
enum { LOG_LINE_MAX = 400 };
struct log_lines {
    char text[LOG_LINE_MAX + 8];
    size_t len;
    int escape; /* inside a colour code: 1 after ESC, 2 after ESC [ */
    uint64_t started_us;
};
/* True when b ended a line that is now in text (NUL-terminated); start anew with
 * log_lines_next. */
bool log_lines_take(struct log_lines *, uint8_t b, uint64_t now_us);
void log_lines_next(struct log_lines *);
#endif
