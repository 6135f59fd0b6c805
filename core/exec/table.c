/*
 * table - the executor's side of TABLE: whole tables of anod's own, written fast.
 *
 * Design.  Many requests go with one send() and only the last asks for an ack; the kernel answers
 * the others only when it refuses them.  That is what makes 100,000 routes a matter of a fraction
 * of a second.  A route is deleted with its protocol, so nothing of anybody else's can be hit, and
 * a table in which somebody else has a route is not taken.
 *
 * IPv4 tells nobody when it drops routes of a link, so what is to go may be gone: that is well.
 *
 * The first rule that a namespace gets parts the tables local and main, which were one until then
 * (fib_unmerge(), net/ipv4/fib_trie.c): with 100,000 routes 16 ms, in which the rule of a bridge
 * would not be there yet.  So a rule that does nothing comes and goes when a table is opened, both
 * with one send(), which nobody can interrupt.
 */
#include "exec/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>

#include "base/util.h"

#define BATCH	 128 /* requests of one send() */
#define BUF_SIZE (48u << 10)
#define LABELS	 (1u << 20)
#define NO_RULE	 (UINT32_MAX - 1) /* priority of the rule that does nothing */

/* ---- checks ----------------------------------------------------------------------------- */

static bool prefix_sound(const struct anod_prefix *p, bool host)
{
	unsigned bits = p->family == AF_INET ? 32 : 128;

	if ((p->family != AF_INET && p->family != AF_INET6) || p->len > bits ||
	    (host && p->len != bits) || p->pad[0] || p->pad[1])
		return false;
	for (unsigned i = p->len; i < 8 * sizeof(p->addr); i++)
		if (p->addr[i / 8] & (0x80u >> (i % 8)))
			return false;
	return true;
}

static bool leg_sound(const struct anod_leg *l, uint8_t family)
{
	if (l->via.family && !prefix_sound(&l->via, true))
		return false;
	if (family == AF_INET6 && l->via.family == AF_INET)
		return false;
	return l->ifindex && l->ifindex <= INT32_MAX && l->weight >= 1 && l->weight <= 256 &&
	       !(l->flags & ~(uint32_t) RTNH_F_ONLINK) && l->label <= LABELS;
}

static bool way_sound(const struct exec_table *m, const struct table_way *w)
{
	if ((w->family != AF_INET && w->family != AF_INET6) || !w->n || w->n > ANOD_LEGS_MAX ||
	    w->first + w->n > m->n_legs)
		return false;
	if (w->prefsrc.family &&
	    (w->prefsrc.family != w->family || !prefix_sound(&w->prefsrc, true)))
		return false;
	for (unsigned i = 0; i < w->n; i++)
		if (!leg_sound(&m->leg[w->first + i], w->family))
			return false;
	return true;
}

static bool op_sound(const struct exec_table *m, const struct table_op *op)
{
	if (!prefix_sound(&op->dst, false))
		return false;
	return op->way == TABLE_THROW || op->way == TABLE_GONE ||
	       (op->way < m->n_ways && m->way[op->way].family == op->dst.family);
}

bool table_check(const struct exec_table *m)
{
	if (m->head.size < table_size(0) || m->n_ops > TABLE_OPS ||
	    m->head.size != table_size(m->n_ops) || m->n_ways > TABLE_WAYS ||
	    m->n_legs > TABLE_LEGS || m->table < TABLE_FIRST || m->table > TABLE_LAST)
		return false;
	if (m->verb != TABLE_WRITE)
		return (m->verb == TABLE_OPEN || m->verb == TABLE_CLOSE) && !m->n_ops &&
		       !m->n_ways && !m->n_legs;
	for (unsigned i = 0; i < m->n_ways; i++)
		if (!way_sound(m, &m->way[i]))
			return false;
	for (unsigned i = 0; i < m->n_ops; i++)
		if (!op_sound(m, &m->op[i]))
			return false;
	return true;
}

/* ---- batches ---------------------------------------------------------------------------- */

struct batch {
	struct kernel *k;
	struct exec_tabled *out;
	uint8_t *buf; /* BUF_SIZE */
	size_t len, last;
	unsigned n, n_refused;
	struct {
		struct anod_prefix dst;
		bool gone;
	} what[BATCH];
};

static void refused(void *data, unsigned i)
{
	struct batch *b = data;
	char addr[INET6_ADDRSTRLEN] = "";

	if (b->what[i].gone && (b->k->error == -ESRCH || b->k->error == -ENOENT))
		return;
	b->out->n_errors++;
	b->n_refused++;
	if (b->out->error)
		return;
	b->out->error = b->k->error;
	(void) inet_ntop(b->what[i].dst.family, b->what[i].dst.addr, addr, sizeof(addr));
	(void) snprintf(b->out->why, sizeof(b->out->why), "%s/%u in table %u: %.180s", addr,
			b->what[i].dst.len, b->out->table, b->k->why);
}

static int flush(struct batch *b)
{
	struct nlmsghdr *last = (struct nlmsghdr *) (b->buf + b->last);
	int r;

	if (!b->n)
		return 0;
	last->nlmsg_flags |= NLM_F_ACK;
	b->n_refused = 0;
	r = kernel_send_many(b->k, b->buf, b->len, b->n, refused, b);
	if (r == 0)
		b->out->n_done += b->n - b->n_refused;
	b->len = b->n = 0;
	return r;
}

static int add(struct batch *b, enum anod_rtnl_verb verb, const struct anod_object *o)
{
	struct nlmsghdr h;
	int r = 0;

	if (b->n == BATCH || b->len + ANOD_NLMSG_MAX > BUF_SIZE)
		r = flush(b);
	if (r < 0 || !b->buf)
		return r < 0 ? r : -ENOMEM;
	r = anod_rtnl_encode(verb, o, NULL, b->buf + b->len);
	if (r < 0)
		return kernel_fail(b->k, r, "a route that cannot be said");
	memcpy(&h, b->buf + b->len, sizeof(h));
	h.nlmsg_flags = (uint16_t) ((h.nlmsg_flags & ~NLM_F_ACK) | NLM_F_REQUEST);
	memcpy(b->buf + b->len, &h, sizeof(h));
	b->what[b->n].dst = o->type == ANOD_OBJ_ROUTE ? o->u.route.dst : (struct anod_prefix){ 0 };
	b->what[b->n++].gone = verb == ANOD_RTNL_DEL;
	b->last = b->len;
	b->len += NLMSG_ALIGN((size_t) r);
	return 0;
}

/* What a rule costs once is paid now, before one is needed in a hurry. */
static int part_tables(struct batch *b)
{
	struct anod_object o = { .type = ANOD_OBJ_RULE };
	int r = flush(b);
	uint32_t done = b->out->n_done; /* of routes */

	o.u.rule.family = AF_INET;
	o.u.rule.priority = NO_RULE;
	o.u.rule.action = FR_ACT_NOP;
	o.u.rule.protocol = ANOD_RTPROT;
	if (r == 0)
		r = add(b, ANOD_RTNL_SET, &o);
	if (r == 0)
		r = add(b, ANOD_RTNL_DEL, &o);
	if (r == 0)
		r = flush(b);
	b->out->n_done = done;
	return r;
}

/* Any route of ours to this destination. */
static struct anod_object gone_object(uint32_t table, const struct anod_prefix *dst)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };

	o.u.route.dst = *dst;
	o.u.route.table = table;
	o.u.route.protocol = ANOD_RTPROT;
	o.u.route.scope = RT_SCOPE_NOWHERE; /* which stands for any */
	return o;
}

static int write_one(struct batch *b, const struct exec_table *m, const struct table_op *op)
{
	const struct table_way *w = op->way < m->n_ways ? &m->way[op->way] : NULL;
	struct anod_object o = gone_object(m->table, &op->dst);
	struct anod_route *r = &o.u.route;

	if (op->way == TABLE_GONE)
		return add(b, ANOD_RTNL_DEL, &o);
	r->scope = RT_SCOPE_UNIVERSE;
	r->type = RTN_THROW;
	if (w) {
		r->type = RTN_UNICAST;
		r->mtu = w->mtu;
		r->prefsrc = w->prefsrc;
		r->n_legs = w->n;
		memcpy(r->leg, &m->leg[w->first], w->n * sizeof(r->leg[0]));
		r->scope = RT_SCOPE_LINK;
		for (unsigned i = 0; i < w->n; i++)
			if (r->leg[i].via.family)
				r->scope = RT_SCOPE_UNIVERSE;
	}
	return add(b, ANOD_RTNL_SET, &o);
}

/* ---- emptying --------------------------------------------------------------------------- */

struct content {
	struct anod_prefix *dst; /* ours; owned */
	size_t n, max;
	bool foreign;
	struct anod_object other; /* one of them */
};

static void contents_done(struct content (*c)[2])
{
	free((*c)[0].dst);
	free((*c)[1].dst);
}

static int see(void *data, const struct anod_object *o)
{
	struct content *c = data;

	if (!o) {
		c->n = 0;
		c->foreign = false;
		return 0;
	}
	if (o->u.route.protocol != ANOD_RTPROT) {
		c->foreign = true;
		c->other = *o;
		return 0;
	}
	if (c->n == c->max) {
		size_t max = c->max ? c->max * 2 : 256;
		struct anod_prefix *dst = realloc(c->dst, max * sizeof(*dst));

		if (!dst)
			return -ENOMEM;
		c->dst = dst;
		c->max = max;
	}
	c->dst[c->n++] = o->u.route.dst;
	return 0;
}

/* What there is of one family; a table that is not there is empty. */
static int look(struct kernel *k, uint32_t table, uint8_t family, struct content *ret)
{
	struct anod_object key = { .type = ANOD_OBJ_ROUTE };
	uint8_t msg[ANOD_NLMSG_MAX] __attribute__((aligned(8)));
	int r;

	key.u.route.table = table;
	key.u.route.dst.family = family;
	r = anod_rtnl_encode(ANOD_RTNL_GET, &key, NULL, msg);
	if (r < 0)
		return kernel_fail(k, r, "a table that cannot be asked for");
	r = kernel_dump(k, msg, (size_t) r, see, NULL, ret);
	return r == -ENOENT ? 0 : r;
}

static int empty(struct batch *b, const struct exec_table *m)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	_cleanup_(contents_done) struct content c[2] = { 0 };
	char text[160];
	int r = 0;

	for (unsigned i = 0; i < 2 && r == 0; i++) {
		r = look(b->k, m->table, families[i], &c[i]);
		if (r == 0 && c[i].foreign && m->verb == TABLE_OPEN) {
			(void) anod_object_text(&c[i].other, text, sizeof(text));
			(void) kernel_fail(b->k, -EEXIST, "");
			(void) snprintf(b->k->why, sizeof(b->k->why),
					"table %u has a route of somebody else: %s", m->table,
					text);
			r = -EEXIST;
		}
	}
	for (unsigned i = 0; i < 2; i++) {
		for (size_t k = 0; k < c[i].n && r == 0; k++) {
			struct anod_object o = gone_object(m->table, &c[i].dst[k]);

			r = add(b, ANOD_RTNL_DEL, &o);
		}
	}
	return r;
}

void table_do(struct kernel *k, const struct exec_table *m, struct exec_tabled *ret)
{
	_cleanup_(freep) uint8_t *buf = malloc(BUF_SIZE);
	struct batch b = { .k = k, .out = ret, .buf = buf };
	int r = 0;

	ret->verb = m->verb;
	ret->table = m->table;
	if (!buf)
		r = kernel_fail(k, -ENOMEM, "");
	else if (m->verb != TABLE_WRITE)
		r = empty(&b, m);
	if (r == 0 && m->verb == TABLE_OPEN)
		r = part_tables(&b);
	for (unsigned i = 0; i < m->n_ops && r == 0; i++)
		r = write_one(&b, m, &m->op[i]);
	if (r == 0)
		r = flush(&b);
	if (r < 0) {
		ret->error = r;
		(void) copy_text(ret->why, sizeof(ret->why), k->why);
	}
}
