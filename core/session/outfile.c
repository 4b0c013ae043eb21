/* outfile.c - PATH.part until everything is proven, then PATH: nobody ever sees half a
 * dump under a name that looks whole. */
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bkf_status failed(bkf_error *err, const char *what, const char *path)
{
    int e = errno;
    return error_os(err, BKF_E_FILE, e, "%s: cannot %s: %s", path, what, strerror(e));
}

static bkf_status refuse_existing(const char *path, bool force, bkf_error *err)
{
    struct stat sb;
    if (lstat(path, &sb))
        return errno == ENOENT ? BKF_OK : failed(err, "create", path);
    if (S_ISDIR(sb.st_mode))
        return error_set(err, BKF_E_FILE, "%s: is a folder; name a file", path);
    if (!S_ISREG(sb.st_mode) && !S_ISLNK(sb.st_mode))
        return error_set(err, BKF_E_FILE,
                         "%s: exists and is not a plain file (for standard output "
                         "use -o -)",
                         path);
    if (!force)
        return error_set(err, BKF_E_FILE, "%s: exists already; --force replaces it", path);
    return BKF_OK;
}

bkf_status outfile_open(struct outfile *o, const char *path, bool force, bool private,
                        bkf_error *err)
{
    struct strbuf part = STRBUF_INIT;
    *o = (struct outfile){ .fd = -1, .force = force, .mode = private ? 0600 : 0666 };
    bkf_status st = refuse_existing(path, force, err);
    if (st)
        return st;
    strbuf_addf(&part, "%s.part", path);
    o->part = strbuf_take(&part);
    o->path = strdup(path);
    if (!o->part || !o->path) {
        outfile_close(o, true);
        return error_set(err, BKF_E_NOMEM, "out of memory");
    }
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(o->part, flags | O_EXCL, o->mode);
    o->ours = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(o->part, flags, o->mode);
    if (fd < 0 || (private && fchmod(fd, o->mode))) {
        st = failed(err, "create", o->part);
    } else if (flock(fd, LOCK_EX | LOCK_NB)) {
        st = error_set(err, BKF_E_BUSY, "%s: another bkflash is writing it", o->part);
    } else {
        o->fd = fd;
        return BKF_OK;
    }
    if (fd >= 0)
        close(fd);
    outfile_close(o, true);
    return st;
}

/* Space is taken before the target is read: a full disk shows in the first second. */
bkf_status outfile_reserve(struct outfile *o, uint64_t size, bkf_error *err)
{
    if (ftruncate(o->fd, 0))
        return failed(err, "empty", o->part);
    o->ours = true;
    int e = size ? posix_fallocate(o->fd, 0, (off_t)size) : 0;
    if (e == EOPNOTSUPP || e == EINVAL)
        e = ftruncate(o->fd, (off_t)size) ? errno : 0;
    if (!e)
        return BKF_OK;
    return error_os(err, BKF_E_FILE, e, "%s: no room for %llu bytes: %s", o->part,
                    (unsigned long long)size, strerror(e));
}

/* Without force a file that appeared meanwhile is not replaced either. */
static int move(const struct outfile *o)
{
    if (o->force)
        return rename(o->part, o->path);
    int r = renameat2(AT_FDCWD, o->part, AT_FDCWD, o->path, RENAME_NOREPLACE);
    if (r && (errno == EINVAL || errno == ENOSYS)) /* not on every filesystem */
        r = file_exists(o->path) ? (errno = EEXIST, -1) : rename(o->part, o->path);
    return r;
}

static bkf_status write_text(const char *path, mode_t mode, const char *text, bkf_error *err)
{
    unlink(path); /* of a run that was killed */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return failed(err, "create", path);
    bkf_status st = BKF_OK;
    if (!file_write_all(fd, text, strlen(text)) || fsync(fd))
        st = failed(err, "write", path);
    if (close(fd) && !st)
        st = failed(err, "write", path);
    return st;
}

/* beside takes the place of json, and an old json that of beside. */
static int trade(const char *beside, const char *json, bool *old)
{
    struct stat sb;
    *old = lstat(json, &sb) == 0;
    if (*old && S_ISDIR(sb.st_mode))
        return errno = EISDIR, -1;
    int r = *old ? renameat2(AT_FDCWD, beside, AT_FDCWD, json, RENAME_EXCHANGE) : -1;
    if (*old && r && errno != EINVAL && errno != ENOSYS) /* not on every filesystem */
        return -1;
    *old = *old && !r;
    return *old ? 0 : rename(beside, json);
}

/* The sidecar first: where only one of them is there, its hash belies what it stands beside.
 * If the other cannot follow, everything is again as it was. */
static bkf_status both(struct outfile *o, const char *json, const char *beside, bkf_error *err)
{
    bool old = false;
    if (!o->force && file_exists(o->path))
        return error_set(err, BKF_E_FILE, "%s: exists by now; --force replaces it", o->path);
    if (trade(beside, json, &old))
        return failed(err, "create", json);
    if (!move(o)) {
        if (old)
            unlink(beside);
        file_sync_folder(o->path);
        free(o->part);
        o->part = NULL;
        return BKF_OK;
    }
    bkf_status st = failed(err, "create", o->path);
    if (old)
        (void)rename(beside, json);
    else
        unlink(json);
    return st;
}

bkf_status outfile_commit(struct outfile *o, const char *sidecar, bkf_error *err)
{
    struct strbuf name = STRBUF_INIT, temp = STRBUF_INIT;
    strbuf_addf(&name, "%s.json", o->path);
    strbuf_addf(&temp, "%s.json.part", o->path);
    char *json = strbuf_take(&name), *beside = strbuf_take(&temp);
    bkf_status st = BKF_OK;
    if (!json || !beside) {
        st = error_set(err, BKF_E_NOMEM, "out of memory");
    } else if (fsync(o->fd)) {
        st = failed(err, "write", o->part);
    } else {
        st = write_text(beside, o->mode, sidecar, err);
        if (!st)
            st = both(o, json, beside, err);
        if (st)
            unlink(beside);
    }
    free(json);
    free(beside);
    return st;
}

void outfile_close(struct outfile *o, bool keep)
{
    if (o->part && o->fd >= 0 && o->ours && !keep)
        unlink(o->part);
    if (o->fd >= 0)
        close(o->fd);
    free(o->part);
    free(o->path);
    *o = (struct outfile){ .fd = -1 };
}
