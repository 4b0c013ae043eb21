/* device.c - the parts put together: options, flash array, die, gate. */
#include "device_priv.h"
#include "synth.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SR_BYTES = 4, SR_VALID = 0xA5 };

static bool parse_jedec(const char *s, uint32_t *out)
{
    char *end;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        s += 2;
    }
    size_t len = strlen(s);
    *out = (uint32_t)strtoul(s, &end, 16);
    return len >= 1 && len <= 6 && !*end && *s != '-' && *s != '+';
}

/* "one,two,31,11" */
static bool parse_wrsr(const char *s, struct nor_config *c)
{
    c->wrsr_one = c->wrsr_two = c->wrsr31 = c->wrsr11 = false;
    while (*s) {
        size_t n = strcspn(s, ",");
        bool *flag = n == 3 && !strncmp(s, "one", 3)   ? &c->wrsr_one
                     : n == 3 && !strncmp(s, "two", 3) ? &c->wrsr_two
                     : n == 2 && !strncmp(s, "31", 2)  ? &c->wrsr31
                     : n == 2 && !strncmp(s, "11", 2)  ? &c->wrsr11
                                                       : NULL;
        if (!flag) {
            return false;
        }
        *flag = true;
        s += n + (s[n] == ',');
    }
    return true;
}

static bool set_times(const struct device_config *o, struct nor_config *c, char err[256])
{
    if (*o->timing.s && !nor_times_named(o->timing.s, c->size, &c->times)) {
        (void)snprintf(err, 256, "device option timing=%s: expected default, puya or slow",
                       o->timing.s);
        return false;
    }
    struct nor_times *t = &c->times;
    t->program = config_or(o->t_pp, t->program);
    t->erase_4k = config_or(o->t_se, t->erase_4k);
    t->erase_32k = config_or(o->t_be32, t->erase_32k);
    t->erase_64k = config_or(o->t_be, t->erase_64k);
    t->chip_erase = config_or(o->t_ce, t->chip_erase);
    t->status_write = config_or(o->t_w, t->status_write);
    c->busy_jitter = o->jitter.v;
    return true;
}

static void set_dialect(const struct device_config *o, struct nor_config *c)
{
    if (config_or(o->style, 0)) {
        c->style = (enum nor_style)(o->style.v - 1);
    }
    c->one_byte = (enum nor_sr2_on_01)config_or(o->wrsr1, c->one_byte);
    c->extra = (enum nor_extra)config_or(o->wrsr_extra, c->extra);
    c->echo = (enum nor_echo)config_or(o->rdsr2, c->echo);
    c->tail = (enum nor_tail)config_or(o->rdid_tail, c->tail);
    c->erase_32k = config_or(o->erase32, c->erase_32k);
    c->sfdp = config_or(o->sfdp, c->sfdp);
    c->volatile_50 = config_or(o->volatile50, c->volatile_50);
    c->soft_reset = config_or(o->softreset, c->soft_reset);
    c->uid_len = (unsigned)config_or(o->uid, c->uid_len);
    c->crm = config_or(o->crm, 0);
    c->max_hz = (uint32_t)config_or(o->f_max, c->max_hz);
    c->seed = config_or(o->seed, 1);
}

static bool die_config(const struct device_config *o, struct nor_config *c, char err[256])
{
    uint32_t size = (uint32_t)(config_or(o->size, 0) > UINT32_MAX ? 1 : config_or(o->size, 0));
    uint32_t jedec = nor_part_for_size(size);
    if (*o->jedec.s && !parse_jedec(o->jedec.s, &jedec)) {
        (void)snprintf(err, 256, "device option jedec=%s: expected six hex digits such as 0B4016",
                       o->jedec.s);
        return false;
    }
    if (!jedec) {
        jedec = nor_part_for_size(size); /* the profile does not say */
    }
    (void)nor_part_defaults(jedec, c);
    if (size || !c->size) {
        c->size = size ? size : 4u << 20;
    }
    if (*o->wrsr.s && !parse_wrsr(o->wrsr.s, c)) {
        (void)snprintf(err, 256, "device option wrsr=%s: expected a list of one, two, 31, 11",
                       o->wrsr.s);
        return false;
    }
    c->sr_count = (unsigned)config_or(o->sr_count, c->sr_count);
    set_dialect(o, c);
    if (c->uid_len != 0 && c->uid_len != 8 && c->uid_len != 16) {
        (void)snprintf(err, 256, "device option uid: expected 0, 8 or 16");
        return false;
    }
    (void)nor_times_named(c->page_erase ? "puya" : "default", c->size, &c->times);
    return set_times(o, c, err) && nor_lie_parse(o->lie.s, &c->lie, err);
}

static bool load_image(struct device *d, const char *path, char err[256])
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        (void)snprintf(err, 256, "cannot open image %s: %s", path, strerror(errno));
        return false;
    }
    size_t got = fread(d->flash, 1, d->size, f);
    bool more = got == d->size && fgetc(f) != EOF, bad = ferror(f) != 0;
    (void)fclose(f);
    if (bad || more || !got) {
        (void)snprintf(err, 256,
                       bad    ? "cannot read image %s"
                       : more ? "image %s is larger than the %zu bytes of flash (option size)"
                              : "image %s is empty",
                       path, d->size);
        return false;
    }
    return true;
}

/* Without an image: one made from the profile.  A plain NOR chip starts erased. */
static bool make_image(struct device *d, char err[256])
{
    const struct device_config *o = &d->opt;
    bool plain = o->gate.given && !o->gate.v;
    if (config_or(o->blank, plain)) {
        return true;
    }
    return synth_image(d->flash, d->size, o->partitions.s, *o->chip.s ? o->chip.s : "bk7252",
                       config_or(o->seed, 1), err);
}

static bool blank(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

/* The application, if there is one, has protected the flash long ago. */
static void set_firmware(struct device *d)
{
    const struct device_config *o = &d->opt;
    const struct nor_config *die = nor_config(d->die);
    uint64_t how = config_or(o->firmware, 0);
    bool runs = how == 1 || (how == 0 && !blank(d->flash, 256));
    uint32_t protect = die->style == NOR_STYLE_EN25                        ? 0x7C
                       : die->style == NOR_STYLE_MX25                      ? 0x38
                       : die->style == NOR_STYLE_W25Q && die->sr_count > 1 ? 0x4004
                       : die->style == NOR_STYLE_W25Q                      ? 0x7C
                                                                           : 0;
    d->gate.firmware = runs;
    d->gate.sr_boot = (uint32_t)config_or(o->sr_boot, protect);
    uint32_t start = runs && !d->gate.plain ? d->gate.sr_boot : 0;
    bool kept = d->sr && d->sr[3] == SR_VALID;
    if (d->sr) {
        nor_keep_status(d->die, d->sr);
        d->sr[3] = SR_VALID;
    }
    if (!kept) {
        nor_force_status(d->die, (uint32_t)config_or(o->sr, start));
    }
    nor_power_cycle(d->die, false, d->clock->ns);
}

/* With save= the file is the flash: a process that is killed leaves in it what the chip
 * would hold.  Bytes that are there already stay (image= may name the same file). */
static bool map_flash(struct device *d, char err[256])
{
    int fd = open(d->opt.save.s, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    struct stat sb;
    void *p = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &sb) == 0 && ftruncate(fd, (off_t)d->size) == 0) {
        p = mmap(NULL, d->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (p == MAP_FAILED) {
        (void)snprintf(err, 256, "cannot map %s: %s", d->opt.save.s, strerror(errno));
    } else {
        d->flash = p;
        d->mapped = true;
        if ((size_t)sb.st_size < d->size) {
            memset(d->flash + sb.st_size, 0xFF, d->size - (size_t)sb.st_size);
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return p != MAP_FAILED;
}

/* Three registers and a mark that they were written once. */
static bool map_status(struct device *d, char err[256])
{
    if (!*d->opt.save_sr.s) {
        return true;
    }
    int fd = open(d->opt.save_sr.s, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    void *p = fd >= 0 && ftruncate(fd, SR_BYTES) == 0
                  ? mmap(NULL, SR_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                  : MAP_FAILED;
    if (p == MAP_FAILED) {
        (void)snprintf(err, 256, "cannot map %s: %s", d->opt.save_sr.s, strerror(errno));
    } else {
        d->sr = p;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return p != MAP_FAILED;
}

/* A device that was saved goes on where it was, unless another start is asked for. */
static void start_where_saved(struct device_config *o)
{
    struct stat sb;
    bool fresh = *o->image.s || config_or(o->blank, 0);
    if (!fresh && *o->save.s && stat(o->save.s, &sb) == 0 && sb.st_size > 0) {
        o->image.s = o->save.s;
    }
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool take_flash(struct device *d, char err[256])
{
    if (*d->opt.save.s) {
        bool keep = *d->opt.image.s && same_file(d->opt.image.s, d->opt.save.s);
        if (!map_flash(d, err)) {
            return false;
        }
        if (!keep) {
            memset(d->flash, 0xFF, d->size);
        }
        return true;
    }
    d->flash = d->size ? malloc(d->size) : NULL;
    if (!d->flash) {
        (void)snprintf(err, 256, "no memory for %zu bytes of flash", d->size);
        return false;
    }
    memset(d->flash, 0xFF, d->size);
    return true;
}

static bool build(struct device *d, char err[256])
{
    struct nor_config die;
    char bad[32];
    if (!die_config(&d->opt, &die, err)) {
        return false;
    }
    if (!violation_kinds_parse(d->opt.tolerate.s, &d->log.tolerated, bad)) {
        (void)snprintf(err, 256, "device option tolerate: '%s' is not a kind of violation", bad);
        return false;
    }
    d->size = die.size;
    if (!take_flash(d, err) || !map_status(d, err)) {
        return false;
    }
    d->die = nor_new(&die, d->flash, &d->log, err);
    if (!d->die || !(*d->opt.image.s ? load_image(d, d->opt.image.s, err) : make_image(d, err))) {
        return false;
    }
    gate_init(&d->gate, &d->opt, d->die, d->clock, &d->log);
    set_firmware(d);
    return loader_init(&d->uart, d, err);
}

static void discard(struct device *d)
{
    loader_free(&d->uart);
    nor_free(d->die);
    violation_free(&d->log);
    config_free(&d->opt);
    if (d->sr) {
        (void)munmap(d->sr, SR_BYTES);
    }
    if (d->mapped) {
        (void)munmap(d->flash, d->size);
    } else {
        free(d->flash);
    }
    free(d);
}

struct device *device_new(struct vclock *clock, const struct device_option *opt, size_t n,
                          char err[256])
{
    struct device *d = calloc(1, sizeof *d);
    if (!d) {
        (void)snprintf(err, 256, "out of memory");
        return NULL;
    }
    d->clock = clock;
    err[0] = 0;
    if (!config_parse(&d->opt, opt, n, err)) {
        free(d);
        return NULL;
    }
    start_where_saved(&d->opt);
    if (!build(d, err)) {
        discard(d);
        return NULL;
    }
    return d;
}

static void write_file(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (f) {
        (void)fwrite(p, 1, n, f);
        (void)fclose(f);
    }
}

/* The board stays powered when its host has gone: what is under way ends, a loader left alone
 * starts over, an application boots and writes the status registers. */
static void run_on(struct device *d)
{
    d->clock->ns += 1000000000u;
    gate_settle(&d->gate);
    loader_settle(&d->uart, d->clock->ns);
    gate_settle(&d->gate);
}

void device_free(struct device *d)
{
    if (!d) {
        return;
    }
    if (*d->opt.report.s) {
        char *text = device_report(d);
        if (text) {
            write_file(d->opt.report.s, text, strlen(text));
        }
        free(text);
    }
    run_on(d);
    discard(d);
}

/* -- nets ----------------------------------------------------------------------------- */
void device_set_cen(struct device *d, unsigned level)
{
    loader_settle(&d->uart, d->clock->ns);
    if (gate_set_cen(&d->gate, level)) {
        loader_reset(&d->uart, d->clock->ns);
    }
}

void device_set_cs(struct device *d, unsigned level)
{
    gate_set_cs(&d->gate, level);
}

void device_set_sck(struct device *d, unsigned level)
{
    /* a floating clock has no edges */
    gate_set_sck(&d->gate, level == NET_FLOAT ? d->gate.sck : level);
}

void device_set_mosi(struct device *d, unsigned level)
{
    gate_set_mosi(&d->gate, level);
}

unsigned device_miso(struct device *d)
{
    return gate_miso(&d->gate);
}

unsigned device_miso_read(struct device *d)
{
    return gate_miso_read(&d->gate);
}

void device_spi_xfer(struct device *d, unsigned mode, uint32_t hz, const uint8_t *tx, uint8_t *rx,
                     size_t n)
{
    gate_xfer(&d->gate, mode, hz, tx, rx, n * 8);
}

void device_spi_xfer_bits(struct device *d, unsigned mode, uint32_t hz, const uint8_t *tx,
                          uint8_t *rx, size_t bits)
{
    gate_xfer(&d->gate, mode, hz, tx, rx, bits);
}

void device_power_cycle(struct device *d)
{
    loader_settle(&d->uart, d->clock->ns);
    gate_power_cycle(&d->gate);
    loader_reset(&d->uart, d->clock->ns);
}

/* -- looking in ----------------------------------------------------------------------- */
const uint8_t *device_flash(const struct device *d, size_t *size)
{
    if (size) {
        *size = d->size;
    }
    return d->flash;
}

size_t device_violations(const struct device *d, const struct violation **list)
{
    if (list) {
        *list = d->log.items;
    }
    return d->log.n;
}

uint32_t device_violation_count(const struct device *d, unsigned kind)
{
    return kind < VIOLATION_KINDS ? d->log.count[kind] : 0;
}

uint32_t device_resets(const struct device *d)
{
    return d->gate.resets;
}

uint32_t device_flash_status(struct device *d)
{
    gate_settle(&d->gate);
    return nor_status(d->die, d->clock->ns);
}
