/* bkflash/version.h - the only place where a version number is written.
 * CMake reads the three numbers of the program from here. */
#ifndef BKFLASH_VERSION_H
#define BKFLASH_VERSION_H

#define BKF_VERSION_MAJOR 0
#define BKF_VERSION_MINOR 1
#define BKF_VERSION_PATCH 0

#define BKF_VERSION_TEXT_(a, b, c)  #a "." #b "." #c
#define BKF_VERSION_TEXT__(a, b, c) BKF_VERSION_TEXT_(a, b, c)
#define BKF_VERSION_TEXT            BKF_VERSION_TEXT__(BKF_VERSION_MAJOR, BKF_VERSION_MINOR, BKF_VERSION_PATCH)

/* Plugin ABI.  Major: bumped only when old plugins must be refused.
 * Minor: bumped when members are appended.  History: docs/abi.md. */
#define BKF_ABI_MAJOR 1u
#define BKF_ABI_MINOR 0u

#endif
