/*
 * sysctl - the numbers of /proc/sys/net that anod may write.
 *
 * The public part is in anod/rtnl.h; this is what the other files of the folder and the executor
 * need beside it.  Pure.
 *
 * Threads: any.  Errors: negative errno.  Memory: the table is constant.
 */
#ifndef RTNL_SYSCTL_H
#define RTNL_SYSCTL_H

#include <anod/rtnl.h>

/* What the kernel takes as the name of an interface (dev_valid_name()), and is a file of its own:
 * no "all", "default", ".", ".." or '/'.  'size' bytes of 'name', without a NUL. */
bool sysctl_link_valid(const char *name, size_t size);
/* Is text[size] ended, and all behind its end zero? */
bool text_whole(const char *text, size_t size);

#endif
