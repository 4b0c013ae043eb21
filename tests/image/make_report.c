/* make_report OUT.html: the report of a made-up doorbell compared with a changed one, for
 * looking at it in a browser. */
#include "core/image/report_html.h"
#include "tests/support/synth.h"

int main(int argc, char **argv)
{
    uint8_t *a = synth_doorbell(), *b = synth_doorbell();
    struct image_facts *fa = NULL, *fb = NULL;
    struct strbuf page = STRBUF_INIT;
    bkf_error err = BKF_ERROR_INIT;
    if (argc != 2)
        return 2;
    for (size_t i = 0; i < 40; i++)
        b[0x1BA000 + i * 3000] ^= 1;
    memset(b + 0x370000, 0x42, 0x5000);
    bool ok = inspect_image(a, SYNTH_DOORBELL, &synth_doorbell_layout, 1, &fa, &err) == BKF_OK &&
              inspect_image(b, SYNTH_DOORBELL, &synth_doorbell_layout, 1, &fb, &err) == BKF_OK &&
              report_html(fa, "doorbell.bin", fb, "doorbell-after.bin", false, &page) &&
              file_write_atomic(argv[1], page.data, page.len, &err) == BKF_OK;
    if (!ok)
        fprintf(stderr, "%s\n", err.message);
    inspect_free(fa);
    inspect_free(fb);
    strbuf_free(&page);
    free(a);
    free(b);
    return !ok;
}
