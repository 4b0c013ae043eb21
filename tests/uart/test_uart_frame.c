/* The 57 request and reply vectors as a client sees them, and the parser in bad company. */
#include "tests/support/cmocka.h"
#include "uart_frame.h"
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAP = 8192 };

static size_t decode(const char *text, uint8_t *out)
{
    size_t n = 0;
    while (*text) {
        if (isspace((unsigned char)*text)) {
            text++;
        } else if (strncmp(text, "PAT", 3) == 0 || strncmp(text, "P256", 4) == 0) {
            const size_t len = text[2] == 'T' ? 4096 : 256;
            for (size_t i = 0; i < len; i++) {
                out[n++] = (uint8_t)i;
            }
            text += text[2] == 'T' ? 3 : 4;
        } else {
            out[n++] = (uint8_t)strtoul((char[]){ text[0], text[1], 0 }, NULL, 16);
            text += 2;
        }
    }
    return n;
}

/* Build the request from its meaning, not from its bytes: address, size and data are taken
 * out of the vector and put through the builder for the command. */
static size_t rebuild(const uint8_t *v, size_t n, uint8_t *out)
{
    if (v[3] != 0xFF) {
        const uint8_t *p = v + 5;
        switch (v[4]) {
        case UART_LINK_CHECK:
            return uart_req_link_check(out);
        case UART_STAY_ROM:
            return uart_req_stay_rom(out);
        case UART_BOOT_VERSION:
            return uart_req_boot_version(out);
        case UART_READ_REG:
            return uart_req_read_reg(out, uart_le32(p));
        case UART_WRITE_REG:
            return uart_req_write_reg(out, uart_le32(p), uart_le32(p + 4));
        case UART_SET_BAUD:
            return uart_req_set_baud(out, uart_le32(p), p[4]);
        case UART_CHECK_CRC:
            return uart_req_crc(out, uart_le32(p), uart_le32(p + 4));
        case UART_REBOOT:
            return uart_req_reboot(out);
        case UART_RESET:
            return uart_req_reset(out);
        case UART_APP_REBOOT:
            return uart_req_app_reboot(out);
        default:
            return uart_req_short(out, v[4], p, n - 5);
        }
    }
    const uint8_t *p = v + 8;
    switch (v[7]) {
    case UART_WRITE:
        return uart_req_write(out, uart_le32(p), p + 4, n - 12);
    case UART_WRITE_4K:
        return n == UART_REQUEST_MAX ? uart_req_write_4k(out, uart_le32(p), p + 4)
                                     : uart_req_long(out, v[7], p, n - 8);
    case UART_READ:
        return uart_req_read(out, uart_le32(p), p[4]);
    case UART_READ_4K:
        return uart_req_read_4k(out, uart_le32(p));
    case UART_ERASE_4K:
        return uart_req_erase_4k(out, uart_le32(p));
    case UART_READ_SR:
        return uart_req_read_sr(out, p[0]);
    case UART_WRITE_SR:
        return uart_req_write_sr(out, p[0], p + 1, n - 9);
    case UART_SPI:
        return uart_req_jedec(out);
    case UART_ERASE:
        return uart_req_erase(out, p[0], uart_le32(p + 1));
    default:
        return uart_req_long(out, v[7], p, n - 8);
    }
}

/* The last reply of the vector must be the one to this request, with its parts in place. */
static void check_reply(const char *name, const uint8_t *req, const uint8_t *resp, size_t n,
                        size_t step)
{
    struct uart_parser p;
    uart_parser_reset(&p);
    struct uart_reply r, last = { 0 };
    static uint8_t payload[CAP];
    size_t at = 0, frames = 0, bytes = 0;
    while (at < n) {
        const size_t chunk = n - at < step ? n - at : step;
        at += uart_parser_feed(&p, resp + at, chunk);
        while (uart_parser_next(&p, &r)) {
            frames++;
            bytes += r.size;
            last = r;
            memcpy(payload, r.payload, r.len);
        }
    }
    if (bytes != n || p.garbage || frames < 1) {
        fail_msg("%s: %zu of %zu bytes in frames, %zu frames", name, bytes, n, frames);
    }
    const bool is_long = req[3] == 0xFF;
    assert_int_equal(last.is_long, is_long);
    if (!is_long) {
        assert_int_equal(last.op, req[4] == UART_LINK_CHECK ? 1 : req[4]);
        assert_int_equal(last.len, resp[n - last.size + 2] - 4u);
        assert_memory_equal(payload, resp + n - last.len, last.len);
        return;
    }
    assert_int_equal(last.op, req[7]);
    const uint8_t *frame = resp + n - last.size;
    assert_int_equal(last.status, frame[10]);
    assert_memory_equal(payload, frame + 11, last.len);
}

static void vectors(void **state)
{
    (void)state;
    json_error_t jerr;
    json_t *root = json_load_file(SOURCE_DIR "/tests/data/uart-vectors.json", 0, &jerr);
    assert_non_null(root);
    assert_int_equal(json_array_size(root), 57);
    size_t i;
    json_t *v;
    json_array_foreach(root, i, v)
    {
        static uint8_t req[CAP], resp[CAP], built[CAP];
        const char *name = json_string_value(json_object_get(v, "name"));
        const size_t n = decode(json_string_value(json_object_get(v, "req")), req);
        const size_t m = decode(json_string_value(json_object_get(v, "resp")), resp);
        const size_t b = rebuild(req, n, built);
        if (b != n || memcmp(req, built, n) != 0) {
            fail_msg("%s: the request is built differently", name);
        }
        if (m) {
            check_reply(name, req, resp, m, CAP);
            check_reply(name, req, resp, m, 1);
            check_reply(name, req, resp, m, 4095);
        }
    }
    json_decref(root);
}

static void garbage_around_frames(void **state)
{
    (void)state;
    static const uint8_t in[] = { 0x04, 0x0E, 0x04, 0x04, 0x0E, 0x05, 0x01, 0xE0, 0xFC, 0x01, 0x00,
                                  'x',  0x04, 0x0E, 0xFF, 0x01, 0xE0, 0xFC, 0xF4, 0xFF, 0xFF, 0x04,
                                  0x0E, 0x08, 0x01, 0xE0, 0xFC, 0x10, 1,    2,    3,    4 };
    struct uart_parser p;
    uart_parser_reset(&p);
    assert_int_equal(uart_parser_feed(&p, in, sizeof in), sizeof in);
    struct uart_reply r;
    assert_true(uart_parser_next(&p, &r));
    assert_int_equal(r.op, 1);
    assert_true(uart_parser_next(&p, &r));
    assert_int_equal(r.op, 0x10);
    assert_int_equal(uart_le32(r.payload), 0x04030201);
    assert_false(uart_parser_next(&p, &r));
    assert_int_equal(p.garbage, 3 + 1 + 9);
}

/* A short request cut on its way is answered one byte shorter than announced; the reply
 * behind it must not be swallowed. */
static void malformed_short_reply(void **state)
{
    (void)state;
    static const uint8_t in[] = { 0x04, 0x0E, 0x09, 0x01, 0xE0, 0xFC, 0x05, 0x05, 0x03, 0x00,
                                  0x00, 0x04, 0x0E, 0x05, 0x01, 0xE0, 0xFC, 0x01, 0x00 };
    struct uart_parser p;
    uart_parser_reset(&p);
    uart_parser_feed(&p, in, sizeof in);
    struct uart_reply r;
    assert_true(uart_parser_next(&p, &r));
    assert_int_equal(r.op, UART_ST_INCOMPLETE);
    assert_int_equal(r.size, 11);
    assert_true(uart_parser_next(&p, &r));
    assert_int_equal(r.op, 1);
    assert_int_equal(p.garbage, 0);
}

static void fatal_is_recognised(void **state)
{
    (void)state;
    static const uint8_t in[] = { 0x01, 0x0E, 0x04, 0x01, 0xE0, 0xFC, 0xEE };
    struct uart_parser p;
    uart_parser_reset(&p);
    uart_parser_feed(&p, in, sizeof in);
    struct uart_reply r;
    assert_true(uart_parser_next(&p, &r));
    assert_true(r.fatal);
}

/* need() asks for exactly the rest: a reader that trusts it never waits for bytes that an
 * error reply does not have. */
static void need_follows_the_header(void **state)
{
    (void)state;
    static const uint8_t error[] = { 0x04, 0x0E, 0xFF, 0x01, 0xE0, 0xFC, 0xF4, 0x07,
                                     0x00, 0x09, 0x06, 0,    0,    0,    0,    0 };
    struct uart_parser p;
    uart_parser_reset(&p);
    size_t at = 0;
    struct uart_reply r;
    while (!uart_parser_next(&p, &r)) {
        const size_t need = uart_parser_need(&p);
        assert_true(need >= 1 && at + need <= sizeof error);
        at += uart_parser_feed(&p, error + at, need);
    }
    assert_int_equal(at, sizeof error);
    assert_int_equal(r.status, UART_ST_PARAM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(garbage_around_frames),
        cmocka_unit_test(malformed_short_reply),
        cmocka_unit_test(fatal_is_recognised),
        cmocka_unit_test(need_follows_the_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
