/*
 * lldp - the sensor of neighbours at the other end of links, by LLDP frames (IEEE 802.1AB).
 *
 * Design.  One packet socket for the Ethernet type hears all links; each link is asked to let the
 * group address "nearest bridge" in, which no bridge forwards, so that who is heard is at the other
 * end of the cable.  It only listens.  A neighbour is known by chassis and port (its MSAP) and has a
 * slot of its link, because what it calls itself is no name to be written in a rule.  It goes when it
 * says so, when its time to live is over, or when the carrier is lost.
 */
#include "lldp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#ifndef ETH_P_LLDP
#define ETH_P_LLDP 0x88cc
#endif

#define FRAME_MAX   2048
#define TURN_FRAMES 64
#define LOOK_US	    UINT64_C(2000000) /* between two looks at links and lifetimes */

#define FACT(n, t, u, f, text)                                                                     \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .flags = f, .help = text                          \
	}
#define HEARD(n, text) FACT(n, ANOD_TEXT, ANOD_UNIT_NONE, ANOD_VALUE_OUTSIDE, text)

static const struct anod_attr neighbor_attrs[LLDP_ATTRS + 1] = {
	[LLDP_CHASSIS] = HEARD("chassis", "chassis id: mostly a MAC address"),
	[LLDP_PORT] = HEARD("port", "port id: mostly the name of its interface"),
	[LLDP_PORT_DESCRIPTION] = HEARD("port_description", "what it calls that port"),
	[LLDP_SYSTEM] = HEARD("system", "its name"),
	[LLDP_DESCRIPTION] = HEARD("description", "what it says it is: maker, system, version"),
	[LLDP_CAPABILITIES] = FACT("capabilities", ANOD_TEXT, ANOD_UNIT_NONE, 0,
				   "enabled ones: bridge router station phone wlan ..."),
	[LLDP_ADDRESS] = FACT("address", ANOD_PREFIX, ANOD_UNIT_NONE, ANOD_VALUE_OUTSIDE,
			      "first IP address that it can be managed at"),
	[LLDP_VLAN] = FACT("vlan", ANOD_INT, ANOD_UNIT_NONE, 0,
			   "VLAN of untagged frames at its port (802.1Q, annex D.2.1)"),
	[LLDP_AGGREGATED] = FACT("aggregated", ANOD_BOOL, ANOD_UNIT_NONE, 0,
				 "its port is a member of a bond (802.1AX)"),
	[LLDP_MTU] = FACT("mtu", ANOD_INT, ANOD_UNIT_BYTES, 0,
			  "its largest frame less 18 bytes of Ethernet (802.3, 79.3.4)"),
	[LLDP_TTL] = FACT("ttl", ANOD_INT, ANOD_UNIT_TIME, 0,
			  "so long is valid what it says, without another frame"),
	[LLDP_CHANGES] = FACT("changes", ANOD_INT, ANOD_UNIT_NONE, 0,
			      "neighbours that were new on this link since the start: 1 where "
			      "nobody has plugged anything elsewhere"),
};

static const struct anod_kind kinds[] = {
	{ "lldp_neighbor", "a neighbour at the other end of a link", neighbor_attrs },
	{ 0 },
};

/* ---- facts -------------------------------------------------------------------------------- */

static struct anod_value text(const char *s, size_t len)
{
	return len ? anod_text(s, len) : (struct anod_value){ 0 };
}

static void publish(struct lldp *l, const struct neighbor *n, const struct tlv_unit *u,
		    unsigned changes)
{
	struct anod_value v[LLDP_ATTRS] = { 0 };
	char buf[TLV_ID_SIZE], name[ANOD_NAME_SIZE];

	tlv_id_text(&u->chassis, false, buf, sizeof(buf));
	v[LLDP_CHASSIS] = text(buf, strlen(buf));
	tlv_id_text(&u->port, true, buf, sizeof(buf));
	v[LLDP_PORT] = text(buf, strlen(buf));
	v[LLDP_PORT_DESCRIPTION] = text(u->port_description.text, u->port_description.len);
	v[LLDP_SYSTEM] = text(u->system_name.text, u->system_name.len);
	v[LLDP_DESCRIPTION] = text(u->system_description.text, u->system_description.len);
	if (u->has_caps) {
		tlv_caps_text(u->caps, buf, sizeof(buf));
		v[LLDP_CAPABILITIES] = anod_text(buf, strlen(buf));
	}
	if (u->address.family) {
		v[LLDP_ADDRESS].type = ANOD_PREFIX;
		v[LLDP_ADDRESS].u.prefix = u->address;
	}
	if (u->has_vlan)
		v[LLDP_VLAN] = anod_int(u->vlan, ANOD_UNIT_NONE);
	if (u->has_aggregated)
		v[LLDP_AGGREGATED] = anod_bool(u->aggregated);
	if (u->max_frame > TLV_FRAME_BYTES)
		v[LLDP_MTU] = anod_int(u->max_frame - TLV_FRAME_BYTES, ANOD_UNIT_BYTES);
	v[LLDP_TTL] = anod_int((int64_t) u->ttl_s * 1000000, ANOD_UNIT_TIME);
	v[LLDP_CHANGES] = anod_int(changes, ANOD_UNIT_NONE);
	(void) snprintf(name, sizeof(name), "%s/%u", n->dev, n->slot);
	(void) anod_list_put(&l->rows, name, v);
}

/* Rows are marked by who is there, and the others swept. */
static void drop_gone(struct lldp *l)
{
	anod_list_begin(&l->rows);
	for (unsigned i = 0; i < l->n_neighbors; i++) {
		char name[ANOD_NAME_SIZE];

		(void) snprintf(name, sizeof(name), "%s/%u", l->neighbor[i].dev,
				l->neighbor[i].slot);
		anod_list_mark(&l->rows, name);
	}
	anod_list_end(&l->rows);
}

/* ---- neighbours --------------------------------------------------------------------------- */

static struct port *port_of(struct lldp *l, unsigned ifindex)
{
	for (unsigned i = 0; i < l->n_ports; i++)
		if (l->port[i].ifindex == ifindex)
			return &l->port[i];
	return NULL;
}

static bool same_id(const struct tlv_id *a, const struct tlv_id *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static struct neighbor *find(struct lldp *l, unsigned ifindex, const struct tlv_unit *u)
{
	for (unsigned i = 0; i < l->n_neighbors; i++) {
		struct neighbor *n = &l->neighbor[i];

		if (n->ifindex == ifindex && same_id(&n->chassis, &u->chassis) &&
		    same_id(&n->port, &u->port))
			return n;
	}
	return NULL;
}

/* The lowest slot of the link that is free, or 0: there is none. */
static unsigned free_slot(const struct lldp *l, unsigned ifindex)
{
	for (unsigned slot = 1; slot <= NEIGHBORS_PER_LINK; slot++) {
		bool used = false;

		for (unsigned i = 0; i < l->n_neighbors; i++)
			used |= l->neighbor[i].ifindex == ifindex && l->neighbor[i].slot == slot;
		if (!used)
			return slot;
	}
	return 0;
}

static struct neighbor *add(struct lldp *l, struct port *p, const struct tlv_unit *u)
{
	unsigned slot = free_slot(l, p->ifindex);
	struct neighbor *n;

	if (!slot || l->n_neighbors == NEIGHBORS_MAX) {
		if (!l->said_full)
			l->ctx->host->log(l->ctx, LOG_WARNING,
					  "%s: more than %d neighbours; the others are left out",
					  p->dev, NEIGHBORS_PER_LINK);
		l->said_full = true;
		return NULL;
	}
	n = &l->neighbor[l->n_neighbors++];
	*n = (struct neighbor){ .ifindex = p->ifindex, .slot = slot };
	memcpy(n->dev, p->dev, sizeof(n->dev));
	n->chassis = u->chassis;
	n->port = u->port;
	p->changes++;
	return n;
}

static void take_frame(struct lldp *l, unsigned ifindex, const uint8_t *data, size_t size)
{
	struct port *p = port_of(l, ifindex);
	struct tlv_unit u;
	struct neighbor *n;

	if (!p)
		return; /* a link that nobody named yet; it will say it again */
	if (tlv_decode(data, size, &u) < 0) {
		(void) l->ctx->host->health(l->ctx, ANOD_HEALTH_ERROR, 1);
		return;
	}
	n = find(l, ifindex, &u);
	if (u.ttl_s == 0) {
		if (n)
			*n = l->neighbor[--l->n_neighbors];
		drop_gone(l);
		return;
	}
	if (!n)
		n = add(l, p, &u);
	if (!n)
		return;
	n->until_us = l->ctx->host->now_us(l->ctx) + (uint64_t) u.ttl_s * 1000000;
	publish(l, n, &u, p->changes);
}

static void on_frame(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	struct lldp *l = ctx->state;
	uint8_t frame[FRAME_MAX];

	(void) events, (void) data;
	for (unsigned i = 0; i < TURN_FRAMES; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, frame, sizeof(frame), MSG_DONTWAIT | MSG_TRUNC,
				     (struct sockaddr *) &from, &len);

		if (n < 0 && (errno == EINTR || errno == ENETDOWN))
			continue;
		if (n < 0)
			return;
		if (from.sll_pkttype == PACKET_OUTGOING || (size_t) n > sizeof(frame))
			continue; /* our own lldpd's */
		take_frame(l, (unsigned) from.sll_ifindex, frame, (size_t) n);
	}
}

/* ---- links -------------------------------------------------------------------------------- */

static int64_t link_number(struct lldp *l, const char *dev, const char *attr, uint8_t type)
{
	struct anod_value v;

	if (l->ctx->host->get(l->ctx, "link", dev, attr, &v, NULL) < 0 || v.type != type)
		return -1;
	return v.u.i;
}

static void let_in(struct lldp *l, unsigned ifindex)
{
	struct packet_mreq m = { .mr_ifindex = (int) ifindex,
				 .mr_type = PACKET_MR_MULTICAST,
				 .mr_alen = ETH_ALEN,
				 .mr_address = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e } };

	/* What has no such address (a tunnel) has no LLDP. */
	(void) setsockopt(l->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m));
}

static void look_at_links(struct lldp *l)
{
	unsigned kept = 0;
	const char *dev;

	for (unsigned i = 0; i < l->n_ports; i++)
		l->port[i].seen = false;
	for (unsigned k = 0; (dev = l->ctx->host->each(l->ctx, "link", k)); k++) {
		int64_t ifindex = link_number(l, dev, "ifindex", ANOD_INT);
		struct port *p = ifindex > 0 ? port_of(l, (unsigned) ifindex) : NULL;

		if (ifindex <= 0 || strlen(dev) >= sizeof(p->dev))
			continue;
		if (!p && l->n_ports < LLDP_PORTS_MAX) {
			p = &l->port[l->n_ports++];
			*p = (struct port){ .ifindex = (unsigned) ifindex };
			strcpy(p->dev, dev);
			let_in(l, p->ifindex);
		}
		if (!p)
			continue;
		p->seen = strcmp(p->dev, dev) == 0;
		p->down = link_number(l, p->dev, "carrier", ANOD_BOOL) == 0;
	}
	for (unsigned i = 0; i < l->n_ports; i++)
		if (l->port[i].seen)
			l->port[kept++] = l->port[i];
	l->n_ports = kept;
}

static void on_look(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct lldp *l = ctx->state;
	uint64_t now_us = ctx->host->now_us(ctx);
	unsigned n = l->n_neighbors;

	(void) id, (void) data;
	look_at_links(l);
	for (unsigned i = 0; i < l->n_neighbors;) {
		const struct port *p = port_of(l, l->neighbor[i].ifindex);

		if (!p || p->down || l->neighbor[i].until_us <= now_us)
			l->neighbor[i] = l->neighbor[--l->n_neighbors];
		else
			i++;
	}
	if (l->n_neighbors != n)
		drop_gone(l);
}

/* ---- life --------------------------------------------------------------------------------- */

static int lldp_init(struct anod_ctx *ctx)
{
	struct lldp *l = ctx->host->alloc(ctx, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->ctx = ctx;
	l->fd = -1;
	ctx->state = l;
	return ANOD_HOST_HAS(ctx, health) ? 0 : -ENOSYS;
}

static int lldp_start(struct anod_ctx *ctx)
{
	struct lldp *l = ctx->state;
	int one = 1, r = anod_list_init(&l->rows, ctx, &kinds[0], NEIGHBORS_MAX);

	if (r < 0)
		return r;
	l->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_LLDP));
	if (l->fd < 0) {
		ctx->host->log(ctx, LOG_INFO, "no packet socket: %s; give CAP_NET_RAW",
			       strerror(errno));
		return 0;
	}
	/* The member of a bond that it came in by, not the bond. */
	(void) setsockopt(l->fd, SOL_PACKET, PACKET_ORIGDEV, &one, sizeof(one));
	r = ctx->host->io(ctx, l->fd, EPOLLIN, on_frame, NULL, &l->io);
	return r < 0 ? r : ctx->host->timer(ctx, 50000, LOOK_US, on_look, NULL, &l->timer);
}

static void lldp_stop(struct anod_ctx *ctx)
{
	struct lldp *l = ctx->state;

	if (l->io)
		(void) ctx->host->cancel(ctx, l->io);
	if (l->timer)
		(void) ctx->host->cancel(ctx, l->timer);
	l->io = l->timer = 0;
}

static void lldp_fini(struct anod_ctx *ctx)
{
	struct lldp *l = ctx->state;

	if (!l)
		return;
	lldp_stop(ctx);
	if (l->fd >= 0)
		(void) close(l->fd);
	anod_list_done(&l->rows);
}

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "lldp",
	.version = "1",
	.summary = "neighbours at the other end of links, by LLDP",
	.kinds = kinds,
	.init = lldp_init,
	.start = lldp_start,
	.stop = lldp_stop,
	.fini = lldp_fini,
	.source = "LLDP frames to 01:80:c2:00:00:0e (IEEE 802.1AB) by a packet socket",
	.cost = "8e-6 of a core with 4 links and no frames (sensor.share)",
	.example = "lldp_neighbor.\"wan0/1\".mtu < link.wan0.mtu",
};
