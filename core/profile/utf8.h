/* utf8.h - strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CORE_PROFILE_UTF8_H
#define CORE_PROFILE_UTF8_H
#include <stdbool.h>
#include <stddef.h>

bool utf8_valid(const char *s, size_t n);
#endif
