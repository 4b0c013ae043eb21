/* Partitions, entropy, blank areas and differences along one axis. */
#include "report_map.h"
#include "bytes.h"
#include <stdio.h>

enum {
    WIDTH = 1000,
    SECTOR = 4096,
    COLUMNS = 256,
    MAP_Y = 26,
    MAP_H = 44,
    ENT_Y = 118,
    ENT_H = 60
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

/* Small partitions get their name on a line of their own below the bar. */
static void part_boxes(const struct image_facts *f, struct strbuf *out)
{
    double next[2] = { 0, 0 };
    for (size_t i = 0; i < f->n_parts; i++) {
        const struct part_fact *s = &f->part[i];
        bkf_range have = { f->base, (uint32_t)(f->base + f->data_len) };
        bkf_range r = range_intersect(have, s->part->range);
        if (range_len(r) == 0)
            continue;
        double x = x_of(f, r.start), w = x_of(f, r.end) - x;
        size_t chars = strlen(s->part->name);
        bool inside = w > 8.0 * (double)chars + 8;
        strbuf_addf(
            out,
            "<rect class=\"%s\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" rx=\"2\"><title>",
            class_of(f, s), x, MAP_Y, w > 1.2 ? w - 0.8 : 0.8, MAP_H);
        html_text(out, s->part->name);
        strbuf_addf(out, " 0x%06x..0x%06x</title></rect>", s->part->range.start,
                    s->part->range.end);
        double label = inside ? x + w / 2 : x;
        int row = 0;
        if (!inside) {
            row = label >= next[0] ? 0 : 1;
            if (label < next[row])
                continue; /* no room: the table below names it */
            double place =
                label > WIDTH - 8.0 * (double)chars ? WIDTH - 8.0 * (double)chars : label;
            if (place < next[row])
                continue;
            label = place;
            next[row] = label + 7.5 * (double)chars + 6;
        }
        strbuf_addf(
            out, "<text x=\"%.2f\" y=\"%d\"%s>", label,
            inside ? MAP_Y + MAP_H / 2 + 4 : MAP_Y + MAP_H + 14 + 13 * row,
            inside ? " text-anchor=\"middle\" style=\"fill:#fff;paint-order:stroke;stroke:#0006;"
                     "stroke-width:2px\""
                   : "");
        html_text(out, s->part->name);
        strbuf_addf(out, "</text>");
    }
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

/* One column a 1/256 of the image: height is entropy, nothing where it is erased. */
static void entropy_bars(const struct image_facts *f, struct strbuf *out)
{
    size_t columns = f->data_len < COLUMNS ? f->data_len : COLUMNS;
    double w = (double)WIDTH / (double)columns;
    strbuf_addf(
        out,
        "<text class=\"s\" x=\"0\" y=\"%d\">entropy, 0 to 8 bits a byte; empty = erased</text>",
        ENT_Y - 5);
    strbuf_addf(out,
                "<rect x=\"0\" y=\"%d\" width=\"%d\" height=\"%d\" style=\"fill:var(--ent0)\"/>",
                ENT_Y, WIDTH, ENT_H);
    strbuf_addf(out, "<path style=\"fill:var(--ent1)\" d=\"");
    for (size_t i = 0; i < columns; i++) {
        size_t from = f->data_len * i / columns, to = f->data_len * (i + 1) / columns;
        if (bytes_are(f->data + from, to - from, 0xFF))
            continue;
        double h = entropy_of(f->data + from, to - from) / 8 * ENT_H;
        h = h < 1 ? 1 : h;
        strbuf_addf(out, "M%.2f %.2fh%.2fv%.2fh-%.2fz", (double)i * w, ENT_Y + ENT_H - h, w, h, w);
    }
    strbuf_addf(out, "\"/>");
}

static void difference_marks(const struct image_facts *f, const struct image_facts *o,
                             struct strbuf *out)
{
    int y = ENT_Y + ENT_H + 22;
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
                   { "keys", "keys, calibration" }, { "none", "erased" } };
    if (f->data_len == 0)
        return;
    int height = ENT_Y + ENT_H + (other ? 40 : 4);
    strbuf_addf(
        out,
        "<h2>Flash map</h2><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"flash map to "
        "scale\">",
        WIDTH, height);
    axis(f, out);
    strbuf_addf(out, "<rect class=\"z\" x=\"0\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"2\"/>",
                MAP_Y, WIDTH, MAP_H);
    part_boxes(f, out);
    entropy_bars(f, out);
    if (other)
        difference_marks(f, other, out);
    strbuf_addf(out, "</svg><p class=\"legend\">");
    for (size_t i = 0; i < ARRAY_LEN(legend); i++)
        strbuf_addf(out, "<span><i class=\"sw\" style=\"background:var(--%s)\"></i>%s</span> ",
                    legend[i].color, legend[i].name);
    strbuf_addf(out, "</p>");
}
