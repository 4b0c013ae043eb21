/* Partitions, entropy, blank areas and differences along one axis. */
#include "report_map.h"
#include "bytes.h"
#include "report_labels.h"
#include <stdio.h>

enum {
    WIDTH = 1000,
    SECTOR = 4096,
    COLUMNS = 256,
    MAP_Y = 26,
    MAP_H = 44,
    ENT_H = 60,
    ROW_H = 14,
    LEAD = 7,
    CHAR_W = 7
};

static double x_of(const struct image_facts *f, uint32_t offset)
{
    return (double)WIDTH * (offset - f->base) / (double)f->data_len;
}

static const char *class_of(const struct image_facts *f, const struct part_fact *s)
{
    const char *n = s->part->name;
    if (s->blank || s->outside)
        return "z";
    if (s->part->range.start == 0)
        return "b";
    if (s->part->domain == DOMAIN_CRC)
        return s->part->range.start == f->app.at ? "c" : "c2";
    if (strncmp(n, "kv", 2) == 0 || strncmp(n, "rf", 2) == 0 || strncmp(n, "ota_meta", 8) == 0 ||
        strncmp(n, "tuya", 4) == 0)
        return "k";
    return "d";
}

static bkf_range seen(const struct image_facts *f, const struct image_partition *p)
{
    return range_intersect((bkf_range){ f->base, (uint32_t)(f->base + f->data_len) }, p->range);
}

static void part_boxes(const struct image_facts *f, struct strbuf *out)
{
    for (size_t i = 0; i < f->n_parts; i++) {
        const struct part_fact *s = &f->part[i];
        bkf_range r = seen(f, s->part);
        if (range_len(r) == 0)
            continue;
        double x = x_of(f, r.start), w = x_of(f, r.end) - x;
        strbuf_addf(
            out,
            "<rect class=\"%s\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" rx=\"2\"><title>",
            class_of(f, s), x, MAP_Y, w > 1.8 ? w - 0.8 : 1.0, MAP_H);
        html_text(out, s->part->name);
        strbuf_addf(out, " 0x%06x..0x%06x</title></rect>", s->part->range.start,
                    s->part->range.end);
    }
}

/* Names inside the boxes that hold them, the others below with a line.  Returns the rows. */
static int part_names(const struct image_facts *f, struct strbuf *out)
{
    struct report_label below[LAYOUT_PARTS];
    size_t n = 0;
    for (size_t i = 0; i < f->n_parts; i++) {
        const char *name = f->part[i].part->name;
        bkf_range r = seen(f, f->part[i].part);
        double x = x_of(f, r.start), w = x_of(f, r.end) - x, text = CHAR_W * (double)strlen(name);
        if (range_len(r) == 0)
            continue;
        if (w < text + 8) {
            below[n++] = (struct report_label){ .text = name, .at = x + w / 2, .width = text };
            continue;
        }
        strbuf_addf(out, "<text class=\"in\" x=\"%.2f\" y=\"%d\">", x + w / 2,
                    MAP_Y + MAP_H / 2 + 4);
        html_text(out, name);
        strbuf_addf(out, "</text>");
    }
    int rows = report_labels_place(below, n, WIDTH), bar = MAP_Y + MAP_H;
    for (size_t i = 0; i < n; i++) {
        const struct report_label *l = &below[i];
        int y = bar + LEAD + ROW_H * (l->row + 1);
        if (l->row < 0)
            continue; /* the table names it */
        strbuf_addf(out, "<path class=\"ln\" d=\"M%.2f %dL%.2f %dV%d\"/>", l->at, bar, l->foot,
                    bar + LEAD, y);
        strbuf_addf(out, "<text class=\"s out\" x=\"%.2f\" y=\"%d\"%s>",
                    l->left ? l->x + l->width : l->x, y, l->left ? " text-anchor=\"end\"" : "");
        html_text(out, l->text);
        strbuf_addf(out, "</text>");
    }
    return rows;
}

static void axis(const struct image_facts *f, struct strbuf *out)
{
    for (uint32_t i = 0; i <= 8; i++) {
        uint32_t at = f->base + (uint32_t)(f->data_len * i / 8);
        double x = (double)WIDTH * i / 8;
        strbuf_addf(out, "<text class=\"s\" x=\"%.1f\" y=\"16\" text-anchor=\"%s\">0x%x</text>", x,
                    i == 0   ? "start"
                    : i == 8 ? "end"
                             : "middle",
                    at);
    }
}

/* The image in 256 columns of one picture width. */
struct column {
    const uint8_t *p;
    size_t n;
    double x, w;
    bool blank;
};
static bool column_of(const struct image_facts *f, size_t i, struct column *c)
{
    size_t columns = f->data_len < COLUMNS ? f->data_len : COLUMNS;
    size_t from = f->data_len * i / columns, to = f->data_len * (i + 1) / columns;
    if (i >= columns)
        return false;
    *c = (struct column){ f->data + from, to - from, (double)WIDTH * (double)i / (double)columns,
                          (double)WIDTH / (double)columns,
                          bytes_are(f->data + from, to - from, 0xFF) };
    return true;
}

/* A veil over what is erased: the partition's colour shines through. */
static void erased_areas(const struct image_facts *f, struct strbuf *out)
{
    struct column c;
    strbuf_addf(out, "<path class=\"veil\" d=\"");
    for (size_t i = 0; column_of(f, i, &c); i++)
        if (c.blank)
            strbuf_addf(out, "M%.2f %dh%.2fv%dh-%.2fz", c.x, MAP_Y, c.w, MAP_H, c.w);
    strbuf_addf(out, "\"/>");
}

static void entropy_bars(const struct image_facts *f, int y, struct strbuf *out)
{
    struct column c;
    strbuf_addf(
        out,
        "<text class=\"s\" x=\"0\" y=\"%d\">entropy, 0 to 8 bits a byte; empty = erased</text>",
        y - 5);
    strbuf_addf(out,
                "<rect x=\"0\" y=\"%d\" width=\"%d\" height=\"%d\" style=\"fill:var(--ent0)\"/>", y,
                WIDTH, ENT_H);
    strbuf_addf(out, "<path style=\"fill:var(--ent1)\" d=\"");
    for (size_t i = 0; column_of(f, i, &c); i++) {
        if (c.blank)
            continue;
        double h = entropy_of(c.p, c.n) / 8 * ENT_H;
        h = h < 1 ? 1 : h;
        strbuf_addf(out, "M%.2f %.2fh%.2fv%.2fh-%.2fz", c.x, y + ENT_H - h, c.w, h, c.w);
    }
    strbuf_addf(out, "\"/>");
}

static void difference_marks(const struct image_facts *f, const struct image_facts *o, int y,
                             struct strbuf *out)
{
    strbuf_addf(
        out,
        "<text class=\"s\" x=\"0\" y=\"%d\">sectors that differ</text>"
        "<rect class=\"z\" x=\"0\" y=\"%d\" width=\"%d\" height=\"12\"/><path class=\"df\" d=\"",
        y - 5, y, WIDTH);
    for (size_t at = 0; at < f->data_len; at += SECTOR) {
        size_t n = f->data_len - at < SECTOR ? f->data_len - at : SECTOR;
        uint64_t flash = f->base + at;
        bool there = flash >= o->base && flash + n <= o->base + (uint64_t)o->data_len;
        if (there && memcmp(f->data + at, o->data + (flash - o->base), n) == 0)
            continue;
        double x = (double)WIDTH * (double)at / (double)f->data_len;
        strbuf_addf(out, "M%.2f %dh%.2fv12h-%.2fz", x, y, 1.0, 1.0);
    }
    strbuf_addf(out, "\"/>");
}

void report_map(const struct image_facts *f, const struct image_facts *other, struct strbuf *out)
{
    static const struct {
        const char *color, *name;
    } legend[] = { { "boot", "bootloader" },        { "code", "program" },
                   { "code2", "second program" },   { "data", "data" },
                   { "keys", "keys, calibration" }, { "none", "erased (pale)" } };
    if (f->data_len == 0)
        return;
    struct strbuf names = STRBUF_INIT;
    int rows = part_names(f, &names);
    int ent_y = MAP_Y + MAP_H + LEAD + ROW_H * rows + 26;
    int height = ent_y + ENT_H + (other ? 40 : 4);
    strbuf_addf(
        out,
        "<h2>Flash map</h2><div class=\"scroll map\"><svg viewBox=\"0 0 %d %d\" role=\"img\" "
        "aria-label=\"flash map to scale\">",
        WIDTH, height);
    axis(f, out);
    strbuf_addf(out, "<rect class=\"z\" x=\"0\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"2\"/>",
                MAP_Y, WIDTH, MAP_H);
    part_boxes(f, out);
    erased_areas(f, out);
    if (names.data)
        strbuf_add(out, names.data, names.len);
    out->failed |= names.failed;
    strbuf_free(&names);
    entropy_bars(f, ent_y, out);
    if (other)
        difference_marks(f, other, ent_y + ENT_H + 22, out);
    strbuf_addf(out, "</svg></div><p class=\"legend\">");
    for (size_t i = 0; i < ARRAY_LEN(legend); i++)
        strbuf_addf(out, "<span><i class=\"sw\" style=\"background:var(--%s)\"></i>%s</span> ",
                    legend[i].color, legend[i].name);
    strbuf_addf(out, "</p>");
}
