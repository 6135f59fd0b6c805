/*
 * decode - what the kernel says of the sizes of its tables, taken apart.
 *
 * Design.  A dump of neighbour tables brings each table and then the parameters of each interface
 * under the same message type; only the former has a configuration and statistics.  The texts are
 * read by the words in them, so a line more or less does no harm.
 */
#include "decode.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>

/* ---- messages ----------------------------------------------------------------------------- */

/* The head of a message of this type and the attributes behind.  1, 0, -EBADMSG. */
static int begin(const struct nlmsghdr *m, uint16_t type, void *head, size_t size,
		 const struct nlattr **ret, int *ret_left)
{
	if (m->nlmsg_type != type)
		return 0;
	if (m->nlmsg_len < NLMSG_HDRLEN + NLMSG_ALIGN(size))
		return -EBADMSG;
	memcpy(head, (const uint8_t *) m + NLMSG_HDRLEN, size);
	*ret = (const struct nlattr *) ((const uint8_t *) m + NLMSG_HDRLEN + NLMSG_ALIGN(size));
	*ret_left = (int) (m->nlmsg_len - NLMSG_HDRLEN - NLMSG_ALIGN(size));
	return 1;
}

static uint32_t u32(const struct nlattr *a)
{
	uint32_t v = 0;

	if (nla_len(a) >= (int) sizeof(v))
		memcpy(&v, nla_data(a), sizeof(v));
	return v;
}

static void take_stats(const struct nlattr *a, struct neigh_table *t)
{
	struct ndt_stats s;

	if (nla_len(a) < (int) (offsetof(struct ndt_stats, ndts_table_fulls) + sizeof(uint64_t)))
		return;
	memset(&s, 0, sizeof(s));
	memcpy(&s, nla_data(a), (size_t) nla_len(a) < sizeof(s) ? (size_t) nla_len(a) : sizeof(s));
	t->lookups = s.ndts_lookups;
	t->hits = s.ndts_hits;
	t->res_failed = s.ndts_res_failed;
	t->forced_gc = s.ndts_forced_gc_runs;
	t->table_fulls = s.ndts_table_fulls;
	t->has_stats = true;
}

int decode_neigh_table(const struct nlmsghdr *m, struct neigh_table *ret)
{
	const struct nlattr *a;
	struct ndt_config config;
	bool has_config = false;
	struct ndtmsg head;
	int left, r;

	memset(ret, 0, sizeof(*ret));
	r = begin(m, RTM_NEWNEIGHTBL, &head, sizeof(head), &a, &left);
	if (r <= 0)
		return r;
	ret->family = head.ndtm_family;
	for (; nla_ok(a, left); a = nla_next(a, &left)) {
		switch (nla_type(a)) {
		case NDTA_NAME:
			(void) nla_strlcpy(ret->name, a, sizeof(ret->name));
			break;
		case NDTA_THRESH1:
		case NDTA_THRESH2:
		case NDTA_THRESH3:
			ret->thresh[nla_type(a) - NDTA_THRESH1] = u32(a);
			break;
		case NDTA_CONFIG:
			if (nla_len(a) < (int) sizeof(config))
				return -EBADMSG;
			memcpy(&config, nla_data(a), sizeof(config));
			ret->entries = config.ndtc_entries;
			has_config = true;
			break;
		case NDTA_STATS:
			take_stats(a, ret);
			break;
		}
	}
	if (!has_config)
		return 0;
	return ret->name[0] ? 1 : -EBADMSG;
}

static void take_members(const struct nlattr *a, struct nexthop *n)
{
	unsigned members = (unsigned) nla_len(a) / sizeof(struct nexthop_grp);

	n->n_members = members;
	for (unsigned i = 0; i < members && i < GROUP_MEMBERS_MAX; i++) {
		struct nexthop_grp g;

		memcpy(&g, (const uint8_t *) nla_data(a) + i * sizeof(g), sizeof(g));
		n->member[i] = g.id;
	}
}

static void take_resilient(const struct nlattr *nest, struct nexthop *n)
{
	const struct nlattr *a;
	uint64_t ticks = 0;
	int left;

	nla_for_each_nested(a, nest, left)
	{
		uint16_t buckets = 0;

		if (nla_type(a) == NHA_RES_GROUP_BUCKETS && nla_len(a) >= (int) sizeof(buckets)) {
			memcpy(&buckets, nla_data(a), sizeof(buckets));
			n->buckets = buckets;
		}
		/* clock_t as user space has it: a hundredth of a second. */
		if (nla_type(a) == NHA_RES_GROUP_UNBALANCED_TIME &&
		    nla_len(a) >= (int) sizeof(ticks)) {
			memcpy(&ticks, nla_data(a), sizeof(ticks));
			n->unbalanced_us = ticks < UINT64_MAX / 10000 ? ticks * 10000 : 0;
		}
	}
}

int decode_nexthop(const struct nlmsghdr *m, struct nexthop *ret)
{
	const struct nlattr *a;
	struct nhmsg head;
	int left, r;

	memset(ret, 0, sizeof(*ret));
	r = begin(m, RTM_NEWNEXTHOP, &head, sizeof(head), &a, &left);
	if (r <= 0)
		return r;
	ret->flags = head.nh_flags;
	for (; nla_ok(a, left); a = nla_next(a, &left)) {
		switch (nla_type(a)) {
		case NHA_ID:
			ret->id = u32(a);
			break;
		case NHA_GROUP:
			take_members(a, ret);
			break;
		case NHA_RES_GROUP:
			take_resilient(a, ret);
			break;
		}
	}
	return ret->id ? 1 : -EBADMSG;
}

/* ---- texts -------------------------------------------------------------------------------- */

static const char *next_line(const char *at)
{
	const char *end = strchr(at, '\n');

	return end ? end + 1 : at + strlen(at);
}

/* "Main:", "Local:" and "Id 100:" stand at the beginning of a line. */
static bool table_name(const char *line, struct fib_table *ret)
{
	uint32_t id = 0;

	if (strncmp(line, "Main:", 5) == 0)
		id = RT_TABLE_MAIN;
	else if (strncmp(line, "Local:", 6) == 0)
		id = RT_TABLE_LOCAL;
	else if (sscanf(line, "Id %9u:", &id) != 1 || !id)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->id = id;
	if (id == RT_TABLE_MAIN || id == RT_TABLE_LOCAL)
		(void) snprintf(ret->name, TABLE_NAME_SIZE, "%s",
				id == RT_TABLE_MAIN ? "main" : "local");
	else
		(void) snprintf(ret->name, TABLE_NAME_SIZE, "%u", id);
	return true;
}

static uint64_t number_behind(const char *line, const char *word)
{
	size_t n = strlen(word);

	while (*line == '\t' || *line == ' ')
		line++;
	return strncmp(line, word, n) == 0 ? strtoull(line + n, NULL, 10) : 0;
}

bool decode_trie(const char **at, struct fib_table *ret)
{
	const char *line = *at;

	while (*line && !table_name(line, ret))
		line = next_line(line);
	if (!*line) {
		*at = line;
		return false;
	}
	for (line = next_line(line); *line; line = next_line(line)) {
		struct fib_table other;

		if (table_name(line, &other))
			break;
		ret->routes += number_behind(line, "Prefixes:");
		ret->nodes += number_behind(line, "Leaves:");
		ret->nodes += number_behind(line, "Internal nodes:");
		ret->bytes += 1024 * (number_behind(line, "Total size:") & (UINT64_MAX >> 12));
	}
	*at = line;
	return true;
}

/* fib_nodes fib_route_nodes fib_rt_alloc fib_rt_entries fib_rt_cache dst_entries discarded, hex */
bool decode_fib6(const char *text, struct fib6 *ret)
{
	uint64_t v[5];
	char *end;

	for (unsigned i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		v[i] = strtoull(text, &end, 16);
		if (end == text || v[i] > INT64_MAX)
			return false;
		text = end;
	}
	*ret = (struct fib6){ .nodes = v[0], .routes = v[3], .cache = v[4] };
	return true;
}
