/* cli.h - the program's insides.  It sees the library through <bkflash/bkflash.h> only.
 *
 * To add a verb: write cmd_NAME.c with `bkf_status cmd_NAME(struct cli *)`, declare it
 * below, add a row to the table in spec.c.  Help, man page, completions and option parsing
 * follow from that row.  A command
 *   - gets what it needs with cli_context, cli_profile, cli_session (all idempotent),
 *   - puts its result, a JSON document, into cli->result: --json prints it as it is,
 *   - writes results for people to stdout when they are the point (lists), else to stderr
 *     with say(); neither in --json mode,
 *   - returns a status with cli->err filled; main prints it and exits with its code. */
#ifndef CORE_CLI_H
#define CORE_CLI_H
#include <bkflash/bkflash.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* -- spec.c: every verb, option and exit code, once ------------------------------------- */
enum opt_id {
    OPT_NONE,
    /* global */
    OPT_PROFILE,
    OPT_ADAPTER,
    OPT_UNIT,
    OPT_OPTION,
    OPT_PLUGIN,
    OPT_ATTEMPTS,
    OPT_TRACE,
    OPT_STATE_DIR,
    OPT_USER_PLUGINS,
    OPT_JSON,
    OPT_COLOR,
    OPT_QUIET,
    OPT_VERBOSE,
    OPT_HELP,
    OPT_VERSION,
    OPT_SPEC_JSON,
    /* of verbs */
    OPT_OUTPUT,
    OPT_FORCE,
    OPT_VERIFY,
    OPT_ALLOW_HOLES,
    OPT_PARTITION,
    OPT_RANGE,
    OPT_NO_RUN,
    OPT_ORIGINS,
    OPT_AT,
    OPT_PAD,
    OPT_DRY_RUN,
    OPT_BACKUP,
    OPT_TRUST_BACKUP,
    OPT_NO_BACKUP,
    OPT_BACKUP_DIR,
    OPT_BACKUP_VERIFY,
    OPT_ALLOW_PROTECTED,
    OPT_PRESERVE_KEEP,
    OPT_SVG,
    OPT_BAUD,
    OPT_DURATION,
    OPT_EXPLAIN,
    OPT_SHOW_SECRETS,
    OPT_KEY,
    OPT_ADDRESS,
    OPT_KEEP_BAD,
    OPT_RBL_ALGO,
    OPT_RBL_NAME,
    OPT_RBL_VERSION,
    OPT_AGAINST,
    OPT_BOOT,
    OPT_DEVICE,
    OPT_META,
    OPT_ANYWAY,
    OPT_COUNT
};
struct opt_spec {
    enum opt_id id;
    char letter;      /* 0 = none */
    const char *name; /* without the dashes; NULL ends a list */
    const char *arg;  /* NULL = takes none */
    const char *help;
    bool repeat;
    bool hidden;
};
struct cli;
struct verb_spec {
    const char *name; /* NULL ends the table */
    const char *args; /* "[FILE]" */
    const char *summary;
    const char *details; /* more lines for its own help, or NULL */
    bkf_status (*run)(struct cli *);
    const struct opt_spec *opts; /* own options, or NULL */
    int min_args, max_args;
};
struct exit_spec {
    int code;
    const char *text;
};
extern const struct opt_spec global_opts[];
extern const struct verb_spec verbs[];
extern const struct exit_spec exits[]; /* text NULL ends it */
const struct verb_spec *verb_find(const char *name);
void spec_print_json(FILE *);

/* -- args.c -------------------------------------------------------------------------------- */
enum { ARGS_MAX = 256 };
struct args {
    const struct verb_spec *verb;
    struct {
        enum opt_id id;
        const char *value;
    } given[ARGS_MAX];
    size_t n_given;
    const char *positional[ARGS_MAX];
    int n_positional;
    char *env_texts[OPT_COUNT]; /* copies of environment values that were cut up */
};
/* Command line over environment.  BKF_E_PARAM with a message and a hint. */
bkf_status args_parse(struct args *, int argc, char **argv, bkf_error *);
void args_free(struct args *);
bool args_has(const struct args *, enum opt_id);
const char *args_get(const struct args *, enum opt_id); /* the last one, or NULL */
size_t args_count(const struct args *, enum opt_id);
/* NULL-terminated, malloc'ed list of pointers; NULL when there are none. */
const char **args_list(const struct args *, enum opt_id);

/* -- signals.c ------------------------------------------------------------------------------ */
/* From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT only wait to be asked for. */
void signals_hold(void);
int signals_pending(void); /* 0, or the number of one that came */

/* -- view.c: progress, notes, logs, diagnostics ---------------------------------------------- */
struct view {
    bool live;      /* redraws a line on a terminal */
    bool line_open; /* one stands there now */
    char phase[16];
    double last_draw, last_line; /* seconds */
    uint64_t last_done;
    char note[160];
};

struct cli {
    struct args args;
    bool json, quiet, color_out, color_err;
    int verbosity; /* 0 .. 3 */
    struct view view;
    int stop_signal;
    uint32_t diags;   /* findings of the present file so far */
    bool changed;     /* the job has written to the device, and came to its end */
    int output_error; /* errno of the first write to stdout that failed; 0 = none did */
    bool stdin_read;  /* by an operand '-': there is nothing left of it */
    bkf_callbacks cb;
    bkf_ctx *ctx;
    bkf_profile *profile;
    bkf_session *session;
    char *result; /* JSON of the command, malloc'ed by the library or NULL */
    bkf_error err;
};

void view_init(struct cli *);
void view_clear(struct cli *); /* take the live line away */
/* People see the first 20 findings of a file; this says how many more there were. */
void view_diags_end(struct cli *);
/* One line for people on stderr; nothing with --json or -q. */
void say(struct cli *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* One line on stderr in any case but --json. */
void say_always(struct cli *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A warning: "warning: ..." on stderr, also with -q; with --json a record of type log. */
void say_warning(struct cli *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Escape sequences, empty without colour. */
const char *paint(const struct cli *, const char *what);     /* stderr: "red", "bold", "off" */
const char *paint_out(const struct cli *, const char *what); /* stdout */

/* -- json_out.c ------------------------------------------------------------------------------- */
void json_hello(struct cli *);
void json_record(struct cli *, const char *type, json_t *members); /* steals members */
void json_result(struct cli *, bkf_status, int exit_code);

/* -- open.c: what most commands need --------------------------------------------------- */
bkf_status cli_fail(struct cli *, bkf_status, const char *fmt, ...) PRINTF_LIKE(3, 4);
bkf_status cli_context(struct cli *);
bkf_status cli_profile(struct cli *);
bkf_status cli_session(struct cli *);
/* Detach and close; keeps the first error. */
bkf_status cli_finish(struct cli *, bkf_status);
/* -P or --range into *range; *has = false without either. */
bkf_status cli_range(struct cli *, bkf_range *range, bool *has, const char **label);
/* The result document, parsed; the caller decrefs. */
json_t *cli_result(const struct cli *);

/* -- text.c: pieces of text from documents --------------------------------------------- */
const char *text_of(const json_t *o, const char *key); /* "" when absent */
uint64_t number_of(const json_t *o, const char *key);
const char *size_text(uint64_t bytes, char buf[32]);    /* "4 MiB", "68 KiB", "123 bytes" */
const char *rate_text(double per_second, char buf[32]); /* "712 KiB/s" */
const char *time_text(double seconds, char buf[32]);    /* "4.2 s", "1:05" */

/* -- commands -------------------------------------------------------------------------- */
void help_print(const struct cli *, const struct verb_spec *); /* NULL = all; to stdout */
bkf_status cmd_help(struct cli *);
bkf_status cmd_version(struct cli *);
bkf_status cmd_dump(struct cli *);
bkf_status cmd_read(struct cli *);
/* The last words of a read into file (NULL = standard output), which ended with st. */
void dump_summary(struct cli *, const char *file, bkf_status st);
bkf_status cmd_verify(struct cli *);
bkf_status cmd_info(struct cli *);
bkf_status cmd_bench(struct cli *);
bkf_status cmd_log(struct cli *);
bkf_status cmd_check(struct cli *);
bkf_status cmd_profile(struct cli *);
bkf_status cmd_list(struct cli *);
bkf_status cmd_plugins(struct cli *);
bkf_status cmd_write(struct cli *);
bkf_status cmd_erase(struct cli *);
bkf_status cmd_restore(struct cli *);
bkf_status cmd_resume(struct cli *);
bkf_status cmd_undo(struct cli *);
bkf_status cmd_protect(struct cli *);
bkf_status cmd_wiring(struct cli *);
bkf_status cmd_doctor(struct cli *);

bkf_status cmd_inspect(struct cli *);
bkf_status cmd_extract(struct cli *);
bkf_status cmd_pack(struct cli *);
bkf_status cmd_convert(struct cli *);
bkf_status cmd_ota(struct cli *);
bkf_status cmd_splice(struct cli *);
bkf_status cmd_redact(struct cli *);
bkf_status cmd_report(struct cli *);
bkf_status cmd_diff(struct cli *);

/* -- cmd_change.c: a change of the device, with the options of every change ------------------ */
bkf_status cli_change(struct cli *, bkf_change_options *, const char *path);

/* -- cmd_image.c: shared by the verbs about images ------------------------------------------ */
uint32_t image_flags(const struct cli *);
/* *out is NULL after a failure. */
/* Bytes of a file, or of standard input for "-", which only one operand can be. */
bkf_status image_bytes(struct cli *, const char *path, void **data, size_t *len);
bkf_status image_load(struct cli *, const char *path, bkf_image **out);
/* The file of operand index, or without one the device of -p. */
bkf_status file_or_device(struct cli *, int index, bkf_image **out);
bkf_status image_read_device(struct cli *, bkf_image **out);
/* -o, which must be there. */
bkf_status image_output(struct cli *, const char **path);
void image_print(struct cli *, char *text); /* to stdout without --json; frees text */

#endif
