/* text.c - numbers for people, members of documents. */
#include "cli.h"
#include <inttypes.h>

const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

uint64_t number_of(const json_t *o, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(o, key));
    return v > 0 ? (uint64_t)v : 0;
}

const char *size_text(uint64_t bytes, char buf[32])
{
    if (bytes && bytes % (1024 * 1024) == 0)
        snprintf(buf, 32, "%" PRIu64 " MiB", bytes / (1024 * 1024));
    else if (bytes && bytes % 1024 == 0)
        snprintf(buf, 32, "%" PRIu64 " KiB", bytes / 1024);
    else
        snprintf(buf, 32, "%" PRIu64 " byte%s", bytes, bytes == 1 ? "" : "s");
    return buf;
}

const char *rate_text(double per_second, char buf[32])
{
    if (per_second >= 10 * 1024 * 1024)
        snprintf(buf, 32, "%.0f MiB/s", per_second / (1024 * 1024));
    else if (per_second >= 1024 * 1024)
        snprintf(buf, 32, "%.1f MiB/s", per_second / (1024 * 1024));
    else
        snprintf(buf, 32, "%.0f KiB/s", per_second / 1024);
    return buf;
}

const char *time_text(double seconds, char buf[32])
{
    if (seconds < 60)
        snprintf(buf, 32, "%.1f s", seconds);
    else if (seconds < 3600)
        snprintf(buf, 32, "%d:%02d", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(buf, 32, "%d:%02d:%02d", (int)seconds / 3600, (int)seconds / 60 % 60,
                 (int)seconds % 60);
    return buf;
}
