/* elf.c - is this file a whole shared object for this machine?  dlopen maps segments
 * without comparing them to the file's length, and a cut file ends the process with
 * SIGBUS.  So the headers are read here first (System V ABI, chapter 4 and 5). */
#include "loader.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_PHDRS = 64 };

static bool read_at(int fd, uint64_t off, void *p, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t got = pread(fd, (char *)p + done, n - done, (off_t)(off + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* The running program is the yardstick: its own header says class, order and machine. */
static bool own_header(ElfW(Ehdr) * h)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && read_at(fd, 0, h, sizeof *h);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bkf_status truncated(bkf_error *err, uint64_t have, uint64_t want)
{
    return error_set(err, BKF_E_PLUGIN,
                     "it is truncated: %llu bytes, but its headers need %llu; copy or build it "
                     "again ('ldd' and 'readelf -lW' on it show more)",
                     (unsigned long long)have, (unsigned long long)want);
}

static bkf_status check_kind(const ElfW(Ehdr) * h, bkf_error *err)
{
    ElfW(Ehdr) own;
    if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
        return error_set(err, BKF_E_PLUGIN, "it is not a shared object (no ELF header)");
    if (own_header(&own) &&
        (own.e_ident[EI_CLASS] != h->e_ident[EI_CLASS] ||
         own.e_ident[EI_DATA] != h->e_ident[EI_DATA] || own.e_machine != h->e_machine))
        return error_set(err, BKF_E_PLUGIN,
                         "it is built for another machine (ELF machine %u, class %u; this program "
                         "is %u, %u): build it for this one",
                         h->e_machine, h->e_ident[EI_CLASS], own.e_machine, own.e_ident[EI_CLASS]);
    if (h->e_type != ET_DYN)
        return error_set(err, BKF_E_PLUGIN,
                         "it is not a shared object (ELF type %u): link it with -shared",
                         h->e_type);
    if (h->e_phentsize != sizeof(ElfW(Phdr)) || h->e_phnum == 0 || h->e_phnum > MAX_PHDRS)
        return error_set(err, BKF_E_PLUGIN, "its ELF header is damaged (%u program headers of %u)",
                         h->e_phnum, h->e_phentsize);
    return BKF_OK;
}

static bkf_status check_segments(int fd, const ElfW(Ehdr) * h, uint64_t size, bkf_error *err)
{
    ElfW(Phdr) ph[MAX_PHDRS] = { { 0 } };
    uint64_t table = (uint64_t)h->e_phnum * sizeof ph[0];
    if (h->e_phoff > size || table > size - h->e_phoff || !read_at(fd, h->e_phoff, ph, table))
        return truncated(err, size, (uint64_t)h->e_phoff + table);
    uint64_t need = 0;
    bool dynamic = false;
    for (unsigned i = 0; i < h->e_phnum; i++) {
        if (ph[i].p_offset > UINT64_MAX - ph[i].p_filesz)
            return error_set(err, BKF_E_PLUGIN, "its ELF program header %u is damaged", i);
        uint64_t end = (uint64_t)ph[i].p_offset + ph[i].p_filesz;
        need = end > need ? end : need;
        dynamic |= ph[i].p_type == PT_DYNAMIC;
    }
    /* A stripped file may have no section table; one that is announced must be there. */
    uint64_t sections = (uint64_t)h->e_shnum * h->e_shentsize;
    if (h->e_shoff && h->e_shoff <= UINT64_MAX - sections && h->e_shoff + sections > need)
        need = h->e_shoff + sections;
    if (need > size)
        return truncated(err, size, need);
    if (!dynamic)
        return error_set(err, BKF_E_PLUGIN, "it is not a shared object (no dynamic section)");
    return BKF_OK;
}

bkf_status elf_check(const char *path, bkf_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_os(err, BKF_E_PLUGIN, errno, "it cannot be opened: %s", strerror(errno));
    struct stat st;
    ElfW(Ehdr) h;
    bkf_status s;
    if (fstat(fd, &st) != 0)
        s = error_os(err, BKF_E_PLUGIN, errno, "it cannot be examined: %s", strerror(errno));
    else if (st.st_size == 0)
        s = error_set(err, BKF_E_PLUGIN, "it is empty");
    else if (!read_at(fd, 0, &h, sizeof h))
        s = truncated(err, (uint64_t)st.st_size, sizeof h);
    else if ((s = check_kind(&h, err)) == BKF_OK)
        s = check_segments(fd, &h, (uint64_t)st.st_size, err);
    close(fd);
    return s;
}
