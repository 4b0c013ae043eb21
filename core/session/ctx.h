/* ctx.h - the context: where things are, which plugins there are, where messages go.
 * Immutable after construction but for the registry, which locks for itself, and the
 * table of flash parts, made when first asked for. */
#ifndef CORE_SESSION_CTX_H
#define CORE_SESSION_CTX_H
#include "../base/base.h"
#include "../nor/part.h"
#include "../plugin/registry.h"
#include "../profile/profile.h"
#include <bkflash/bkflash.h>
#include <pthread.h>

/* Folders, worked out once from where the library lies and from the environment. */
struct places {
    char *plugins; /* shipped plugins, or NULL */
    char *user_plugins;
    char *backups;    /* folder of automatic backups, or NULL */
    char *state;      /* remembered values and journals, or NULL */
    bool state_given; /* said by the caller, not derived */
    char *dirs[12];   /* conf folders, most specific first, NULL-terminated */
    size_t n_dirs;
};
bkf_status places_find(const bkf_setup *, struct places *, bkf_error *);
void places_free(struct places *);

struct bkf_ctx {
    bkf_callbacks cb;
    pthread_mutex_t cb_lock; /* callbacks are serialised over all sessions */
    struct places places;
    struct profile_env env;
    struct registry *registry;
    pthread_mutex_t parts_lock;
    bool parts_loaded; /* guarded by parts_lock; the table does not change afterwards */
    struct nor_part_table parts;
    bkf_host host; /* for calls outside of any session */
};

/* cb: a session's own callbacks or the context's; all go through the one lock. */
void ctx_log(struct bkf_ctx *, const bkf_callbacks *cb, int32_t level, const char *who,
             const char *line);
void ctx_logf(struct bkf_ctx *, const bkf_callbacks *cb, int32_t level, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* The flash parts of all folders, read once. */
bkf_status ctx_parts(struct bkf_ctx *, const bkf_callbacks *, const struct nor_part_table **,
                     bkf_error *);
/* Report and empty the list. */
void ctx_diags(struct bkf_ctx *, const bkf_callbacks *cb, struct diag_list *);
/* A copy of what the caller gave, as far as his version of the struct reaches. */
bkf_callbacks callbacks_copy(const bkf_callbacks *);

#endif
