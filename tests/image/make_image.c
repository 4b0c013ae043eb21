/* make_image lamp|doorbell|doorbell-app2|qio-zero OUT: a made-up flash image for tests of the
 * program.  doorbell-app2 is the doorbell with other metadata; qio-zero is enciphered with the
 * zero key, which the doorbell does not have. */
#include "tests/support/synth.h"

static uint8_t *make(const char *what, size_t *n)
{
    uint8_t *p = strcmp(what, "lamp") == 0 ? synth_lamp() : synth_doorbell();
    *n = strcmp(what, "lamp") == 0 ? SYNTH_LAMP : SYNTH_DOORBELL;
    if (strcmp(what, "doorbell-app2") == 0)
        p[0xF004] ^= 0xFF;
    if (strcmp(what, "qio-zero") == 0) {
        struct crypt_key zero = { { 0 } };
        uint8_t prog[0x4000];
        *n = 0x11000 + 34 * 512;
        memset(p, 0xFF, *n);
        synth_bootloader(p, &zero, "BK7252_1.0.15", NULL, NULL);
        synth_program(prog, sizeof prog, 9, "OpenBK7252_1.18");
        synth_place(p, prog, sizeof prog, 0x10000, &zero);
    }
    return p;
}

int main(int argc, char **argv)
{
    bkf_error err = BKF_ERROR_INIT;
    size_t n;
    if (argc != 3)
        return 2;
    uint8_t *p = make(argv[1], &n);
    bkf_status st = file_write_atomic(argv[2], p, n, &err);
    if (st)
        fprintf(stderr, "%s\n", err.message);
    free(p);
    return st != BKF_OK;
}
