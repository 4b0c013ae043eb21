/* The trace reader: any bytes, no crash, no endless loop, no huge allocation. */
#include "core/link/trace.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(struct trace_slice rest)
{
    static const size_t lengths[] = { 0, 1, 4, 64 };
    uint8_t bytes[64];
    struct trace_slice word;
    uint64_t number;
    size_t n;
    while (trace_word(&rest, &word)) {
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
            trace_bytes(word, bytes, lengths[i]);
        if (trace_bytes_count(word, sizeof bytes, &n) && n > sizeof bytes)
            abort();
        trace_number(word, &number);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace_reader r;
    struct trace_record rec;
    bkf_error err = BKF_ERROR_INIT;
    char text[64];
    if (trace_reader_init(&r, "fuzz", (const char *)data, size, &err)) {
        if (!err.status || !err.message[0])
            abort();
        return 0;
    }
    int32_t k;
    while ((k = trace_next(&r, &rec, &err)) == 1) {
        if (rec.call.p < (const char *)data || rec.call.p + rec.call.n > (const char *)data + size)
            abort();
        decode(rec.call);
        decode(rec.result);
        trace_unquote(rec.message, text, sizeof text);
        if (memchr(text, '\0', sizeof text) == NULL)
            abort();
    }
    if (k && (!err.status || !err.message[0]))
        abort();
    return 0;
}
