/* options.h - every option of the virtual device, once: key, type, member of struct
 * device_config, what the sim adapter fills in from the profile, choices, help.
 * README.md carries the same table for people; a test compares the two. */
#ifndef TESTS_DEVICE_OPTIONS_H
#define TESTS_DEVICE_OPTIONS_H

/* clang-format off */
#define DEVICE_OPTIONS(X) \
  /* what it is */ \
  X("image",      TEXT,   image,      "",            0, "start from this flash image; empty: synthesised from the profile") \
  X("blank",      FLAG,   blank,      "",            0, "without image: start erased (default no; yes with gate=no)") \
  X("save",       TEXT,   save,       "",            0, "this file is the flash array, at once and for good; if it holds something the flash starts with that, unless image or blank say otherwise") \
  X("save_sr",    TEXT,   save_sr,    "",            0, "the stored status registers live in this file; if it holds something the die starts with that") \
  X("report",     TEXT,   report,     "",            0, "write counters and violations to this file as one JSON line") \
  X("seed",       NUMBER, seed,       "",            0, "every random choice follows from it (default 1)") \
  X("chip",       TEXT,   chip,       "@chip.name",  0, "SoC name, selects the UART loader (default bk7252)") \
  X("jedec",      TEXT,   jedec,      "@flash.jedec",0, "RDID of the die, six hex digits") \
  X("size",       NUMBER, size,       "@flash.size", 0, "bytes of flash (default: what the die has)") \
  X("partitions", TEXT,   partitions, "@partitions", 0, "layout of the synthesised image, name:offset:size:layout;...") \
  X("tolerate",   TEXT,   tolerate,   "",            0, "kinds of violation that are counted but not listed: busy,wel,...") \
  /* the gate between the pins and the die */ \
  X("gate",       FLAG,   gate,       "",            0, "no: the pins go straight to the die, a plain NOR chip (default yes)") \
  X("boot",       CHOICE, boot,       "", "app|spi|off", "state at the start: application running, SPI mode, or CEN held low") \
  X("entry",      NUMBER, entry,      "",            0, "the handshake is ignored until this many resets have happened") \
  X("p_fail",     REAL,   p_fail,     "",            0, "probability that a reset ignores the handshake") \
  X("t_cen_min",  TIME,   t_cen_min,  "",            0, "shortest CEN low time that resets (default 5ms)") \
  X("t_open",     TIME,   t_open,     "",            0, "CEN high until the window opens (default 2.5ms +- 0.5ms)") \
  X("t_close",    TIME,   t_close,    "",            0, "CEN high until the window closes (default 53ms)") \
  X("n_accept",   NUMBER, n_accept,   "",            0, "D2 bytes in a row that are needed (default 1)") \
  X("align",      CHOICE, align,      "", "byte|slide", "D2 counted in bytes from CS low, or found at any bit") \
  X("t_init",     TIME,   t_init,     "",            0, "acceptance until the die is connected (default 1..40ms at random)") \
  X("init_miso",  CHOICE, init_miso,  "", "d2|zero", "MISO meanwhile: first byte of each frame D2, or all zero") \
  X("f_handshake",HERTZ,  f_handshake,"",            0, "fastest clock the gate follows (default 10MHz)") \
  X("f_data",     HERTZ,  f_data,     "",            0, "fastest clock through the gate to the die (default 30MHz)") \
  X("mode3",      CHOICE, mode3,      "", "slip|no", "SPI mode 3 in the window: understood with MISO one bit late, or not") \
  X("cs_required",FLAG,   cs_required,"",            0, "no: D2 is accepted with CS high too (default yes)") \
  X("app_pins",   CHOICE, app_pins,   "", "float|toggle|noise|low|high", "what the application does to P20..P23") \
  X("sr_boot",    NUMBER, sr_boot,    "",            0, "status registers the application writes 300 ms after boot, SR1|SR2<<8") \
  X("firmware",   CHOICE, firmware,   "", "auto|yes|no", "an application runs: auto = when the array is not blank at 0") \
  /* wiring faults */ \
  X("miso",       CHOICE, miso,       "", "normal|stuck0|stuck1|open", "a fault of the MISO wire") \
  X("cen",        CHOICE, cen,        "", "normal|open|low", "a fault of the CEN wire: not connected, or shorted to ground") \
  X("pull",       CHOICE, pull,       "", "up|down|noise", "what the adapter reads from a floating MISO") \
  X("slip",       NUMBER, slip,       "",            0, "a clock edge is lost every so many bits (ringing)") \
  /* the die */ \
  X("sr",         NUMBER, sr,         "",            0, "status registers at the start, SR1|SR2<<8|SR3<<16") \
  X("sr_count",   NUMBER, sr_count,   "",            0, "how many status registers the die has, 1..3") \
  X("style",      CHOICE, style,      "", "part|none|w25q|en25|mx25", "how protection bits map to ranges") \
  X("wrsr",       TEXT,   wrsr,       "",            0, "status writes the die takes: one,two,31,11 (comma list)") \
  X("wrsr1",      CHOICE, wrsr1,      "", "keep|clear", "what a one-byte 01 does to SR2") \
  X("wrsr_extra", CHOICE, wrsr_extra, "", "reject|ignore", "status write with surplus data bytes") \
  X("rdsr2",      CHOICE, rdsr2,      "", "sr1|00|ff", "answer to 35 and 15 where that register is missing") \
  X("rdid_tail",  CHOICE, rdid_tail,  "", "repeat|00|ff", "RDID past its third byte") \
  X("erase32",    FLAG,   erase32,    "",            0, "the die has erase 52") \
  X("sfdp",       FLAG,   sfdp,       "",            0, "the die has an SFDP table (default yes)") \
  X("volatile50", FLAG,   volatile50, "",            0, "the die has 50 (default yes)") \
  X("softreset",  FLAG,   softreset,  "",            0, "the die has 66 99 (default yes)") \
  X("uid",        NUMBER, uid,        "",            0, "bytes of unique id: 0, 8 or 16") \
  X("crm",        FLAG,   crm,        "",            0, "the die hangs in continuous-read mode until FF FF") \
  X("f_max",      HERTZ,  f_max,      "",            0, "fastest clock of the die's read command") \
  X("timing",     TEXT,   timing,     "",            0, "busy times: default, puya or slow") \
  X("t_pp",       TIME,   t_pp,       "",            0, "page program time") \
  X("t_se",       TIME,   t_se,       "",            0, "4 KiB erase time") \
  X("t_be32",     TIME,   t_be32,     "",            0, "32 KiB erase time") \
  X("t_be",       TIME,   t_be,       "",            0, "64 KiB erase time") \
  X("t_ce",       TIME,   t_ce,       "",            0, "chip erase time") \
  X("t_w",        TIME,   t_w,        "",            0, "status write time") \
  X("jitter",     REAL,   jitter,     "",            0, "busy times vary by up to this factor (0.5 = half as long to half as long again)") \
  X("lie",        TEXT,   lie,        "",            0, "flip:P stuckbit:ADDR:BIT noerase:ADDR[:TIMES] noerase:all wip:N sr noprogram[:N] cut:N") \
  /* the UART loaders */ \
  X("uart_window",TIME,   uart_window,"",            0, "L family: how long the loader listens after a reset (default 10ms)") \
  X("uart_idle",  TIME,   uart_idle,  "",            0, "L family: linked and idle for so long resets (default 300ms)") \
  X("user_reset", TIME,   user_reset, "",            0, "somebody resets the board so long after bytes reach the running application; 0 = nobody (default 500ms)") \
  X("app_reboot", FLAG,   app_reboot, "",            0, "the application obeys reboot commands (default yes)") \
  X("chatter",    FLAG,   chatter,    "",            0, "the application prints a log (default no)") \
  X("chatter_baud",NUMBER,chatter_baud,"",           0, "baud rate of the application (default 115200)") \
  X("efuse",      TEXT,   efuse,      "",            0, "eFUSE bytes from 0 on, hex digits") \
  X("uart_fault", TEXT,   uart_fault, "",            0, "drop:P dup:P flip:P noise:P latency:MS cut:BYTES[:TIMES] losebaud[:TIMES] brownout:N echo deadtx") \
  X("uart_quirk", TEXT,   uart_quirk, "",            0, "addr1 mid5 stayrom banner stale: oddities of some ROMs")
/* clang-format on */
#endif
