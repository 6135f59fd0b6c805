/*
 * when - times as people type them.
 */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include "base/util.h"

/* "90s", "10m", "1h30m", "2d", "500ms"; a bare number is seconds.  0, or -EINVAL. */
int parse_span(const char *text, uint64_t *ret_us);
/* Wall clock in microseconds: "14:05", "14:05:30" (the last time it was so late), "2026-11-22",
 * "2026-11-22 14:05", "2026-11-22T14:05:30Z" (the only one in UTC), "-1h" (before now), "now".
 * 0, or -EINVAL. */
int parse_when(const char *text, uint64_t now_us, uint64_t *ret_us);

#endif
