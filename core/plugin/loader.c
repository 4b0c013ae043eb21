/* loader.c - one file, all checks, in the order that lets each rely on the one before. */
#include "loader.h"
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bkf_status open_library(const char *path, void **handle, bkf_error *err)
{
    /* dlopen searches the library path for a name without a slash; a plugin is a file. */
    char *file = strchr(path, '/') ? strdup(path) : path_join(".", path);
    if (!file)
        return error_set(err, BKF_E_NOMEM, "out of memory");
    /* NODELETE: descriptor strings, library threads and leak reports stay valid. */
    *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    free(file);
    if (*handle)
        return BKF_OK;
    const char *why = dlerror();
    if (!why)
        why = "unknown reason";
    if (strstr(why, "undefined symbol"))
        return error_set(err, BKF_E_PLUGIN,
                         "it cannot be loaded: %s; it was linked without a library that it uses "
                         "('ldd -r' on it lists all of them)",
                         why);
    return error_set(err, BKF_E_PLUGIN,
                     "it cannot be loaded: %s; 'ldd' on it shows which library is missing", why);
}

/* The entry of this very file: dlsym would also find one in a library it depends on. */
static bkf_plugin_query_fn entry_of(void *handle)
{
    void *symbol = handle ? dlsym(handle, "bkf_plugin_query") : NULL;
    struct link_map *own = NULL;
    Dl_info info = { 0 };
    if (!symbol || dlinfo(handle, RTLD_DI_LINKMAP, &own) != 0 || !dladdr(symbol, &info) ||
        !info.dli_fname || !own || strcmp(info.dli_fname, own->l_name) != 0)
        return NULL;
    bkf_plugin_query_fn fn;
    memcpy(&fn, &symbol, sizeof fn); /* POSIX promises this much, ISO C does not */
    return fn;
}

static bkf_status check_loaded(struct plugin_file *f, bkf_plugin_query_fn query, bkf_error *err)
{
    struct mapped map;
    mapped_take(&map);
    bkf_status s;
    const bkf_plugin *p = NULL;
    if (map.failed)
        s = error_set(err, BKF_E_NOMEM, "out of memory");
    else if (!mapped_code(&map, (uintptr_t)query))
        s = error_set(err, BKF_E_PLUGIN, "its bkf_plugin_query is data, not a function");
    else if (!(p = query()))
        s = error_set(err, BKF_E_PLUGIN, "bkf_plugin_query returned NULL: ask its author");
    else {
        s = descriptor_version(&map, p, &f->abi_major, &f->abi_minor, NULL, err);
        if (s == BKF_OK)
            s = descriptor_check(&map, p, NULL, err);
    }
    if (s == BKF_OK)
        f->plugin = p;
    mapped_free(&map);
    return s;
}

static bkf_status load(struct plugin_file *f, bkf_error *err)
{
    void *handle = NULL;
    bkf_status s = trust_check(f->path, err);
    if (s == BKF_OK)
        s = elf_check(f->path, err);
    if (s == BKF_OK)
        s = open_library(f->path, &handle, err);
    if (s != BKF_OK)
        return s;
    bkf_plugin_query_fn query = entry_of(handle);
    if (!query)
        return error_set(err, BKF_E_PLUGIN,
                         "it does not export bkf_plugin_query, so it is not a bkflash plugin");
    return check_loaded(f, query, err);
}

void loader_load(struct plugin_file *f)
{
    if (f->tried)
        return;
    f->tried = true;
    bkf_error err = BKF_ERROR_INIT;
    f->owner = trust_owner(f->path);
    if (load(f, &err) != BKF_OK)
        f->refused = strdup(err.message[0] ? err.message : "refused");
}
