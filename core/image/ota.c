/* Two-slot OTA: what is there, and what would select a slot. */
#include "ota.h"
#include "bytes.h"
#include "crc34.h"
#include <stdio.h>

/* Code that runs in place is ciphered for its own address; a bootloader that copies or remaps
 * would use the first slot's.  Both are tried. */
static void slot_key(const uint8_t *data, const struct ota_slot *first, const struct code_key *boot,
                     struct ota_slot *s)
{
    uint32_t bases[2] = { s->part->logical, first->part->logical };
    for (size_t i = 0; i < 2 && s->key.state == KEY_UNKNOWN; i++) {
        s->base = bases[i];
        code_key_guess(bases[i], data, &s->key);
        if (s->key.state == KEY_UNKNOWN && boot && boot->state != KEY_UNKNOWN &&
            crypt_score(&boot->key, bases[i], data) >= 6) {
            s->key = *boot;
            s->key.score = crypt_score(&boot->key, bases[i], data);
        }
    }
}

static bool same_key(const struct code_key *a, const struct code_key *b)
{
    return (!crypt_active(&a->key) && !crypt_active(&b->key)) ||
           memcmp(&a->key, &b->key, sizeof a->key) == 0;
}

static void judge(struct ota_slot *s, const struct code_key *boot, bool cut)
{
    const char *why = NULL;
    if (s->blank)
        why = "the slot is erased";
    else if (s->leading_good == 0)
        why = "its first block has a bad CRC: no code the chip would execute";
    else if (s->key.state == KEY_UNKNOWN)
        why = "no exception vectors under any known key";
    else if (boot && boot->state != KEY_UNKNOWN && !same_key(boot, &s->key))
        why = "it is enciphered with another key than the bootloader";
    else if (s->base != s->part->logical)
        why = "it is enciphered for the address of the first slot, not for its own";
    else if (s->bad)
        why = "it has blocks with a bad CRC";
    else if (cut)
        why = "the dump ends inside the slot";
    s->verified = !why;
    snprintf(s->reason, sizeof s->reason, "%s",
             why ? why : "all blocks have a good CRC and the vectors fit the key");
}

static void slot_read(const uint8_t *p, size_t n, const struct ota_slot *first,
                      const struct code_key *boot, struct ota_slot *s)
{
    bkf_range r = s->part->range;
    struct crc34_stat st = { 0 };
    size_t end = r.end < n ? r.end : n;
    if (r.start < end) {
        crc34_stat(p + r.start, end - r.start, &st);
        s->blank = bytes_are(p + r.start, end - r.start, 0xFF);
    }
    s->good = st.good;
    s->erased = st.erased;
    s->bad = st.bad;
    s->leading_good = st.leading_good;
    s->code_end = r.start + (uint32_t)(st.leading_good * CRC34_BLOCK);
    if (st.leading_good)
        slot_key(p + r.start, first, boot, s);
    judge(s, boot, end < r.end);
}

bool ota_read(const uint8_t *p, size_t n, const struct image_layout *l, const struct code_key *key,
              struct ota_state *out)
{
    memset(out, 0, sizeof *out);
    if (!l || l->ota_meta == IMAGE_NOWHERE)
        return false;
    out->layout = l;
    out->slot[0].part = layout_find(l, "app1");
    out->slot[1].part = layout_find(l, "app2");
    const struct image_partition *meta = layout_find(l, "ota_meta");
    uint32_t size = meta ? range_len(meta->range) : 0x1000;
    if (!out->slot[0].part || !out->slot[1].part || size < 4 || n < size || l->ota_meta > n - size)
        return false;
    out->present = true;
    out->meta = (bkf_range){ l->ota_meta, l->ota_meta + size };
    out->magic = le32(p + l->ota_meta);
    out->magic_ok = out->magic == l->ota_magic;
    out->meta_blank = bytes_are(p + l->ota_meta, size, 0xFF);
    for (size_t i = 0; i < 2; i++)
        slot_read(p, n, &out->slot[0], key, &out->slot[i]);
    return true;
}

bkf_status ota_select(const struct ota_state *s, unsigned slot, const uint8_t *donor,
                      size_t donor_len, const uint8_t *flash, uint8_t *out, bkf_error *err)
{
    if (!s->present || slot > 1)
        return error_set(err, BKF_E_PARAM, "this layout has no two program slots to choose from");
    const struct ota_slot *target = &s->slot[slot];
    uint32_t size = range_len(s->meta);
    if (!target->verified)
        return error_set(err, BKF_E_PROTECTED,
                         "app%u at 0x%x would not boot: %s; write a good program there first",
                         slot + 1, target->part->range.start, target->reason);
    if (!donor)
        return error_set(
            err, BKF_E_UNSUPPORTED,
            "app%u verifies, but which field of the metadata at 0x%x selects a slot is "
            "not publicly known and is not guessed; give --meta FILE, a dump of the same "
            "product that was seen booting app%u",
            slot + 1, s->meta.start, slot + 1);
    const uint8_t *meta = donor_len == size ? donor : donor + s->meta.start;
    if (donor_len != size && donor_len < s->meta.end)
        return error_set(err, BKF_E_IMAGE,
                         "the donor has %zu bytes and does not reach the metadata at 0x%x..0x%x",
                         donor_len, s->meta.start, s->meta.end);
    if (le32(meta) != s->layout->ota_magic)
        return error_set(err, BKF_E_IMAGE,
                         "the donor has 0x%08x at 0x%x, not the magic 0x%08x: its bootloader chose "
                         "its slot without metadata",
                         le32(meta), s->meta.start, s->layout->ota_magic);
    if (memcmp(meta, flash + s->meta.start, size) == 0)
        return error_set(err, BKF_E_PARAM,
                         "the device already holds the donor's metadata; nothing to change");
    memcpy(out, meta, size);
    return BKF_OK;
}
