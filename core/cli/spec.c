/* spec.c - every verb, option and exit code of the program, in one place: parsing, help,
 * man page and completions all come from here (bkflash --spec-json prints it). */
#include "cli.h"
#include <string.h>

#define END          \
    {                \
        .name = NULL \
    }

const struct opt_spec global_opts[] = {
    { OPT_PROFILE, 'p', "profile", "NAME",
      "profile of the board: a file, or a name from 'list profiles'", false, false },
    { OPT_ADAPTER, 'a', "adapter", "NAME",
      "route of the profile ([adapter:NAME]) or an adapter such as sim", false, false },
    { OPT_UNIT, 'u', "unit", "UNIT", "which adapter, as 'list units' names it", false, false },
    { OPT_OPTION, 'O', "option", "KEY=VALUE",
      "option of the adapter or chip ('list adapters NAME'); repeatable", true, false },
    { OPT_ATTEMPTS, 0, "attempts", "N",
      "resets to try until the target answers (default: no limit)", false, false },
    { OPT_TRACE, 0, "trace", "FILE", "record every link call, for -a replay -O trace=FILE", false,
      false },
    { OPT_PLUGIN, 0, "plugin", "FILE", "load this plugin before all others; repeatable", true,
      false },
    { OPT_USER_PLUGINS, 0, "allow-user-plugins", NULL,
      "load plugins of the user's folders also when running as root", false, false },
    { OPT_STATE_DIR, 0, "state-dir", "DIR", "where to remember things between runs", false, false },
    { OPT_JSON, 0, "json", NULL, "results and messages as JSON, one object a line, on stdout",
      false, false },
    { OPT_COLOR, 0, "color", "WHEN", "auto, always or never (NO_COLOR is honoured)", false, false },
    { OPT_QUIET, 'q', "quiet", NULL, "errors only", false, false },
    { OPT_VERBOSE, 'v', "verbose", NULL, "more messages; -vv more still", true, false },
    { OPT_HELP, 'h', "help", NULL, "this help, or a verb's", false, false },
    { OPT_VERSION, 'V', "version", NULL, "the version", false, false },
    { OPT_SPEC_JSON, 0, "spec-json", NULL, "verbs, options and exit codes as JSON", false, true },
    END
};

#define OPT_OUTPUT_ROW                                                                             \
    {                                                                                              \
        OPT_OUTPUT, 'o', "output", "FILE", "where to write ('-' is standard output)", false, false \
    }
#define OPT_FORCE_ROW                                                           \
    {                                                                           \
        OPT_FORCE, 'f', "force", NULL, "replace an existing file", false, false \
    }
#define OPT_VERIFY_ROW                                                                        \
    {                                                                                         \
        OPT_VERIFY, 0, "verify", "HOW", "full (default), sample or none: how much is proven", \
            false, false                                                                      \
    }
#define OPT_HOLES_ROW                                                                           \
    {                                                                                           \
        OPT_ALLOW_HOLES, 0, "allow-holes", NULL, "accept ranges that cannot be read or proven", \
            false, false                                                                        \
    }
#define OPT_PARTITION_ROW                                                                      \
    {                                                                                          \
        OPT_PARTITION, 'P', "partition", "NAME", "this partition of the profile", false, false \
    }
#define OPT_RANGE_ROW                                                    \
    {                                                                    \
        OPT_RANGE, 0, "range", "RANGE",                                  \
            "START..END (half open) or START+LENGTH: 0x11000..0x20000, " \
            "app1..end, app1+4K",                                        \
            false, false                                                 \
    }
#define OPT_NO_RUN_ROW                                                                         \
    {                                                                                          \
        OPT_NO_RUN, 0, "no-run", NULL, "do not start the application afterwards", false, false \
    }

#define OPT_AT_ROW                                                                      \
    {                                                                                   \
        OPT_AT, 0, "at", "OFFSET", "from here on, as long as the file is", false, false \
    }

static const struct opt_spec dump_opts[] = { OPT_OUTPUT_ROW, OPT_FORCE_ROW,  OPT_VERIFY_ROW,
                                             OPT_HOLES_ROW,  OPT_NO_RUN_ROW, END };
static const struct opt_spec read_opts[] = { OPT_OUTPUT_ROW, OPT_FORCE_ROW,
                                             OPT_VERIFY_ROW, OPT_HOLES_ROW,
                                             OPT_RANGE_ROW,  OPT_PARTITION_ROW,
                                             OPT_NO_RUN_ROW, END };
static const struct opt_spec verify_opts[] = {
    OPT_PARTITION_ROW,
    OPT_RANGE_ROW,
    OPT_AT_ROW,
    { OPT_DRY_RUN, 'n', "dry-run", NULL, "show what would be compared, and how", false, false },
    OPT_NO_RUN_ROW,
    END
};
static const struct opt_spec info_opts[] = { OPT_NO_RUN_ROW, END };
static const struct opt_spec profile_opts[] = {
    { OPT_ORIGINS, 0, "origins", NULL, "with the file and line of every value", false, false }, END
};

/* What every change of the flash takes. */
#define BACKUP_ROWS                                                                                 \
    { OPT_DRY_RUN, 'n', "dry-run", NULL, "show the plan, change nothing", false, false },           \
        { OPT_BACKUP, 0, "backup", "FILE", "this dump is the backup; none is made", false, false }, \
        { OPT_BACKUP_DIR, 0, "backup-dir", "DIR", "where backups are made", false, false },         \
    {                                                                                               \
        OPT_BACKUP_VERIFY, 0, "backup-verify", NULL,                                                \
            "read all of the backup twice, also what has a CRC of its own", false, false            \
    }
/* And what a change that the user shapes himself takes besides. */
#define CHANGE_ROWS                                                                                    \
    BACKUP_ROWS,                                                                                       \
        { OPT_TRUST_BACKUP,                                                                            \
          0,                                                                                           \
          "trust-backup",                                                                              \
          NULL,                                                                                        \
          "with --backup: the flash holds just that; only samples are compared",                       \
          false,                                                                                       \
          false },                                                                                     \
        { OPT_NO_BACKUP, 0, "no-backup", NULL, "make no backup: there is no way back", false, false }, \
        { OPT_ALLOW_PROTECTED,                                                                         \
          0,                                                                                           \
          "allow-protected",                                                                           \
          "NAME",                                                                                      \
          "change this protected partition; restore: also one marked keep; repeatable",                \
          true,                                                                                        \
          false },                                                                                     \
        { OPT_PRESERVE_KEEP,                                                                           \
          0,                                                                                           \
          "preserve-keep",                                                                             \
          NULL,                                                                                        \
          "leave partitions marked keep as they are",                                                  \
          false,                                                                                       \
          false },                                                                                     \
        OPT_NO_RUN_ROW
static const struct opt_spec write_opts[] = {
    OPT_PARTITION_ROW,
    OPT_RANGE_ROW,
    OPT_AT_ROW,
    { OPT_PAD, 0, "pad", NULL, "fill the last sector of the image with erased bytes, as -P does",
      false, false },
    { OPT_ANYWAY, 0, "anyway", NULL, "write a program that is known not to boot there", false,
      false },
    CHANGE_ROWS,
    END
};
static const struct opt_spec erase_opts[] = { OPT_PARTITION_ROW, OPT_RANGE_ROW, CHANGE_ROWS, END };
static const struct opt_spec restore_opts[] = { CHANGE_ROWS, END };
static const struct opt_spec run_opts[] = { OPT_NO_RUN_ROW, END };
static const struct opt_spec wiring_opts[] = {
    { OPT_SVG, 0, "svg", "FILE", "the drawing of one route, as SVG ('-' is standard output)", false,
      false },
    END
};

#define OPT_SECRETS_ROW                                                                          \
    {                                                                                            \
        OPT_SHOW_SECRETS, 0, "show-secrets", NULL, "show passwords, keys and whole MACs", false, \
            false                                                                                \
    }
#define OPT_KEY_ROW                                                                               \
    {                                                                                             \
        OPT_KEY, 0, "key", "KEY", "code key: tuya, uascent, zero or four hex words", false, false \
    }
static const struct opt_spec inspect_opts[] = { OPT_SECRETS_ROW, END };
static const struct opt_spec extract_opts[] = { { OPT_OUTPUT, 'o', "output", "DIR",
                                                  "folder for the files", false, false },
                                                OPT_FORCE_ROW,
                                                OPT_SECRETS_ROW,
                                                END };
static const struct opt_spec image_out_opts[] = { OPT_OUTPUT_ROW, OPT_FORCE_ROW, END };
static const struct opt_spec report_opts[] = { OPT_OUTPUT_ROW,
                                               OPT_FORCE_ROW,
                                               OPT_SECRETS_ROW,
                                               { OPT_AGAINST, 0, "against", "FILE",
                                                 "compare with this image", false, false },
                                               END };
static const struct opt_spec convert_opts[] = {
    OPT_OUTPUT_ROW,
    OPT_FORCE_ROW,
    OPT_KEY_ROW,
    { OPT_ADDRESS, 0, "address", "N", "logical address of the first byte; base of a HEX file",
      false, false },
    { OPT_KEEP_BAD, 0, "keep-bad", NULL, "crc-strip: take blocks with a bad CRC as they are", false,
      false },
    { OPT_RBL_ALGO, 0, "rbl-algo", "N", "0, 0x2 AES-256, 0x100 gzip, 0x102 both (default)", false,
      false },
    { OPT_RBL_NAME, 0, "rbl-name", "NAME", "partition of the container (default app)", false,
      false },
    { OPT_RBL_VERSION, 0, "rbl-version", "TEXT", "version of the container (default 1.00)", false,
      false },
    { OPT_PARTITION, 'P', "partition", "NAME", "which payload of a UF2 file (default app)", false,
      false },
    END
};
static const struct opt_spec ota_opts[] = {
    OPT_OUTPUT_ROW,
    OPT_FORCE_ROW,
    { OPT_META, 0, "meta", "FILE", "dump of the same product that was seen booting that slot",
      false, false },
    BACKUP_ROWS,
    OPT_NO_RUN_ROW,
    END
};
static const struct opt_spec splice_opts[] = {
    OPT_OUTPUT_ROW,
    OPT_FORCE_ROW,
    OPT_KEY_ROW,
    { OPT_BOOT, 0, "boot", "FILE", "take the bootloader from this file, not from the device", false,
      false },
    { OPT_DEVICE, 0, "device", "FILE", "a dump of the device, to judge by (default: --boot)", false,
      false },
    { OPT_ANYWAY, 0, "anyway", NULL, "write it even if it would not boot", false, false },
    END
};

static const struct opt_spec log_opts[] = {
    { OPT_BAUD, 0, "baud", "RATE", "instead of the profile's", false, false },
    { OPT_DURATION, 0, "duration", "SECONDS", "stop after so long (default: at an interrupt)",
      false, false },
    { OPT_EXPLAIN, 0, "explain", NULL, "say what known lines mean", false, false },
    OPT_SECRETS_ROW,
    OPT_FORCE_ROW,
    END
};

const struct verb_spec verbs[] = {
    { "dump", "[FILE]", "read the whole flash into a file, and prove it",
      "Byte n of the file is flash offset n.  Without FILE the name is made of profile, JEDEC id,\n"
      "unique id and date.  FILE.json beside it says what was read and how it was proven.\n"
      "An unfinished dump is never called FILE: it is FILE.part, and FILE.part.log says how far "
      "it\n"
      "came.  The same command again, or 'resume', goes on with it on the same device, through\n"
      "whatever adapter.\n",
      cmd_dump, dump_opts, 0, 1 },
    { "read", "[FILE]", "read a partition or a range into a file, and prove it",
      "Byte 0 of the file is the start of the range (-P or --range).\n", cmd_read, read_opts, 0,
      1 },
    { "verify", "FILE", "compare the flash with a file",
      "FILE must be as long as the flash, or as the part that --range names; with -P and --at\n"
      "the comparison ends with FILE, as a write does.\n",
      cmd_verify, verify_opts, 1, 1 },
    { "write", "FILE", "write an image into a partition or a range",
      "Only what differs is touched.  The old contents are saved first, everything written is\n"
      "verified, the write protection is put back, and an interrupted write can be finished\n"
      "with 'resume' or taken back with 'undo'.  Where a partition ends inside a sector, the rest\n"
      "of that sector goes back as it was.\n",
      cmd_write, write_opts, 1, 1 },
    { "erase", "", "erase a partition or a range", "With the same care as write.\n", cmd_erase,
      erase_opts, 0, 0 },
    { "restore", "FILE", "put a dump of this very device back",
      "FILE needs its sidecar FILE.json; the device must be the one it was taken from.\n",
      cmd_restore, restore_opts, 1, 1 },
    { "resume", "", "finish a change or a dump of this device that was interrupted",
      "A change goes first.  The device must be the one that it was begun on.\n", cmd_resume,
      run_opts, 0, 0 },
    { "undo", "", "put back what the last change of this device replaced",
      "Only what that change touched; what is overwritten now is saved first, unless the change "
      "was\n"
      "unfinished, when both sides are on file already.\n",
      cmd_undo, run_opts, 0, 0 },
    { "protect", "[show|on|off]", "show or switch the write protection of the flash", NULL,
      cmd_protect, run_opts, 0, 1 },
    { "info", "", "identify chip and flash, compare them with the profile, look what is in it",
      "Reads about 100 KiB for the look; 'inspect' reads everything.\n", cmd_info, info_opts, 0,
      0 },
    { "bench", "", "measure the wires: the same bytes at rising SPI clocks",
      "Only reads.  Clocks go up to what the profile and -O spi_clock=HZ allow.\n", cmd_bench,
      info_opts, 0, 0 },
    { "log", "[FILE]", "show what the board prints on its log UART, with times",
      "Listens on [adapter:log] of the profile and never sends.  FILE gets a copy.\n", cmd_log,
      log_opts, 0, 1 },
    { "check", "FILE...", "check profiles; problems as file:line: error: [section] key: text", NULL,
      cmd_check, NULL, 1, ARGS_MAX - 1 },
    { "profile", "show", "print the merged profile", NULL, cmd_profile, profile_opts, 1, 2 },
    { "list", "[profiles|adapters|chips|parts|units] [CLASS]", "what there is to choose from",
      "With the name of an adapter or chip: its lines, and its options for -O.\n", cmd_list, NULL,
      0, 2 },
    { "plugins", "", "plugin files found, loaded or refused and why", NULL, cmd_plugins, NULL, 0,
      0 },
    { "wiring", "", "which adapter pin goes to which pad of the board",
      "Every route of the profile, or the one that -a names.\n", cmd_wiring, wiring_opts, 0, 0 },
    { "doctor", "", "find out why an adapter cannot be used",
      "The exit code says if a flash could be tried now.\n", cmd_doctor, NULL, 0, 0 },
    { "inspect", "[FILE]", "say what an image, or the device's flash, holds",
      "Kind, chip, key, partitions, code CRC, containers, calibration, storage, damage; each with\n"
      "how sure it is and why.  FILE '-' is standard input; without FILE the device is read.\n",
      cmd_inspect, inspect_opts, 0, 1 },
    { "extract", "[FILE]", "take an image apart into files and a manifest",
      "Code is deciphered and without CRC bytes, containers are unpacked.\n", cmd_extract,
      extract_opts, 0, 1 },
    { "pack", "DIR", "put an extracted image together again", NULL, cmd_pack, image_out_opts, 1,
      1 },
    { "convert", "STEPS FILE", "one form of an image into another",
      "STEPS are done from left to right, with commas between: crc-add, crc-strip, encrypt,\n"
      "decrypt, rbl-pack, rbl-unpack, ug-pack, ug-unpack, uf2-read, hex-read, hex-write.\n",
      cmd_convert, convert_opts, 2, 2 },
    { "ota", "show|select [app1|app2] [FILE]",
      "the two program slots of a device with ping-pong OTA",
      "Without FILE the device of -p is meant.  select changes its metadata as write changes a\n"
      "partition: planned, backed up, proven, and taken back by 'undo'; with FILE or -o it only\n"
      "writes the metadata bytes to -o.  A slot that would not boot is refused.\n",
      cmd_ota, ota_opts, 1, 3 },
    { "splice", "FIRMWARE", "a bootable image from a program and a bootloader",
      "Says why it would boot or not, and writes it only if it would.\n", cmd_splice, splice_opts,
      1, 1 },
    { "redact", "FILE", "a copy of a dump without passwords, keys and MACs", NULL, cmd_redact,
      image_out_opts, 1, 1 },
    { "report", "[FILE]", "one HTML page about an image", NULL, cmd_report, report_opts, 0, 1 },
    { "diff", "A [B]", "what differs between two images, or an image and the device", NULL,
      cmd_diff, NULL, 1, 2 },
    { "version", "", "print the version", NULL, cmd_version, NULL, 0, 0 },
    { "help", "[VERB]", "this help, or a verb's", NULL, cmd_help, NULL, 0, 1 },
    END
};

const struct exit_spec exits[] = {
    { 0, "done" },
    { 1, "internal error" },
    { 2, "usage" },
    { 3, "profile" },
    { 4, "plugin" },
    { 10, "no adapter" },
    { 11, "no permission" },
    { 12, "busy: the adapter is in use, or a change of this device is unfinished" },
    { 20, "no link to the target" },
    { 21, "link lost" },
    { 22, "wrong chip or flash" },
    { 23, "unknown flash" },
    { 30, "refused or protected" },
    { 31, "flash and file differ" },
    { 32, "incomplete" },
    { 33, "flash size not proven" },
    { 40, "image rejected" },
    { 50, "file or disk" },
    { 130, "cancelled" },
    { 0, NULL },
};

const struct verb_spec *verb_find(const char *name)
{
    for (const struct verb_spec *v = verbs; v->name; v++)
        if (strcmp(v->name, name) == 0)
            return v;
    return NULL;
}

static json_t *opts_json(const struct opt_spec *o)
{
    json_t *list = json_array();
    for (; o && o->name; o++) {
        json_t *j = json_pack("{s:s, s:s}", "name", o->name, "help", o->help);
        char letter[2] = { o->letter, 0 };
        if (o->hidden) {
            json_decref(j);
            continue;
        }
        if (o->letter)
            json_object_set_new(j, "letter", json_string(letter));
        if (o->arg)
            json_object_set_new(j, "arg", json_string(o->arg));
        if (o->repeat)
            json_object_set_new(j, "repeat", json_true());
        json_array_append_new(list, j);
    }
    return list;
}

void spec_print_json(FILE *f)
{
    json_t *list = json_array(), *codes = json_array();
    for (const struct verb_spec *v = verbs; v->name; v++) {
        json_t *j = json_pack("{s:s, s:s, s:s, s:o}", "name", v->name, "args", v->args, "summary",
                              v->summary, "options", opts_json(v->opts));
        if (v->details)
            json_object_set_new(j, "details", json_string(v->details));
        json_array_append_new(list, j);
    }
    for (const struct exit_spec *e = exits; e->text; e++)
        json_array_append_new(codes, json_pack("{s:i, s:s}", "code", e->code, "text", e->text));
    json_t *doc =
        json_pack("{s:s, s:s, s:o, s:o, s:o}", "program", "bkflash", "version", bkf_version(),
                  "options", opts_json(global_opts), "verbs", list, "exit_codes", codes);
    json_dumpf(doc, f, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    fputc('\n', f);
    json_decref(doc);
}
