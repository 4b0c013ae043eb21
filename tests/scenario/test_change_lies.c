/* A small write on flash that does not do as it says.  Each case ends with success and the
 * right bytes, or with an error that names the cause; never with success and wrong bytes.
 * Nothing outside the request changes, and the protection is as it was, in any case. */
#include "change_world.h"

struct route {
    const char *chip, *route;
};

/* Violations that follow from the lie, not from the client. */
#define U "tolerate=unerased"
#define B "tolerate=busy,abort,uart-overrun,uart-baud"
#define L "tolerate=length"
#define P "tolerate=protected"

static const struct route spi_route = { "bk7252", "" };
static const struct route loader_route = { "bk7252", "uart" };
static const struct route rom_route = { "bk7231n", "uart" };

struct lie {
    const char *name, *options[4];
    int code;          /* what the write ends with */
    const char *cause; /* the error says so; NULL when code is 0 */
    long status;       /* of the registers afterwards */
};

/* What the application leaves behind at boot, and the loader in flash with every checksum. */
enum { AS_BOOTED = 0x4004, AS_CHECKED = 0x7C };

/* Only the request may differ from what was there. */
static bool outside_is_untouched(const struct world *w)
{
    uint8_t *data;
    size_t len;
    assert_int_equal(file_read(w->flash, SIZE, &data, &len, NULL), 0);
    bool same = memcmp(data, w->before, APP) == 0 &&
                memcmp(data + APP + APP_LEN, w->before + APP + APP_LEN, SIZE - APP - APP_LEN) == 0;
    free(data);
    return same;
}

/* The loader in flash does not show what it changes, so nobody claims it is as before. */
static bool says_so(const struct outcome *out, bool by_loader)
{
    const char *text = json_string_value(json_object_get(out->report, "protection"));
    const json_t *restored = json_object_get(out->report, "protection_restored");
    return by_loader ? text && strstr(text, "as the loader sets it") && json_is_null(restored)
                     : text && strcmp(text, "as before") == 0 && json_is_true(restored);
}

static bool try_lie(const struct world *w, const struct lie *l)
{
    struct job j = { .verb = WRITE };
    struct outcome out;
    const char *wrong = NULL;
    size_t at = SIZE;
    memcpy(j.options, l->options, sizeof l->options);
    world_reset(w);
    world_observe(w, &j, &out);
    /* WIP and WEL are states, not settings. */
    long now = out.device ? (long)counter(&out, "status") & ~3L : -1;
    if (out.code != l->code)
        wrong = "another exit code";
    else if (out.code == 0 && !world_flash_is(w, w->after, &at))
        wrong = "success with wrong bytes";
    else if (out.code && !strstr(out.message, l->cause))
        wrong = "the cause is not named";
    else if (!outside_is_untouched(w))
        wrong = "bytes outside the request have changed";
    else if (now != l->status)
        wrong = "the protection is not as it was";
    else if (out.code == 0 &&
             !says_so(&out, w->route == loader_route.route && w->chip == loader_route.chip))
        wrong = "the report is wrong about the protection";
    printf("%s %s, %s: exit %d, status %lX%s%s%s\n", w->chip, *w->route ? w->route : "spi", l->name,
           out.code, now, *out.message ? ": " : "", out.message, wrong ? "" : " - right");
    if (wrong)
        print_error("%s %s, %s: %s (first wrong byte 0x%zx)\n", w->chip, w->route, l->name, wrong,
                    at);
    outcome_free(&out);
    return !wrong;
}

static void try_all(const struct route *r, const struct lie *lies, size_t n)
{
    struct world *w = calloc(1, sizeof *w);
    size_t wrong = 0;
    world_make(w, r->chip, r->route);
    for (size_t i = 0; i < n; i++)
        wrong += !try_lie(w, &lies[i]);
    world_free(w);
    free(w);
    assert_int_equal(wrong, 0);
}

static void spi(void **state)
{
    (void)state;
    static const struct lie lies[] = {
        { "refuses a bit", { "lie=stuckbit:0x12010:0" }, 31, "0x012000", AS_BOOTED },
        { "erases nothing once", { "lie=noerase:0x14000:1", U }, 0, NULL, AS_BOOTED },
        { "never erases", { "lie=noerase:0x14000", U }, 31, "0x014000", AS_BOOTED },
        { "erases nothing", { "lie=noerase:all", U }, 31, "cannot be written", AS_BOOTED },
        { "programs nothing", { "lie=noprogram" }, 31, "cannot be written", AS_BOOTED },
        { "drops every third page", { "lie=noprogram:3" }, 31, "cannot be written", AS_BOOTED },
        { "drops one page", { "lie=noprogram:50" }, 0, NULL, AS_BOOTED },
        { "stays busy at the status", { "lie=wip:3", B }, 21, "status register write", AS_BOOTED },
        { "stays busy at an erase", { "lie=wip:20", B }, 21, "stays busy", AS_BOOTED },
        { "status does not change", { "lie=sr", "sr=0x7c" }, 30, "status registers stay", 0x7C },
        { "locked by SRP0", { "lie=sr", "sr=0xfc" }, 30, "SRP0", 0xFC },
        { "locked by SRP1", { "lie=sr", "sr=0x17c" }, 30, "SRP1", 0x17C },
        { "ignores two bytes", { "wrsr=one,31", "sr=0x407c", L }, 0, NULL, 0x407C },
        { "drops surplus", { "wrsr=one,31", "wrsr_extra=ignore", "sr=0x407c" }, 0, NULL, 0x407C },
        { "clears SR2", { "wrsr=one,31", "wrsr1=clear", "sr=0x27c", L }, 0, NULL, 0x27C },
        { "one byte only", { "wrsr=one", "wrsr1=clear", "sr=0x7c", L }, 0, NULL, 0x7C },
        { "as Beken leaves it", { "sr=0x4004" }, 0, NULL, 0x4004 },
        { "QE and BP", { "sr=0x27c" }, 0, NULL, 0x27C },
    };
    try_all(&spi_route, lies, ARRAY_LEN(lies));
}

/* The same, as far as a loader lets it through.  The loader in flash takes the protection
 * away and sets its own with each checksum; nobody else can write the registers there. */
static void uart_loader(void **state)
{
    (void)state;
    static const struct lie lies[] = {
        { "refuses a bit", { "lie=stuckbit:0x12010:0" }, 31, "0x012000", AS_CHECKED },
        { "erases nothing once", { "lie=noerase:0x14000:1", U }, 0, NULL, AS_CHECKED },
        { "never erases", { "lie=noerase:0x14000", U }, 31, "0x014000", AS_CHECKED },
        { "erases nothing", { "lie=noerase:all", U }, 31, "cannot be written", AS_CHECKED },
        { "programs nothing", { "lie=noprogram" }, 31, "cannot be written", AS_CHECKED },
        { "drops every third page", { "lie=noprogram:3" }, 31, "cannot be written", AS_CHECKED },
        { "drops one page", { "lie=noprogram:50" }, 0, NULL, AS_CHECKED },
        { "stays busy", { "lie=wip:20", B }, 31, "which this route cannot show", AS_CHECKED },
        { "status does not change", { "lie=sr", "sr=0x7c", P }, 31, "protected", 0x7C },
        { "as Beken leaves it", { "sr=0x4004" }, 0, NULL, AS_CHECKED },
        { "QE and BP", { "sr=0x27c" }, 0, NULL, AS_CHECKED },
    };
    try_all(&loader_route, lies, ARRAY_LEN(lies));
}

static void uart_rom(void **state)
{
    (void)state;
    static const struct lie lies[] = {
        { "refuses a bit", { "lie=stuckbit:0x12010:0" }, 31, "0x012000", AS_BOOTED },
        { "erases nothing once", { "lie=noerase:0x14000:1", U }, 0, NULL, AS_BOOTED },
        { "never erases", { "lie=noerase:0x14000", U }, 31, "0x014000", AS_BOOTED },
        { "erases nothing", { "lie=noerase:all", U }, 31, "cannot be written", AS_BOOTED },
        { "programs nothing", { "lie=noprogram" }, 31, "cannot be written", AS_BOOTED },
        { "drops every third page", { "lie=noprogram:3" }, 31, "cannot be written", AS_BOOTED },
        { "drops one page", { "lie=noprogram:50" }, 0, NULL, AS_BOOTED },
        { "stays busy at an erase", { "lie=wip:3", B }, 21, "stays busy", 0 },
        { "stays busy at a program", { "lie=wip:20", B }, 21, "stays busy", 0 },
        { "status does not change",
          { "lie=sr", "sr=0x7c", P },
          30,
          "keeps its status at 0x007C",
          0x7C },
        { "locked by SRP0", { "lie=sr", "sr=0xfc", P }, 30, "SRP bits", 0xFC },
        { "ignores two bytes", { "wrsr=one,31", "sr=0x407c", L }, 0, NULL, 0x407C },
        { "clears SR2", { "wrsr=one,31", "wrsr1=clear", "sr=0x27c", L }, 0, NULL, 0x27C },
        { "as Beken leaves it", { "sr=0x4004" }, 0, NULL, 0x4004 },
        { "QE and BP", { "sr=0x27c" }, 0, NULL, 0x27C },
    };
    try_all(&rom_route, lies, ARRAY_LEN(lies));
}

int main(void)
{
    world_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spi),
        cmocka_unit_test(uart_loader),
        cmocka_unit_test(uart_rom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
