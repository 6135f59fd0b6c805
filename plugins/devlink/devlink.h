/*
 * devlink - what the files of the sensor share.
 *
 * devlink.c decides when to read and asks, items.c takes messages apart, entries.c knows the
 * entities and stores, and says what is published.
 *
 * Thread: the host's loop.  Memory: 'struct devlink' is the host's; entries are malloc()ed and
 * freed in fini().
 */
#ifndef PLUGIN_DEVLINK_H
#define PLUGIN_DEVLINK_H

#include <anod/netlink.h>
#include <anod/plugin.h>

#include "items.h"

#define DEVICES_MAX 64
#define ENTRIES_MAX 4096

struct entry;

struct devlink {
	struct anod_ctx *ctx;
	struct anod_nl *nl, *news;
	struct anod_nl_family family;
	uint64_t timer;
	uint64_t period_us, idle_us; /* options */
	uint64_t every_us[WHATS];    /* what others want; 0: nothing */
	uint64_t slow_due_us;	     /* the next reading with versions */
	uint64_t held_us;
	bool missing, failing, failed, slow;

	unsigned question; /* that is being asked */
	unsigned at;	   /* of which device */
	struct item device[DEVICES_MAX];
	unsigned n_devices;

	int fact[WHATS]; /* the first of each kind */
	uint32_t round;
	struct entry *entry;
	uint32_t n_entries, entries_size, next;
};

/* In the order of enum what. */
extern const struct anod_kind devlink_kinds[];

int entries_init(struct devlink *d);
/* Publish. */
void entries_take(struct devlink *d, const struct item *i);
/* A reading has ended well: what it did not find is gone. */
void entries_end(struct devlink *d);
void entries_free(struct devlink *d);

#endif
