/* The shipped conf/ folder: every file is clean, and says what the boards need. */
#include "core/image/inspect.h"
#include "core/profile/find.h"
#include "core/profile/profile.h"
#include "tests/support/cmocka.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const dirs[] = { SOURCE_DIR "/conf", NULL };
static const struct profile_env env = { dirs };

static void print_findings(const struct diag_list *d)
{
    for (size_t i = 0; i < d->n; i++)
        print_message("%s:%d: [%s] %s: %s\n", d->items[i].file, d->items[i].line,
                      d->items[i].section ? d->items[i].section : "",
                      d->items[i].key ? d->items[i].key : "", d->items[i].text);
}

static struct bkf_profile *load(const char *name)
{
    struct diag_list d = { 0 };
    struct bkf_profile *p = NULL;
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = profile_load(&env, name, &d, &p, &err);
    print_findings(&d);
    if (st)
        fail_msg("%s: %s", name, err.message);
    assert_int_equal(d.n, 0);
    diag_free(&d);
    return p;
}

static void every_file_is_clean(void **state)
{
    (void)state;
    static const char *const folders[] = { "boards", "chips", "flash", "wiring", "layouts" };
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char dir[512], path[1024];
        struct folder f;
        snprintf(dir, sizeof dir, "%s/%s", dirs[0], folders[i]);
        assert_true(folder_list(dir, &f));
        for (size_t k = 0; k < f.n; k++, n++) {
            snprintf(path, sizeof path, "%s/%s", dir, f.names[k]);
            struct bkf_profile *p = load(path);
            f.names[k][strlen(f.names[k]) - 4] = '\0';
            assert_string_equal(p->name, f.names[k]); /* file name = profile name */
            profile_free(p);
        }
        folder_free(&f);
    }
    assert_true(n > 100);
}

/* What a chip's bootloader tells the UART driver is one of its names; a marker is always said. */
static void chips_have_names(void **state)
{
    (void)state;
    char dir[512], path[1024];
    struct folder f;
    snprintf(dir, sizeof dir, "%s/chips", dirs[0]);
    assert_true(folder_list(dir, &f));
    assert_true(f.n >= 9);
    for (size_t k = 0; k < f.n; k++) {
        snprintf(path, sizeof path, "%s/%s", dir, f.names[k]);
        struct bkf_profile *p = load(path);
        const char *told = profile_value(p, "chip", "opt.uart_identity", NULL);
        char name[CHIP_NAME];
        if (!p->chip_names || !p->chip_marker)
            fail_msg("%s: [chip] names or marker is missing", path);
        assert_true(chip_goes_by(p->chip_names, p->name));
        while (told && chip_name_next(&told, name))
            assert_true(chip_goes_by(p->chip_names, name));
        profile_free(p);
    }
    folder_free(&f);
}

static void has_pad(const struct prof_route *r, const char *pad, const char *signal,
                    const char *line)
{
    for (size_t i = 0; i < r->n_pads; i++)
        if (strcmp(r->pads[i].pad, pad) == 0) {
            assert_string_equal(r->pads[i].signal, signal);
            assert_string_equal(r->pads[i].line, line);
            assert_false(r->pads[i].inverted);
            return;
        }
    fail_msg("route '%s' has no pad %s", r->name, pad);
}

static void doorbell_routes(void **state)
{
    (void)state;
    struct bkf_profile *p = load("doorbell_mlt1t.ini");
    const struct prof_route *r = profile_route(p, NULL);
    assert_string_equal(r->driver, "ch341a");
    assert_int_equal(r->transport, TRANSPORT_SPI);
    assert_int_equal(r->n_pads, 5);
    has_pad(r, "CE", "cen", "D2");
    has_pad(r, "TCK", "sck", "SCK");
    has_pad(r, "TMS", "cs0", "CS0");
    has_pad(r, "TDI", "mosi", "MOSI");
    has_pad(r, "TDO", "miso", "MISO");
    r = profile_route(p, "uart");
    assert_string_equal(r->driver, "ft232r");
    has_pad(r, "P10", "rx", "TXD");
    has_pad(r, "P11", "tx", "RXD");
    r = profile_route(p, "log");
    assert_int_equal(r->transport, TRANSPORT_LOG);
    assert_int_equal(r->baud, 115200);
    has_pad(r, "UART2_TX", "tx", "RXD");
    assert_null(profile_route(p, "nonsense"));
    profile_free(p);
}

static void has_partition(const struct bkf_profile *p, const char *name, uint32_t start,
                          uint32_t end, bool protect, bool keep)
{
    const struct prof_partition *q = profile_partition(p, name);
    assert_non_null(q);
    assert_int_equal(q->range.start, start);
    assert_int_equal(q->range.end, end);
    assert_int_equal(q->protect, protect);
    assert_int_equal(q->keep, keep);
}

static void doorbell_flash(void **state)
{
    (void)state;
    struct bkf_profile *p = load("doorbell_mlt1t");
    const struct origin *at = NULL;
    assert_string_equal(p->chip_name, "bk7252");
    assert_string_equal(p->chip_driver, "bk7252");
    assert_string_equal(p->part, "XT25F32B");
    assert_int_equal(p->jedec, 0x0B4016);
    assert_int_equal(p->size, 0x400000);
    assert_int_equal(p->sector, 4096);
    assert_int_equal(p->erased, 0xFF);
    has_partition(p, "bootloader", 0, 0x11000, true, false);
    has_partition(p, "ota_meta", 0xF000, 0x10000, false, true);
    has_partition(p, "app1", 0x11000, 0x1BA000, false, false);
    has_partition(p, "app2", 0x1BA000, 0x363000, false, false);
    assert_int_equal(profile_partition(p, "app2")->layout, LAYOUT_CRC34);
    const struct prof_access *a = profile_access(p, TRANSPORT_UART);
    assert_int_equal(a->n_program, 1);
    assert_int_equal(a->program[0].start, 0x11000);
    assert_int_equal(a->program[0].end, 0x400000); /* "end" is the flash size */
    assert_non_null(a->reason);
    assert_string_equal(profile_value(p, "flash", "sector", &at), "4K");
    assert_non_null(strstr(at->file, "/chips/bk7252.ini"));
    profile_free(p);
}

struct boards {
    size_t n;
};

static void check_board(void *ud, const struct profile_found *f)
{
    struct boards *b = ud;
    if (!f->kind || strcmp(f->kind, "board") != 0)
        return;
    struct bkf_profile *p = load(f->name);
    b->n++;
    assert_int_equal(profile_route(p, NULL)->transport, TRANSPORT_SPI);
    assert_string_equal(profile_route(p, "ft232h")->driver, "ft232h");
    has_pad(profile_route(p, "ft232h"), profile_route(p, NULL)->pads[0].pad, "cen", "AC0");
    assert_int_equal(profile_route(p, "uart")->transport, TRANSPORT_UART);
    assert_non_null(profile_partition(p, "bootloader"));
    profile_free(p);
}

static void every_board_has_its_routes(void **state)
{
    (void)state;
    struct boards b = { 0 };
    assert_int_equal(profile_find_all(&env, check_board, &b, NULL), BKF_OK);
    assert_int_equal(b.n, 10);
}

static void parts(void **state)
{
    (void)state;
    struct nor_part_table t;
    struct diag_list d = { 0 };
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(profile_parts_load(&env, &d, &t, &err), BKF_OK);
    print_findings(&d);
    assert_int_equal(d.n, 0);
    assert_true(t.n >= 80);
    for (size_t i = 0; i < t.n; i++) {
        const struct nor_part *p = &t.items[i];
        assert_ptr_equal(nor_part_by_jedec(&t, p->jedec), p); /* no id twice */
        assert_int_equal(p->size, 1u << (p->jedec & 0xFF));   /* true for all of these */
        assert_true(p->sr_count >= 1 && p->protect_mask && p->chip_erase_max_us);
        assert_int_equal(p->erase[0].size, 4096);
    }
    const struct nor_part *p = nor_part_by_name(&t, "xt25f32b");
    assert_int_equal(p->jedec, 0x0B4016);
    assert_int_equal(p->sr_count, 2);
    assert_int_equal(p->sr_read[1], 0x35);
    assert_true(p->wrsr_two_bytes);
    assert_int_equal(p->sr_write[1], 0);
    assert_int_equal(p->protect_mask, 0x407C);
    assert_int_equal(p->erase[2].opcode, 0xD8);
    assert_int_equal(p->erase[2].typ_us, 250000);
    assert_int_equal(p->chip_erase_typ_us, 15000000); /* 15 s for 4 MiB */
    assert_string_equal(nor_part_value(p, "timing"), "default");
    assert_string_equal(nor_part_by_jedec(&t, 0x856015)->timing, "puya");
    assert_int_equal(nor_part_by_jedec(&t, 0x1C7015)->erase[1].size, 65536); /* no 52 */
    assert_null(nor_part_by_jedec(&t, 0x123456));
    nor_part_table_free(&t);
    diag_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_is_clean),
        cmocka_unit_test(chips_have_names),
        cmocka_unit_test(doorbell_routes),
        cmocka_unit_test(doorbell_flash),
        cmocka_unit_test(every_board_has_its_routes),
        cmocka_unit_test(parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
