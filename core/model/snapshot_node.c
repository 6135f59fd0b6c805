/*
 * snapshot_node - qdiscs, sysctls, peers of WireGuard and units as lines of a snapshot.
 *
 * Design.  Reader and writer of what no route depends on stand together, because they share one
 * table of words for each type; a member that is 0 is not written.  Names with dots and keys are
 * quoted, because the lexer would take them apart.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <anod/rtnl.h>

#include "facts/value.h"
#include "model/snapshot_int.h"

/* ---- words --------------------------------------------------------------------------------- */

static const struct {
	const char *word;
	size_t at; /* of a uint32_t in struct anod_qdisc */
} numbers[] = {
	{ "handle", offsetof(struct anod_qdisc, handle) },
	{ "limit", offsetof(struct anod_qdisc, limit) },
	{ "burst", offsetof(struct anod_qdisc, burst) },
	{ "target", offsetof(struct anod_qdisc, target_us) },
	{ "interval", offsetof(struct anod_qdisc, interval_us) },
	{ "quantum", offsetof(struct anod_qdisc, quantum) },
	{ "flows", offsetof(struct anod_qdisc, flows) },
	{ "overhead", offsetof(struct anod_qdisc, overhead) },
	{ "flags", offsetof(struct anod_qdisc, flags) },
};

static const char *const qdisc_words[] = { "kind",   "rate",	 "handle",  "limit", "burst",
					   "target", "interval", "quantum", "flows", "overhead",
					   "flags",  "lossy",	 "below",   NULL };
static const char *const sysctl_words[] = { "lossy", NULL };
static const char *const peer_words[] = { "key", "endpoint", "port", "keepalive", NULL };
static const char *const unit_words[] = { "active", "starts", NULL };

/* ---- reading ------------------------------------------------------------------------------- */

static int read_text(struct reading *r, char *buf, size_t size, const char *want)
{
	_cleanup_(freep) char *text = NULL;
	struct token t;

	lex_next(&r->l, &t);
	if (t.type != TOKEN_WORD && t.type != TOKEN_STRING)
		return snapshot_wrong(r, &t, want);
	text = token_dup(&t);
	if (!text)
		return -ENOMEM;
	if (!text[0] || strlen(text) >= size)
		return snapshot_wrong(r, &t, want);
	(void) copy_text(buf, size, text);
	return 0;
}

static int qdisc_word(struct reading *r, struct anod_object *o)
{
	struct anod_qdisc *q = &o->u.qdisc;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (snapshot_accept(r, numbers[i].word))
			return snapshot_number32(
				r, (uint32_t *) (void *) ((uint8_t *) q + numbers[i].at));
	if (snapshot_accept(r, "kind"))
		return read_text(r, q->kind, sizeof(q->kind), "a kind such as fq_codel");
	if (snapshot_accept(r, "rate"))
		return snapshot_number(r, UINT64_MAX / 8, &q->rate_bps);
	if (snapshot_accept(r, "below"))
		o->flags |= ANOD_OBJ_BELOW;
	else if (!snapshot_flag(r, o))
		return snapshot_unknown(r, qdisc_words, "qdisc");
	return 0;
}

/* "qdisc wan0 kind tbf rate 1000000 burst 15000 limit 100000" */
int snapshot_read_qdisc(struct reading *r, struct anod_object *o)
{
	int e;

	o->type = ANOD_OBJ_QDISC;
	e = snapshot_device(r, &o->u.qdisc.ifindex);
	while (e == 0 && !snapshot_at_end(r))
		e = qdisc_word(r, o);
	return e;
}

/* "sysctl "net.ipv4.tcp_mtu_probing" 1" */
int snapshot_read_sysctl(struct reading *r, struct anod_object *o)
{
	struct anod_sysctl *s = &o->u.sysctl;
	uint64_t value = 0;
	int e;

	o->type = ANOD_OBJ_SYSCTL;
	e = read_text(r, s->name, sizeof(s->name), "a name such as \"net.core.rmem_max\"");
	if (e == 0)
		e = snapshot_number(r, INT64_MAX, &value);
	s->value = (int64_t) value;
	while (e == 0 && !snapshot_at_end(r))
		if (!snapshot_flag(r, o))
			e = snapshot_unknown(r, sysctl_words, "sysctl");
	return e;
}

static int read_port(struct reading *r, uint16_t *ret)
{
	uint64_t n = 0;
	int e = snapshot_number(r, UINT16_MAX, &n);

	*ret = (uint16_t) n;
	return e;
}

static int peer_word(struct reading *r, struct anod_object *o)
{
	struct anod_wgpeer *w = &o->u.wgpeer;
	struct token t = *lex_peek(&r->l, 0);
	char key[ANOD_WGKEY_TEXT];
	int e;

	if (snapshot_accept(r, "endpoint"))
		return snapshot_prefix(r, &w->endpoint);
	if (snapshot_accept(r, "port"))
		return read_port(r, &w->port);
	if (snapshot_accept(r, "keepalive"))
		return read_port(r, &w->keepalive_s);
	if (!snapshot_accept(r, "key"))
		return snapshot_flag(r, o) ? 0 : snapshot_unknown(r, peer_words, "wgpeer");
	e = read_text(r, key, sizeof(key), "a key of 44 characters in quotes");
	if (e == 0 && anod_wgkey_parse(key, w->public_key) < 0)
		return snapshot_wrong(r, &t, "a key as wg(8) shows it");
	return e;
}

/* "wgpeer wg0 key "..." endpoint 192.0.2.1 port 51820 keepalive 25" */
int snapshot_read_wgpeer(struct reading *r, struct anod_object *o)
{
	int e;

	o->type = ANOD_OBJ_WGPEER;
	e = snapshot_device(r, &o->u.wgpeer.ifindex);
	while (e == 0 && !snapshot_at_end(r))
		e = peer_word(r, o);
	return e;
}

/* "unit "bird.service" active" */
int snapshot_read_unit(struct reading *r, struct anod_object *o)
{
	struct anod_sdunit *u = &o->u.unit;
	int e;

	o->type = ANOD_OBJ_UNIT;
	e = read_text(r, u->name, sizeof(u->name), "a name such as \"bird.service\"");
	while (e == 0 && !snapshot_at_end(r)) {
		if (snapshot_accept(r, "active"))
			u->active = 1;
		else if (snapshot_accept(r, "starts"))
			e = snapshot_number32(r, &u->starts);
		else if (!snapshot_flag(r, o))
			e = snapshot_unknown(r, unit_words, "unit");
	}
	return e;
}

/* ---- writing ------------------------------------------------------------------------------- */

struct line {
	char *buf;
	size_t size, n;
};

static void _printf_(2, 3) add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->buf + l->n, l->size - l->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->n += MIN_OF((size_t) n, l->size - l->n - 1);
}

static void add_subject(struct line *l, const struct model *m, const char *word, uint32_t ifindex)
{
	struct anod_object key = { .type = ANOD_OBJ_LINK, .u.link.ifindex = ifindex }, o;

	if (model_get(m, &key, &o) == 0)
		add(l, " %s \"%s\"", word, o.u.link.name);
	else
		add(l, " %s %u", word, ifindex);
}

static void write_qdisc(struct line *l, const struct model *m, const struct anod_object *o)
{
	const struct anod_qdisc *q = &o->u.qdisc;

	add_subject(l, m, "qdisc", q->ifindex);
	if (q->kind[0])
		add(l, " kind \"%.15s\"", q->kind);
	if (q->rate_bps)
		add(l, " rate %" PRIu64, q->rate_bps);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint32_t n;

		memcpy(&n, (const uint8_t *) q + numbers[i].at, sizeof(n));
		if (n)
			add(l, " %s %u", numbers[i].word, n);
	}
	if (o->flags & ANOD_OBJ_BELOW)
		add(l, " below");
}

static void write_wgpeer(struct line *l, const struct model *m, const struct anod_wgpeer *w)
{
	char key[ANOD_WGKEY_TEXT], text[INET6_ADDRSTRLEN + 8];

	add_subject(l, m, "wgpeer", w->ifindex);
	add(l, " key \"%s\"", anod_wgkey_text(w->public_key, key));
	if (w->endpoint.family)
		add(l, " endpoint %s", prefix_format(&w->endpoint, text, sizeof(text)));
	if (w->port)
		add(l, " port %u", w->port);
	if (w->keepalive_s)
		add(l, " keepalive %u", w->keepalive_s);
}

size_t snapshot_write_node(const struct model *m, const struct anod_object *o, char *buf,
			   size_t size)
{
	struct line l = { .buf = buf, .size = size };

	if (o->type == ANOD_OBJ_QDISC) {
		write_qdisc(&l, m, o);
	} else if (o->type == ANOD_OBJ_WGPEER) {
		write_wgpeer(&l, m, &o->u.wgpeer);
	} else if (o->type == ANOD_OBJ_SYSCTL) {
		add(&l, " sysctl \"%.95s\" %" PRId64, o->u.sysctl.name, o->u.sysctl.value);
	} else {
		add(&l, " unit \"%.63s\"%s", o->u.unit.name, o->u.unit.active ? " active" : "");
		if (o->u.unit.starts)
			add(&l, " starts %u", o->u.unit.starts);
	}
	return l.n;
}
