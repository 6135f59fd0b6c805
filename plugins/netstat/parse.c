/*
 * parse - the counters of /proc/net/snmp, netstat and snmp6 that a rule can use.
 *
 * Design.  A sorted table from the kernel's name to the fact; several names may add up to one.  The
 * names are those of net/ipv4/proc.c and net/ipv6/proc.c, after RFC 4293, 4022 and 4113, and for
 * TcpExt of uapi/linux/snmp.h.
 */
#include "parse.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_SIZE 64

static const struct source {
	const char *name;
	uint8_t fact;
} sources[] = {
	/* Sorted by name, as strcmp() does. */
	{ "Icmp.InDestUnreachs", ICMP_IN_UNREACH },
	{ "Icmp.OutDestUnreachs", ICMP_OUT_UNREACH },
	{ "Icmp.OutRateLimitGlobal", ICMP_OUT_LIMITED },
	{ "Icmp.OutRateLimitHost", ICMP_OUT_LIMITED },
	{ "Icmp6InDestUnreachs", ICMP_IN_UNREACH },
	{ "Icmp6InPktTooBigs", ICMP6_IN_TOO_BIG },
	{ "Icmp6OutDestUnreachs", ICMP_OUT_UNREACH },
	{ "Icmp6OutPktTooBigs", ICMP6_OUT_TOO_BIG },
	{ "Icmp6OutRateLimitHost", ICMP_OUT_LIMITED },
	{ "Ip.ForwDatagrams", IP_FORWARDED },
	{ "Ip.FragCreates", IP_FRAG_CREATES },
	{ "Ip.FragFails", IP_FRAG_FAILS },
	{ "Ip.InAddrErrors", IP_IN_ADDR_ERRORS },
	{ "Ip.InDiscards", IP_IN_DISCARDS },
	{ "Ip.InHdrErrors", IP_IN_HDR_ERRORS },
	{ "Ip.OutDiscards", IP_OUT_DISCARDS },
	{ "Ip.OutNoRoutes", IP_OUT_NO_ROUTES },
	{ "Ip.ReasmFails", IP_REASM_FAILS },
	{ "Ip6InDiscards", IP6_IN_DISCARDS },
	{ "Ip6InHdrErrors", IP6_IN_HDR_ERRORS },
	{ "Ip6InNoRoutes", IP6_IN_NO_ROUTES },
	{ "Ip6InTooBigErrors", IP6_TOO_BIG },
	{ "Ip6OutDiscards", IP6_OUT_DISCARDS },
	{ "Ip6OutForwDatagrams", IP6_FORWARDED },
	{ "Ip6OutNoRoutes", IP6_OUT_NO_ROUTES },
	{ "Ip6ReasmFails", IP6_REASM_FAILS },
	{ "IpExt.InCEPkts", IP_IN_CE },
	{ "IpExt.InNoRoutes", IP_IN_NO_ROUTES },
	{ "Tcp.ActiveOpens", TCP_ACTIVE_OPENS },
	{ "Tcp.AttemptFails", TCP_ATTEMPT_FAILS },
	{ "Tcp.CurrEstab", TCP_ESTABLISHED },
	{ "Tcp.EstabResets", TCP_RESETS },
	{ "Tcp.InErrs", TCP_IN_ERRORS },
	{ "Tcp.InSegs", TCP_IN_SEGS },
	{ "Tcp.OutSegs", TCP_OUT_SEGS },
	{ "Tcp.PassiveOpens", TCP_PASSIVE_OPENS },
	{ "Tcp.RetransSegs", TCP_RETRANS },
	{ "TcpExt.IPReversePathFilter", IP_RP_FILTER },
	{ "TcpExt.ListenDrops", TCP_LISTEN_DROPS },
	{ "TcpExt.ListenOverflows", TCP_LISTEN_OVERFLOWS },
	{ "TcpExt.SyncookiesFailed", TCP_SYNCOOKIES_FAILED },
	{ "TcpExt.SyncookiesSent", TCP_SYNCOOKIES_SENT },
	{ "TcpExt.TCPAbortOnMemory", TCP_ABORT_MEMORY },
	{ "TcpExt.TCPBacklogDrop", TCP_BACKLOG_DROPS },
	{ "TcpExt.TCPMTUPFail", TCP_MTU_PROBE_FAILS },
	{ "TcpExt.TCPMemoryPressures", TCP_MEM_PRESSURES },
	{ "TcpExt.TCPRcvQDrop", TCP_RCVQ_DROPS },
	{ "TcpExt.TCPReqQFullDrop", TCP_REQ_QUEUE_DROPS },
	{ "TcpExt.TCPTimeWaitOverflow", TCP_TIMEWAIT_OVERFLOW },
	{ "TcpExt.TCPTimeouts", TCP_TIMEOUTS },
	{ "Udp.InDatagrams", UDP_IN },
	{ "Udp.InErrors", UDP_IN_ERRORS },
	{ "Udp.NoPorts", UDP_NO_PORTS },
	{ "Udp.RcvbufErrors", UDP_RCVBUF_ERRORS },
	{ "Udp.SndbufErrors", UDP_SNDBUF_ERRORS },
	{ "Udp6InDatagrams", UDP_IN },
	{ "Udp6InErrors", UDP_IN_ERRORS },
	{ "Udp6NoPorts", UDP_NO_PORTS },
	{ "Udp6RcvbufErrors", UDP_RCVBUF_ERRORS },
	{ "Udp6SndbufErrors", UDP_SNDBUF_ERRORS },
};

static int compare(const void *name, const void *source)
{
	return strcmp(name, ((const struct source *) source)->name);
}

static void add(struct netstat *n, const char *name, const char *word, size_t size)
{
	const struct source *s = bsearch(name, sources, sizeof(sources) / sizeof(sources[0]),
					 sizeof(sources[0]), compare);
	int64_t v;

	if (!s || !anod_word_i64(word, size, &v) || v < 0)
		return;
	/* Each is far below the sum that does not fit. */
	if (v > INT64_MAX / 4 || n->value[s->fact] > INT64_MAX / 2)
		return;
	n->value[s->fact] += v;
	n->known |= UINT64_C(1) << s->fact;
}

/* "Tcp: A B" and "Tcp: 1 2" */
static void pair(struct netstat *n, const char *names, size_t names_size, const char *values,
		 size_t values_size)
{
	const char *a = names, *b = values, *name, *word;
	char full[NAME_MAX_SIZE];
	size_t size, n_size, prefix;

	if (!anod_next_word(&a, names + names_size, &name, &prefix) ||
	    !anod_next_word(&b, values + values_size, &word, &size) || prefix < 2 || prefix >= 16 ||
	    prefix != size || memcmp(name, word, size) != 0 || name[prefix - 1] != ':')
		return;
	memcpy(full, name, prefix);
	full[prefix - 1] = '.';
	while (anod_next_word(&a, names + names_size, &name, &n_size) &&
	       anod_next_word(&b, values + values_size, &word, &size)) {
		if (n_size >= sizeof(full) - prefix)
			continue;
		memcpy(full + prefix, name, n_size);
		full[prefix + n_size] = '\0';
		add(n, full, word, size);
	}
}

void netstat_pairs(struct netstat *n, const char *text)
{
	const char *names, *values;
	size_t names_size, values_size;

	while (anod_next_line(&text, &names, &names_size) &&
	       anod_next_line(&text, &values, &values_size))
		pair(n, names, names_size, values, values_size);
}

void netstat_lines(struct netstat *n, const char *text)
{
	const char *line, *name, *word;
	size_t line_size, name_size, size;

	while (anod_next_line(&text, &line, &line_size)) {
		const char *p = line;
		char full[NAME_MAX_SIZE];

		if (!anod_next_word(&p, line + line_size, &name, &name_size) ||
		    !anod_next_word(&p, line + line_size, &word, &size) ||
		    name_size >= sizeof(full))
			continue;
		memcpy(full, name, name_size);
		full[name_size] = '\0';
		add(n, full, word, size);
	}
}
