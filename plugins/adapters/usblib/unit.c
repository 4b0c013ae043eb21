#include "usblib.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool usb_two_numbers(const char *text, int base, unsigned long max, unsigned *a, unsigned *b)
{
    char *end;
    if (!isxdigit((unsigned char)*text))
        return false;
    unsigned long first = strtoul(text, &end, base);
    if (*end != ':' || !isxdigit((unsigned char)end[1]))
        return false;
    unsigned long second = strtoul(end + 1, &end, base);
    *a = (unsigned)first;
    *b = (unsigned)second;
    return !*end && first <= max && second <= max;
}

void usb_path_of(libusb_device *dev, char out[USB_PATH_MAX])
{
    uint8_t ports[8];
    int n = libusb_get_port_numbers(dev, ports, sizeof ports);
    int at = snprintf(out, USB_PATH_MAX, "usb:%u", libusb_get_bus_number(dev));
    for (int i = 0; i < n && at > 0 && at < USB_PATH_MAX; i++)
        at += snprintf(out + at, USB_PATH_MAX - (size_t)at, "%c%u", i ? '.' : '-', ports[i]);
}

void usb_node_of(libusb_device *dev, char out[USB_NODE_MAX])
{
    snprintf(out, USB_NODE_MAX, "/dev/bus/usb/%03u/%03u", libusb_get_bus_number(dev),
             libusb_get_device_address(dev));
}

bool usb_is_at(libusb_device *dev, const char *unit)
{
    char path[USB_PATH_MAX];
    unsigned bus, address;
    usb_path_of(dev, path);
    if (!strcmp(unit, path) || !strcmp(unit, path + 4))
        return true;
    return usb_two_numbers(unit, 10, 999, &bus, &address) && bus == libusb_get_bus_number(dev) &&
           address == libusb_get_device_address(dev);
}

bkf_status usb_devices(libusb_context *ctx, libusb_device ***list, ssize_t *n, bkf_error *err)
{
    *list = NULL;
    *n = libusb_get_device_list(ctx, list);
    if (*n < 0)
        return usb_fail(err, BKF_E_IO, (int)*n, "USB devices cannot be listed: %s",
                        libusb_error_name((int)*n));
    return BKF_OK;
}
