/* clock.c - the time a link runs on: the adapter's own, or the system's. */
#include "stack.h"
#include <errno.h>
#include <time.h>

static uint64_t system_now(void *self)
{
    (void)self;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static void system_sleep(void *self, uint64_t us)
{
    (void)self;
    struct timespec left = { (time_t)(us / 1000000u), (long)(us % 1000000u) * 1000 };
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
}

static const bkf_clock_ops system_ops = {
    .struct_size = sizeof system_ops,
    .now_us = system_now,
    .sleep_us = system_sleep,
};

bkf_iface system_clock(void)
{
    return (bkf_iface){ &system_ops, NULL };
}

uint64_t clock_now(const bkf_iface *clock)
{
    const bkf_clock_ops *ops = clock->ops;
    return ops->now_us(clock->self);
}

void clock_sleep(const bkf_iface *clock, uint64_t us)
{
    const bkf_clock_ops *ops = clock->ops;
    if (us)
        ops->sleep_us(clock->self, us);
}
