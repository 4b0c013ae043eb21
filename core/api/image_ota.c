/* image_ota.c - the two program slots, for front ends. */
#include "image.h"
#include <stdlib.h>

static bkf_status no_slots(const bkf_image *image, bkf_error *err)
{
    const struct image_facts *f = image->facts;
    return error_set(
        err, BKF_E_UNSUPPORTED,
        "%s: layout %s has no two program slots with metadata; name the board with -p if "
        "that is wrong",
        image->name, f->layout ? f->layout->name : "(none fits)");
}

static void slots_text(const struct image_facts *f, struct strbuf *out)
{
    const struct ota_state *s = &f->ota;
    strbuf_addf(out, "metadata at 0x%x: 0x%08x, %s\n", s->meta.start, s->magic,
                s->magic_ok ? "the known magic"
                : s->meta_blank
                    ? "erased: the bootloader then takes its default, expected to be app1"
                    : "not the known magic");
    strbuf_addf(out, "raw, first 64 bytes (which field selects a slot is not publicly known):\n");
    for (uint32_t i = 0; i < 64 && i < range_len(s->meta); i++)
        strbuf_addf(out, "%s%02x%s", i % 16 ? " " : "  ", f->data[s->meta.start + i],
                    i % 16 == 15 ? "\n" : "");
    for (size_t i = 0; i < 2; i++) {
        const struct ota_slot *slot = &s->slot[i];
        strbuf_addf(out, "%s 0x%06x..0x%06x %s: %s (code to 0x%06x)\n", slot->part->name,
                    slot->part->range.start, slot->part->range.end,
                    slot->verified ? "verifies" : "would not boot", slot->reason, slot->code_end);
    }
}

bkf_status bkf_image_ota(const bkf_image *image, char **json, char **text, bkf_error *err)
{
    struct strbuf sb = STRBUF_INIT;
    if (!image)
        return error_set(err, BKF_E_PARAM, "bkf_image_ota: an argument is missing");
    if (!image->facts->ota.present)
        return no_slots(image, err);
    json_t *all = inspect_json(image->facts, false), *ota = json_object_get(all, "ota");
    bkf_status st = image_document(json_incref(ota), "ota", json, err);
    json_decref(all);
    if (st || !text)
        return st;
    slots_text(image->facts, &sb);
    return image_text(&sb, text, err);
}

/* A dump whose own slot cannot boot was not seen booting it. */
static bkf_status check_donor(const bkf_image *donor, uint32_t slot, bkf_error *err)
{
    const struct ota_state *s = &donor->facts->ota;
    if (!s->present || s->slot[slot - 1].verified)
        return BKF_OK;
    return error_set(err, BKF_E_IMAGE,
                     "%s: its own app%u would not boot (%s), so it cannot have been seen booting "
                     "it; take a dump of a device that was",
                     donor->name, slot, s->slot[slot - 1].reason);
}

bkf_status bkf_image_ota_select(const bkf_image *image, uint32_t slot, const bkf_image *donor,
                                void **bytes, size_t *len, uint32_t *offset, bkf_error *err)
{
    if (!image || !bytes || !len || !offset || slot < 1 || slot > 2)
        return error_set(err, BKF_E_PARAM,
                         "bkf_image_ota_select: slot is 1 or 2, results are needed");
    const struct ota_state *s = &image->facts->ota;
    if (!s->present)
        return no_slots(image, err);
    if (donor && s->slot[slot - 1].verified && check_donor(donor, slot, err))
        return err ? err->status : BKF_E_IMAGE;
    uint8_t *out = malloc(range_len(s->meta));
    if (!out)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    bkf_status st = ota_select(s, slot - 1, donor ? donor->facts->data : NULL,
                               donor ? donor->facts->data_len : 0, image->facts->data, out, err);
    if (st) {
        free(out);
        return st;
    }
    *bytes = out;
    *len = range_len(s->meta);
    *offset = s->meta.start;
    return BKF_OK;
}
