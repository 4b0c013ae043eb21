/* chip.windows: fills more entries than it was given. */
#include "chip.h"

static size_t bad_windows(bkf_chip *c, bkf_window *out, size_t cap)
{
    return my_windows(c, out, cap + 1);
}
BAD_CHIP(.windows = bad_windows)
