/* The reply parser: any bytes in any pieces, no crash, no lost count, no frame larger than
 * a loader may send; what comes out does not depend on how the bytes were cut. */
#include "uart_frame.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
    uint64_t frames, bytes, garbage, mix;
};

static struct sum parse(const uint8_t *data, size_t size, size_t step)
{
    static struct uart_parser p;
    struct uart_reply r;
    struct sum s = { 0 };
    uart_parser_reset(&p);
    for (size_t at = 0; at < size;) {
        const size_t chunk = size - at < step ? size - at : step;
        at += uart_parser_feed(&p, data + at, chunk);
        while (uart_parser_next(&p, &r)) {
            if (r.size > UART_REPLY_MAX || r.len > r.size || (r.len && !r.payload)) {
                abort();
            }
            s.frames++;
            s.bytes += r.size;
            for (size_t i = 0; i < r.len; i++) {
                s.mix = s.mix * 31 + r.payload[i];
            }
        }
        if (uart_parser_need(&p) < 1 || uart_parser_need(&p) > UART_REPLY_MAX) {
            abort();
        }
    }
    s.garbage = p.garbage;
    if (s.bytes + s.garbage + uart_parser_partial(&p) != size) {
        abort();
    }
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sum whole = parse(data, size, 4096);
    const struct sum bytes = parse(data, size, 1);
    if (memcmp(&whole, &bytes, sizeof whole) != 0) {
        abort();
    }
    return 0;
}
