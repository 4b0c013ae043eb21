/* device_id.h - which device it is, as far as it tells, in a form that outlives the run.
 *
 * Nothing here is always there: the loader of some chips tells no flash id, few dies have a
 * unique id, and the MAC is where the profile says that RF calibration lies, if it says so.
 * So two identities are compared by what both of them know. */
#ifndef CORE_SESSION_DEVICE_ID_H
#define CORE_SESSION_DEVICE_ID_H
#include "session.h"

struct device_id {
    char jedec[8];      /* "0B4016"; "" = not known, as in every member */
    char unique_id[40]; /* hex, as it came */
    char mac[16];       /* twelve hex digits */
    char chip[40];
    char profile[64]; /* name of the board */
};
/* Session identified.  A MAC that cannot be read is not known: no error. */
void device_id_of(bkf_session *, struct device_id *);
/* They cannot be one device: something that both know is different. */
bool device_id_conflict(const struct device_id *, const struct device_id *);
/* They are one device: an id that no other one has is known to both. */
bool device_id_same_unit(const struct device_id *, const struct device_id *);
/* "JEDEC id 0B4016, unique id 1A..., MAC ..." for people. */
const char *device_id_text(const struct device_id *, char buf[160]);
/* Names files of this device: JEDEC id and unique id, else MAC, else the board's name. */
void device_id_key(const struct device_id *, char key[80]);
/* Members into o; back from o, where what is missing is not known. */
void device_id_save(const struct device_id *, json_t *o);
void device_id_load(struct device_id *, const json_t *o);
#endif
