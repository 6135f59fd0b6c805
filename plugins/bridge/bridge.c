/*
 * bridge - the sensor of bridges: ports, spanning tree, VLANs, and addresses that move.
 *
 * Design.  A reading asks for the bridges and for the ports of each (anod/masters.h) and, when one
 * of them filters VLANs, for these.  Moves of addresses come as events, which are listened to only
 * while there is a bridge.  In a loop there are as many events as packets: after EVENTS_MAX of them
 * between two readings the socket is closed until the next one, so that a storm costs a percent of
 * a core and not all of it; the count is then a lower bound, and still far above any healthy one.
 */
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include <anod/masters.h>
#include <anod/netlink.h>
#include <anod/poll.h>

#include "kinds.h"
#include "moves.h"

#define EVENTS_MAX 10000 /* of addresses, between two readings */
#define PORTS_MAX  4096	 /* more are not read */

struct port {
	struct bridge_port p;
	struct port_vlans vlans;
};

struct sensor {
	struct anod_ctx *ctx;
	struct anod_nl *nl, *links, *fdb;
	struct anod_nl *vlans; /* NULL: a kernel before 5.6 tells of no VLAN */
	struct anod_poll *poll;
	struct anod_masters *masters;
	struct anod_rows *bridges, *ports;
	struct bridge bridge[ANOD_MASTERS_MAX];
	unsigned n_bridges;
	struct port *port; /* of the reading under way */
	unsigned n_ports, ports_size;
	struct moves *moves;
	unsigned n_events;
};

/* ---- addresses that move ------------------------------------------------------------------ */

static void count_move(struct sensor *s, uint32_t ifindex)
{
	struct anod_row *row = anod_rows_find(s->ports, ifindex);

	if (row)
		((struct port_seen *) row->own)->moves++;
}

static void fdb_close(struct sensor *s)
{
	anod_nl_close(s->fdb);
	s->fdb = NULL;
}

static void on_fdb(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = ctx->state;
	struct anod_row *bridge;
	struct fdb_entry e;
	uint32_t was;

	(void) data;
	if (!msg) {
		moves_forget(s->moves);
		return;
	}
	if (decode_fdb(msg, &e) <= 0 || e.fixed)
		return;
	if (++s->n_events > EVENTS_MAX) {
		fdb_close(s); /* until the next reading */
		return;
	}
	was = moves_take(s->moves, &e);
	if (!was)
		return;
	count_move(s, was);
	count_move(s, e.port);
	bridge = anod_rows_find(s->bridges, e.master);
	if (bridge)
		((struct bridge_seen *) bridge->own)->moves++;
}

static int fdb_open(struct sensor *s)
{
	int r;

	s->moves = s->moves ? s->moves : moves_new();
	if (!s->moves)
		return -ENOMEM;
	r = anod_nl_open(s->ctx, NETLINK_ROUTE, 0, &s->fdb);
	if (r >= 0)
		r = anod_nl_listen(s->fdb, RTNLGRP_NEIGH, on_fdb, NULL);
	if (r < 0)
		fdb_close(s);
	return r;
}

/* Listen while there is a bridge, and not more than a storm leaves time for. */
static void fdb_follow(struct sensor *s)
{
	if (s->n_bridges && !s->fdb) {
		if (s->moves)
			moves_forget(s->moves); /* it was not listened to */
		(void) fdb_open(s);
	}
	if (!s->n_bridges && s->fdb) {
		fdb_close(s);
		s->moves = moves_free(s->moves);
	}
	s->n_events = 0;
}

/* ---- a reading ---------------------------------------------------------------------------- */

static int64_t on_bridge(struct anod_ctx *ctx, const struct nlmsghdr *msg)
{
	struct sensor *s = ctx->state;
	int r = decode_bridge(msg, &s->bridge[s->n_bridges]);

	return r <= 0 ? r : (int64_t) s->bridge[s->n_bridges++].ifindex;
}

static void on_port(struct anod_ctx *ctx, const struct nlmsghdr *msg)
{
	struct sensor *s = ctx->state;
	struct bridge_port p;

	if (decode_port(msg, &p) <= 0)
		return;
	if (s->n_ports == s->ports_size) {
		unsigned size = s->ports_size ? 2 * s->ports_size : 16;
		struct port *more =
			size <= PORTS_MAX ? reallocarray(s->port, size, sizeof(*more)) : NULL;

		if (!more)
			return;
		s->port = more;
		s->ports_size = size;
	}
	s->port[s->n_ports++] = (struct port){ .p = p };
}

static const struct bridge *bridge_of(const struct sensor *s, uint32_t ifindex)
{
	for (unsigned i = 0; i < s->n_bridges; i++)
		if (s->bridge[i].ifindex == ifindex)
			return &s->bridge[i];
	return NULL;
}

static void publish_port(struct sensor *s, const struct port *p, const struct bridge *b)
{
	struct anod_row *row = anod_rows_take(s->ports, p->p.ifindex, p->p.name);
	const struct port_vlans *vlans = b->vlan_filtering ? &p->vlans : NULL;
	int64_t raw[PORT_NUMBERS];
	uint64_t known;

	if (!row)
		return;
	known = port_fill(&p->p, vlans, row->own, row->fresh, raw);
	anod_rows_put(s->ports, row, raw, known);
	anod_rows_text(s->ports, row, PORT_STATE, port_state_word(p->p.state));
	anod_rows_text(s->ports, row, PORT_BRIDGE, b->name);
	anod_rows_text(s->ports, row, PORT_VLAN_LIST, vlans ? vlans->list : NULL);
}

static void publish_bridge(struct sensor *s, const struct bridge *b)
{
	struct anod_row *row = anod_rows_take(s->bridges, b->ifindex, b->name);
	const char *root_port = "";
	struct bridge_seen *seen;
	int64_t raw[BR_NUMBERS];
	char root[24];
	uint64_t known;

	if (!row)
		return;
	seen = row->own;
	seen->ports = seen->forwarding = 0;
	for (unsigned i = 0; i < s->n_ports; i++) {
		const struct bridge_port *p = &s->port[i].p;

		if (p->master != b->ifindex)
			continue;
		seen->ports++;
		seen->forwarding += p->state == BR_STATE_FORWARDING;
		if (b->root_port && p->number == b->root_port)
			root_port = p->name;
	}
	known = bridge_fill(b, seen, row->fresh, raw);
	anod_rows_put(s->bridges, row, raw, known);
	bridge_id_text(b->root, root);
	anod_rows_text(s->bridges, row, BR_ROOT, root);
	anod_rows_text(s->bridges, row, BR_ROOT_PORT, root_port);
}

static void finish(struct sensor *s, int error, const char *why)
{
	if (error == 0) {
		for (unsigned i = 0; i < s->n_ports; i++) {
			const struct bridge *b = bridge_of(s, s->port[i].p.master);

			if (b)
				publish_port(s, &s->port[i], b);
		}
		for (unsigned i = 0; i < s->n_bridges; i++)
			publish_bridge(s, &s->bridge[i]);
		anod_rows_end(s->ports);
		anod_rows_end(s->bridges);
	}
	fdb_follow(s);
	anod_poll_end(s->poll, error, why, 0);
}

static void on_vlans(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = ctx->state;
	uint32_t ifindex;

	(void) data;
	if (decode_vlans(msg, &ifindex, NULL) <= 0)
		return;
	for (unsigned i = 0; i < s->n_ports; i++)
		if (s->port[i].p.ifindex == ifindex)
			(void) decode_vlans(msg, &ifindex, &s->port[i].vlans);
}

static void on_vlans_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us,
			  void *data)
{
	struct sensor *s = ctx->state;

	(void) data, (void) held_us;
	finish(s, error, why);
}

static int ask_vlans(struct sensor *s)
{
	struct anod_nl_put p;
	struct br_vlan_msg *head;

	head = anod_nl_begin(&p, RTM_GETVLAN, NLM_F_DUMP, sizeof(*head));
	head->family = AF_BRIDGE;
	return anod_nl_ask(s->nl, anod_nl_end(&p), on_vlans, on_vlans_done, NULL);
}

static void on_masters_done(struct anod_ctx *ctx, int error, const char *why)
{
	struct sensor *s = ctx->state;
	bool filtering = false;

	for (unsigned i = 0; i < s->n_bridges; i++)
		filtering |= s->bridge[i].vlan_filtering;
	if (error == 0 && filtering) {
		error = ask_vlans(s);
		why = "";
		if (error >= 0)
			return;
	}
	finish(s, error, why);
}

static const struct anod_masters_desc masters = { "bridge", on_bridge, on_port, on_masters_done };

static void read_all(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;
	int r;

	s->n_bridges = s->n_ports = 0;
	anod_rows_begin(s->bridges);
	anod_rows_begin(s->ports);
	r = anod_masters_read(s->masters, s->nl);
	if (r < 0)
		anod_poll_end(s->poll, r, NULL, 0);
}

static void on_link(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = ctx->state;
	struct anod_link_info link;

	(void) data;
	if (!s->poll)
		return;
	if (!msg || anod_link_info(msg, "bridge", false, &link) > 0 ||
	    anod_link_info(msg, "bridge", true, &link) > 0 ||
	    (msg->nlmsg_type == RTM_DELLINK && anod_rows_count(s->bridges)))
		anod_poll_soon(s->poll);
}

static void on_vlan_event(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct sensor *s = ctx->state;

	(void) msg, (void) data;
	if (s->poll)
		anod_poll_soon(s->poll);
}

static void vlans_open(struct sensor *s)
{
	if (anod_nl_open(s->ctx, NETLINK_ROUTE, 0, &s->vlans) < 0)
		return;
	if (anod_nl_listen(s->vlans, RTNLGRP_BRVLAN, on_vlan_event, NULL) >= 0)
		return;
	anod_nl_close(s->vlans);
	s->vlans = NULL;
}

/* ---- life --------------------------------------------------------------------------------- */

static int bridge_init(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->host->alloc(ctx, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	ctx->state = s;
	return 0;
}

static int bridge_start(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;
	int r = anod_rows_new(ctx, &bridge_kinds[0], sizeof(struct bridge_seen), &s->bridges);

	if (r >= 0)
		r = anod_rows_new(ctx, &bridge_kinds[1], sizeof(struct port_seen), &s->ports);
	if (r >= 0)
		r = anod_masters_new(ctx, &masters, &s->masters);
	if (r >= 0)
		r = anod_nl_open(ctx, NETLINK_ROUTE, 0, &s->nl);
	if (r >= 0)
		r = anod_nl_open(ctx, NETLINK_ROUTE, 0, &s->links);
	if (r >= 0)
		r = anod_nl_listen(s->links, RTNLGRP_LINK, on_link, NULL);
	vlans_open(s);
	if (r >= 0)
		r = anod_poll_start(ctx, bridge_kinds, "bridges", read_all, &s->poll);
	if (r < 0)
		ctx->host->log(ctx, LOG_ERR, "cannot start: %s", strerror(-r));
	return r;
}

static int bridge_need(struct anod_ctx *ctx, const char *kind, const char *entity,
		       uint64_t every_us)
{
	return anod_poll_need(((struct sensor *) ctx->state)->poll, kind, entity, every_us);
}

static void bridge_stop(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	anod_poll_stop(s->poll);
	anod_nl_close(s->nl);
	anod_nl_close(s->links);
	anod_nl_close(s->vlans);
	fdb_close(s);
	s->nl = s->links = s->vlans = NULL;
}

static void bridge_fini(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (!s)
		return;
	bridge_stop(ctx); /* a failed start leaves some open */
	s->bridges = anod_rows_free(s->bridges);
	s->ports = anod_rows_free(s->ports);
	s->moves = moves_free(s->moves);
	free(s->port);
}

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 50e3,
	  .max = 30e6,
	  .help = "time between two readings while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "30s",
	  .min = 50e3,
	  .max = 30e6,
	  .help = "the same while nobody does; not less than 'period'" },
	{ .name = "incident-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "200ms",
	  .min = 20e3,
	  .max = 30e6,
	  .help = "the same while a bridge or a port is in an open incident" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "bridge",
	.version = "1",
	.summary = "bridges and ports: spanning tree, VLANs, addresses that move",
	.opts = opts,
	.kinds = bridge_kinds,
	.init = bridge_init,
	.start = bridge_start,
	.stop = bridge_stop,
	.fini = bridge_fini,
	.need = bridge_need,
	.source = "RTM_GETLINK of kind bridge and by master, RTM_GETVLAN, RTNLGRP_LINK, "
		  "RTNLGRP_NEIGH of AF_BRIDGE (uapi/linux/if_link.h, if_bridge.h, neighbour.h)",
	.cost = "0.8 ms a reading of 64 ports (sensor.share; 6.18, load 15); a storm of moves 1 % "
		"of a core",
	.example = "watch rate(bridge.fdb_moves, 10s) > 10; bridge_port.lan3.state",
};
