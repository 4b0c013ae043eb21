/* trust.c - whose code is this?  The rules of sudo's secure_path: the file and its folder
 * belong to root or to the current user, and nobody else can write them.
 *
 * The file's owner is what counts; the folder is checked so that nobody can link an old
 * file of ours under a plugin's name.  A root-owned folder with the sticky bit (/tmp) is
 * therefore fine, and so is write permission for root's group or the user's private one
 * (umask 002, the default of several distributions).  This guards against accidents and
 * careless permissions; a plugin that passes is trusted code in our process. */
#include "loader.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_CAP = 64 };

static bool user_name(uid_t uid, char name[NAME_CAP])
{
    char buf[4096];
    struct passwd pw, *found = NULL;
    if (getpwuid_r(uid, &pw, buf, sizeof buf, &found) != 0 || !found) {
        snprintf(name, NAME_CAP, "uid %lu", (unsigned long)uid);
        return false;
    }
    snprintf(name, NAME_CAP, "%s", pw.pw_name);
    return true;
}

/* The group that exists for this user alone: same name, no members but himself. */
static bool private_group(gid_t gid)
{
    char user[NAME_CAP], buf[4096];
    struct group gr, *found = NULL;
    if (gid != getegid() || !user_name(geteuid(), user))
        return false;
    if (getgrgid_r(gid, &gr, buf, sizeof buf, &found) != 0 || !found)
        return false;
    if (strcmp(gr.gr_name, user) != 0)
        return false;
    for (char **m = gr.gr_mem; *m; m++)
        if (strcmp(*m, user) != 0)
            return false;
    return true;
}

static bkf_status check_one(const char *path, const struct stat *st, const char *what,
                            bkf_error *err)
{
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        char owner[NAME_CAP], me[NAME_CAP];
        user_name(st->st_uid, owner);
        user_name(geteuid(), me);
        return error_set(err, BKF_E_PLUGIN,
                         "its %s belongs to %s, not to root or %s: make sure you trust it, then "
                         "'chown %s %s'",
                         what, owner, me, geteuid() == 0 ? "root" : me, path);
    }
    if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) && st->st_uid == 0)
        return BKF_OK;
    if (st->st_mode & S_IWOTH)
        return error_set(err, BKF_E_PLUGIN,
                         "its %s is writable by everyone (mode %04o): 'chmod go-w %s'", what,
                         (unsigned)(st->st_mode & 07777), path);
    if ((st->st_mode & S_IWGRP) && st->st_gid != 0 && !private_group(st->st_gid))
        return error_set(err, BKF_E_PLUGIN,
                         "its %s is writable by group %lu (mode %04o): 'chmod go-w %s'", what,
                         (unsigned long)st->st_gid, (unsigned)(st->st_mode & 07777), path);
    return BKF_OK;
}

bkf_status trust_check(const char *path, bkf_error *err)
{
    struct stat st;
    char *real = realpath(path, NULL);
    if (!real || stat(real, &st) != 0) {
        int e = errno;
        free(real);
        return error_os(err, BKF_E_PLUGIN, e, "it cannot be opened: %s", strerror(e));
    }
    bkf_status s;
    if (!S_ISREG(st.st_mode))
        s = error_set(err, BKF_E_PLUGIN, "it is not a regular file");
    else
        s = check_one(real, &st, "file", err);
    if (s == BKF_OK) {
        char *slash = strrchr(real, '/'); /* realpath gives an absolute path */
        slash[slash == real] = '\0';
        if (stat(real, &st) != 0)
            s = error_os(err, BKF_E_PLUGIN, errno, "its folder %s cannot be examined: %s", real,
                         strerror(errno));
        else
            s = check_one(real, &st, "folder", err);
    }
    free(real);
    return s;
}

char *trust_owner(const char *path)
{
    struct stat st;
    char name[NAME_CAP];
    if (stat(path, &st) != 0)
        return NULL;
    user_name(st.st_uid, name);
    return strdup(name);
}
