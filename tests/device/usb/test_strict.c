/* Packets that a CH341A must never get, straight through libusb: the emulator has to notice.
 * arguments: hex bytes of one OUT packet each, "ms=N" to wait, "in" to read an answer */
#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int packet(libusb_device_handle *usb, const char *hex)
{
    unsigned char out[32];
    int n = 0, done;
    for (char *end; *hex && n < (int)sizeof out; hex = end)
        out[n++] = (unsigned char)strtoul(hex, &end, 16);
    return libusb_bulk_transfer(usb, 0x02, out, n, &done, 1000);
}

int main(int argc, char **argv)
{
    libusb_device_handle *usb;
    unsigned char in[32];
    int r = libusb_init(NULL), done;
    if (r || !(usb = libusb_open_device_with_vid_pid(NULL, 0x1A86, 0x5512)))
        return 1;
    r = libusb_claim_interface(usb, 0);
    for (int i = 1; !r && i < argc; i++) {
        if (!strncmp(argv[i], "ms=", 3)) {
            unsigned long ms = strtoul(argv[i] + 3, NULL, 10);
            nanosleep(&(struct timespec){ 0, (long)ms * 1000000 }, NULL);
        } else if (!strcmp(argv[i], "in")) {
            r = libusb_bulk_transfer(usb, 0x82, in, sizeof in, &done, 1000);
        } else {
            r = packet(usb, argv[i]);
        }
    }
    libusb_release_interface(usb, 0);
    libusb_close(usb);
    libusb_exit(NULL);
    if (r)
        fprintf(stderr, "%s\n", libusb_error_name(r));
    return r != 0;
}
