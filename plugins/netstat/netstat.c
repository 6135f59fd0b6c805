/*
 * netstat - the sensor of the counters of IP, ICMP, TCP and UDP.
 *
 * Design.  Three files of the network namespace, read at the same time and published as one row, so
 * a rule that compares two of them sees one moment.  One entity, "stack".
 */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "parse.h"

#define MAX_AGE_MS 60000
#define FILES	   3

struct sensor {
	struct anod_ctx *ctx;
	struct anod_file file[FILES];
	struct anod_text text;
	struct anod_rhythm rhythm;
	int first_fact;
	uint32_t entity;
	bool failed[FILES]; /* said so */
};

static void read_file(struct sensor *s, unsigned k, struct netstat *n)
{
	int r = anod_file_read(&s->file[k], &s->text);

	if (r >= 0) {
		s->failed[k] = false;
		if (k == FILES - 1)
			netstat_lines(n, s->text.data);
		else
			netstat_pairs(n, s->text.data);
		return;
	}
	/* A kernel without IPv6 has no snmp6. */
	if (!s->failed[k])
		s->ctx->host->log(s->ctx, r == -ENOENT ? LOG_INFO : LOG_WARNING, "%s: %s",
				  s->file[k].path, strerror(-r));
	if (!s->failed[k] && r != -ENOENT && ANOD_HOST_HAS(s->ctx, health))
		(void) s->ctx->host->health(s->ctx, ANOD_HEALTH_ERROR, 1);
	s->failed[k] = true;
}

static void on_read(struct anod_ctx *ctx, void *data)
{
	struct sensor *s = data;
	struct netstat n = { 0 };

	for (unsigned k = 0; k < FILES; k++)
		read_file(s, k, &n);
	if (!s->entity)
		(void) ctx->host->entity(ctx, "netstat", "stack", &s->entity);
	if (s->entity &&
	    ctx->host->put(ctx, s->entity, s->first_fact, FACTS, n.value, n.known) == -ENOENT)
		s->entity = 0;
	anod_rhythm_next(&s->rhythm, 0);
}

static int netstat_need(struct anod_ctx *ctx, const char *kind, const char *entity,
			uint64_t every_us)
{
	struct sensor *s = ctx->state;

	(void) kind;
	return entity ? 0 : anod_rhythm_need(&s->rhythm, every_us);
}

static int netstat_init(struct anod_ctx *ctx)
{
	static const char *const path[FILES] = { "/proc/net/snmp", "/proc/net/netstat",
						 "/proc/net/snmp6" };
	struct sensor *s = ctx->host->alloc(ctx, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	for (unsigned k = 0; k < FILES; k++)
		s->file[k] = (struct anod_file) ANOD_FILE(path[k]);
	ctx->state = s;
	return 0;
}

static int netstat_start(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (!ANOD_HOST_HAS(ctx, put))
		return -ENOSYS;
	s->first_fact = ctx->host->fact_id(ctx, "netstat.ip_forwarded");
	if (s->first_fact < 0)
		return s->first_fact;
	s->rhythm = (struct anod_rhythm){ .ctx = ctx,
					  .read = on_read,
					  .data = s,
					  .idle_us = anod_option_u64(ctx, "idle-period"),
					  .health = true };
	return anod_rhythm_start(&s->rhythm, 1000);
}

static void netstat_stop(struct anod_ctx *ctx)
{
	anod_rhythm_stop(&((struct sensor *) ctx->state)->rhythm);
}

static void netstat_fini(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (!s)
		return;
	anod_rhythm_stop(&s->rhythm);
	for (unsigned k = 0; k < FILES; k++)
		anod_file_close(&s->file[k]);
	anod_text_free(&s->text);
}

#define COUNT(n, u, text)                                                                          \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text     \
	}
#define PACKETS(n, text) COUNT(n, ANOD_UNIT_PACKETS, text)
#define TIMES(n, text)	 COUNT(n, ANOD_UNIT_NONE, text)

static const struct anod_attr netstat_attrs[FACTS + 1] = {
	[IP_FORWARDED] = PACKETS("ip_forwarded", "IPv4, forwarded (Ip.ForwDatagrams, RFC 4293)"),
	[IP_IN_DISCARDS] =
		PACKETS("ip_in_discards", "IPv4, good and dropped for lack of memory and the like"),
	[IP_IN_HDR_ERRORS] = PACKETS("ip_in_hdr_errors",
				     "IPv4, bad header, or TTL 0 where it was to be forwarded"),
	[IP_IN_ADDR_ERRORS] = PACKETS("ip_in_addr_errors",
				      "IPv4, not for us and forwarding is off, or a bad address"),
	[IP_IN_NO_ROUTES] = PACKETS("ip_in_no_routes", "IPv4, received and no route (IpExt)"),
	[IP_OUT_DISCARDS] =
		PACKETS("ip_out_discards", "IPv4, not sent for lack of memory or a full queue"),
	[IP_OUT_NO_ROUTES] = PACKETS("ip_out_no_routes", "IPv4, our own and no route"),
	[IP_RP_FILTER] =
		PACKETS("ip_rp_filter",
			"IPv4, dropped by the reverse path filter (TcpExt.IPReversePathFilter)"),
	[IP_REASM_FAILS] = TIMES("ip_reasm_fails", "IPv4 fragments that could not be put together"),
	[IP_FRAG_FAILS] = PACKETS("ip_frag_fails",
				  "IPv4, too big for the way out and not to be fragmented (DF)"),
	[IP_FRAG_CREATES] = PACKETS("ip_frag_creates", "IPv4 fragments made"),
	[IP_IN_CE] = PACKETS("ip_in_ce", "IPv4, marked by ECN: congestion (IpExt.InCEPkts)"),
	[IP6_FORWARDED] = PACKETS("ip6_forwarded", "IPv6, forwarded"),
	[IP6_IN_DISCARDS] = PACKETS("ip6_in_discards", "IPv6, good and dropped"),
	[IP6_IN_HDR_ERRORS] =
		PACKETS("ip6_in_hdr_errors", "IPv6, bad header, or hop limit 0 where it was to be "
					     "forwarded"),
	[IP6_TOO_BIG] = PACKETS("ip6_too_big", "IPv6, too big for the way out (Ip6InTooBigErrors)"),
	[IP6_IN_NO_ROUTES] = PACKETS("ip6_in_no_routes", "IPv6, received and no route"),
	[IP6_OUT_NO_ROUTES] = PACKETS("ip6_out_no_routes", "IPv6, our own and no route"),
	[IP6_OUT_DISCARDS] = PACKETS("ip6_out_discards", "IPv6, not sent"),
	[IP6_REASM_FAILS] =
		TIMES("ip6_reasm_fails", "IPv6 fragments that could not be put together"),
	[ICMP_OUT_UNREACH] =
		PACKETS("icmp_out_unreach", "unreachable messages that we sent, ICMP and ICMPv6"),
	[ICMP_OUT_LIMITED] =
		PACKETS("icmp_out_limited",
			"ICMP messages not sent because of a rate limit, both families"),
	[ICMP_IN_UNREACH] =
		PACKETS("icmp_in_unreach", "unreachable messages received, both families"),
	[ICMP6_IN_TOO_BIG] = PACKETS("icmp6_in_too_big", "ICMPv6 packet too big, received"),
	[ICMP6_OUT_TOO_BIG] = PACKETS("icmp6_out_too_big", "ICMPv6 packet too big, sent"),
	[TCP_ESTABLISHED] = TIMES("tcp_established",
				  "connections of this host that are up now (Tcp.CurrEstab)"),
	[TCP_ACTIVE_OPENS] = TIMES("tcp_active_opens", "connections opened by us"),
	[TCP_PASSIVE_OPENS] = TIMES("tcp_passive_opens", "connections opened to us"),
	[TCP_ATTEMPT_FAILS] = TIMES("tcp_attempt_fails", "connections that did not come up"),
	[TCP_RESETS] = TIMES("tcp_resets", "connections that were reset when up"),
	[TCP_IN_SEGS] = PACKETS("tcp_in_segs", "segments received by this host"),
	[TCP_OUT_SEGS] = PACKETS("tcp_out_segs", "segments sent, without repeated ones"),
	[TCP_RETRANS] = PACKETS("tcp_retrans", "segments sent again"),
	[TCP_TIMEOUTS] = TIMES("tcp_timeouts", "retransmission timers that ran out"),
	[TCP_IN_ERRORS] = PACKETS("tcp_in_errors", "bad segments received"),
	[TCP_LISTEN_OVERFLOWS] =
		TIMES("tcp_listen_overflows", "connections dropped: a full accept queue"),
	[TCP_LISTEN_DROPS] = TIMES("tcp_listen_drops", "SYNs dropped, for every reason"),
	[TCP_SYNCOOKIES_SENT] =
		TIMES("tcp_syncookies_sent", "SYN queue full: answered by a cookie"),
	[TCP_SYNCOOKIES_FAILED] = TIMES("tcp_syncookies_failed", "cookies that were wrong"),
	[TCP_REQ_QUEUE_DROPS] =
		TIMES("tcp_req_queue_drops", "SYNs dropped: SYN queue full and no cookies"),
	[TCP_BACKLOG_DROPS] = PACKETS("tcp_backlog_drops", "a socket's backlog was full"),
	[TCP_RCVQ_DROPS] = PACKETS("tcp_rcvq_drops", "a socket's receive queue was full"),
	[TCP_MEM_PRESSURES] =
		TIMES("tcp_mem_pressures", "times that TCP came under memory pressure"),
	[TCP_ABORT_MEMORY] = TIMES("tcp_abort_memory", "connections given up for lack of memory"),
	[TCP_TIMEWAIT_OVERFLOW] =
		TIMES("tcp_timewait_overflow", "connections that found no room in TIME_WAIT"),
	[TCP_MTU_PROBE_FAILS] = TIMES("tcp_mtu_probe_fails", "MTU probes that were lost"),
	[UDP_IN] = PACKETS("udp_in", "datagrams delivered, both families"),
	[UDP_NO_PORTS] = PACKETS("udp_no_ports", "datagrams for a port where nobody listens"),
	[UDP_IN_ERRORS] = PACKETS("udp_in_errors", "datagrams that were not delivered"),
	[UDP_RCVBUF_ERRORS] =
		PACKETS("udp_rcvbuf_errors", "of these: a full receive buffer (rmem)"),
	[UDP_SNDBUF_ERRORS] = PACKETS("udp_sndbuf_errors", "not sent: a full send buffer"),
};

static const struct anod_kind kinds[] = {
	{ "netstat", "counters of IP, ICMP, TCP and UDP of the network namespace: \"stack\"",
	  netstat_attrs },
	{ 0 },
};

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 100e3,
	  .max = 20e6,
	  .help = "time between two readings while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "15s",
	  .min = 1e6,
	  .max = 20e6,
	  .help = "the same while nobody does" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "netstat",
	.version = "1",
	.summary = "counters of IP, ICMP, TCP and UDP",
	.opts = opts,
	.kinds = kinds,
	.init = netstat_init,
	.start = netstat_start,
	.stop = netstat_stop,
	.fini = netstat_fini,
	.need = netstat_need,
	.source = "/proc/net/snmp, /proc/net/netstat, /proc/net/snmp6 (RFC 4293, 4022, 4113; "
		  "uapi/linux/snmp.h)",
	.cost = "0.14 ms a reading (sensor.share at 1 s, a busy machine with two cores of an AMD "
		"EPYC)",
	.example = "rate(netstat.stack.ip_rp_filter, 30s) > 10",
};
