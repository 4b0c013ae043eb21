/* hash.c - SHA-256 through nettle. */
#include "base.h"
#include <nettle/sha2.h>
#include <stdio.h>

void sha256_of(const void *p, size_t n, struct sha256_hex *out)
{
    struct sha256_ctx ctx;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&ctx);
    sha256_update(&ctx, n, p);
    sha256_digest(&ctx, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out->text + 2 * i, 3, "%02x", digest[i]);
}
