/*
 * anod/option.h - options of a sensor that are numbers.
 *
 * Linked statically into the plugins that include it.  Threads: any.  Errors: negative errno of
 * host->opt().  Memory: the caller's.
 */
#ifndef ANOD_OPTION_H
#define ANOD_OPTION_H

#include <anod/plugin.h>

/* The first value of an option in its base unit (microseconds, bytes); -ENOENT: it is not set, and
 * *ret stays as it is. */
int anod_option(struct anod_ctx *ctx, const char *name, uint64_t *ret);

#endif /* ANOD_OPTION_H */
