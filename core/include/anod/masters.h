/*
 * anod/masters.h - links that have members: bonds, bridges.
 *
 * The kernel filters links by kind and by master, so a reading asks for the masters of a kind and
 * then for the members of each, without their counters: nothing is read of other links.  A kernel
 * that does not know the kind ignores the filter and gives every link; that ends in -ENOENT.
 *
 * Linked statically into the plugins that include it.  Threads: the loop thread of the plugin.
 * Errors: negative errno.
 */
#ifndef ANOD_MASTERS_H
#define ANOD_MASTERS_H

#include <stdbool.h>

#include <anod/netlink.h>
#include <anod/object.h>

struct nlattr;

#define ANOD_MASTERS_MAX 64 /* more are not read, which is logged once */

struct anod_masters;

struct anod_masters_desc {
	const char *kind; /* IFLA_INFO_KIND: "bond" */
	/* A link: its ifindex when it is such a master, 0, or -errno. */
	int64_t (*master)(struct anod_ctx *ctx, const struct nlmsghdr *msg);
	/* One of the links that have such a master. */
	void (*member)(struct anod_ctx *ctx, const struct nlmsghdr *msg);
	/* As anod_nl_done_fn. */
	void (*done)(struct anod_ctx *ctx, int error, const char *why);
};

/* 'desc' lives as long as the plugin; memory is the host's. */
int anod_masters_new(struct anod_ctx *ctx, const struct anod_masters_desc *desc,
		     struct anod_masters **ret);
/* Ask by this socket.  An error: done() does not follow. */
int anod_masters_read(struct anod_masters *m, struct anod_nl *nl);

/* ---- one message ------------------------------------------------------------------------ */

struct anod_link_info {
	uint32_t ifindex, master; /* master 0: none */
	char name[ANOD_IFNAME_SIZE];
	const struct nlattr *data; /* IFLA_INFO_DATA, of a member IFLA_INFO_SLAVE_DATA; whole */
};

/* Pure: an RTM_NEWLINK of a link of this kind or, with 'member', of a link with a master of this
 * kind.  'm' lies whole in the buffer.  1, 0: another message or link, -EBADMSG. */
int anod_link_info(const struct nlmsghdr *m, const char *kind, bool member,
		   struct anod_link_info *ret);

#endif /* ANOD_MASTERS_H */
