/* file.c - host files: whole reads with a limit, writes that are seen whole or not at all. */
#include "base.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bkf_status failed(bkf_error *err, const char *what, const char *path)
{
    int e = errno;
    bkf_status st = e == EACCES || e == EPERM ? BKF_E_ACCESS : BKF_E_FILE;
    return error_os(err, st == BKF_E_ACCESS ? BKF_E_FILE : st, e, "%s: cannot %s: %s", path, what,
                    strerror(e));
}

char *path_join(const char *a, const char *b)
{
    struct strbuf sb = STRBUF_INIT;
    size_t n = strlen(a);
    strbuf_addf(&sb, "%s%s%s", a, n && a[n - 1] == '/' ? "" : "/", b);
    return strbuf_take(&sb);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Read to the end of fd; a pipe has no size, so the buffer grows. */
static bkf_status read_all(int fd, const char *path, size_t max, uint8_t **data, size_t *len,
                           bkf_error *err)
{
    size_t cap = 65536, n = 0;
    uint8_t *buf = malloc(cap + 1);
    while (buf) {
        ssize_t got = read(fd, buf + n, cap - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(buf);
            return failed(err, "read", path);
        }
        if (got == 0) {
            buf[n] = 0;
            *data = buf;
            *len = n;
            return BKF_OK;
        }
        n += (size_t)got;
        if (n > max) {
            free(buf);
            return error_set(err, BKF_E_FILE, "%s: larger than %zu bytes", path, max);
        }
        if (n == cap) {
            uint8_t *more = realloc(buf, cap * 2 + 1);
            if (!more)
                break;
            buf = more;
            cap *= 2;
        }
    }
    free(buf);
    return error_set(err, BKF_E_NOMEM, "%s: out of memory", path);
}

bkf_status file_read(const char *path, size_t max, uint8_t **data, size_t *len, bkf_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(err, "open", path);
    bkf_status st = read_all(fd, path, max, data, len, err);
    close(fd);
    return st;
}

bool file_write_all(int fd, const void *data, size_t n)
{
    const uint8_t *p = data;
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k == 0)
            errno = ENOSPC;
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

void file_sync_folder(const char *path)
{
    char *dir = strdup(path);
    if (!dir)
        return;
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir ? 1 : 0] = '\0';
    int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(dir);
}

bkf_status file_write_atomic(const char *path, const void *data, size_t len, bkf_error *err)
{
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s.part-XXXXXX", path);
    char *temp = strbuf_take(&sb);
    if (!temp)
        return error_set(err, BKF_E_NOMEM, "%s: out of memory", path);
    int fd = mkostemp(temp, O_CLOEXEC);
    bkf_status st = BKF_OK;
    if (fd < 0) {
        st = failed(err, "create", path);
    } else {
        mode_t mask = umask(0);
        umask(mask);
        if (fchmod(fd, 0666 & ~mask) || !file_write_all(fd, data, len) || fsync(fd))
            st = failed(err, "write", temp);
        if (close(fd) && !st)
            st = failed(err, "write", temp);
        if (!st && rename(temp, path))
            st = failed(err, "create", path);
        if (st)
            unlink(temp);
        else
            file_sync_folder(path);
    }
    free(temp);
    return st;
}

bkf_status dir_make(const char *path, bkf_error *err)
{
    char *p = strdup(path);
    if (!p)
        return error_set(err, BKF_E_NOMEM, "%s: out of memory", path);
    bkf_status st = BKF_OK;
    for (char *s = p + 1; !st; s++) {
        if (*s != '/' && *s)
            continue;
        char keep = *s;
        *s = '\0';
        struct stat sb;
        if (mkdir(p, 0700) && errno != EEXIST)
            st = failed(err, "create folder", p);
        else if (!stat(p, &sb) && !S_ISDIR(sb.st_mode))
            st = error_set(err, BKF_E_FILE, "%s: exists and is not a folder", p);
        *s = keep;
        if (!keep)
            break;
    }
    free(p);
    return st;
}
