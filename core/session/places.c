/* places.c - where profiles, plugins and state live: beside the library (installed
 * anywhere, or in a build tree), in the user's folders, and where the caller says. */
#include "ctx.h"
#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

/* Stands in a build tree; holds the path of its source tree. */
static const char marker[] = "bkflash-build-tree";

static bool is_dir(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 && S_ISDIR(sb.st_mode);
}

/* Folder part of an absolute path, in place; false at the root. */
static bool go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return false;
    *slash = '\0';
    return true;
}

/* Takes ownership of dir; drops it when it is no folder or already listed. */
static void add_dir(struct places *p, char *dir)
{
    bool wanted = dir && is_dir(dir) && p->n_dirs + 1 < ARRAY_LEN(p->dirs);
    for (size_t i = 0; wanted && i < p->n_dirs; i++)
        wanted = strcmp(p->dirs[i], dir) != 0;
    if (wanted)
        p->dirs[p->n_dirs++] = dir;
    else
        free(dir);
}

static void add_list(struct places *p, const char *list)
{
    char *copy = list ? strdup(list) : NULL, *save = NULL;
    for (char *d = copy ? strtok_r(copy, ":", &save) : NULL; d; d = strtok_r(NULL, ":", &save))
        add_dir(p, strdup(d));
    free(copy);
}

/* $VAR/rest or $HOME/fallback/rest, malloc'ed; NULL when neither is set. */
static char *xdg(const char *var, const char *fallback, const char *rest)
{
    const char *base = secure_getenv(var), *home = secure_getenv("HOME");
    if (base && base[0] == '/') /* the specification: relative ones are invalid */
        return path_join(base, rest);
    if (!home || home[0] != '/')
        return NULL;
    char *dir = path_join(home, fallback);
    char *full = dir ? path_join(dir, rest) : NULL;
    free(dir);
    return full;
}

/* First match of DIR/pattern. */
static char *glob_first(const char *dir, const char *pattern)
{
    char *full = path_join(dir, pattern), *found = NULL;
    glob_t g = { 0 };
    if (full && glob(full, 0, NULL, &g) == 0 && g.gl_pathc > 0)
        found = strdup(g.gl_pathv[0]);
    globfree(&g);
    free(full);
    return found;
}

static bool take_build_tree(struct places *p, const char *dir)
{
    char *file = path_join(dir, marker);
    uint8_t *text = NULL;
    size_t len = 0;
    bool found = file && file_exists(file) && file_read(file, PATH_MAX, &text, &len, NULL) == 0;
    if (found) {
        text[strcspn((char *)text, "\n")] = '\0';
        if (!p->plugins)
            p->plugins = path_join(dir, "plugins-1");
        add_dir(p, path_join((char *)text, "conf"));
    }
    free(text);
    free(file);
    return found;
}

static bool take_installation(struct places *p, const char *dir)
{
    static const char *const libs[] = { "bkflash/plugins-1", "lib*/bkflash/plugins-1",
                                        "lib*/*/bkflash/plugins-1" };
    for (size_t i = 0; i < ARRAY_LEN(libs) && !p->plugins; i++)
        p->plugins = glob_first(dir, libs[i]);
    size_t before = p->n_dirs;
    add_dir(p, path_join(dir, "share/bkflash/conf"));
    return p->n_dirs > before;
}

/* Look around file (the library or the program): its folder and three above. */
static void look_around(struct places *p, const char *file, bool elevated)
{
    char *dir = file ? realpath(file, NULL) : NULL;
    for (int i = 0; dir && i < 4 && go_up(dir); i++) {
        if (!elevated && take_build_tree(p, dir))
            break;
        if (take_installation(p, dir) && p->plugins)
            break;
    }
    free(dir);
}

bkf_status places_find(const bkf_setup *setup, struct places *p, bkf_error *err)
{
    bool elevated = getauxval(AT_SECURE) != 0;
    Dl_info self;
    *p = (struct places){ 0 };
    for (const char *const *d = setup ? setup->profile_dirs : NULL; d && *d; d++) {
        if (!is_dir(*d)) {
            places_free(p);
            return error_set(err, BKF_E_FILE, "%s: no such folder", *d);
        }
        add_dir(p, strdup(*d));
    }
    add_list(p, secure_getenv("BKFLASH_PROFILE_PATH"));
    add_dir(p, xdg("XDG_DATA_HOME", ".local/share", "bkflash/conf"));
    if (dladdr(marker, &self))
        look_around(p, self.dli_fname, elevated);
    if (!p->plugins || !p->n_dirs)
        look_around(p, "/proc/self/exe", elevated);
    p->user_plugins = xdg("XDG_DATA_HOME", ".local/share", "bkflash/plugins-1");
    p->state_given = setup && setup->state_dir;
    p->state = p->state_given ? strdup(setup->state_dir)
                              : xdg("XDG_STATE_HOME", ".local/state", "bkflash");
    p->backups = xdg("XDG_DATA_HOME", ".local/share", "bkflash/backups");
    return BKF_OK;
}

void places_free(struct places *p)
{
    for (size_t i = 0; i < p->n_dirs; i++)
        free(p->dirs[i]);
    free(p->plugins);
    free(p->user_plugins);
    free(p->state);
    free(p->backups);
    *p = (struct places){ 0 };
}
