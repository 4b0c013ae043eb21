/* look.h - a first look at the content of the flash, for info. */
#ifndef CORE_SESSION_LOOK_H
#define CORE_SESSION_LOOK_H
#include "session.h"

/* Of an attached, identified target; size: of its flash, 0 = not known.  *out: what was seen;
 * the caller decrefs. */
bkf_status session_look(bkf_session *, uint32_t size, json_t **out, bkf_error *);
#endif
