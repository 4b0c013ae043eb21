/* wiring.h - which adapter pin goes to which pad of the board, for one route of a profile.
 * Everything comes from the profile's pads and the adapter class's line table, so nothing
 * needs to be plugged in. */
#ifndef CORE_SESSION_WIRING_H
#define CORE_SESSION_WIRING_H
#include "../profile/profile.h"
#include <bkflash/plugin.h>
#include <jansson.h>

/* {"wiring":1, "profile", "title", "route", "adapter", "transport",
 *  "rows":[{"line","pin","signal","pad","from":"adapter"|"board"|"both","inverted"}],
 *  "warnings":[...]}.  Power and ground are rows of their own.  NULL = out of memory. */
json_t *wiring_json(const struct bkf_profile *, const struct prof_route *,
                    const bkf_adapter_class *);
/* Drawings of that document; malloc'ed text, NULL = out of memory. */
char *wiring_ascii(json_t *wiring);
char *wiring_svg(json_t *wiring);
#endif
