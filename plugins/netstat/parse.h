/*
 * parse - the counters of /proc/net/snmp, netstat and snmp6 that a rule can use.
 *
 * Pure functions of NUL-ended text.  A counter that this kernel does not have is not known; columns
 * that are not wanted are skipped, wherever they stand.
 */
#ifndef PLUGIN_NETSTAT_PARSE_H
#define PLUGIN_NETSTAT_PARSE_H

#include <anod/reading.h>

/* In the order of netstat_attrs[]. */
enum fact {
	IP_FORWARDED,
	IP_IN_DISCARDS,
	IP_IN_HDR_ERRORS,
	IP_IN_ADDR_ERRORS,
	IP_IN_NO_ROUTES,
	IP_OUT_DISCARDS,
	IP_OUT_NO_ROUTES,
	IP_RP_FILTER,
	IP_REASM_FAILS,
	IP_FRAG_FAILS,
	IP_FRAG_CREATES,
	IP_IN_CE,
	IP6_FORWARDED,
	IP6_IN_DISCARDS,
	IP6_IN_HDR_ERRORS,
	IP6_TOO_BIG,
	IP6_IN_NO_ROUTES,
	IP6_OUT_NO_ROUTES,
	IP6_OUT_DISCARDS,
	IP6_REASM_FAILS,
	ICMP_OUT_UNREACH,
	ICMP_OUT_LIMITED,
	ICMP_IN_UNREACH,
	ICMP6_IN_TOO_BIG,
	ICMP6_OUT_TOO_BIG,
	TCP_ESTABLISHED,
	TCP_ACTIVE_OPENS,
	TCP_PASSIVE_OPENS,
	TCP_ATTEMPT_FAILS,
	TCP_RESETS,
	TCP_IN_SEGS,
	TCP_OUT_SEGS,
	TCP_RETRANS,
	TCP_TIMEOUTS,
	TCP_IN_ERRORS,
	TCP_LISTEN_OVERFLOWS,
	TCP_LISTEN_DROPS,
	TCP_SYNCOOKIES_SENT,
	TCP_SYNCOOKIES_FAILED,
	TCP_REQ_QUEUE_DROPS,
	TCP_BACKLOG_DROPS,
	TCP_RCVQ_DROPS,
	TCP_MEM_PRESSURES,
	TCP_ABORT_MEMORY,
	TCP_TIMEWAIT_OVERFLOW,
	TCP_MTU_PROBE_FAILS,
	UDP_IN,
	UDP_NO_PORTS,
	UDP_IN_ERRORS,
	UDP_RCVBUF_ERRORS,
	UDP_SNDBUF_ERRORS,
	FACTS
};

struct netstat {
	int64_t value[FACTS];
	uint64_t known; /* bit of each fact */
};

/* Adds what 'text' has to 'n': pairs of lines "Tcp: names" and "Tcp: values" ... */
void netstat_pairs(struct netstat *n, const char *text);
/* ... or lines "name value". */
void netstat_lines(struct netstat *n, const char *text);

#endif
