/* The profile reader: any text ends in a profile or in findings with lines, and a profile
 * that loads can be printed, read again, and says the same. */
#include "core/profile/findings.h"
#include "core/profile/load.h"
#include "core/profile/show.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const dirs[] = { SOURCE_DIR "/conf", NULL };
static const struct profile_env env = { dirs };

static void require(bool ok)
{
    if (!ok)
        abort();
}

static int lines_in(const char *text, size_t n)
{
    int lines = 1;
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    return lines;
}

static void check_findings(const struct diag_list *d, const char *text, size_t n)
{
    int lines = lines_in(text, n);
    for (size_t i = 0; i < d->n; i++) {
        const struct diag *x = &d->items[i];
        require(x->file && x->text && x->text[0]);
        require(x->line >= 0 && (strcmp(x->file, "fuzz.ini") != 0 || x->line <= lines));
    }
    json_t *j = findings_json(d);
    require(j && json_array_size(j) == d->n);
    json_decref(j);
}

static struct bkf_profile *load(const char *text, size_t n)
{
    struct diag_list d = { 0 };
    struct bkf_profile *p = NULL;
    bkf_error err = BKF_ERROR_INIT;
    bkf_status st = profile_load_text(&env, "fuzz.ini", text, n, &d, &p, &err);
    require((st == BKF_OK) == (p != NULL));
    require((st == BKF_OK) == (d.errors == 0));
    require(st == BKF_OK || err.message[0]);
    check_findings(&d, text, n);
    diag_free(&d);
    return p;
}

static void check_places(const struct bkf_profile *p)
{
    for (size_t i = 0; i < p->n_partitions; i++) {
        const bkf_range r = p->partitions[i].range;
        require(r.start < r.end && (!p->size || r.end <= p->size));
        require(i == 0 || p->partitions[i - 1].range.start <= r.start);
    }
    for (size_t i = 0; i < p->n_routes; i++)
        require(p->routes[i].driver && p->routes[i].transport != TRANSPORT_NONE);
}

static void check_profile(const struct bkf_profile *p)
{
    struct strbuf sb = STRBUF_INIT;
    check_places(p);
    json_t *j = profile_show_json(p);
    require(j != NULL);
    json_decref(j);
    profile_show_text(p, true, &sb);
    require(sb.data != NULL);
    struct bkf_profile *again = load(sb.data, sb.len);
    require(again && again->n_partitions == p->n_partitions && again->n_routes == p->n_routes);
    require(again->size == p->size && again->jedec == p->jedec && again->sector == p->sector);
    profile_free(again);
    strbuf_free(&sb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bkf_profile *p = load((const char *)data, size);
    if (p)
        check_profile(p);
    profile_free(p);
    return 0;
}
