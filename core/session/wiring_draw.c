/* wiring_draw.c - the wiring as a drawing: plain ASCII for the terminal, SVG for a page. */
#include "wiring.h"
#include <stdio.h>
#include <string.h>

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* "D2 (pin 17)" */
static void adapter_label(const json_t *row, char *out, size_t cap)
{
    const char *pin = text(row, "pin");
    snprintf(out, cap, "%s%s%s%s", text(row, "line"), *pin ? " (" : "", pin, *pin ? ")" : "");
}

static size_t widest(json_t *rows, size_t least)
{
    size_t w = least, i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        char label[80];
        adapter_label(row, label, sizeof label);
        w = strlen(label) > w ? strlen(label) : w;
    }
    return w;
}

static size_t widest_pad(json_t *rows, size_t least)
{
    size_t w = least, i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        size_t n = strlen(text(row, "pad"));
        w = n > w ? n : w;
    }
    return w;
}

static void rule(struct strbuf *sb, size_t left, size_t right)
{
    strbuf_addf(sb, "  +");
    for (size_t i = 0; i < left + 2; i++)
        strbuf_add(sb, "-", 1);
    strbuf_addf(sb, "+              +");
    for (size_t i = 0; i < right + 2; i++)
        strbuf_add(sb, "-", 1);
    strbuf_addf(sb, "+\n");
}

static const char *arrow(const json_t *row)
{
    const char *from = text(row, "from");
    if (strcmp(from, "adapter") == 0)
        return "------------->";
    return strcmp(from, "board") == 0 ? "<-------------" : "--------------";
}

char *wiring_ascii(json_t *w)
{
    struct strbuf sb = STRBUF_INIT;
    json_t *rows = json_object_get(w, "rows"), *warnings = json_object_get(w, "warnings");
    const char *adapter = text(w, "adapter"), *board = text(w, "profile");
    size_t left = widest(rows, strlen(adapter)), right = widest_pad(rows, strlen(board)), i;
    json_t *row;
    strbuf_addf(&sb, "    %-*s                 %s\n", (int)left, adapter, board);
    rule(&sb, left, right);
    json_array_foreach(rows, i, row)
    {
        char label[80];
        adapter_label(row, label, sizeof label);
        strbuf_addf(&sb, "  | %-*s |%s| %-*s |  %s%s\n", (int)left, label, arrow(row), (int)right,
                    text(row, "pad"), text(row, "words"),
                    json_is_true(json_object_get(row, "inverted")) ? ", inverted" : "");
    }
    rule(&sb, left, right);
    json_array_foreach(warnings, i, row) strbuf_addf(&sb, "  ! %s\n", json_string_value(row));
    return strbuf_take(&sb);
}

/* ---- SVG ---- */

enum { ROW = 34, TOP = 96, LEFT_X = 30, GAP = 200, RIGHT_W = 400, CHAR_W = 9, LINE = 22 };

static void add_escaped(struct strbuf *sb, const char *s)
{
    for (; *s; s++) {
        if (*s == '<')
            strbuf_addf(sb, "&lt;");
        else if (*s == '>')
            strbuf_addf(sb, "&gt;");
        else if (*s == '&')
            strbuf_addf(sb, "&amp;");
        else if (*s == '"')
            strbuf_addf(sb, "&quot;");
        else
            strbuf_add(sb, s, 1);
    }
}

static void add_text(struct strbuf *sb, int x, int y, const char *class, const char *s)
{
    strbuf_addf(sb, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
    add_escaped(sb, s);
    strbuf_addf(sb, "</text>\n");
}

/* A wire's colour tells its kind, its label tells the rest. */
static const char *colour(const char *signal)
{
    static const char *const table[][2] = {
        { "gnd", "#222222" }, { "power", "#c62828" }, { "cen", "#ef6c00" },
        { "sck", "#1565c0" }, { "mosi", "#2e7d32" },  { "miso", "#6a1b9a" },
        { "cs0", "#00838f" }, { "rx", "#2e7d32" },    { "tx", "#6a1b9a" },
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strcmp(table[i][0], signal) == 0)
            return table[i][1];
    return "#555555";
}

static void add_wire(struct strbuf *sb, const json_t *row, int x0, int y)
{
    int x1 = x0 + GAP;
    const char *c = colour(text(row, "signal")), *from = text(row, "from");
    char label[80];
    adapter_label(row, label, sizeof label);
    add_text(sb, x0 - 14, y + 5, "pin end", label);
    add_text(sb, x1 + 14, y + 5, "pin", text(row, "pad"));
    add_text(sb, x1 + 96, y + 5, "words", text(row, "words"));
    strbuf_addf(sb, "<path d=\"M%d %dH%d\" stroke=\"%s\" class=\"wire\"/>\n", x0, y, x1, c);
    strbuf_addf(sb,
                "<circle cx=\"%d\" cy=\"%d\" r=\"5\" fill=\"%s\"/>"
                "<circle cx=\"%d\" cy=\"%d\" r=\"5\" fill=\"%s\"/>\n",
                x0, y, c, x1, y, c);
    int mid = x0 + GAP / 2;
    if (strcmp(from, "adapter") == 0)
        strbuf_addf(sb, "<path d=\"M%d %dl-12 -6v12z\" fill=\"%s\"/>\n", mid + 6, y, c);
    else if (strcmp(from, "board") == 0)
        strbuf_addf(sb, "<path d=\"M%d %dl12 -6v12z\" fill=\"%s\"/>\n", mid - 6, y, c);
}

/* Text over several lines, cut at blanks; returns how many there are.  sb NULL only counts. */
static int add_wrapped(struct strbuf *sb, int y, const char *s, size_t width)
{
    int lines = 0;
    while (*s) {
        size_t n = strlen(s), cut = n;
        if (n > width) {
            for (cut = width; cut && s[cut] != ' ';)
                cut--;
            cut = cut ? cut : width;
        }
        char line[256];
        snprintf(line, sizeof line, "%s%.*s", lines ? "    " : "", (int)cut, s);
        if (sb)
            add_text(sb, LEFT_X, y + lines * LINE, "warn", line);
        lines++;
        s += cut;
        s += *s == ' ';
    }
    return lines;
}

char *wiring_svg(json_t *w)
{
    struct strbuf sb = STRBUF_INIT;
    json_t *rows = json_object_get(w, "rows"), *warnings = json_object_get(w, "warnings"), *row;
    int left = (int)widest(rows, 20) * CHAR_W + 40, m = 0;
    int box = (int)json_array_size(rows) * ROW + 16, width = LEFT_X * 2 + left + GAP + RIGHT_W;
    size_t i, columns = (size_t)(width - 2 * LEFT_X) / 8;
    json_array_foreach(warnings, i, row) m += add_wrapped(NULL, 0, json_string_value(row), columns);
    int height = TOP + box + 34 + m * LINE + 16;
    strbuf_addf(&sb,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
                "height=\"%d\" role=\"img\">\n<style>text{font:15px sans-serif;fill:#1b1b1b;"
                "white-space:pre}.title{font-weight:bold;font-size:19px}.pin{font-family:monospace;"
                "font-weight:bold}.end{text-anchor:end}.words{fill:#555;font-size:13px}"
                ".warn{font-size:14px;fill:#8a3b00}.wire{stroke-width:3;fill:none}</style>\n"
                "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
                width, height, width, height, width, height);
    char title[200];
    snprintf(title, sizeof title, "%s: %s wiring", text(w, "title"), text(w, "transport"));
    add_text(&sb, LEFT_X, 34, "title", title);
    const int boxes[2][2] = { { LEFT_X, left }, { LEFT_X + left + GAP, RIGHT_W } };
    for (int b = 0; b < 2; b++)
        strbuf_addf(&sb,
                    "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#f4f6f8\" "
                    "stroke=\"#90a4ae\"/>\n",
                    boxes[b][0], TOP, boxes[b][1], box);
    add_text(&sb, LEFT_X, TOP - 14, "pin", text(w, "adapter"));
    add_text(&sb, LEFT_X + left + GAP, TOP - 14, "pin", text(w, "profile"));
    json_array_foreach(rows, i, row)
        add_wire(&sb, row, LEFT_X + left, TOP + 8 + (int)i * ROW + ROW / 2);
    int y = TOP + box + 34;
    json_array_foreach(warnings, i, row) y +=
        LINE * add_wrapped(&sb, y, json_string_value(row), columns);
    strbuf_addf(&sb, "</svg>\n");
    return strbuf_take(&sb);
}
