/* replay.c - runs a fuzz target without a fuzzer: every file of the given folders as it is,
 * cut short, and with flipped bits; then a few made-up inputs.  Deterministic. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_CAP = 1 << 20, DAMAGED = 24 };

static uint32_t random_next(uint32_t *state) /* xorshift32 */
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

/* An exact copy, so that a read past the end is seen. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_damaged(uint8_t *data, size_t size, uint32_t seed)
{
    run(data, size);
    for (unsigned i = 0; size && i < DAMAGED; i++) {
        size_t at = random_next(&seed) % size;
        uint8_t old = data[at];
        run(data, at);
        data[at] ^= (uint8_t)(1u << (random_next(&seed) & 7));
        run(data, size);
        data[at] = old;
    }
}

static void run_file(const char *path, uint32_t seed)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = f ? malloc(INPUT_CAP) : NULL;
    if (data) {
        size_t n = fread(data, 1, INPUT_CAP, f);
        run_damaged(data, n, seed);
    }
    free(data);
    if (f)
        fclose(f);
}

static int by_name(const void *a, const void *b)
{
    const struct dirent *const *x = a, *const *y = b;
    return strcmp((*x)->d_name, (*y)->d_name);
}

static size_t run_folder(const char *folder)
{
    struct dirent **list;
    size_t files = 0;
    int n = scandir(folder, &list, NULL, NULL);
    if (n < 0)
        return 0;
    qsort(list, (size_t)n, sizeof(struct dirent *), by_name);
    for (int i = 0; i < n; i++) {
        char path[4096];
        if (list[i]->d_type == DT_REG) {
            snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
            run_file(path, (uint32_t)i + 1);
            files++;
        }
        free(list[i]);
    }
    free(list);
    return files;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = { 0, 1, 3, 16, 100, 4096, 70000 };
    size_t files = 0;
    for (int i = 1; i < argc; i++)
        files += run_folder(argv[i]);
    for (uint32_t seed = 1; seed <= 8; seed++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            uint8_t *data = malloc(sizes[i] + 1);
            uint32_t state = seed;
            if (!data)
                abort();
            for (size_t k = 0; k < sizes[i]; k++)
                data[k] = (uint8_t)random_next(&state);
            run(data, sizes[i]);
            free(data);
        }
    printf("%zu corpus files replayed\n", files);
    return 0;
}
