/* chips.c - names of chips in texts: two letters, four digits, at most two letters. */
#include "inspect.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

static size_t name_at(const char *p)
{
    size_t n = 0, tail = 0;
    while (n < 6 && (n < 2 ? isalpha((unsigned char)p[n]) : isdigit((unsigned char)p[n])))
        n++;
    while (n == 6 && isalpha((unsigned char)p[n + tail]))
        tail++;
    return n == 6 && tail <= 2 && !isdigit((unsigned char)p[n + tail]) ? n + tail : 0;
}

bool chip_name_next(const char **text, char out[CHIP_NAME])
{
    for (const char *p = *text; *p; p++) {
        size_t n = name_at(p);
        if (!n)
            continue;
        for (size_t i = 0; i < n; i++)
            out[i] = (char)toupper((unsigned char)p[i]);
        out[n] = '\0';
        *text = p + n;
        return true;
    }
    return false;
}

bool chip_goes_by(const char *names, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = names; *p;) {
        p += strspn(p, ", ");
        size_t len = strcspn(p, ", ");
        if (len == n && strncasecmp(p, name, n) == 0)
            return true;
        p += len;
    }
    return false;
}
