/* holder.c - who has the port: open files of all processes, and old-style lock files. */
#include "serial.h"
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void name_process(long pid, char *who, size_t cap)
{
    char path[64], name[64] = "";
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    FILE *f = fopen(path, "re");
    if (f) {
        if (fgets(name, sizeof name, f)) {
            name[strcspn(name, "\n")] = '\0';
        }
        fclose(f);
    }
    snprintf(who, cap, "%s (process %ld)", name[0] ? name : "a program", pid);
}

static bool has_open(long pid, const char *real)
{
    char dir[64];
    snprintf(dir, sizeof dir, "/proc/%ld/fd", pid);
    DIR *d = opendir(dir);
    if (!d) {
        return false;
    }
    bool yes = false;
    for (struct dirent *e; !yes && (e = readdir(d)) != NULL;) {
        char link[384], target[SERIAL_PATH_MAX];
        snprintf(link, sizeof link, "%s/%s", dir, e->d_name);
        const ssize_t n = readlink(link, target, sizeof target - 1);
        if (n > 0) {
            target[n] = '\0';
            yes = strcmp(target, real) == 0;
        }
    }
    closedir(d);
    return yes;
}

bool serial_holder(const char *path, char *who, size_t cap)
{
    char *real = realpath(path, NULL);
    if (!real) {
        return false;
    }
    DIR *d = opendir("/proc");
    bool found = false;
    for (struct dirent *e; d && !found && (e = readdir(d)) != NULL;) {
        char *end;
        const long pid = strtol(e->d_name, &end, 10);
        if (pid > 0 && !*end && pid != (long)getpid() && has_open(pid, real)) {
            name_process(pid, who, cap);
            found = true;
        }
    }
    if (d) {
        closedir(d);
    }
    free(real);
    return found;
}

bool serial_lock_file(const char *path, char *who, size_t cap)
{
    const char *base = strrchr(path, '/');
    char lock[SERIAL_PATH_MAX];
    snprintf(lock, sizeof lock, "/var/lock/LCK..%s", base ? base + 1 : path);
    FILE *f = fopen(lock, "re");
    if (!f) {
        return false;
    }
    char text[32] = "";
    const bool read = fgets(text, sizeof text, f) != NULL;
    const long pid = strtol(text, NULL, 10);
    fclose(f);
    if (!read || pid <= 0 || pid == (long)getpid() || kill((pid_t)pid, 0) < 0) {
        return false;
    }
    name_process(pid, who, cap);
    return true;
}
