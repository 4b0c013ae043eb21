/* list.c - what this bkflash knows and what is plugged in, as JSON.
 *
 *   list [profiles|adapters|chips|parts|units]...      (units without a word) */
#include <bkflash/bkflash.h>
#include <stdio.h>

static int list(bkf_ctx *ctx, const char *what)
{
    bkf_error err = BKF_ERROR_INIT;
    char *json = NULL;
    bkf_status status = bkf_list(ctx, what, &json, &err);
    if (status)
        fprintf(stderr, "list: %s: %s\n", what, err.message);
    else
        puts(json);
    bkf_free(json);
    return bkf_exit_code(status);
}

int main(int argc, char **argv)
{
    /* Zero is what a user expects: the folders beside the library and those of XDG. */
    bkf_setup setup = { .struct_size = sizeof setup };
    bkf_error err = BKF_ERROR_INIT;
    bkf_ctx *ctx = NULL;
    int code = bkf_exit_code(bkf_ctx_new(&setup, NULL, &ctx, &err));
    if (code)
        fprintf(stderr, "list: %s\n", err.message);
    else if (argc < 2)
        code = list(ctx, "units");
    for (int i = 1; i < argc && !code; i++)
        code = list(ctx, argv[i]);
    bkf_ctx_free(ctx);
    return code;
}
