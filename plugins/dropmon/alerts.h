/*
 * alerts - what the kernel's drop monitor says, taken apart.
 */
#ifndef DROPMON_ALERTS_H
#define DROPMON_ALERTS_H

#include <stdbool.h>
#include <stdint.h>

#include <anod/plugin.h>

struct nlmsghdr;

/* 'packets' were dropped for the reason, or at the place, 'name': an entity's name. */
typedef void alert_fn(void *data, const char *name, uint64_t packets);

/* NET_DM_CMD_PACKET_ALERT and NET_DM_CMD_ALERT, software drops only.  How often 'fn' was called, 0
 * for other messages, -EBADMSG: cut, or not as the uapi header has it. */
int alert_parse(const struct nlmsghdr *msg, alert_fn *fn, void *data);
/* NET_DM_CMD_STATS_NEW: software drops that the kernel's own queue lost.  False: it is not that. */
bool alert_lost(const struct nlmsghdr *msg, uint64_t *ret);

#endif
