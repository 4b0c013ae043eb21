/* The doctor on made-up systems: each finding is provoked once.
 *
 * The test runs itself again under umockdev-wrapper, with $UMOCKDEV_DIR as its /sys and
 * /dev.  As root it gives up its rights, so that permissions mean something. */
#include "core/session/doctor.h"
#include "tests/support/cmocka.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64]; /* the made-up system's folder; set once in main */

static void make_dirs(const char *path)
{
    char p[PATH_MAX];
    snprintf(p, sizeof p, "%s", path);
    for (char *s = p + 1; *s; s++)
        if (*s == '/') {
            *s = '\0';
            mkdir(p, 0755);
            *s = '/';
        }
}

/* Real paths: what lies below root/ is reached through its own name. */
static void put(const char *rel, const char *text, mode_t mode)
{
    char p[PATH_MAX];
    snprintf(p, sizeof p, "%s/%s", root, rel);
    make_dirs(p);
    FILE *f = fopen(p, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(p, mode);
}

static void put_link(const char *rel, const char *to)
{
    char p[PATH_MAX];
    snprintf(p, sizeof p, "%s/%s", root, rel);
    make_dirs(p);
    unlink(p);
    assert_int_equal(symlink(to, p), 0);
}

static void system_clear(void)
{
    char cmd[200];
    snprintf(cmd, sizeof cmd, "rm -rf %s/sys %s/dev", root, root);
    assert_int_equal(system(cmd), 0);
    put("sys/bus/usb/devices/usb1/idVendor", "1d6b\n", 0644);
    put("sys/bus/usb/devices/usb1/idProduct", "0002\n", 0644);
}

static void usb_add(const char *name, const char *vendor, const char *product, const char *speed,
                    mode_t node_mode)
{
    const char *const attrs[][2] = { { "idVendor", vendor }, { "idProduct", product },
                                     { "busnum", "1" },      { "devnum", "7" },
                                     { "speed", speed },     { "product", "made up" } };
    char rel[200];
    for (size_t i = 0; i < ARRAY_LEN(attrs); i++) {
        snprintf(rel, sizeof rel, "sys/bus/usb/devices/%s/%s", name, attrs[i][0]);
        put(rel, attrs[i][1], 0644);
    }
    put("dev/bus/usb/001/007", "", node_mode);
}

static json_t *examine(const char *wanted, bkf_status *outcome)
{
    struct doctor_rules *rules = calloc(1, sizeof *rules);
    bkf_error err = BKF_ERROR_INIT;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/usb.ini", root);
    if (doctor_rules_load(path, rules, &err))
        fail_msg("%s", err.message);
    json_t *f = doctor_usb(rules, wanted, outcome);
    assert_non_null(f);
    free(rules);
    return f;
}

static void expect(json_t *findings, const char *level, const char *words)
{
    size_t i;
    json_t *o;
    char *all = json_dumps(findings, JSON_INDENT(1));
    json_array_foreach(findings, i, o)
    {
        char *text = json_dumps(o, 0);
        bool hit = strstr(text, words) &&
                   strcmp(json_string_value(json_object_get(o, "level")), level) == 0;
        free(text);
        if (hit) {
            free(all);
            return;
        }
    }
    fail_msg("no %s with '%s' in %s", level, words, all);
}

static void nothing_plugged_in(void **state)
{
    (void)state;
    system_clear();
    bkf_status st;
    json_t *f = examine(NULL, &st);
    assert_int_equal(st, BKF_E_NO_DEVICE);
    expect(f, "problem", "no adapter is plugged in");
    json_decref(f);
}

static void spi_adapter_ready(void **state)
{
    (void)state;
    system_clear();
    usb_add("1-4", "1a86", "5512", "12", 0666);
    bkf_status st;
    json_t *f = examine("ch341a", &st);
    assert_int_equal(st, BKF_OK);
    expect(f, "ok", "usb:1-4");
    json_decref(f);
    f = examine("ft232h", &st); /* another one is wanted */
    assert_int_equal(st, BKF_E_NO_DEVICE);
    expect(f, "problem", "of this route is not plugged in");
    json_decref(f);
}

static void wrong_mode(void **state)
{
    (void)state;
    static const char *const products[] = { "5523", "5584" };
    for (size_t i = 0; i < ARRAY_LEN(products); i++) {
        system_clear();
        usb_add("1-4", "1a86", products[i], "12", 0666);
        bkf_status st;
        json_t *f = examine(NULL, &st);
        assert_int_equal(st, BKF_E_NO_DEVICE);
        expect(f, "problem", "I2C/SPI position");
        json_decref(f);
    }
}

static void no_permission(void **state)
{
    (void)state;
    system_clear();
    usb_add("1-4", "1a86", "5512", "12", 0400);
    bkf_status st;
    json_t *f = examine(NULL, &st);
    assert_int_equal(st, BKF_E_ACCESS);
    expect(f, "problem", "60-bkflash.rules");
    json_decref(f);
}

static void kernel_driver_hub_speed(void **state)
{
    (void)state;
    system_clear();
    usb_add("1-1.4", "0403", "6014", "12", 0666);
    put_link("sys/bus/usb/devices/1-1.4:1.0/driver", "/sys/bus/usb/drivers/ftdi_sio");
    bkf_status st;
    json_t *f = examine(NULL, &st);
    assert_int_equal(st, BKF_OK);
    expect(f, "note", "ftdi_sio");
    expect(f, "note", "behind 1 hub");
    expect(f, "note", "12 Mbit/s instead of 480");
    json_decref(f);
}

static void serial_port(void **state)
{
    (void)state;
    system_clear();
    usb_add("1-2", "0403", "6001", "12", 0666);
    bkf_status st;
    json_t *f = examine("ft232r", &st);
    assert_int_equal(st, BKF_E_NO_DEVICE);
    expect(f, "problem", "made no serial port");
    json_decref(f);
    put("sys/bus/usb/devices/1-2:1.0/ttyUSB0/latency_timer", "16\n", 0644);
    put("dev/ttyUSB0", "", 0666);
    f = examine("ft232r", &st);
    assert_int_equal(st, BKF_OK);
    expect(f, "note", "latency timer is 16 ms");
    json_decref(f);
    put("dev/ttyUSB0", "", 0440);
    f = examine("ft232r", &st);
    assert_int_equal(st, BKF_E_ACCESS);
    expect(f, "problem", "belongs to group");
    json_decref(f);
}

/* Another process with the port open, or with a name that means trouble. */
static pid_t child_start(const char *open_path, const char *name)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (name)
            prctl(PR_SET_NAME, name);
        if (open_path && open(open_path, O_RDWR) < 0)
            _exit(1);
        ssize_t n = write(ready[1], "x", 1);
        (void)n;
        pause();
        _exit(0);
    }
    char c;
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return pid;
}

static void child_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void held_by_another(void **state)
{
    (void)state;
    system_clear();
    usb_add("1-2", "0403", "6001", "12", 0666);
    put("sys/bus/usb/devices/1-2:1.0/ttyUSB0/latency_timer", "1\n", 0644);
    put("dev/ttyUSB0", "", 0666);
    char port[PATH_MAX];
    snprintf(port, sizeof port, "%s/dev/ttyUSB0", root);
    pid_t pid = child_start(port, "minicom");
    bkf_status st;
    json_t *f = examine("ft232r", &st);
    child_end(pid);
    assert_int_equal(st, BKF_E_BUSY);
    expect(f, "problem", "minicom");
    json_decref(f);
}

static void programs_in_the_way(void **state)
{
    (void)state;
    static const char *const names[] = { "brltty", "ModemManager" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        system_clear();
        pid_t pid = child_start(NULL, names[i]);
        bkf_status st;
        json_t *f = examine(NULL, &st);
        child_end(pid);
        expect(f, "note", names[i]);
        json_decref(f);
    }
}

static void bad_rules_are_named(void **state)
{
    (void)state;
    put("bad.ini", "[usb:1:2]\ntitle = x\nspeed = fast\n", 0644);
    char p[PATH_MAX];
    snprintf(p, sizeof p, "%s/bad.ini", root);
    struct doctor_rules *rules = calloc(1, sizeof *rules);
    bkf_error err = BKF_ERROR_INIT;
    assert_int_equal(doctor_rules_load(p, rules, &err), BKF_E_PROFILE);
    assert_non_null(strstr(err.message, "bad.ini:3: error:"));
    free(rules);
}

static int run_again_inside(char *self)
{
    const char *wrapper = getenv("UMOCKDEV_WRAPPER");
    if (!wrapper) {
        puts("SKIP: umockdev-wrapper is not installed (Debian package umockdev)");
        return 77;
    }
    char dir[] = "/tmp/bkf-doctor-XXXXXX", inside[64], cmd[PATH_MAX * 2];
    if (!mkdtemp(dir))
        return 1;
    chmod(dir, 0777);
    /* Without rights the source and build folders may be out of reach: take along what is used. */
    snprintf(inside, sizeof inside, "%s/test_doctor", dir);
    snprintf(cmd, sizeof cmd,
             "cp '%s' '%s' && cp '" SOURCE_DIR "/conf/doctor/usb.ini' %s/ && chmod a+rX %s/*", self,
             inside, dir, dir);
    if (system(cmd))
        return 1;
    setenv("UMOCKDEV_DIR", dir, 1);
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgroups(0, NULL) || setgid(65534) || setuid(65534)))
            _exit(1);
        execl(wrapper, wrapper, inside, "inside", (char *)NULL);
        _exit(1);
    }
    int status;
    waitpid(pid, &status, 0);
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd) || !WIFEXITED(status) ? 1 : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return run_again_inside(argv[0]);
    snprintf(root, sizeof root, "%s", getenv("UMOCKDEV_DIR"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_plugged_in),
        cmocka_unit_test(spi_adapter_ready),
        cmocka_unit_test(wrong_mode),
        cmocka_unit_test(no_permission),
        cmocka_unit_test(kernel_driver_hub_speed),
        cmocka_unit_test(serial_port),
        cmocka_unit_test(held_by_another),
        cmocka_unit_test(programs_in_the_way),
        cmocka_unit_test(bad_rules_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
