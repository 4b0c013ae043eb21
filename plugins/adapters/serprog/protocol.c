/* protocol.c - the serial flasher protocol, version 1 (flashrom,
 * doc/supported_hw/supported_prog/serprog/serprog-protocol.rst).  Every command is one byte
 * and its parameters; the answer is ACK and data, or NAK. */
#include "serprog.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ACK = 0x06,
    NAK = 0x15,
    Q_IFACE = 0x01,
    Q_CMDMAP = 0x02,
    Q_PGMNAME = 0x03,
    Q_BUSTYPE = 0x05,
    Q_WRNMAXLEN = 0x08,
    SYNCNOP = 0x10,
    Q_RDNMAXLEN = 0x11,
    S_BUSTYPE = 0x12,
    O_SPIOP = 0x13,
    S_SPI_FREQ = 0x14,
    S_PIN_STATE = 0x15,
    S_SPI_MODE = 0x17,
    S_CS_MODE = 0x18,
    BUS_SPI = 8,
    QUICK_MS = 1000
};

bool protocol_has(const bkf_adapter *a, uint8_t command)
{
    return a->commands[command / 8] >> (command % 8) & 1;
}

bool protocol_can_duplex(const bkf_adapter *a)
{
    return protocol_has(a, S_SPI_MODE);
}

bool protocol_can_keep(const bkf_adapter *a)
{
    return protocol_has(a, S_CS_MODE);
}

static bkf_status answer(bkf_adapter *a, uint8_t command, uint8_t *in, size_t n_in, uint32_t ms,
                         bkf_error *err)
{
    uint8_t first;
    bkf_status st = stream_receive(a, &first, 1, ms, err);
    if (st != BKF_OK)
        return st;
    if (first == NAK)
        return serprog_fail(err, BKF_E_UNSUPPORTED, 0, "serprog: %s refuses command %02X", a->name,
                            command);
    if (first != ACK)
        return serprog_fail(err, BKF_E_PROTOCOL, 0,
                            "serprog: %s answers command %02X with %02X; is the rate right (-O "
                            "baud=), and is it a serprog device?",
                            a->name, command, first);
    return stream_receive(a, in, n_in, ms, err);
}

static bkf_status command(bkf_adapter *a, const uint8_t *out, size_t n_out, uint8_t *in,
                          size_t n_in, bkf_error *err)
{
    bkf_status st = stream_send(a, out, n_out, err);
    return st == BKF_OK ? answer(a, out[0], in, n_in, QUICK_MS, err) : st;
}

static bkf_status one(bkf_adapter *a, uint8_t op, uint8_t value, bkf_error *err)
{
    const uint8_t out[] = { op, value };
    return command(a, out, sizeof out, NULL, 0, err);
}

/* SYNCNOP is the only command that answers NAK ACK: found twice, both sides agree on where
 * commands start. */
static bkf_status synchronize(bkf_adapter *a, bkf_error *err)
{
    static const uint8_t nops[8] = { 0 };
    const uint8_t sync = SYNCNOP;
    unsigned found = 0;
    bkf_status st = stream_send(a, nops, sizeof nops, err);
    if (st != BKF_OK)
        return st;
    stream_flush(a, 50);
    for (int tries = 0; tries < 10 && found < 2; tries++) {
        uint8_t in[2] = { 0, 0 };
        bkf_error quiet = BKF_ERROR_INIT;
        if ((st = stream_send(a, &sync, 1, err)) != BKF_OK)
            return st;
        st = stream_receive(a, in, 2, 200, &quiet);
        if (st == BKF_E_NO_DEVICE)
            return serprog_fail(err, st, quiet.os_code, "%s", quiet.message);
        if (st == BKF_OK && in[0] == NAK && in[1] == ACK) {
            found++;
        } else {
            found = 0;
            stream_flush(a, 50);
        }
    }
    if (found < 2)
        return serprog_fail(err, BKF_E_NO_DEVICE, 0,
                            "serprog: nothing on %s answers like a serprog device; check its "
                            "firmware and the rate (-O baud=)",
                            a->name);
    return BKF_OK;
}

static bkf_status length24(bkf_adapter *a, uint8_t op, uint32_t *out, bkf_error *err)
{
    uint8_t in[3] = { 0 };
    *out = 1u << 24;
    if (!protocol_has(a, op))
        return BKF_OK;
    bkf_status st = command(a, &op, 1, in, sizeof in, err);
    if (st == BKF_OK && (in[0] || in[1] || in[2]))
        *out = (uint32_t)(in[0] | in[1] << 8 | in[2] << 16);
    return st;
}

bkf_status protocol_start(bkf_adapter *a, bkf_error *err)
{
    uint8_t op = Q_IFACE, in[16] = { 0 };
    bkf_status st = synchronize(a, err);
    if (st == BKF_OK)
        st = command(a, &op, 1, in, 2, err);
    if (st != BKF_OK)
        return st;
    if (in[0] != 1 || in[1] != 0)
        return serprog_fail(err, BKF_E_UNSUPPORTED, 0,
                            "serprog: %s speaks version %u of the protocol, only 1 is known",
                            a->name, in[0] | in[1] << 8);
    op = Q_CMDMAP;
    if ((st = command(a, &op, 1, a->commands, sizeof a->commands, err)) != BKF_OK)
        return st;
    op = Q_BUSTYPE;
    in[0] = BUS_SPI;
    if (protocol_has(a, op) && (st = command(a, &op, 1, in, 1, err)) != BKF_OK)
        return st;
    if (!(in[0] & BUS_SPI) || !protocol_has(a, O_SPIOP))
        return serprog_fail(err, BKF_E_UNSUPPORTED, 0, "serprog: %s has no SPI", a->name);
    if (protocol_has(a, S_BUSTYPE) && (st = one(a, S_BUSTYPE, BUS_SPI, err)) != BKF_OK)
        return st;
    if ((st = length24(a, Q_WRNMAXLEN, &a->max_write, err)) != BKF_OK ||
        (st = length24(a, Q_RDNMAXLEN, &a->max_read, err)) != BKF_OK)
        return st;
    op = Q_PGMNAME;
    if (protocol_has(a, op) && command(a, &op, 1, in, sizeof in, err) == BKF_OK)
        serprog_log(a, BKF_LOG_DEBUG, "serprog: %s is a '%.16s'", a->name, (const char *)in);
    if (protocol_has(a, S_PIN_STATE))
        st = one(a, S_PIN_STATE, 1, err);
    return st;
}

void protocol_stop(bkf_adapter *a)
{
    bkf_error ignored = BKF_ERROR_INIT;
    if (a->kept)
        protocol_keep_select(a, false, &ignored);
    if (a->duplex)
        protocol_duplex(a, false, &ignored);
    if (protocol_has(a, S_PIN_STATE))
        one(a, S_PIN_STATE, 0, &ignored); /* every pin high impedance */
}

bkf_status protocol_frequency(bkf_adapter *a, uint32_t want, uint32_t *got, bkf_error *err)
{
    uint8_t in[4] = { 0 };
    const uint8_t out[] = { S_SPI_FREQ, (uint8_t)want, (uint8_t)(want >> 8), (uint8_t)(want >> 16),
                            (uint8_t)(want >> 24) };
    if (!protocol_has(a, S_SPI_FREQ)) {
        *got = a->clock_hz;
        return BKF_OK;
    }
    bkf_status st = command(a, out, sizeof out, in, sizeof in, err);
    if (st == BKF_OK)
        *got = in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
    return st;
}

bkf_status protocol_duplex(bkf_adapter *a, bool on, bkf_error *err)
{
    if (a->duplex == on)
        return BKF_OK;
    bkf_status st = one(a, S_SPI_MODE, on, err);
    if (st == BKF_OK)
        a->duplex = on;
    return st;
}

bkf_status protocol_keep_select(bkf_adapter *a, bool on, bkf_error *err)
{
    if (a->kept == on)
        return BKF_OK;
    bkf_status st = one(a, S_CS_MODE, on, err);
    if (st == BKF_OK)
        a->kept = on;
    return st;
}

bkf_status protocol_spi(bkf_adapter *a, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in,
                        bkf_error *err)
{
    const uint8_t head[] = {
        O_SPIOP,       (uint8_t)n_out,       (uint8_t)(n_out >> 8), (uint8_t)(n_out >> 16),
        (uint8_t)n_in, (uint8_t)(n_in >> 8), (uint8_t)(n_in >> 16)
    };
    bkf_status st = stream_send(a, head, sizeof head, err);
    if (st == BKF_OK)
        st = stream_send(a, out, n_out, err);
    return st == BKF_OK ? answer(a, O_SPIOP, in, n_in, a->timeout_ms, err) : st;
}
