/*
 * items - messages of the kernel's generic netlink family "devlink", taken apart.
 *
 * Pure.  Threads: any.  Memory: an item is valid inside the callback.  Nothing outside of the
 * message is read, whatever its lengths and nests say; what it does not hold is unknown.
 */
#ifndef DEVLINK_ITEMS_H
#define DEVLINK_ITEMS_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include <anod/plugin.h>

/* What is asked, in this order; each is a kind of entity. */
enum what {
	WHAT_DEVICE,
	WHAT_REPORTER,
	WHAT_TRAP,
	WHAT_GROUP,
	WHAT_POLICER,
	WHAT_RESOURCE, /* asked of each device: the kernel has no dump */
	WHATS
};

#define ITEM_NUMBERS 3
#define ITEM_TEXTS   3

struct item {
	enum what what;
	char name[ANOD_NAME_SIZE]; /* "pci/0000:03:00.0/fw_fatal" */
	char bus[ANOD_NAME_SIZE], dev[ANOD_NAME_SIZE];
	/* reporter: errors, recoveries, time of the last dump (us, CLOCK_REALTIME)
	 * trap, group: packets, bytes, dropped; policer: rate, burst, dropped
	 * resource: size, occupied */
	int64_t number[ITEM_NUMBERS];
	uint32_t known;
	/* device: driver, serial, firmware; reporter: state; trap: action, group */
	char text[ITEM_TEXTS][ANOD_TEXT_SIZE];
	uint32_t known_texts;
};

typedef void item_fn(const struct item *i, void *data);

/* 'm' lies whole in the buffer, header and all (nlmsg_ok()), and answers a question for 'what'.
 * Calls fn() for each item in it: one, of resources as many as the tree has (at most
 * RESOURCES_MAX, RESOURCE_DEPTH deep).  Returns their number. */
#define RESOURCES_MAX  256
#define RESOURCE_DEPTH 4
unsigned items_parse(const struct nlmsghdr *m, enum what what, item_fn *fn, void *data);

#endif
