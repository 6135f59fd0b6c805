/*
 * sysctl - the numbers of /proc/sys/net that anod may write, and in which range.
 *
 * Design.  A name is looked up in a table, and the path is made from the table's own text; of what
 * comes from outside only the name of an interface gets into it, after it was found to be one.  So
 * nothing that anybody writes can lead out of /proc/sys/net, and nothing that is not listed here is
 * ever opened.  What makes the kernel change other settings on its own (net.ipv4.ip_forward,
 * conf.all.*) is not listed, because its undo would not bring those back.
 *
 * Meanings and units are those of Documentation/networking/{ip-sysctl,nf_conntrack-sysctl}.rst and
 * Documentation/admin-guide/sysctl/net.rst of the kernel.  A sysctl of the machine shows in every
 * network namespace that has it, but only the first one may write it (0444 elsewhere), with the
 * exception of the neighbour tables' thresholds: any namespace writes the one set there is.
 */
#include "rtnl/sysctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define ROOT "net."
#define TIME(n)                                                                                    \
	{                                                                                          \
		"net.netfilter.nf_conntrack_" n, 1, 864000, ANOD_SYSCTL_NETNS, "seconds"           \
	}
#define NEIGH(v)                                                                                   \
	{ "net." v ".neigh.default.gc_thresh1", 0, 1 << 24, ANOD_SYSCTL_MACHINE, "entries" },      \
		{ "net." v ".neigh.default.gc_thresh2", 16, 1 << 24, ANOD_SYSCTL_MACHINE,          \
		  "entries" },                                                                     \
		{ "net." v ".neigh.default.gc_thresh3", 32, 1 << 24, ANOD_SYSCTL_MACHINE,          \
		  "entries" },                                                                     \
	{                                                                                          \
		"net." v ".neigh.*.gc_stale_time", 1, 86400, ANOD_SYSCTL_NETNS, "seconds"          \
	}

static const struct anod_sysctl_rule rules[] = {
	{ "net.netfilter.nf_conntrack_max", 1024, 1 << 27, ANOD_SYSCTL_MACHINE, "connections" },
	{ "net.netfilter.nf_conntrack_buckets", 1024, 1 << 25, ANOD_SYSCTL_MACHINE,
	  "lists of the connection table" },
	{ "net.netfilter.nf_conntrack_expect_max", 1, 1 << 20, ANOD_SYSCTL_MACHINE, "entries" },
	TIME("tcp_timeout_syn_sent"),
	TIME("tcp_timeout_syn_recv"),
	TIME("tcp_timeout_established"),
	TIME("tcp_timeout_fin_wait"),
	TIME("tcp_timeout_close_wait"),
	TIME("tcp_timeout_last_ack"),
	TIME("tcp_timeout_time_wait"),
	TIME("tcp_timeout_close"),
	TIME("tcp_timeout_max_retrans"),
	TIME("tcp_timeout_unacknowledged"),
	TIME("udp_timeout"),
	TIME("udp_timeout_stream"),
	TIME("icmp_timeout"),
	TIME("icmpv6_timeout"),
	TIME("generic_timeout"),
	TIME("gre_timeout"),
	TIME("gre_timeout_stream"),
	NEIGH("ipv4"),
	NEIGH("ipv6"),
	{ "net.core.rmem_max", 4096, 1 << 30, ANOD_SYSCTL_MACHINE, "bytes" },
	{ "net.core.wmem_max", 4096, 1 << 30, ANOD_SYSCTL_MACHINE, "bytes" },
	{ "net.core.rmem_default", 4096, 1 << 30, ANOD_SYSCTL_MACHINE, "bytes" },
	{ "net.core.wmem_default", 4096, 1 << 30, ANOD_SYSCTL_MACHINE, "bytes" },
	{ "net.core.netdev_budget", 64, 65536, ANOD_SYSCTL_MACHINE, "packets of one softirq" },
	{ "net.core.netdev_budget_usecs", 1000, 100000, ANOD_SYSCTL_MACHINE, "us of one softirq" },
	{ "net.core.netdev_max_backlog", 100, 1 << 20, ANOD_SYSCTL_MACHINE, "packets" },
	{ "net.core.dev_weight", 16, 1024, ANOD_SYSCTL_MACHINE, "packets of one poll" },
	{ "net.core.somaxconn", 128, 1 << 20, ANOD_SYSCTL_NETNS, "connections" },
	{ "net.ipv4.conf.*.rp_filter", 0, 2, ANOD_SYSCTL_NETNS, "0 off, 1 strict, 2 loose" },
	{ "net.ipv4.conf.*.forwarding", 0, 1, ANOD_SYSCTL_NETNS, "0 or 1" },
	{ "net.ipv4.conf.*.arp_ignore", 0, 8, ANOD_SYSCTL_NETNS, "0 to 8" },
	{ "net.ipv4.conf.*.arp_announce", 0, 2, ANOD_SYSCTL_NETNS, "0 to 2" },
	{ "net.ipv4.conf.*.arp_notify", 0, 1, ANOD_SYSCTL_NETNS, "0 or 1" },
	{ "net.ipv4.conf.*.send_redirects", 0, 1, ANOD_SYSCTL_NETNS, "0 or 1" },
	{ "net.ipv4.tcp_mtu_probing", 0, 2, ANOD_SYSCTL_NETNS,
	  "0 off, 1 after a black hole was met, 2 always" },
	{ "net.ipv4.tcp_base_mss", 536, 9000, ANOD_SYSCTL_NETNS, "bytes" },
	{ "net.ipv4.ip_no_pmtu_disc", 0, 3, ANOD_SYSCTL_NETNS, "0 to 3" },
	{ "net.ipv4.tcp_max_syn_backlog", 128, 1 << 20, ANOD_SYSCTL_NETNS, "connections" },
	{ "net.ipv4.tcp_syncookies", 0, 2, ANOD_SYSCTL_NETNS, "0 to 2" },
	{ "net.ipv4.tcp_fin_timeout", 5, 600, ANOD_SYSCTL_NETNS, "seconds" },
	{ "net.ipv4.fib_multipath_use_neigh", 0, 1, ANOD_SYSCTL_NETNS, "0 or 1" },
	{ "net.ipv6.route.max_size", 4096, INT32_MAX, ANOD_SYSCTL_NETNS, "routes" },
	{ "net.ipv6.route.gc_thresh", 128, INT32_MAX, ANOD_SYSCTL_NETNS, "routes" },
};

const struct anod_sysctl_rule *anod_sysctl_nth(unsigned n)
{
	return n < ARRAY_SIZE(rules) ? &rules[n] : NULL;
}

bool text_whole(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	for (size_t i = n; i < size; i++)
		if (text[i])
			return false;
	return n < size;
}

bool sysctl_link_valid(const char *name, size_t size)
{
	static const char *const other[] = { "all", "default", ".", ".." };

	if (size == 0 || size >= ANOD_IFNAME_SIZE)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		if (strlen(other[i]) == size && memcmp(name, other[i], size) == 0)
			return false;
	for (size_t i = 0; i < size; i++)
		if (name[i] == '/' || name[i] == ':' || name[i] <= ' ' || name[i] == 0x7f)
			return false;
	return true;
}

/* Does 'name' fall under the rule?  *ret_link and its size: what the '*' stands for, else NULL. */
static bool under(const char *rule, const char *name, const char **ret_link, size_t *ret_size)
{
	const char *star = strchr(rule, '*');
	size_t n = strlen(name), before, behind;

	*ret_link = NULL;
	if (!star)
		return strcmp(rule, name) == 0;

	before = (size_t) (star - rule);
	behind = strlen(star + 1);
	if (n <= before + behind || strncmp(rule, name, before) != 0 ||
	    strcmp(star + 1, name + n - behind) != 0)
		return false;
	*ret_link = name + before;
	*ret_size = n - before - behind;
	return sysctl_link_valid(*ret_link, *ret_size);
}

static const struct anod_sysctl_rule *find(const char *name, const char **ret_link,
					   size_t *ret_size)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (under(rules[i].name, name, ret_link, ret_size))
			return &rules[i];
	return NULL;
}

const struct anod_sysctl_rule *anod_sysctl_find(const char *name)
{
	const char *link;
	size_t size;

	return find(name, &link, &size);
}

int anod_sysctl_check(const struct anod_sysctl *s, char *why, size_t why_size)
{
	const struct anod_sysctl_rule *rule;

	if (!text_whole(s->name, sizeof(s->name))) {
		(void) snprintf(why, why_size, "the name of a sysctl has no end");
		return -EPERM;
	}
	rule = anod_sysctl_find(s->name);
	if (!rule) {
		(void) snprintf(why, why_size,
				"%s is not among the sysctls that anod may write (docs/actions.md)",
				s->name);
		return -EPERM;
	}
	if (s->value < rule->min || s->value > rule->max) {
		(void) snprintf(why, why_size,
				"%s can be %" PRId64 " to %" PRId64 " (%s), not %" PRId64, s->name,
				rule->min, rule->max, rule->help, s->value);
		return -ERANGE;
	}
	return 0;
}

/* The text of a rule with '/' for its dots. */
static void add(char *ret, size_t size, size_t *n, const char *text, size_t text_size, bool dots)
{
	for (size_t i = 0; i < text_size && *n + 1 < size; i++)
		ret[(*n)++] = dots && text[i] == '.' ? '/' : text[i];
	ret[*n] = '\0';
}

int anod_sysctl_path(const char *name, char *ret, size_t size)
{
	const struct anod_sysctl_rule *rule;
	const char *link, *text, *star;
	size_t link_size = 0, n = 0;

	rule = find(name, &link, &link_size);
	if (!rule || strlen(name) >= size)
		return -EPERM;

	text = rule->name + strlen(ROOT);
	star = strchr(text, '*');
	add(ret, size, &n, text, star ? (size_t) (star - text) : strlen(text), true);
	if (star) {
		add(ret, size, &n, link, link_size, false);
		add(ret, size, &n, star + 1, strlen(star + 1), true);
	}
	return 0;
}

bool anod_sysctl_link(const char *name, char ret[ANOD_IFNAME_SIZE])
{
	const char *link;
	size_t size;

	if (!find(name, &link, &size) || !link)
		return false;
	memset(ret, 0, ANOD_IFNAME_SIZE);
	memcpy(ret, link, size);
	return true;
}
