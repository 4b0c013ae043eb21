/* The loader in flash waits for ever for the rest of a request, and takes whatever comes for it:
 * a LinkCheck becomes flash contents, half an address with the head of the next request behind it
 * erases somewhere else, half a checksum with anything behind it never ends.  So what was begun is
 * finished, and nothing else is sent before.  Every request of a write is cut after every byte. */
#include "rig.h"

enum { SIZE = 0x200000, AT = 0x20000, LEN = 0x3000, PART = 0x22400, PART_LEN = 0x300 };
enum { CRC = 0x10, WRITE_PAGE = 0x06, WRITE_SECTOR = 0x07, READ_SECTOR = 0x09, ERASE = 0x0F };

struct job {
    struct rig r;
    uint8_t *before;
    uint8_t data[LEN];
};

static void start(struct job *j)
{
    struct loader_config c = rig_boot(SIZE);
    c.reset_wired = false; /* nothing but the right bytes brings it back */
    c.idle_reset_us = 60000000;
    j->r = rig_make(&c, (const char *const[]){ "uart_timeout=3s", NULL });
    memset(loader_flash(j->r.l) + AT, 0x5A, LEN);
    for (size_t i = 0; i < LEN; i++)
        j->data[i] = (uint8_t)(i * 7 + (i >> 8));
    memset(j->data + PART - AT - 0x400, 0xFF, 0x1000);
    for (size_t i = 0; i < PART_LEN; i++)
        j->data[PART - AT + i] = (uint8_t)i;
    j->before = malloc(SIZE);
    memcpy(j->before, loader_flash(j->r.l), SIZE);
    RIG_OK(&j->r, rig_up(&j->r));
}

/* As a session writes: whole sectors, part of one, a look, a checksum. */
static bkf_status write_all(struct job *j)
{
    struct rig *r = &j->r;
    uint8_t seen[0x1000];
    uint32_t crc;
    bkf_status st = beken_uart_unlock(r->u, r->op, &r->err);
    if (!st)
        st = beken_uart_erase(r->u, r->op, AT, LEN, &r->err);
    if (!st)
        st = beken_uart_program(r->u, r->op, AT, j->data, 0x2000, &r->err);
    if (!st)
        st = beken_uart_program(r->u, r->op, PART, j->data + PART - AT, PART_LEN, &r->err);
    if (!st)
        st = beken_uart_read(r->u, r->op, AT, seen, sizeof seen, &r->err);
    return st ? st : beken_uart_crc32(r->u, r->op, AT, LEN, &crc, &r->err);
}

static void expect_sound(struct job *j, const char *what)
{
    const uint8_t *flash = loader_flash(j->r.l);
    if (loader_hangs(j->r.l))
        fail_msg("%s: the loader hangs", what);
    if (loader_breach(j->r.l))
        fail_msg("%s: %s", what, loader_breach(j->r.l));
    if (memcmp(flash, j->before, AT) != 0 ||
        memcmp(flash + AT + LEN, j->before + AT + LEN, SIZE - AT - LEN) != 0)
        fail_msg("%s: flash outside the job has changed", what);
}

static void finish(struct job *j)
{
    rig_free(&j->r);
    free(j->before);
}

static void cut(uint8_t op, size_t bytes, unsigned in_vain, unsigned *failed)
{
    struct job *j = calloc(1, sizeof *j);
    char what[100];
    start(j);
    loader_cut_send(j->r.l, op, bytes, in_vain);
    bkf_status st = write_all(j);
    snprintf(what, sizeof what, "request %02X cut after %zu bytes, %u calls in vain: %d %s", op,
             bytes, in_vain, (int)st, j->r.err.message);
    assert_true(loader_was_cut(j->r.l));
    expect_sound(j, what);
    *failed += st != BKF_OK;
    if (st == BKF_OK)
        assert_memory_equal(loader_flash(j->r.l) + AT, j->data, LEN);
    st = beken_uart_lock(j->r.u, j->r.op, &j->r.err);
    if (st != BKF_OK)
        fail_msg("%s; not protected: %d %s", what, (int)st, j->r.err.message);
    expect_sound(j, what);
    if (!loader_is_protected(j->r.l))
        fail_msg("%s: not left protected", what);
    /* The link is as good as new: the same again succeeds. */
    RIG_OK(&j->r, write_all(j));
    expect_sound(j, what);
    assert_memory_equal(loader_flash(j->r.l) + AT, j->data, LEN);
    assert_int_equal(loader_counts(j->r.l).resets, 1);
    finish(j);
    free(j);
}

static void every_byte(uint8_t op, size_t n, size_t step)
{
    /* One call; as many as one request is tried; more than that, so that the job fails. */
    static const unsigned in_vain[] = { 0, 2, 3, 7 };
    unsigned failed = 0;
    for (size_t k = 0; k < sizeof in_vain / sizeof in_vain[0]; k++)
        for (size_t bytes = 1; bytes < n; bytes += bytes < 14 ? 1 : step)
            cut(op, bytes, in_vain[k], &failed);
    assert_true(failed > 0);
}

static void checksum(void **state)
{
    (void)state;
    every_byte(CRC, 13, 1);
}

static void erase(void **state)
{
    (void)state;
    every_byte(ERASE, 13, 1);
}

static void sector(void **state)
{
    (void)state;
    every_byte(WRITE_SECTOR, 4108, 511);
}

static void page(void **state)
{
    (void)state;
    every_byte(WRITE_PAGE, 268, 67);
}

static void reading(void **state)
{
    (void)state;
    every_byte(READ_SECTOR, 12, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum), cmocka_unit_test(erase),   cmocka_unit_test(sector),
        cmocka_unit_test(page),     cmocka_unit_test(reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
