/* bind.h - the third pass: a profile's route against the classes it names.  Needs plugins,
 * but no hardware. */
#ifndef CORE_PROFILE_BIND_H
#define CORE_PROFILE_BIND_H
#include "../plugin/registry.h"
#include "profile.h"

struct bind_request {
    const struct bkf_profile *profile;
    const struct prof_route *route;         /* NULL: an adapter without a route (-a sim) */
    const bkf_adapter_class *adapter;       /* NULL = do not look at the adapter's side */
    const bkf_chip_class *chip;             /* NULL = do not look at the chip's side */
    const struct prop_input *adapter_extra; /* -O of the command line, over opt.* */
    size_t n_adapter_extra;
    /* Resolves '@' defaults as for props_new; NULL = all unset. */
    const char *(*fill)(void *ud, const char *what);
    void *ud;
};
/* Pads name lines that exist and can do what the signal needs, options are known and of the
 * right type.  All findings go to diags with file:line; BKF_E_PROFILE if any is an error. */
bkf_status profile_bind(const struct bind_request *, struct diag_list *diags, bkf_error *err);

/* Only the pads of one route: lines exist, can do what the signal needs, and none is used
 * twice; a route without pads needs lines that are called like its signals. */
void profile_bind_pads(const struct prof_route *, const bkf_adapter_class *, struct diag_list *);

/* Only the options of one section against one class's table; BKF_E_NOMEM or BKF_OK, what
 * is wrong goes to diags. */
struct bind_options {
    const char *section; /* for findings: "adapter:uart", "chip" */
    const bkf_prop_spec *spec;
    const char *who; /* the class's name */
    const struct prof_option *options;
    size_t n;
    const struct prop_input *extra; /* of the command line, over the profile's */
    size_t n_extra;
    const char *(*fill)(void *ud, const char *what);
    void *ud;
};
bkf_status profile_bind_options(const struct bind_options *, struct diag_list *diags, bkf_error *);

/* Line of a class by name or alias, or NULL. */
const bkf_line_spec *bind_line(const bkf_adapter_class *, const char *name);
#endif
