/*
 * clock - time, read in one place and written in one form.
 *
 * Deadlines and ages are CLOCK_BOOTTIME in microseconds, so that a step of the wall clock or a
 * suspended machine cannot move them; the wall clock is read only for windows and for people.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define US_PER_MS   UINT64_C(1000)
#define US_PER_S    UINT64_C(1000000)
#define US_INFINITY UINT64_MAX

uint64_t clock_boot_us(void);
uint64_t clock_wall_us(void); /* since 1970, UTC */

/* The kernel's boot id as 36 characters; "" where /proc is not mounted. */
const char *clock_boot_id(void);

/* "250us", "1.5ms", "41s", "7m30s", "2h", "3d4h": at most two units.  Returns buf. */
const char *format_duration(uint64_t us, char *buf, size_t size);

/* "2026-11-22T17:05:01.123Z" (RFC 3339, UTC).  Returns buf. */
const char *format_wall(uint64_t wall_us, char *buf, size_t size);

#endif
