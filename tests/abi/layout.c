/* layout.c - every offset of every public struct, pinned.  A change here is a change of
 * the ABI: appending a member adds lines (and a minor, docs/abi.md), anything else is a
 * new major.  The numbers are those of LP64; the rule against padding holds everywhere. */
#include <bkflash/nor.h>

/* A member appended into padding at the end would look present to BKF_HAS. */
#define NO_TAIL_PADDING(T, last) \
    _Static_assert(sizeof(T) == offsetof(T, last) + sizeof(((T *)0)->last), #T " ends in padding")
#define AT(T, member, offset) \
    _Static_assert(offsetof(T, member) == (offset), #T "." #member " moved")
#define SIZE(T, bytes) _Static_assert(sizeof(T) == (bytes), #T " has another size")

NO_TAIL_PADDING(bkf_error, message);
NO_TAIL_PADDING(bkf_range, end);
NO_TAIL_PADDING(bkf_chip_info, text);
NO_TAIL_PADDING(bkf_host, service);
NO_TAIL_PADDING(bkf_op, note);
NO_TAIL_PADDING(bkf_prop_spec, max);
NO_TAIL_PADDING(bkf_props, num);
NO_TAIL_PADDING(bkf_memory, set);
NO_TAIL_PADDING(bkf_iface, self);
NO_TAIL_PADDING(bkf_spi_step, value);
NO_TAIL_PADDING(bkf_pin, line);
NO_TAIL_PADDING(bkf_spi_ops, park);
NO_TAIL_PADDING(bkf_gpio_ops, drop);
NO_TAIL_PADDING(bkf_uart_ops, purge);
NO_TAIL_PADDING(bkf_clock_ops, sleep_us);
NO_TAIL_PADDING(bkf_line_spec, pin);
NO_TAIL_PADDING(bkf_adapter_class, unit);
NO_TAIL_PADDING(bkf_links, where);
NO_TAIL_PADDING(bkf_window, reason);
NO_TAIL_PADDING(bkf_chip_class, extension);
NO_TAIL_PADDING(bkf_digest_ops, crc_rate);
NO_TAIL_PADDING(bkf_protect_ops, restore);
NO_TAIL_PADDING(bkf_timing, write_rate);
NO_TAIL_PADDING(bkf_rates_ops, set);
NO_TAIL_PADDING(bkf_plugin, chips);
NO_TAIL_PADDING(bkf_nor_service, timing);

/* The four members that any host of any age may read. */
AT(bkf_plugin, magic, 0);
AT(bkf_plugin, abi_major, 4);
AT(bkf_plugin, abi_minor, 6);
AT(bkf_plugin, struct_size, 8);
AT(bkf_plugin, flags, 12);

#if defined(__LP64__)
AT(bkf_error, struct_size, 0);
AT(bkf_error, status, 4);
AT(bkf_error, effect, 8);
AT(bkf_error, os_code, 12);
AT(bkf_error, message, 16);
SIZE(bkf_error, 528);

AT(bkf_range, start, 0);
AT(bkf_range, end, 4);
SIZE(bkf_range, 8);

AT(bkf_chip_info, struct_size, 0);
AT(bkf_chip_info, chip_id, 4);
AT(bkf_chip_info, jedec_id, 8);
AT(bkf_chip_info, flash_size, 12);
AT(bkf_chip_info, page, 16);
AT(bkf_chip_info, sector, 20);
AT(bkf_chip_info, size_evidence, 24);
AT(bkf_chip_info, status, 28);
AT(bkf_chip_info, status_bits, 32);
AT(bkf_chip_info, resets, 36);
AT(bkf_chip_info, unique_id_len, 40);
AT(bkf_chip_info, unique_id, 44);
AT(bkf_chip_info, chip, 60);
AT(bkf_chip_info, part, 92);
AT(bkf_chip_info, text, 124);
SIZE(bkf_chip_info, 252);

AT(bkf_host, struct_size, 0);
AT(bkf_host, abi_major, 4);
AT(bkf_host, abi_minor, 6);
AT(bkf_host, handle, 8);
AT(bkf_host, log, 16);
AT(bkf_host, service, 24);
SIZE(bkf_host, 32);

AT(bkf_op, struct_size, 0);
AT(bkf_op, reserved, 4);
AT(bkf_op, handle, 8);
AT(bkf_op, progress, 16);
AT(bkf_op, should_stop, 24);
AT(bkf_op, now_us, 32);
AT(bkf_op, sleep_us, 40);
AT(bkf_op, note, 48);
SIZE(bkf_op, 56);

AT(bkf_prop_spec, key, 0);
AT(bkf_prop_spec, type, 8);
AT(bkf_prop_spec, reserved, 12);
AT(bkf_prop_spec, dflt, 16);
AT(bkf_prop_spec, help, 24);
AT(bkf_prop_spec, min, 32);
AT(bkf_prop_spec, max, 40);
SIZE(bkf_prop_spec, 48);

AT(bkf_props, struct_size, 0);
AT(bkf_props, reserved, 4);
AT(bkf_props, handle, 8);
AT(bkf_props, str, 16);
AT(bkf_props, num, 24);
SIZE(bkf_props, 32);

AT(bkf_memory, struct_size, 0);
AT(bkf_memory, reserved, 4);
AT(bkf_memory, handle, 8);
AT(bkf_memory, get, 16);
AT(bkf_memory, set, 24);
SIZE(bkf_memory, 32);

AT(bkf_iface, ops, 0);
AT(bkf_iface, self, 8);
SIZE(bkf_iface, 16);

AT(bkf_spi_step, kind, 0);
AT(bkf_spi_step, flags, 4);
AT(bkf_spi_step, tx, 8);
AT(bkf_spi_step, rx, 16);
AT(bkf_spi_step, len, 24);
AT(bkf_spi_step, line, 32);
AT(bkf_spi_step, value, 36);
SIZE(bkf_spi_step, 40);

AT(bkf_pin, signal, 0);
AT(bkf_pin, line, 8);
SIZE(bkf_pin, 16);

AT(bkf_spi_ops, struct_size, 0);
AT(bkf_spi_ops, reserved, 4);
AT(bkf_spi_ops, bind, 8);
AT(bkf_spi_ops, setup, 16);
AT(bkf_spi_ops, run, 24);
AT(bkf_spi_ops, max_len, 32);
AT(bkf_spi_ops, caps, 40);
AT(bkf_spi_ops, park, 48);
SIZE(bkf_spi_ops, 56);

AT(bkf_gpio_ops, struct_size, 0);
AT(bkf_gpio_ops, reserved, 4);
AT(bkf_gpio_ops, claim, 8);
AT(bkf_gpio_ops, set, 16);
AT(bkf_gpio_ops, get, 24);
AT(bkf_gpio_ops, drop, 32);
SIZE(bkf_gpio_ops, 40);

AT(bkf_uart_ops, struct_size, 0);
AT(bkf_uart_ops, reserved, 4);
AT(bkf_uart_ops, setup, 8);
AT(bkf_uart_ops, write, 16);
AT(bkf_uart_ops, read, 24);
AT(bkf_uart_ops, purge, 32);
SIZE(bkf_uart_ops, 40);

AT(bkf_clock_ops, struct_size, 0);
AT(bkf_clock_ops, reserved, 4);
AT(bkf_clock_ops, now_us, 8);
AT(bkf_clock_ops, sleep_us, 16);
SIZE(bkf_clock_ops, 24);

AT(bkf_line_spec, name, 0);
AT(bkf_line_spec, alias, 8);
AT(bkf_line_spec, roles, 16);
AT(bkf_line_spec, reserved, 20);
AT(bkf_line_spec, pin, 24);
SIZE(bkf_line_spec, 32);

AT(bkf_adapter_class, struct_size, 0);
AT(bkf_adapter_class, reserved, 4);
AT(bkf_adapter_class, name, 8);
AT(bkf_adapter_class, summary, 16);
AT(bkf_adapter_class, props, 24);
AT(bkf_adapter_class, lines, 32);
AT(bkf_adapter_class, caveats, 40);
AT(bkf_adapter_class, list, 48);
AT(bkf_adapter_class, open, 56);
AT(bkf_adapter_class, close, 64);
AT(bkf_adapter_class, acquire, 72);
AT(bkf_adapter_class, release, 80);
AT(bkf_adapter_class, unit, 88);
SIZE(bkf_adapter_class, 96);

AT(bkf_links, struct_size, 0);
AT(bkf_links, reserved, 4);
AT(bkf_links, handle, 8);
AT(bkf_links, spi, 16);
AT(bkf_links, uart, 24);
AT(bkf_links, clock_hz, 32);
AT(bkf_links, baud, 36);
AT(bkf_links, signal, 40);
AT(bkf_links, line, 48);
AT(bkf_links, where, 56);
SIZE(bkf_links, 64);

AT(bkf_window, start, 0);
AT(bkf_window, end, 4);
AT(bkf_window, access, 8);
AT(bkf_window, reserved, 12);
AT(bkf_window, reason, 16);
SIZE(bkf_window, 24);

AT(bkf_chip_class, struct_size, 0);
AT(bkf_chip_class, reserved, 4);
AT(bkf_chip_class, name, 8);
AT(bkf_chip_class, summary, 16);
AT(bkf_chip_class, props, 24);
AT(bkf_chip_class, create, 32);
AT(bkf_chip_class, destroy, 40);
AT(bkf_chip_class, attach, 48);
AT(bkf_chip_class, detach, 56);
AT(bkf_chip_class, probe, 64);
AT(bkf_chip_class, windows, 72);
AT(bkf_chip_class, read, 80);
AT(bkf_chip_class, erase, 88);
AT(bkf_chip_class, program, 96);
AT(bkf_chip_class, status, 104);
AT(bkf_chip_class, unlock, 112);
AT(bkf_chip_class, lock, 120);
AT(bkf_chip_class, efuse, 128);
AT(bkf_chip_class, reset, 136);
AT(bkf_chip_class, extension, 144);
SIZE(bkf_chip_class, 152);

AT(bkf_digest_ops, struct_size, 0);
AT(bkf_digest_ops, granule, 4);
AT(bkf_digest_ops, crc32, 8);
AT(bkf_digest_ops, read_rate, 16);
AT(bkf_digest_ops, crc_rate, 20);
SIZE(bkf_digest_ops, 24);

AT(bkf_protect_ops, struct_size, 0);
AT(bkf_protect_ops, reserved, 4);
AT(bkf_protect_ops, ranges, 8);
AT(bkf_protect_ops, set, 16);
AT(bkf_protect_ops, restore, 24);
SIZE(bkf_protect_ops, 32);

AT(bkf_rates_ops, struct_size, 0);
AT(bkf_rates_ops, reserved, 4);
AT(bkf_rates_ops, list, 8);
AT(bkf_rates_ops, get, 16);
AT(bkf_rates_ops, set, 24);
SIZE(bkf_rates_ops, 32);

AT(bkf_timing, struct_size, 0);
AT(bkf_timing, erase_4k_us, 4);
AT(bkf_timing, erase_32k_us, 8);
AT(bkf_timing, erase_64k_us, 12);
AT(bkf_timing, chip_erase_us, 16);
AT(bkf_timing, program_page_us, 20);
AT(bkf_timing, read_rate, 24);
AT(bkf_timing, write_rate, 28);
SIZE(bkf_timing, 32);

AT(bkf_plugin, id, 16);
AT(bkf_plugin, version, 24);
AT(bkf_plugin, license, 32);
AT(bkf_plugin, adapters, 40);
AT(bkf_plugin, chips, 48);
SIZE(bkf_plugin, 56);

AT(bkf_nor_service, struct_size, 0);
AT(bkf_nor_service, reserved, 4);
AT(bkf_nor_service, handle, 8);
AT(bkf_nor_service, open, 16);
AT(bkf_nor_service, close, 24);
AT(bkf_nor_service, rdid, 32);
AT(bkf_nor_service, identify, 40);
AT(bkf_nor_service, read, 48);
AT(bkf_nor_service, erase, 56);
AT(bkf_nor_service, program, 64);
AT(bkf_nor_service, status, 72);
AT(bkf_nor_service, unlock, 80);
AT(bkf_nor_service, lock, 88);
AT(bkf_nor_service, protected_ranges, 96);
AT(bkf_nor_service, protect, 104);
AT(bkf_nor_service, restore_status, 112);
AT(bkf_nor_service, timing, 120);
SIZE(bkf_nor_service, 128);

#endif

/* One symbol, so that the object is not empty. */
int layout_checked(void);
int layout_checked(void)
{
    return 1;
}
