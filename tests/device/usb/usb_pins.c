/* Pins of an adapter on the nets of the target, and what must hold there while data moves. */
#include "usb.h"

void pins_at(struct usb_pins *p, uint64_t ns)
{
    if (ns > p->clock.ns)
        p->clock.ns = ns;
}

void pins_cen(struct usb_pins *p, unsigned level)
{
    if (!p->cen_wired || level == p->cen)
        return;
    uint64_t now = p->clock.ns;
    if (p->cen == 0 && now - p->cen_low_at < p->min_cen_low_ns)
        usb_violation(p->report, now, "CEN was low for only %llu us: a glitch, not a reset",
                      (unsigned long long)((now - p->cen_low_at) / 1000));
    if (p->cen_float_at && p->cen_stays)
        usb_violation(p->report, now, "CEN was released at %llu us in the middle of a run",
                      (unsigned long long)(p->cen_float_at / 1000));
    if (level == 0) {
        p->cen_low_at = now;
        if (p->cs == 0)
            usb_violation(p->report, now, "CEN pulled low while CS is low");
    }
    p->cen_float_at = level == NET_FLOAT && p->cen_driven ? (now ? now : 1) : 0;
    if (level != NET_FLOAT)
        p->cen_driven = true;
    p->cen = level;
    device_set_cen(p->device, level);
}

void pins_closed(struct usb_pins *p)
{
    p->cen_driven = false;
    p->cen_float_at = 0;
}

void pins_cs(struct usb_pins *p, unsigned level)
{
    if (level == p->cs)
        return;
    p->cs = level;
    device_set_cs(p->device, level);
}

void pins_sck(struct usb_pins *p, unsigned level)
{
    device_set_sck(p->device, level);
}

void pins_mosi(struct usb_pins *p, unsigned level)
{
    device_set_mosi(p->device, level);
}

unsigned pins_miso(struct usb_pins *p)
{
    return device_miso_read(p->device);
}

void pins_expect_frame(struct usb_pins *p, const char *what)
{
    if (p->cs != 0)
        usb_violation(p->report, p->clock.ns, "%s with CS high", what);
    if (p->cen_float_at)
        usb_violation(p->report, p->clock.ns, "%s while CEN floats, released at %llu us", what,
                      (unsigned long long)(p->cen_float_at / 1000));
    if (p->cen_wired && p->cen == 0)
        usb_violation(p->report, p->clock.ns, "%s while CEN is low", what);
}

void pins_spi(struct usb_pins *p, uint32_t hz, const uint8_t *tx, uint8_t *rx, size_t n)
{
    p->report->count.spi_bytes += n;
    device_spi_xfer(p->device, 0, hz, tx, rx, n);
}

void pins_spi_bits(struct usb_pins *p, uint32_t hz, const uint8_t *tx, uint8_t *rx, size_t bits)
{
    device_spi_xfer_bits(p->device, 0, hz, tx, rx, bits);
}
