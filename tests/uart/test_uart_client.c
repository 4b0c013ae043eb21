/* Whole jobs of the client against a plain loader of each family. */
#include "rig.h"
#include <zlib.h>

static void no_breach(const struct rig *r)
{
    if (loader_breach(r->l)) {
        fail_msg("the client sent: %s", loader_breach(r->l));
    }
}

static void read_all(struct rig *r, uint32_t size)
{
    uint8_t *got = malloc(size);
    for (uint32_t at = 0; at < size; at += 0x10000) {
        RIG_OK(r, beken_uart_read(r->u, r->op, at, got + at, 0x10000, &r->err));
    }
    assert_memory_equal(got, loader_flash(r->l), size);
    free(got);
}

static void rom_reads_everything(void **state)
{
    (void)state;
    const struct loader_config c = rig_rom();
    struct rig r = rig_make(&c, NULL);
    RIG_OK(&r, rig_up(&r));
    assert_int_equal(r.info.chip_id, 0x7231C);
    assert_int_equal(r.info.jedec_id, 0xEB6015);
    assert_int_equal(r.info.flash_size, 0x200000);
    assert_int_equal(r.info.size_evidence, BKF_SIZE_JEDEC | BKF_SIZE_CRC);
    assert_string_equal(r.info.chip, "BK7231N");
    read_all(&r, c.size);
    assert_int_equal(loader_baud(r.l), 2000000);
    no_breach(&r);
    rig_free(&r);
}

static void bootloader_reads_below_its_limit(void **state)
{
    (void)state;
    static const uint32_t limits[][2] = { { 0x2000, 0x2000 }, { 0x10000, 0x20E0 } };
    for (uint32_t size = 0x200000; size <= 0x400000; size *= 2) {
        for (size_t i = 0; i < 2; i++) {
            struct loader_config c = rig_boot(size);
            c.limit = limits[i][0];
            c.limit_4k = limits[i][1];
            struct rig r = rig_make(&c, NULL);
            RIG_OK(&r, rig_up(&r));
            assert_int_equal(r.info.flash_size, size);
            assert_int_equal(r.info.size_evidence, BKF_SIZE_CRC | BKF_SIZE_WRAP);
            read_all(&r, size);
            no_breach(&r);
            rig_free(&r);
        }
    }
}

static void alias_can_be_refused(void **state)
{
    (void)state;
    const struct loader_config c = rig_boot(0x200000);
    struct rig r = rig_make(&c, (const char *const[]){ "read_alias=no", NULL });
    RIG_OK(&r, rig_up(&r));
    uint8_t b[256];
    assert_int_equal(beken_uart_read(r.u, r.op, 0, b, sizeof b, &r.err), BKF_E_PROTECTED);
    assert_non_null(strstr(r.err.message, "SPI"));
    RIG_OK(&r, beken_uart_read(r.u, r.op, 0x11000, b, sizeof b, &r.err));
    bkf_window w[4];
    assert_int_equal(beken_uart_windows(r.u, w, 4), 2);
    assert_int_equal(w[0].access, 0);
    assert_int_equal(w[1].start, 0x11000);
    assert_int_equal(w[1].end, 0x200000);
    rig_free(&r);
}

static void odd_ranges(void **state)
{
    (void)state;
    for (int rom = 0; rom < 2; rom++) {
        const struct loader_config c = rom ? rig_rom() : rig_boot(0x200000);
        struct rig r = rig_make(&c, NULL);
        RIG_OK(&r, rig_up(&r));
        static const uint32_t ranges[][2] = { { 0x10FF0, 0x30 }, { 0x1FFFFF, 1 },
                                              { 0x11001, 4095 }, { 0x12345, 10000 },
                                              { 0, 1 },          { 0x1FE800, 0x1800 } };
        static uint8_t got[0x4000];
        for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
            memset(got, 0, sizeof got);
            RIG_OK(&r, beken_uart_read(r.u, r.op, ranges[i][0], got, ranges[i][1], &r.err));
            assert_memory_equal(got, loader_flash(r.l) + ranges[i][0], ranges[i][1]);
        }
        assert_int_equal(beken_uart_read(r.u, r.op, 0x1FFFFF, got, 2, &r.err), BKF_E_PARAM);
        no_breach(&r);
        rig_free(&r);
    }
}

static void rewrite(struct rig *r, uint32_t off, size_t len)
{
    uint8_t *data = malloc(len);
    rig_fill(data, len, 77);
    memset(data + 0x3000, 0xFF, 0x1000);
    RIG_OK(r, beken_uart_unlock(r->u, r->op, &r->err));
    RIG_OK(r, beken_uart_erase(r->u, r->op, off, len, &r->err));
    RIG_OK(r, beken_uart_program(r->u, r->op, off, data, len, &r->err));
    RIG_OK(r, beken_uart_lock(r->u, r->op, &r->err));
    uint32_t crc = 0;
    RIG_OK(r, beken_uart_crc32(r->u, r->op, off, len, &crc, &r->err));
    assert_int_equal(crc, crc32(0, data, (uInt)len));
    assert_memory_equal(loader_flash(r->l) + off, data, len);
    free(data);
}

static void writes(void **state)
{
    (void)state;
    for (int rom = 0; rom < 2; rom++) {
        struct loader_config c = rom ? rig_rom() : rig_boot(0x400000);
        c.sr1 = 0x7C | 0x80;
        struct rig r = rig_make(&c, NULL);
        RIG_OK(&r, rig_up(&r));
        uint8_t before[0x11000];
        memcpy(before, loader_flash(r.l), sizeof before);
        rewrite(&r, 0x11000, 0x40000);
        rewrite(&r, 0x100000, 0x20000);
        assert_memory_equal(before, loader_flash(r.l), sizeof before);
        no_breach(&r);
        rig_free(&r);
    }
}

/* Erase, then a checksum, then a write: on the bootloader family the flash is protected
 * again, and a status of 0 would hide that nothing was written. */
static void checksum_between_erase_and_write(void **state)
{
    (void)state;
    const struct loader_config c = rig_boot(0x200000);
    struct rig r = rig_make(&c, NULL);
    RIG_OK(&r, rig_up(&r));
    static uint8_t data[0x1000];
    rig_fill(data, sizeof data, 5);
    uint32_t crc;
    RIG_OK(&r, beken_uart_erase(r.u, r.op, 0x30000, 0x1000, &r.err));
    RIG_OK(&r, beken_uart_crc32(r.u, r.op, 0x30000, 0x1000, &crc, &r.err));
    assert_int_equal(beken_uart_program(r.u, r.op, 0x30000, data, 512, &r.err), BKF_E_PROTECTED);
    assert_int_equal(r.err.effect, BKF_EFFECT_NONE);
    RIG_OK(&r, beken_uart_program(r.u, r.op, 0x30000, data, sizeof data, &r.err));
    assert_memory_equal(loader_flash(r.l) + 0x30000, data, sizeof data);
    no_breach(&r);
    rig_free(&r);
}

static void small_writes(void **state)
{
    (void)state;
    for (int rom = 0; rom < 2; rom++) {
        const struct loader_config c = rom ? rig_rom() : rig_boot(0x200000);
        struct rig r = rig_make(&c, NULL);
        RIG_OK(&r, rig_up(&r));
        RIG_OK(&r, beken_uart_unlock(r.u, r.op, &r.err));
        RIG_OK(&r, beken_uart_erase(r.u, r.op, 0x50000, 0x1000, &r.err));
        static const uint8_t text[] = "one line that crosses the page boundary at 0x50100";
        RIG_OK(&r, beken_uart_program(r.u, r.op, 0x500F0, text, sizeof text, &r.err));
        assert_memory_equal(loader_flash(r.l) + 0x500F0, text, sizeof text);
        no_breach(&r);
        rig_free(&r);
    }
}

/* Every request that could end the loader's life, put to the lowest layer itself. */
static void guards(void **state)
{
    (void)state;
    const struct loader_config c = rig_boot(0x200000);
    struct rig r = rig_make(&c, NULL);
    uint8_t q[UART_REQUEST_MAX];
    static uint8_t data[UART_SECTOR];
    assert_int_equal(uart_l_permit(r.u, q, uart_req_erase(q, 0x20, 0x20000), &r.err),
                     BKF_E_PROTECTED); /* nothing is known yet */
    RIG_OK(&r, rig_up(&r));
    r.u->writable = true;
    for (uint64_t a = 0; a < 0x11000; a += 0x400) {
        const uint32_t at = (uint32_t)a;
        assert_int_equal(uart_l_permit(r.u, q, uart_req_erase(q, 0x20, at), &r.err),
                         BKF_E_PROTECTED);
        assert_int_equal(uart_l_permit(r.u, q, uart_req_erase(q, 0xD8, at), &r.err),
                         BKF_E_PROTECTED);
        assert_int_equal(uart_l_permit(r.u, q, uart_req_write_4k(q, at, data), &r.err),
                         BKF_E_PROTECTED);
        assert_int_equal(uart_l_permit(r.u, q, uart_req_write(q, at, data, 256), &r.err),
                         BKF_E_PROTECTED);
    }
    static const uint32_t past[] = { 0x200000,  0x211000,   0x400000,  0x1000000,
                                     0x3020000, 0x80020000, 0xFFFFF000 };
    for (size_t i = 0; i < sizeof past / sizeof past[0]; i++) {
        assert_int_equal(uart_l_permit(r.u, q, uart_req_erase(q, 0x20, past[i]), &r.err),
                         BKF_E_PROTECTED);
        assert_int_equal(uart_l_permit(r.u, q, uart_req_erase(q, 0xD8, past[i]), &r.err),
                         BKF_E_PROTECTED);
        assert_int_equal(uart_l_permit(r.u, q, uart_req_write_4k(q, past[i], data), &r.err),
                         BKF_E_PROTECTED);
        assert_int_equal(uart_rom_permit(r.u, q, uart_req_write_4k(q, past[i], data), &r.err),
                         BKF_E_PROTECTED);
    }
    assert_int_equal(uart_l_permit(r.u, q, uart_req_erase(q, 0xD8, 0x11000), &r.err),
                     BKF_E_PROTECTED);
    assert_int_equal(uart_l_permit(r.u, q, uart_req_erase(q, 0xD8, 0x10000), &r.err),
                     BKF_E_PROTECTED);
    assert_int_equal(uart_l_permit(r.u, q, uart_req_erase(q, 0x52, 0x20000), &r.err),
                     BKF_E_PROTECTED);
    assert_int_equal(uart_l_permit(r.u, q, uart_req_erase(q, 0xD8, 0x20000), &r.err), BKF_OK);
    assert_int_equal(uart_l_permit(r.u, q, uart_req_erase(q, 0x20, 0x11000), &r.err), BKF_OK);
    assert_int_equal(uart_l_permit(r.u, q, uart_req_erase(q, 0x20, 0x1FF000), &r.err), BKF_OK);
    assert_int_equal(uart_l_permit(r.u, q, uart_req_crc(q, 0, 0xFFFFFF), &r.err), BKF_E_PROTECTED);
    assert_int_equal(uart_l_permit(r.u, q, uart_req_crc(q, 0x2000, 0x1FFF), &r.err),
                     BKF_E_PROTECTED);
    r.u->writable = false;
    assert_int_equal(uart_l_permit(r.u, q, uart_req_write_4k(q, 0x20000, data), &r.err),
                     BKF_E_PROTECTED);
    r.u->pending = true;
    assert_int_equal(uart_rom_permit(r.u, q, uart_req_link_check(q), &r.err), BKF_E_PROTECTED);
    r.u->pending = false;
    assert_int_equal(uart_rom_permit(r.u, q, uart_req_write_reg(q, 0x800074, 3), &r.err),
                     BKF_E_PROTECTED);
    rig_free(&r);
}

static void status_registers_of_any_width(void **state)
{
    (void)state;
    for (uint32_t bytes = 1; bytes <= 2; bytes++) {
        struct loader_config c = rig_rom();
        c.sr_bytes = bytes;
        c.sr1 = 0x1C;
        struct rig r = rig_make(&c, NULL);
        RIG_OK(&r, rig_up(&r));
        uint32_t v, bits;
        RIG_OK(&r, beken_uart_unlock(r.u, r.op, &r.err));
        RIG_OK(&r, beken_uart_status(r.u, r.op, &v, &bits, &r.err));
        assert_int_equal(v, 0);
        RIG_OK(&r, beken_uart_lock(r.u, r.op, &r.err));
        RIG_OK(&r, beken_uart_status(r.u, r.op, &v, &bits, &r.err));
        assert_int_equal(v, 0x1C);
        rig_free(&r);
    }
    struct loader_config c = rig_rom();
    c.sr_bytes = 3; /* a die that takes neither: locked */
    c.sr1 = 0x9C;
    struct rig r = rig_make(&c, NULL);
    RIG_OK(&r, rig_up(&r));
    assert_int_equal(beken_uart_unlock(r.u, r.op, &r.err), BKF_E_PROTECTED);
    assert_non_null(strstr(r.err.message, "WP#"));
    rig_free(&r);
}

static void quirks(void **state)
{
    (void)state;
    struct loader_config c = rig_rom();
    c.get_mid_5 = c.reg_plus_one = true;
    c.stale = 3;
    struct rig r = rig_make(&c, NULL);
    RIG_OK(&r, rig_up(&r));
    assert_int_equal(r.info.jedec_id, 0xEB6015);
    rig_free(&r);
}

static void wrong_chip_is_named(void **state)
{
    (void)state;
    struct loader_config c = rig_rom();
    c.chip_id = 0x7238;
    struct rig r = rig_make(&c, NULL);
    assert_int_equal(rig_up(&r), BKF_E_MISMATCH);
    assert_non_null(strstr(r.err.message, "bk7231n"));
    assert_non_null(strstr(r.err.message, "BK7238"));
    rig_free(&r);
    /* the other family altogether */
    c = rig_boot(0x200000);
    r = rig_make(&c, (const char *const[]){ "uart_protocol=rom", "uart_name=bk7231n", NULL });
    assert_int_equal(rig_up(&r), BKF_E_MISMATCH);
    rig_free(&r);
    c.version = "BK7231S_1.0.5";
    r = rig_make(&c, NULL);
    assert_int_equal(rig_up(&r), BKF_E_MISMATCH);
    assert_non_null(strstr(r.err.message, "BK7231T"));
    rig_free(&r);
    r = rig_make(&c, (const char *const[]){ "uart_name=bk7231t", NULL });
    RIG_OK(&r, rig_up(&r));
    assert_non_null(strstr(r.info.text, "BK7231S_1.0.5"));
    rig_free(&r);
}

/* The bootloader resets itself when nobody talks to it for a while. */
static void link_is_kept_and_found_again(void **state)
{
    (void)state;
    const struct loader_config c = rig_boot(0x200000);
    struct rig r = rig_make(&c, NULL);
    RIG_OK(&r, rig_up(&r));
    uint8_t b[4096];
    loader_idle(r.l, 100000);
    RIG_OK(&r, beken_uart_read(r.u, r.op, 0x20000, b, sizeof b, &r.err));
    assert_int_equal(loader_counts(r.l).resets, 1);
    loader_idle(r.l, 2000000);
    RIG_OK(&r, beken_uart_read(r.u, r.op, 0x20000, b, sizeof b, &r.err));
    assert_memory_equal(b, loader_flash(r.l) + 0x20000, sizeof b);
    rig_free(&r);
}

static void soft_reset_links_without_a_reset_line(void **state)
{
    (void)state;
    struct loader_config c = rig_rom();
    c.reset_wired = false;
    c.chatter = "msh />";
    struct rig r = rig_make(&c, NULL);
    RIG_OK(&r, rig_up(&r));
    rig_free(&r);
}

/* An earlier run left the ROM at 2 Mbaud, and there is no reset line. */
static struct rig left_at_two_mbaud(void)
{
    struct loader_config c = rig_rom();
    c.reset_wired = false;
    struct rig r = rig_make(&c, NULL);
    RIG_OK(&r, rig_up(&r));
    assert_int_equal(loader_baud(r.l), 2000000);
    RIG_OK(&r, beken_uart_detach(r.u, r.op, 0, &r.err));
    beken_uart_free(r.u);
    loader_idle(r.l, 100000);
    const bkf_props *props = loader_props(
        r.l, rig_spec, (const char *const[]){ "uart_soft_reset=no", "uart_timeout=3s", NULL });
    RIG_OK(&r, beken_uart_new(loader_host(r.l), loader_links(r.l), props, "bk7231n", "rom", &r.u,
                              &r.err));
    return r;
}

/* A new run finds it there. */
static void still_linked_at_another_rate(void **state)
{
    (void)state;
    struct rig r = left_at_two_mbaud();
    const uint64_t resets = loader_counts(r.l).resets;
    RIG_OK(&r, rig_up(&r));
    assert_int_equal(loader_counts(r.l).resets, resets);
    rig_free(&r);
}

/* Or hears it there, and then no more: the rate is named. */
static void heard_at_another_rate(void **state)
{
    (void)state;
    struct rig r = left_at_two_mbaud();
    loader_mute_after(r.l, 1);
    assert_int_equal(beken_uart_attach(r.u, r.op, &r.err), BKF_E_NO_LINK);
    static const char *const words[] = { "answered at 2000000 baud", "back to 115200", "P10 on TXD",
                                         "P11 on RXD" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!strstr(r.err.message, words[i])) {
            fail_msg("'%s' is not in: %s", words[i], r.err.message);
        }
    }
    RIG_OK(&r, beken_uart_detach(r.u, r.op, 1, &r.err));
    rig_free(&r);
}

static void ladder(void **state)
{
    (void)state;
    static const struct {
        uint32_t adapter, wiring, expect;
    } cases[] = { { 0, 0, 2000000 },       { 1500000, 0, 1500000 }, { 1000000, 0, 1000000 },
                  { 0, 1000000, 1000000 }, { 0, 921600, 921600 },   { 0, 460800, 460800 },
                  { 0, 115200, 115200 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct loader_config c = rig_rom();
        c.max_host_baud = cases[i].adapter;
        c.max_holding = cases[i].wiring;
        c.seed = i;
        struct rig r = rig_make(&c, NULL);
        RIG_OK(&r, rig_up(&r));
        if (loader_baud(r.l) != cases[i].expect) {
            fail_msg("case %zu: %u baud instead of %u", i, (unsigned)loader_baud(r.l),
                     (unsigned)cases[i].expect);
        }
        assert_int_equal(loader_memory(r.l), cases[i].expect);
        read_all(&r, c.size / 8);
        rig_free(&r);
    }
}

static void expect_diagnosis(const struct loader_config *c, const char *const *words)
{
    struct rig r = rig_make(c, (const char *const[]){ "uart_timeout=3s", NULL });
    assert_int_equal(beken_uart_attach(r.u, r.op, &r.err), BKF_E_NO_LINK);
    for (; *words; words++) {
        if (!strstr(r.err.message, *words)) {
            fail_msg("'%s' is not in: %s", *words, r.err.message);
        }
    }
    RIG_OK(&r, beken_uart_detach(r.u, r.op, 1, &r.err));
    rig_free(&r);
}

static void diagnosis(void **state)
{
    (void)state;
    struct loader_config c = rig_rom();
    c.silent = true;
    expect_diagnosis(&c, (const char *const[]){ "no byte", "P10 on TXD", "P11 on RXD", NULL });
    c.echo = true;
    expect_diagnosis(&c, (const char *const[]){ "joined", "P10 on TXD", NULL });
    c = rig_rom();
    c.reset_wired = false;
    c.silent = true;
    c.chatter = "[I/OTA] RT-Thread OTA package initialize success.\r\nmsh />\r\n";
    expect_diagnosis(&c, (const char *const[]){ "log arrives", "msh />", "115200", NULL });
    c.chatter = "\x81\x92\xfe\x03\x99\x10\xaa\xbb\xcc\xde\x80\x90";
    expect_diagnosis(&c, (const char *const[]){ "no sense", "AA BB", NULL });
}

/* Answers, then silence: the supply breaks down. */
static void falls_silent(void **state)
{
    (void)state;
    const struct loader_config c = rig_rom();
    struct rig r = rig_make(&c, (const char *const[]){ "uart_timeout=3s", NULL });
    loader_mute_after(r.l, 2);
    assert_int_equal(beken_uart_attach(r.u, r.op, &r.err), BKF_E_NO_LINK);
    static const char *const words[] = { "answered", "fell silent", "supply", "P10 on TXD",
                                         "P11 on RXD" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!strstr(r.err.message, words[i])) {
            fail_msg("'%s' is not in: %s", words[i], r.err.message);
        }
    }
    RIG_OK(&r, beken_uart_detach(r.u, r.op, 1, &r.err));
    rig_free(&r);
}

static void cancel_is_heard(void **state)
{
    (void)state;
    struct loader_config c = rig_rom();
    c.silent = true;
    struct rig r = rig_make(&c, NULL);
    loader_stop_after(r.l, 50);
    assert_int_equal(beken_uart_attach(r.u, r.op, &r.err), BKF_E_CANCELLED);
    rig_free(&r);
    c.silent = false;
    r = rig_make(&c, NULL);
    RIG_OK(&r, rig_up(&r));
    loader_stop_after(r.l, 5);
    static uint8_t b[0x10000];
    assert_int_equal(beken_uart_read(r.u, r.op, 0, b, sizeof b, &r.err), BKF_E_CANCELLED);
    loader_stop_after(r.l, 0);
    RIG_OK(&r, beken_uart_read(r.u, r.op, 0, b, sizeof b, &r.err));
    assert_memory_equal(b, loader_flash(r.l), sizeof b);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rom_reads_everything),
        cmocka_unit_test(bootloader_reads_below_its_limit),
        cmocka_unit_test(alias_can_be_refused),
        cmocka_unit_test(odd_ranges),
        cmocka_unit_test(writes),
        cmocka_unit_test(checksum_between_erase_and_write),
        cmocka_unit_test(small_writes),
        cmocka_unit_test(guards),
        cmocka_unit_test(status_registers_of_any_width),
        cmocka_unit_test(quirks),
        cmocka_unit_test(wrong_chip_is_named),
        cmocka_unit_test(link_is_kept_and_found_again),
        cmocka_unit_test(soft_reset_links_without_a_reset_line),
        cmocka_unit_test(still_linked_at_another_rate),
        cmocka_unit_test(heard_at_another_rate),
        cmocka_unit_test(ladder),
        cmocka_unit_test(diagnosis),
        cmocka_unit_test(falls_silent),
        cmocka_unit_test(cancel_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
