/* cmd_info.c - what is there. */
#include "cli.h"
#include <inttypes.h>
#include <string.h>

static void print_flash(const json_t *flash)
{
    const json_t *proof = json_object_get(flash, "size_proven_by");
    const json_t *status = json_object_get(flash, "status");
    const char *key;
    json_t *value;
    char size[32];
    bool named = *text_of(flash, "part"), id = *text_of(flash, "jedec");
    printf("flash      %s%s%s%s%s%s", text_of(flash, "part"), named ? ", " : "",
           id ? "JEDEC id " : "", text_of(flash, "jedec"), id ? ", " : "",
           size_text(number_of(flash, "size"), size));
    for (size_t i = 0; i < json_array_size(proof); i++)
        printf("%s%s", i ? ", " : " (", json_string_value(json_array_get(proof, i)));
    printf("%s\n", json_array_size(proof) ? ")" : "");
    if (json_object_get(flash, "unique_id"))
        printf("unique id  %s\n", text_of(flash, "unique_id"));
    if (json_object_size(status)) {
        printf("status    ");
        json_object_foreach((json_t *)status, key, value)
        {
            printf(" %s=%s", key, json_string_value(value));
        }
        printf("\n");
    }
}

static void print_ranges(const char *title, const json_t *list)
{
    if (!json_is_array(list))
        return;
    printf("%-10s", title);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *r = json_array_get(list, i);
        printf(" 0x%06x..0x%06x", (unsigned)number_of(r, "start"), (unsigned)number_of(r, "end"));
    }
    printf("%s\n", json_array_size(list) ? "" : " nothing");
}

static void print_partitions(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i);
        char size[32];
        uint64_t start = number_of(p, "start"), end = number_of(p, "end");
        printf("partition  %-12s 0x%06x..0x%06x  %s%s\n", text_of(p, "name"), (unsigned)start,
               (unsigned)end, size_text(end - start, size),
               json_is_true(json_object_get(p, "protect")) ? ", protected" : "");
    }
}

/* "BK7231N_1.0.1, Tuya key" */
static void print_bootloader(const json_t *boot)
{
    const char *version = text_of(boot, "bootloader_version"), *known = text_of(boot, "known_as");
    const char *key = text_of(json_object_get(boot, "key"), "name");
    if (!json_is_true(json_object_get(boot, "present"))) {
        printf("bootloader none: its first block is erased or damaged\n");
        return;
    }
    printf("bootloader %s, %s%s%s\n",
           *version ? version
           : *known ? known
                    : "no version text",
           *key ? key : text_of(json_object_get(boot, "key"), "state"), *key ? " key" : "",
           number_of(json_object_get(boot, "key"), "score") == 8 ? "" : " (uncertain)");
}

static void print_code(const json_t *code, const char *boot_key)
{
    size_t i;
    json_t *o;
    json_array_foreach((json_t *)code, i, o)
    {
        const char *key = text_of(o, "key");
        printf("program    %-12s 0x%06x  ", text_of(o, "name"), (unsigned)number_of(o, "start"));
        if (json_is_true(json_object_get(o, "blank")))
            printf("erased\n");
        else if (!number_of(o, "blocks_good"))
            printf("no code: its first block has a bad CRC\n");
        else
            printf("code, %s%s%s\n", *key ? key : text_of(o, "key_state"), *key ? " key" : "",
                   *key && *boot_key && strcmp(key, boot_key) != 0
                       ? ": not the bootloader's, it will not boot"
                       : "");
    }
}

static void print_content(const json_t *doc)
{
    const json_t *boot = json_object_get(doc, "boot"), *ota = json_object_get(doc, "ota");
    const json_t *rf = json_array_get(json_object_get(doc, "rf_tlv"), 0);
    char size[32];
    print_bootloader(boot);
    print_code(json_object_get(doc, "code"), text_of(json_object_get(boot, "key"), "name"));
    if (ota)
        printf("OTA        metadata %s, %s\n", text_of(ota, "magic"),
               json_is_true(json_object_get(ota, "magic_ok")) ? "the known magic"
                                                              : "not the known magic");
    if (rf && *text_of(rf, "mac_oui"))
        printf("RF         calibration at %s, MAC %s:xx:xx:xx\n", text_of(rf, "offset"),
               text_of(rf, "mac_oui"));
    else if (rf)
        printf("RF         calibration at %s, no MAC\n", text_of(rf, "offset"));
    printf("           a first look at %s; 'bkflash inspect' looks at all of it\n",
           size_text(number_of(doc, "bytes_read"), size));
}

static void print_info(const json_t *doc)
{
    const json_t *chip = json_object_get(doc, "chip"), *adapter = json_object_get(doc, "adapter"),
                 *windows = json_object_get(doc, "windows");
    printf("profile    %s %s\n", text_of(doc, "profile"), text_of(doc, "title"));
    printf("adapter    %s %s, %s\n", text_of(adapter, "driver"), text_of(adapter, "unit"),
           text_of(adapter, "transport"));
    printf("chip       %s", text_of(chip, "name"));
    if (json_object_get(chip, "id"))
        printf(", id 0x%" PRIx64, number_of(chip, "id"));
    if (json_object_get(chip, "text"))
        printf(", %s", text_of(chip, "text"));
    printf("\nresets     %" PRIu64 "\n", number_of(doc, "resets"));
    print_flash(json_object_get(doc, "flash"));
    print_ranges("protected", json_object_get(doc, "protected"));
    print_ranges("readable", json_object_get(windows, "read"));
    print_ranges("writable", json_object_get(windows, "program"));
    if (json_object_get(windows, "reason"))
        printf("           %s\n", text_of(windows, "reason"));
    print_partitions(json_object_get(doc, "partitions"));
    if (json_object_get(doc, "content"))
        print_content(json_object_get(doc, "content"));
}

bkf_status cmd_info(struct cli *c)
{
    bkf_status st = cli_session(c);
    if (st)
        return st;
    st = bkf_info(c->session, &c->result, &c->err);
    st = cli_finish(c, st);
    json_t *doc = cli_result(c);
    view_clear(c);
    if (doc && !c->json)
        print_info(doc);
    json_decref(doc);
    return st;
}
