/*
 * number - what a file of /proc/sys says, when it is one whole number.
 *
 * Pure.
 */
#ifndef PLUGIN_SYSCTL_NUMBER_H
#define PLUGIN_SYSCTL_NUMBER_H

#include <anod/reading.h>

/* False: it is no number, or more than one. */
bool sysctl_number(const char *text, int64_t *ret);

#endif
