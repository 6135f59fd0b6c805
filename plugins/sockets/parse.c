/*
 * parse - /proc/net/netlink as numbers.
 *
 * Design.  A line is cut into words once, and the words that are wanted are taken by the place of
 * their heading.
 */
#include "parse.h"

#include <linux/netlink.h>
#include <stdio.h>

struct words {
	const char *word[COLUMNS_SEEN];
	size_t size[COLUMNS_SEEN];
	unsigned n;
};

static void split(const char *line, size_t size, struct words *w)
{
	const char *p = line;

	w->n = 0;
	while (w->n < COLUMNS_SEEN &&
	       anod_next_word(&p, line + size, &w->word[w->n], &w->size[w->n]))
		w->n++;
}

bool nl_heading(const char **at, struct nl_heading *ret)
{
	static const char *const name[COLUMNS] = {
		"Eth", "Pid", "Groups", "Rmem", "Drops", "Inode"
	};
	const char *line;
	size_t size;
	struct words w;

	if (!anod_next_line(at, &line, &size))
		return false;
	split(line, size, &w);
	for (unsigned c = 0; c < COLUMNS; c++) {
		unsigned k = 0;

		while (k < w.n && !anod_word_is(w.word[k], w.size[k], name[c]))
			k++;
		if (k == w.n)
			return false;
		ret->at[c] = (uint8_t) k;
	}
	return true;
}

bool nl_next(const char **at, const struct nl_heading *h, struct nl_line *ret)
{
	const char *line;
	size_t size;

	while (anod_next_line(at, &line, &size)) {
		uint64_t v[COLUMNS];
		struct words w;
		unsigned c = 0;

		split(line, size, &w);
		while (c < COLUMNS && h->at[c] < w.n &&
		       anod_word_u64(w.word[h->at[c]], w.size[h->at[c]], c == COL_GROUPS ? 16 : 10,
				     &v[c]))
			c++;
		if (c < COLUMNS || v[COL_PROTOCOL] >= MAX_LINKS || v[COL_PORT] > UINT32_MAX ||
		    v[COL_GROUPS] > UINT32_MAX || v[COL_RMEM] > INT64_MAX / 1024 ||
		    v[COL_DROPS] > INT64_MAX / 1024)
			continue;
		*ret = (struct nl_line){ .protocol = (unsigned) v[COL_PROTOCOL],
					 .port = (uint32_t) v[COL_PORT],
					 .groups = (uint32_t) v[COL_GROUPS],
					 .rmem = v[COL_RMEM],
					 .drops = v[COL_DROPS],
					 .inode = v[COL_INODE] };
		return true;
	}
	return false;
}

const char *nl_protocol(unsigned protocol, char *buf, size_t size)
{
	static const char *const name[] = {
		[NETLINK_ROUTE] = "ROUTE",	   [NETLINK_USERSOCK] = "USERSOCK",
		[NETLINK_SOCK_DIAG] = "SOCK_DIAG", [NETLINK_NFLOG] = "NFLOG",
		[NETLINK_XFRM] = "XFRM",	   [NETLINK_AUDIT] = "AUDIT",
		[NETLINK_NETFILTER] = "NETFILTER", [NETLINK_KOBJECT_UEVENT] = "UEVENT",
		[NETLINK_GENERIC] = "GENERIC",
	};

	if (protocol < sizeof(name) / sizeof(name[0]) && name[protocol])
		(void) snprintf(buf, size, "%s", name[protocol]);
	else
		(void) snprintf(buf, size, "%u", protocol);
	return buf;
}
