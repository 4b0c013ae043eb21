/* kit_chip.c - points of a chip class, on the virtual device over SPI. */
#include "kit_bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_WINDOWS = 64, MAX_FLASH = 16 << 20, UNPLUG_POINTS = 60 };

struct work {
    struct chip_bench b;
    bkf_chip_info info;
    const uint8_t *flash;
    size_t size;
    uint8_t *before;
};

/* Attached and probed, with a copy of the flash as it was. */
static bool work_start(struct work *w, struct kit *k, struct verdict *v)
{
    *w = (struct work){ 0 };
    if (!bench_new(&w->b, k, v, 0))
        return false;
    w->flash = device_flash(w->b.dev, &w->size);
    w->before = malloc(w->size);
    if (!w->before) {
        verdict_skip(v, "out of memory");
        return false;
    }
    memcpy(w->before, w->flash, w->size);
    return bench_ready(&w->b, &w->info);
}

static void work_end(struct work *w)
{
    free(w->before);
    bench_free(&w->b);
}

static size_t windows_of(struct work *w, bkf_window *out)
{
    size_t n = w->b.k->chip->windows(w->b.chip, out, MAX_WINDOWS);
    return n < MAX_WINDOWS ? n : MAX_WINDOWS;
}

/* A sector-aligned place of len bytes that may be erased and programmed. */
static bool writable_place(struct work *w, uint32_t len, uint32_t *off)
{
    bkf_window win[MAX_WINDOWS];
    size_t n = windows_of(w, win);
    const uint32_t both = BKF_CAN_ERASE | BKF_CAN_PROGRAM | BKF_CAN_READ;
    for (size_t i = 0; i < n; i++) {
        uint32_t start = (win[i].start + 0xFFFu) & ~0xFFFu;
        if ((win[i].access & both) == both && win[i].end > start && win[i].end - start >= len) {
            *off = start;
            return true;
        }
    }
    verdict_skip(w->b.v, "no window can be erased, programmed and read");
    return false;
}

static bool array_same(const struct work *w, size_t from, size_t to)
{
    return memcmp(w->flash + from, w->before + from, to - from) == 0;
}

/* -- before anything is attached --------------------------------------------------------------- */

static void create_point(struct kit *k, struct verdict *v)
{
    struct chip_bench b;
    if (!bench_new(&b, k, v, 0))
        return;
    bkf_window win[MAX_WINDOWS];
    k->chip->windows(b.chip, win, MAX_WINDOWS);
    MUST(v, b.calls == 0, "create and windows made %llu link calls; they do no I/O",
         (unsigned long long)b.calls);
    k->chip->destroy(b.chip);
    MUST(v, b.calls == 0, "destroy made %llu link calls; it does no I/O",
         (unsigned long long)b.calls);
    b.chip = NULL;
    bench_free(&b);
}

static void no_links_point(struct kit *k, struct verdict *v)
{
    struct chip_bench b;
    if (!bench_new(&b, k, v, BENCH_NO_LINKS)) {
        bench_free(&b);
        return; /* refused in create, with a message: bench_new has looked */
    }
    bkf_error err = BKF_ERROR_INIT;
    kit_failed_well(v, "attach without any link", bench_attach(&b, &err), &err);
    bench_free(&b);
}

static void churn_point(struct kit *k, struct verdict *v)
{
    struct chip_bench b;
    struct usage before = { 0 }, after;
    for (int i = 0; i < 25; i++) {
        if (i == 5)
            usage_take(&before);
        if (!bench_new(&b, k, v, 0))
            return;
        bench_free(&b);
    }
    usage_take(&after);
    MUST(v, after.fds <= before.fds && after.threads <= before.threads,
         "create and destroy leave files or threads");
    MUST(v, after.heap <= before.heap + 512, "20 times create and destroy leaked %zu bytes",
         after.heap - before.heap);
}

/* -- attach, probe, detach ------------------------------------------------------------- */

static void attach_point(struct kit *k, struct verdict *v)
{
    struct work w;
    struct timespec a, z;
    clock_gettime(CLOCK_MONOTONIC, &a);
    if (!work_start(&w, k, v))
        return;
    clock_gettime(CLOCK_MONOTONIC, &z);
    MUST(v, z.tv_sec - a.tv_sec < 20, "attach took %ld s of real time; wait through op->sleep_us",
         (long)(z.tv_sec - a.tv_sec));
    MUST(v, array_same(&w, 0, w.size), "attach and probe changed the flash");
    bkf_error err = BKF_ERROR_INIT;
    MUST(v, bench_detach(&w.b, &err) == BKF_OK, "detach: %s", err.message);
    MUST(v, w.b.cen != 0, "after detach the reset line is still held low");
    MUST(v, !w.b.held, "after detach chip select is still held");
    work_end(&w);
}

static void probe_point(struct kit *k, struct verdict *v)
{
    struct work w;
    if (!work_start(&w, k, v))
        return;
    MUST(v, w.info.flash_size == w.size, "probe says the flash has %u bytes, it has %zu",
         w.info.flash_size, w.size);
    MUST(v,
         memchr(w.info.part, 0, sizeof w.info.part) && memchr(w.info.chip, 0, sizeof w.info.chip) &&
             memchr(w.info.text, 0, sizeof w.info.text),
         "probe left a text without its end");
    MUST(v, w.info.unique_id_len <= sizeof w.info.unique_id, "unique_id_len is %u",
         w.info.unique_id_len);
    MUST(v, array_same(&w, 0, w.size), "probe changed the flash");
    /* A host of another age: a shorter record must stay whole behind its end. */
    bkf_chip_info small;
    memset(&small, 0xA5, sizeof small);
    small.struct_size = offsetof(bkf_chip_info, text);
    bkf_error err = BKF_ERROR_INIT;
    w.b.k->chip->probe(w.b.chip, &w.b.op, &small, &err);
    for (size_t i = 0; i < sizeof small.text; i++)
        MUST(v, (unsigned char)small.text[i] == 0xA5,
             "probe wrote past the struct_size of the caller's bkf_chip_info");
    work_end(&w);
}

static void windows_point(struct kit *k, struct verdict *v)
{
    struct work w;
    bkf_window win[MAX_WINDOWS + 1], none;
    if (!work_start(&w, k, v))
        return;
    size_t n = k->chip->windows(w.b.chip, win, MAX_WINDOWS);
    MUST(v, n >= 1 && n <= MAX_WINDOWS, "%zu windows after probe", n);
    for (size_t i = 0; i < n; i++) {
        MUST(v, win[i].start < win[i].end && win[i].end <= w.size,
             "window %zu is 0x%X..0x%X of 0x%zX bytes", i, win[i].start, win[i].end, w.size);
        MUST(v, win[i].access && !(win[i].access & ~7u), "window %zu has access 0x%X", i,
             win[i].access);
    }
    memset(&none, 0xA5, sizeof none);
    bkf_window copy = none;
    MUST(v, k->chip->windows(w.b.chip, &none, 0) == n, "windows with cap 0 counts differently");
    MUST(v, memcmp(&none, &copy, sizeof none) == 0, "windows with cap 0 writes an entry");
    memset(win, 0xA5, sizeof win);
    MUST(v, k->chip->windows(w.b.chip, win, 1) == n, "windows with cap 1 counts differently");
    MUST(v, memcmp(&win[1], &copy, sizeof copy) == 0, "windows with cap 1 writes two entries");
    work_end(&w);
}

static void dead_target_point(struct kit *k, struct verdict *v)
{
    struct kit dead = *k;
    struct chip_bench b;
    bkf_error err = BKF_ERROR_INIT;
    if (dead.n_device == ARRAY_LEN(dead.device))
        return;
    dead.device[dead.n_device++] = (struct option){ "miso", "stuck1" };
    if (!bench_new(&b, &dead, v, 0))
        return;
    b.stop_after = 2000; /* an attach without an attempt limit ends by cancel */
    bkf_status st = bench_attach(&b, &err);
    if (!kit_failed_well(v, "attach to a target that does not answer", st, &err))
        return;
    MUST(v, err.effect == BKF_EFFECT_NONE, "a failed attach says that flash may have changed");
    bench_detach(&b, &err);
    MUST(v, b.cen != 0, "detach after a failed attach leaves the reset line low");
    bench_free(&b);
}

/* -- reading --------------------------------------------------------------------------- */

static void read_point(struct kit *k, struct verdict *v)
{
    struct work w;
    bkf_window win[MAX_WINDOWS];
    if (!work_start(&w, k, v))
        return;
    size_t n = windows_of(&w, win);
    uint8_t *buf = malloc(w.size + 16);
    MUST(v, buf, "out of memory");
    for (size_t i = 0; i < n; i++) {
        if (!(win[i].access & BKF_CAN_READ))
            continue;
        uint32_t room = win[i].end - win[i].start;
        const uint32_t spans[][2] = { { 0, 0 },       { 0, 1 },    { 1, 255 },     { 255, 3 },
                                      { 4095, 4098 }, { 0, room }, { room - 1, 1 } };
        for (size_t s = 0; s < ARRAY_LEN(spans); s++) {
            uint32_t off = spans[s][0], len = spans[s][1];
            bkf_error err = BKF_ERROR_INIT;
            if ((uint64_t)off + len > room)
                continue;
            memset(buf, 0xE7, w.size + 16);
            MUST(v, k->chip->read(w.b.chip, &w.b.op, win[i].start + off, buf, len, &err) == BKF_OK,
                 "read of 0x%X + %u: %s", win[i].start + off, len, err.message);
            MUST(v, memcmp(buf, w.flash + win[i].start + off, len) == 0,
                 "read of 0x%X + %u gives other bytes than the flash has", win[i].start + off, len);
            MUST(v, buf[len] == 0xE7, "read of %u bytes wrote past its buffer", len);
        }
    }
    MUST(v, !w.b.progress_back, "progress went backwards, or past its total");
    MUST(v, array_same(&w, 0, w.size), "reading changed the flash");
    free(buf);
    work_end(&w);
}

static void outside_point(struct kit *k, struct verdict *v)
{
    struct work w;
    uint8_t buf[64] = { 0 };
    if (!work_start(&w, k, v))
        return;
    const uint64_t places[] = { w.size - 16, w.size, w.size + 4096, 0xFFFFFFF0u, 0xFFFFF000u };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        uint32_t off = (uint32_t)places[i];
        for (int what = 0; what < 3; what++) {
            static const char *const names[] = { "read", "erase", "program" };
            bkf_error err = BKF_ERROR_INIT;
            bkf_status st = what == 0 ? k->chip->read(w.b.chip, &w.b.op, off, buf, sizeof buf, &err)
                            : what == 1
                                ? k->chip->erase(w.b.chip, &w.b.op, off & ~0xFFFu, 0x100000, &err)
                                : k->chip->program(w.b.chip, &w.b.op, off, buf, sizeof buf, &err);
            char call[80];
            snprintf(call, sizeof call, "%s past the end (0x%X)", names[what], off);
            if (!kit_failed_well(v, call, st, &err))
                return;
            MUST(v, array_same(&w, 0, w.size), "%s changed the flash", call);
            MUST(v, err.effect == BKF_EFFECT_NONE,
                 "%s was refused, but says flash may have changed", call);
        }
    }
    work_end(&w);
}

/* Where a window forbids an operation, the lowest layer refuses it. */
static void windows_kept_point(struct kit *k, struct verdict *v)
{
    struct work w;
    bkf_window win[MAX_WINDOWS];
    uint8_t buf[256] = { 0 };
    if (!work_start(&w, k, v))
        return;
    size_t n = windows_of(&w, win), tried = 0;
    for (uint32_t off = 0; off < w.size; off += 4096) {
        uint32_t may = 0;
        for (size_t i = 0; i < n; i++)
            if (off >= win[i].start && off + 4096 <= win[i].end)
                may |= win[i].access;
        bkf_error err = BKF_ERROR_INIT;
        if (!(may & BKF_CAN_ERASE)) {
            tried++;
            if (!kit_failed_well(v, "erase outside the windows",
                                 k->chip->erase(w.b.chip, &w.b.op, off, 4096, &err), &err))
                return;
        }
        if (!(may & BKF_CAN_PROGRAM)) {
            tried++;
            if (!kit_failed_well(v, "program outside the windows",
                                 k->chip->program(w.b.chip, &w.b.op, off, buf, sizeof buf, &err),
                                 &err))
                return;
        }
    }
    MUST(v, array_same(&w, 0, w.size), "a refused erase or program changed the flash");
    if (!tried)
        verdict_skip(v, "the windows cover the whole flash");
    work_end(&w);
}

/* -- writing --------------------------------------------------------------------------- */

static bool unlock(struct work *w)
{
    bkf_error err = BKF_ERROR_INIT;
    if (w->b.k->chip->unlock && w->b.k->chip->unlock(w->b.chip, &w->b.op, &err) != BKF_OK) {
        verdict_fail(w->b.v, "unlock: %s", err.message);
        return false;
    }
    return true;
}

static void erase_point(struct kit *k, struct verdict *v)
{
    struct work w;
    uint32_t off;
    bkf_error err = BKF_ERROR_INIT;
    if (!work_start(&w, k, v) || !writable_place(&w, 0x3000, &off) || !unlock(&w))
        return;
    MUST(v, k->chip->erase(w.b.chip, &w.b.op, off + 0x1000, 0x1000, &err) == BKF_OK, "erase: %s",
         err.message);
    for (uint32_t i = 0; i < 0x1000; i++)
        MUST(v, w.flash[off + 0x1000 + i] == 0xFF, "after erase 0x%X holds %02X", off + 0x1000 + i,
             w.flash[off + 0x1000 + i]);
    MUST(v, array_same(&w, 0, off + 0x1000) && array_same(&w, off + 0x2000, w.size),
         "erase of one sector changed bytes outside it");
    err = (bkf_error)BKF_ERROR_INIT;
    kit_failed_well(v, "erase of half a sector",
                    k->chip->erase(w.b.chip, &w.b.op, off, 0x800, &err), &err);
    MUST(v, array_same(&w, 0, off + 0x1000), "a refused erase changed the flash");
    work_end(&w);
}

static void program_point(struct kit *k, struct verdict *v)
{
    struct work w;
    uint32_t off;
    uint8_t data[700];
    bkf_error err = BKF_ERROR_INIT;
    if (!work_start(&w, k, v) || !writable_place(&w, 0x3000, &off) || !unlock(&w))
        return;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 13 + 5);
    MUST(v, k->chip->erase(w.b.chip, &w.b.op, off, 0x2000, &err) == BKF_OK, "erase: %s",
         err.message);
    memcpy(w.before, w.flash, w.size);
    /* Odd start and length: pages are the plugin's business. */
    uint32_t at = off + 0x1000 - 333;
    MUST(v, k->chip->program(w.b.chip, &w.b.op, at, data, sizeof data, &err) == BKF_OK,
         "program of 0x%X + %zu: %s", at, sizeof data, err.message);
    MUST(v, memcmp(w.flash + at, data, sizeof data) == 0, "programmed bytes differ in the flash");
    MUST(v, array_same(&w, 0, at) && array_same(&w, at + sizeof data, w.size),
         "program changed bytes outside its range");
    if (k->chip->lock)
        MUST(v, k->chip->lock(w.b.chip, &w.b.op, &err) == BKF_OK, "lock: %s", err.message);
    MUST(v, !w.b.progress_back, "progress went backwards, or past its total");
    work_end(&w);
}

static void no_erase_point(struct kit *k, struct verdict *v)
{
    struct work w;
    uint32_t off;
    uint8_t a[256], z[256];
    bkf_error err = BKF_ERROR_INIT;
    if (!work_start(&w, k, v) || !writable_place(&w, 0x1000, &off) || !unlock(&w))
        return;
    memset(a, 0xF0, sizeof a);
    memset(z, 0x0F, sizeof z);
    MUST(v, k->chip->erase(w.b.chip, &w.b.op, off, 0x1000, &err) == BKF_OK, "erase: %s",
         err.message);
    MUST(v, k->chip->program(w.b.chip, &w.b.op, off, a, sizeof a, &err) == BKF_OK, "program: %s",
         err.message);
    /* The second one cannot succeed; it may say so, but it may not erase. */
    k->chip->program(w.b.chip, &w.b.op, off, z, sizeof z, &err);
    for (size_t i = 0; i < sizeof z; i++)
        MUST(v, (w.flash[off + i] & 0x0F) == 0,
             "program erased flash to set bits; the planner owns the order");
    work_end(&w);
}

/* -- cancel, unplug, the rest ---------------------------------------------------------- */

static void cancel_point(struct kit *k, struct verdict *v)
{
    struct work w;
    if (!work_start(&w, k, v))
        return;
    uint8_t *buf = malloc(w.size);
    MUST(v, buf, "out of memory");
    bkf_error err = BKF_ERROR_INIT;
    w.b.polls = 0;
    MUST(v, k->chip->read(w.b.chip, &w.b.op, 0, buf, w.size, &err) == BKF_OK, "read: %s",
         err.message);
    MUST(v, w.b.polls > 0, "reading the whole flash never asks should_stop");
    w.b.polls = 0;
    w.b.stop_after = 1;
    uint64_t calls = w.b.calls;
    bkf_status st = k->chip->read(w.b.chip, &w.b.op, 0, buf, w.size, &err);
    if (kit_failed_well(v, "read after should_stop", st, &err))
        MUST(v, st == BKF_E_CANCELLED, "read after should_stop says %s, not BKF_E_CANCELLED",
             status_name(st));
    MUST(v, w.b.calls - calls < 64, "after should_stop it went on for %llu link calls",
         (unsigned long long)(w.b.calls - calls));
    err = (bkf_error)BKF_ERROR_INIT;
    MUST(v, bench_detach(&w.b, &err) == BKF_OK, "detach after a cancel: %s", err.message);
    MUST(v, w.b.cen != 0, "after a cancel and detach the reset line is still low");
    free(buf);
    work_end(&w);
}

/* One whole job; returns the status of the call that failed, or BKF_OK. */
static bkf_status whole_job(struct chip_bench *b, const char **call, bkf_error *err)
{
    bkf_chip_info info = { .struct_size = sizeof info };
    const bkf_chip_class *c = b->k->chip;
    uint8_t data[300];
    bkf_window win[MAX_WINDOWS];
    memset(data, 0x3C, sizeof data);
    *call = "attach";
    bkf_status st = bench_attach(b, err);
    if (st == BKF_OK) {
        *call = "probe";
        st = c->probe(b->chip, &b->op, &info, err);
    }
    size_t n = st == BKF_OK ? c->windows(b->chip, win, MAX_WINDOWS) : 0;
    uint32_t off = 0;
    bool place = false;
    for (size_t i = 0; i < n && i < MAX_WINDOWS && !place; i++)
        if ((win[i].access & 6u) == 6u && win[i].end - ((win[i].start + 4095u) & ~4095u) >= 4096) {
            off = (win[i].start + 4095u) & ~4095u;
            place = true;
        }
    if (st == BKF_OK) {
        *call = "read";
        st = c->read(b->chip, &b->op, off, data, sizeof data, err);
        memset(data, 0x3C, sizeof data);
    }
    if (st == BKF_OK && place && c->unlock) {
        *call = "unlock";
        st = c->unlock(b->chip, &b->op, err);
    }
    if (st == BKF_OK && place) {
        *call = "erase";
        st = c->erase(b->chip, &b->op, off, 4096, err);
    }
    if (st == BKF_OK && place) {
        size_t size;
        const uint8_t *flash = device_flash(b->dev, &size);
        b->erased_crc = crc32_update(0, flash, size);
        *call = "program";
        st = c->program(b->chip, &b->op, off, data, sizeof data, err);
    }
    return st;
}

static void unplug_at(struct kit *k, struct verdict *v, uint64_t n)
{
    struct chip_bench b;
    bkf_error err = BKF_ERROR_INIT;
    const char *call;
    if (!bench_new(&b, k, v, 0))
        return;
    size_t size;
    const uint8_t *flash = device_flash(b.dev, &size);
    uint32_t before = crc32_update(0, flash, size);
    b.unplug_at = n;
    b.stop_after = 100000; /* an attach that tries for ever is ended here */
    bkf_status st = whole_job(&b, &call, &err);
    MUST(v, st != BKF_OK, "unplugged at link call %llu, everything still succeeds",
         (unsigned long long)n);
    char what[80];
    snprintf(what, sizeof what, "%s, unplugged at link call %llu,", call, (unsigned long long)n);
    if (!kit_failed_well(v, what, st, &err))
        return;
    MUST(v, st == BKF_E_NO_DEVICE || st == BKF_E_IO, "%s says %s instead of BKF_E_NO_DEVICE", what,
         status_name(st));
    bool wrote = strcmp(call, "erase") == 0 || strcmp(call, "program") == 0;
    MUST(v,
         !wrote || err.effect != BKF_EFFECT_NONE || before == crc32_update(0, flash, size) ||
             strcmp(call, "program") == 0,
         "%s changed the flash, but says effect NONE", what);
    bench_detach(&b, &err); /* may fail, must come back */
    bench_free(&b);
}

static void unplug_point(struct kit *k, struct verdict *v)
{
    struct chip_bench b;
    bkf_error err = BKF_ERROR_INIT;
    const char *call;
    if (!bench_new(&b, k, v, 0))
        return;
    MUST(v, whole_job(&b, &call, &err) == BKF_OK, "%s: %s", call, err.message);
    uint64_t total = b.calls;
    bench_free(&b);
    uint64_t step = total > UNPLUG_POINTS ? total / UNPLUG_POINTS : 1;
    for (uint64_t n = 1; n <= total && v->kind == PASS; n += step)
        unplug_at(k, v, n);
}

static void extension_point(struct kit *k, struct verdict *v)
{
    struct chip_bench b;
    if (!k->chip->extension) {
        verdict_skip(v, "the class has no extension()");
        return;
    }
    if (!bench_new(&b, k, v, 0))
        return;
    MUST(v, !k->chip->extension(b.chip, "com.example.none/1"),
         "extension() answers an id that nobody knows");
    bench_free(&b);
}

static void violations_point(struct kit *k, struct verdict *v)
{
    struct chip_bench b;
    bkf_error err = BKF_ERROR_INIT;
    const char *call;
    const struct violation *list;
    if (!bench_new(&b, k, v, 0))
        return;
    MUST(v, whole_job(&b, &call, &err) == BKF_OK, "%s: %s", call, err.message);
    MUST(v, bench_detach(&b, &err) == BKF_OK, "detach: %s", err.message);
    size_t n = device_violations(b.dev, &list);
    MUST(v, n == 0, "%zu breaches of the flash's protocol, the first: %s: %s", n,
         violation_kind_name(list[0].kind), list[0].text);
    bench_free(&b);
}

void chip_points(struct kit *k)
{
    kit_point(k, "chip.create", create_point);
    kit_point(k, "chip.no-links", no_links_point);
    kit_point(k, "chip.churn", churn_point);
    kit_point(k, "chip.attach", attach_point);
    kit_point(k, "chip.probe", probe_point);
    kit_point(k, "chip.windows", windows_point);
    kit_point(k, "chip.dead-target", dead_target_point);
    kit_point(k, "chip.read", read_point);
    kit_point(k, "chip.outside", outside_point);
    kit_point(k, "chip.windows-kept", windows_kept_point);
    kit_point(k, "chip.erase", erase_point);
    kit_point(k, "chip.program", program_point);
    kit_point(k, "chip.no-implicit-erase", no_erase_point);
    kit_point(k, "chip.cancel", cancel_point);
    kit_point(k, "chip.unplug", unplug_point);
    kit_point(k, "chip.extension", extension_point);
    kit_point(k, "chip.protocol", violations_point);
}
