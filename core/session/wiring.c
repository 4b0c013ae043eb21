/* wiring.c - the facts of the wiring: rows of pad, signal and adapter pin, and warnings. */
#include "wiring.h"
#include <string.h>
#include <strings.h>

/* What a signal is for, in words a person at the bench knows. */
struct signal_words {
    const char *signal, *words, *from;
};
static const struct signal_words signals[] = {
    { "cen", "chip enable (reset)", "adapter" },   { "sck", "SPI clock", "adapter" },
    { "mosi", "SPI data to the chip", "adapter" }, { "miso", "SPI data from the chip", "board" },
    { "cs0", "SPI chip select", "adapter" },       { "rx", "UART data to the chip", "adapter" },
    { "tx", "UART data from the chip", "board" },
};

static const struct signal_words *words_for(const char *signal)
{
    static const struct signal_words other = { "", "", "both" };
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        if (strcmp(signals[i].signal, signal) == 0)
            return &signals[i];
    return &other;
}

static const bkf_line_spec *line_for(const bkf_adapter_class *cls, const char *name)
{
    for (const bkf_line_spec *l = cls ? cls->lines : NULL; l && l->name; l++)
        if (strcasecmp(l->name, name) == 0 || (l->alias && strcasecmp(l->alias, name) == 0))
            return l;
    return NULL;
}

static int add_row(json_t *rows, const struct prof_pad *pad, const bkf_adapter_class *cls)
{
    const struct signal_words *w = words_for(pad->signal);
    const bkf_line_spec *line = line_for(cls, pad->line);
    return json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "line",
                                                 line ? line->name : pad->line, "pin",
                                                 line && line->pin ? line->pin : "", "signal",
                                                 pad->signal, "words", w->words, "pad", pad->pad,
                                                 "from", w->from, "inverted", pad->inverted));
}

static int add_power(json_t *rows)
{
    int bad = json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "line",
                                                    "GND", "pin", "", "signal", "gnd", "words",
                                                    "ground, always first", "pad", "GND", "from",
                                                    "both", "inverted", 0));
    return bad |
           json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "line",
                                                 "3.3V", "pin", "", "signal", "power", "words",
                                                 "300 mA or more, or the board's own supply", "pad",
                                                 "3V3", "from", "adapter", "inverted", 0));
}

static bool has_signal(const struct prof_route *r, const char *signal)
{
    for (size_t i = 0; i < r->n_pads; i++)
        if (strcmp(r->pads[i].signal, signal) == 0)
            return true;
    return false;
}

static void add_warnings(json_t *out, const struct prof_route *r, const bkf_adapter_class *cls)
{
    json_array_append_new(out, json_string("3.3 V logic only: 5 V on any pad destroys the chip"));
    json_array_append_new(out, json_string("keep the wires below 10 cm; connect ground first"));
    if (r->transport == TRANSPORT_SPI && !has_signal(r, "cen"))
        json_array_append_new(out,
                              json_string("no pad carries cen: you must reset the chip by hand "
                                          "while bkflash tries"));
    for (const char *const *c = cls ? cls->caveats : NULL; c && *c; c++)
        json_array_append_new(out, json_string(*c));
}

static const char *transport_name(enum transport t)
{
    return t == TRANSPORT_SPI    ? "SPI"
           : t == TRANSPORT_UART ? "UART"
           : t == TRANSPORT_LOG  ? "log"
                                 : "";
}

json_t *wiring_json(const struct bkf_profile *p, const struct prof_route *r,
                    const bkf_adapter_class *cls)
{
    json_t *rows = json_array(), *warnings = json_array();
    if (!rows || !warnings) {
        json_decref(rows);
        json_decref(warnings);
        return NULL;
    }
    int bad = add_power(rows);
    for (size_t i = 0; i < r->n_pads; i++)
        bad |= add_row(rows, &r->pads[i], cls);
    add_warnings(warnings, r, cls);
    json_t *doc = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "wiring", 1, "profile",
                            p->name, "title", p->title ? p->title : p->name, "route",
                            r->name ? r->name : "", "adapter", r->driver ? r->driver : "",
                            "summary", cls && cls->summary ? cls->summary : "", "transport",
                            transport_name(r->transport), "rows", rows, "warnings", warnings);
    if (doc && !bad)
        return doc;
    json_decref(doc);
    return NULL;
}
