/* synth.h - a plausible flash image made from a partition list, for devices that start
 * without one: boot code and applications in 34-byte blocks (32 data, 2 CRC), OTA metadata,
 * calibration, storage, erased space.  Nothing in it comes from a real device. */
#ifndef TESTS_DEVICE_SYNTH_H
#define TESTS_DEVICE_SYNTH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* partitions: "name:offset:size:layout;..."; "" gives bootloader, app and storage.  chip
 * decides the name marker that the mask ROMs look for at 0x110. */
bool synth_image(uint8_t *flash, size_t size, const char *partitions, const char *chip,
                 uint64_t seed, char err[256]);
/* CRC-16/CMS over one block of 32 bytes, as the flash controller checks it. */
uint16_t synth_block_crc(const uint8_t block[32]);
/* "BK7231", "BK7238" for chips whose ROM wants it, else NULL. */
const char *synth_rom_marker(const char *chip);
#endif
