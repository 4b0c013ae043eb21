/* A write over UART that fails, but is neither unplugged nor killed, leaves the flash protected
 * (SR1 = 7C): over the loader in flash because every checksum does that, over the ROM because it
 * was so before.  Time-outs and pauses at any link call, Ctrl-C at any moment, a full disk, sectors
 * that do not verify, a board that resets itself, a bad wire.  And on the way there nothing below
 * 0x11000 or outside the request changes, and no rule of the device is broken.
 *
 * GUARD_POINTS sets how many moments are tried per case (default 8; 0 = every one, as
 * change_guard_full does in the release build). */
#include "change_world.h"

/* The loader resets itself after 300 ms.  128 + SIGINT, as shells have it. */
enum {
    CHECKED = 0x7C,
    PAUSE_MS = 400,
    LONG_PAUSE_MS = 1500,
    CANCELLED = 130,
    LINK_LOST = 21,
    IN_A_ROW = 7
};
enum { WRITING = 30 }; /* the last questions whether to stop are asked while it writes */

static unsigned points(unsigned total)
{
    const char *text = getenv("GUARD_POINTS");
    unsigned n = text ? (unsigned)strtoul(text, NULL, 10) : 8;
    return n && n < total ? n : total;
}

struct case_of {
    const char *fault, *device; /* of the link, of the board */
    const char *tolerate;
    unsigned stop_at, full_at;
    bool may_vanish; /* a checksum with a byte missing hangs the loader for good */
    bool blocks;     /* not a small write, but an erase of whole blocks with long waits */
};

static const bkf_change_options blocks = { .has_range = 1, .range = { 0x20000, 0x70000 } };

static int run(const struct world *w, const struct case_of *k, struct outcome *out)
{
    const struct job j = {
        .verb = k->blocks ? ERASE : WRITE,
        .change = k->blocks ? &blocks : NULL,
        /* Looking for a lost link at other rates breaks no rule. */
        .options = { "firmware=no", "sr=0x7C", k->tolerate ? k->tolerate : "tolerate=uart-baud",
                     k->device ? k->device : k->fault, k->device ? k->fault : NULL },
        .stop_at = k->stop_at,
        .full_at = k->full_at
    };
    world_reset(w);
    world_observe(w, &j, out);
    return out->code;
}

/* What the job may change, and what it leaves there. */
static bkf_range request(const struct case_of *k)
{
    return k->blocks ? blocks.range : (bkf_range){ APP, APP + APP_LEN };
}

static bool as_wanted(const struct world *w, const struct case_of *k, const uint8_t *data)
{
    const bkf_range r = request(k);
    for (size_t i = r.start; k->blocks && i < r.end; i++)
        if (data[i] != 0xFF)
            return false;
    return k->blocks || memcmp(data, w->after, SIZE) == 0;
}

static void describe(const struct case_of *k, char *to, size_t cap)
{
    snprintf(to, cap, "%s %s stop@%u full@%u", k->fault ? k->fault : "", k->device ? k->device : "",
             k->stop_at, k->full_at);
}

static int judge(const struct world *w, const struct case_of *k, unsigned *bad)
{
    char when[160];
    struct outcome out;
    uint8_t *data;
    size_t len;
    const size_t first = request(k).start, end = request(k).end;
    describe(k, when, sizeof when);
    const int code = run(w, k, &out);
    const char *wrong = NULL;
    assert_int_equal(file_read(w->flash, SIZE, &data, &len, NULL), 0);
    if (code < 0 || code == RULES_BROKEN || (code >= 99 && code != CANCELLED))
        wrong = "broken rules, a crash or a hang";
    else if (world_status(w) != CHECKED && !(k->may_vanish && code == LINK_LOST))
        wrong = "the flash is not left protected";
    else if (memcmp(data, w->before, first) || memcmp(data + end, w->before + end, SIZE - end))
        wrong = "bytes outside the request have changed";
    else if (code == 0 && !as_wanted(w, k, data))
        wrong = "success, but not what was to be written";
    if (wrong) {
        printf("%s %s: %s; exit %d, status registers %04X (%s)\n", w->chip, when, wrong, code,
               (unsigned)world_status(w), out.message);
        ++*bad;
    }
    free(data);
    outcome_free(&out);
    return code;
}

/* The first moment that never comes, for a fault that ends the run when it comes. */
static unsigned moments(const struct world *w, struct case_of k, bool calls)
{
    unsigned low = 0, high = 64;
    for (bool found = false; high - low > 1;) {
        unsigned at = found ? low + (high - low) / 2 : high;
        char fault[40];
        snprintf(fault, sizeof fault, "fault=kill@%u", at);
        k.fault = calls ? fault : NULL;
        k.stop_at = calls ? 0 : at;
        struct outcome out;
        bool reached = run(w, &k, &out) != 0;
        outcome_free(&out);
        found = found || !reached;
        if (reached)
            low = at;
        if (!found)
            high = 2 * at;
        else if (!reached)
            high = at;
    }
    return low;
}

/* Some while it links and reads, all while it writes. */
static unsigned next_cancel(unsigned at, unsigned step, unsigned asked)
{
    const unsigned writing = asked > WRITING ? asked - WRITING : 1;
    if (at >= writing)
        return at + 1;
    return at + step < writing ? at + step : writing;
}

static void sweep(const char *chip)
{
    struct world *w = calloc(1, sizeof *w);
    unsigned bad = 0, failed[3] = { 0 };
    char fault[200];
    world_make(w, chip, "uart");
    assert_int_equal(judge(w, &(struct case_of){ 0 }, &bad), 0);
    const unsigned total = moments(w, (struct case_of){ 0 }, true), n = points(total);
    /* The ROM may still be at work on what it is asked to change its rate or reset itself by. */
    const struct case_of broken = { .fault = fault,
                                    .tolerate = strcmp(chip, "bk7231n") == 0
                                                    ? "tolerate=uart-baud,uart-overrun"
                                                    : NULL };
    for (unsigned i = 0; i < n; i++) {
        unsigned at = 1 + (unsigned)((uint64_t)i * (total - 1) / (n > 1 ? n - 1 : 1));
        snprintf(fault, sizeof fault, "fault=timeout@%u", at);
        failed[0] += judge(w, &broken, &bad) != 0;
        /* Several in a row: what is tried again fails too. */
        int len = snprintf(fault, sizeof fault, "fault=timeout@%u", at);
        for (unsigned more = 1; more < IN_A_ROW; more++)
            len += snprintf(fault + len, sizeof fault - (size_t)len, ",timeout@%u", at + more);
        failed[1] += judge(w, &broken, &bad) != 0;
        snprintf(fault, sizeof fault, "fault=stall@%u:%u", at, PAUSE_MS);
        failed[2] += judge(w, &broken, &bad) != 0;
    }
    const unsigned asked = moments(w, (struct case_of){ 0 }, false);
    const unsigned step = asked / points(asked);
    unsigned cancels = 0;
    for (unsigned at = 1; at <= asked; at = next_cancel(at, step, asked), cancels++)
        assert_int_not_equal(judge(w, &(struct case_of){ .stop_at = at }, &bad), 0);
    printf("%s: %u of %u link calls; failed: %u with one time-out, %u with %d in a row, %u with a "
           "pause; %u cancels\n",
           chip, n, total, failed[0], failed[1], IN_A_ROW, failed[2], cancels);
    assert_int_equal(bad, 0);
    world_free(w);
    free(w);
}

static void bk7231t(void **state)
{
    (void)state;
    sweep("bk7231t");
}

static void bk7252(void **state)
{
    (void)state;
    sweep("bk7252");
}

/* The ROM's host puts back what it found. */
static void bk7231n(void **state)
{
    (void)state;
    sweep("bk7231n");
}

/* Not only the link fails. */
static void other_failures(void **state)
{
    (void)state;
    static const char *const chips[] = { "bk7231t", "bk7252" };
    /* A bit that stays 1, a sector that stays as it is: repaired three times, then given up. */
    static const struct case_of dies[] = { { .device = "lie=stuckbit:0x14000:0" },
                                           { .device = "lie=noerase:0x14000",
                                             .tolerate = "tolerate=unerased" } };
    for (size_t i = 0; i < ARRAY_LEN(chips); i++) {
        struct world *w = calloc(1, sizeof *w);
        unsigned bad = 0;
        world_make(w, chips[i], "uart");
        for (unsigned at = 1; at < 6; at++)
            assert_int_not_equal(judge(w, &(struct case_of){ .full_at = at }, &bad), 0);
        w->after[0x14000] &= 0xFE;
        world_put(w->image, w->after + APP, APP_LEN);
        for (size_t d = 0; d < ARRAY_LEN(dies); d++)
            assert_int_not_equal(judge(w, &dies[d], &bad), 0);
        assert_int_equal(bad, 0);
        world_free(w);
        free(w);
    }
}

/* The board fails: resets in the middle, bytes get lost or changed on the wire. */
static void broken_boards(void **state)
{
    (void)state;
    static const char *const chips[] = { "bk7231t", "bk7252" };
    /* Not bytes that are doubled or changed on the way to the chip: an address may become any
     * other, and no request carries a checksum of its own. */
    static const char *const wires[] = { "drop:1e-4", "noise:1e-4" };
    for (size_t i = 0; i < ARRAY_LEN(chips); i++) {
        struct world *w = calloc(1, sizeof *w);
        unsigned bad = 0, failed = 0;
        char device[60], fault[40];
        struct case_of k = { .device = device,
                             .fault = fault,
                             .tolerate = "tolerate=uart-baud,abort" };
        world_make(w, chips[i], "uart");
        for (unsigned at = 1; at <= 20; at++) {
            snprintf(device, sizeof device, "uart_fault=brownout:%u", at);
            snprintf(fault, sizeof fault, "seed=%u", at);
            failed += judge(w, &k, &bad) != 0;
        }
        const unsigned resets = failed;
        k.tolerate = "tolerate=uart-baud,uart-frame,uart-overrun";
        k.may_vanish = true;
        for (unsigned at = 1; at <= points(400); at++) {
            snprintf(device, sizeof device, "uart_fault=%s", wires[at % ARRAY_LEN(wires)]);
            snprintf(fault, sizeof fault, "seed=%u", at);
            failed += judge(w, &k, &bad) != 0;
        }
        printf("%s: failed: %u of 20 with a reset, %u of %u on a bad wire\n", chips[i], resets,
               failed - resets, points(400));
        assert_int_equal(bad, 0);
        world_free(w);
        free(w);
    }
}

/* The link is lost in the middle, the loader starts over and the application runs; and the user
 * cancels while it is looked for, at any moment. */
static void cancelled_links(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    struct case_of k = { 0 };
    unsigned bad = 0, cancelled = 0, tried = 0;
    char fault[40];
    world_make(w, "bk7231t", "uart");
    const unsigned calls = moments(w, k, true), asked = moments(w, k, false);
    k.fault = fault;
    for (unsigned at = calls - 60; at < calls; at += points(60) < 20 ? 20u : 10u) {
        snprintf(fault, sizeof fault, "fault=stall@%u:%u", at, LONG_PAUSE_MS);
        for (k.stop_at = asked - WRITING; k.stop_at < asked + 300; k.stop_at += 300 / points(150)) {
            cancelled += judge(w, &k, &bad) == CANCELLED;
            tried++;
        }
    }
    printf("%u of %u cancels heard\n", cancelled, tried);
    assert_int_equal(bad, 0);
    assert_true(cancelled > tried / 2);
    world_free(w);
    free(w);
}

/* Cancelled while the loader is at work for longer than a request should stay unanswered: block
 * erases, and the checksum over all of them. */
static void cancelled_waits(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    struct case_of k = { .blocks = true };
    unsigned bad = 0, cancelled = 0;
    world_make(w, "bk7231t", "uart");
    memset(w->before + blocks.range.start, 0x5A, blocks.range.end - blocks.range.start);
    assert_int_equal(judge(w, &k, &bad), 0);
    const unsigned asked = moments(w, k, false);
    for (k.stop_at = asked > WRITING ? asked - WRITING : 1; k.stop_at <= asked; k.stop_at++)
        cancelled += judge(w, &k, &bad) == CANCELLED;
    assert_int_equal(bad, 0);
    printf("%u of the last %u cancels heard\n", cancelled, WRITING + 1);
    assert_true(cancelled > WRITING / 2);
    world_free(w);
    free(w);
}

int main(void)
{
    world_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_failures),  cmocka_unit_test(cancelled_waits),
        cmocka_unit_test(cancelled_links), cmocka_unit_test(broken_boards),
        cmocka_unit_test(bk7231t),         cmocka_unit_test(bk7252),
        cmocka_unit_test(bk7231n),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
