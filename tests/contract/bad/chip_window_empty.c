/* chip.windows: a window that ends before it starts. */
#include "chip.h"

static size_t bad_windows(bkf_chip *c, bkf_window *out, size_t cap)
{
    size_t n = my_windows(c, out, cap);
    if (n && cap)
        out[0].start = out[0].end;
    return n;
}
BAD_CHIP(.windows = bad_windows)
