/*
 * zone - wall time of an IANA time zone, without touching the process's own.
 *
 * tzset() and localtime() are global, and a library must not change them under its host.  This
 * reads TZif files (RFC 8536) itself.  A zone is read once and kept.
 *
 * Threads: one.  Errors: negative errno.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/util.h"

#define ZONES_MAX 64 /* kept; further ones are refused */

/* Seconds east of UTC at this time.  "UTC" needs no file.  -ENOENT: no such zone, -EINVAL: not a
 * zone's name, -EBADMSG: a damaged file, -ENOSPC: too many zones. */
int zone_offset(const char *zone, int64_t utc_s, int32_t *ret_east_s);

/* The same on the bytes of a TZif file of version 2 or later; for tests. */
int tzif_offset(const uint8_t *file, size_t size, int64_t utc_s, int32_t *ret_east_s);

/* The same by a POSIX rule ("EET-2EEST,M3.5.0/3,M10.5.0/4"), the last line of such a file. */
int posix_zone_offset(const char *rule, int64_t utc_s, int32_t *ret_east_s);

#endif
