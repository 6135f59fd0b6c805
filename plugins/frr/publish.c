/*
 * publish - what FRR's daemons are asked, and what becomes of the answers.
 *
 * Design.  A table of questions in the order in which each daemon is asked them.  A BGP session
 * comes several times in a reading - once for each address family, then among the failed ones with
 * its reason - so sessions are added up in an array, and published when the last answer of bgpd is
 * there.  The list of failed peers has reasons only of those that are down now; a session that was
 * lost and is back between two readings is asked for by name, a few in each reading.
 */
#include "frr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct anod_value text(const char *s)
{
	static const struct anod_value unknown;

	return s[0] ? anod_text(s, strlen(s)) : unknown;
}

static struct anod_value count(int64_t n)
{
	static const struct anod_value unknown;

	return n == REDUCE_NOT ? unknown : anod_int(n, ANOD_UNIT_NONE);
}

static struct anod_value span(int64_t n, int64_t us)
{
	if (n == REDUCE_NOT || n > INT64_MAX / us)
		return (struct anod_value){ 0 };
	return anod_int(n * us, ANOD_UNIT_TIME);
}

/* ---- BGP ---------------------------------------------------------------------------------- */

/* FRR's names of states (bgp_status_msg of bgpd) as RFC 4271 has them. */
static const char *bgp_state(const char *frr)
{
	static const char *const states[][2] = {
		{ "Idle", "idle" },
		{ "Connect", "connect" },
		{ "Active", "active" },
		{ "OpenSent", "opensent" },
		{ "OpenConfirm", "openconfirm" },
		{ "Established", "established" },
		{ "Clearing", "idle" },
		{ "Deleted", "idle" },
	};
	size_t len = strcspn(frr, " "); /* "Idle (Admin)" */

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strlen(states[i][0]) == len && memcmp(frr, states[i][0], len) == 0)
			return states[i][1];
	return "";
}

static struct peer *find(struct frr *f, const char *vrf, const char *peer)
{
	char name[ANOD_NAME_SIZE];

	if (snprintf(name, sizeof(name), "frr/%s/%s", vrf, peer) >= (int) sizeof(name))
		return NULL;
	for (unsigned i = 0; i < f->n_peers; i++)
		if (strcmp(f->peer[i].name, name) == 0)
			return &f->peer[i];
	return NULL;
}

static struct peer *add(struct frr *f, const char *vrf, const char *peer)
{
	struct peer *p = find(f, vrf, peer);

	if (p)
		return p;
	if (f->n_peers >= f->peers.max)
		return NULL;
	if (f->n_peers == f->peers_size) {
		unsigned size = f->peers_size ? f->peers_size * 2 : 8;
		struct peer *grown = reallocarray(f->peer, size, sizeof(*grown));

		if (!grown)
			return NULL;
		f->peer = grown;
		f->peers_size = size;
	}
	p = &f->peer[f->n_peers];
	*p = (struct peer){ .drops = REDUCE_NOT };
	if (snprintf(p->name, sizeof(p->name), "frr/%s/%s", vrf, peer) >= (int) sizeof(p->name))
		return NULL;
	f->n_peers++;
	return p;
}

static void add_to(struct anod_value *sum, int64_t n)
{
	if (n == REDUCE_NOT)
		return;
	if (sum->type == ANOD_INT)
		sum->u.i += n;
	else
		*sum = anod_int(n, ANOD_UNIT_NONE);
}

static void take_peer(const struct reduce_peer *r, void *data)
{
	struct peer *p = add(data, r->vrf, r->peer);

	if (!p)
		return;
	if (!p->seen) {
		memset(p->v, 0, sizeof(p->v));
		p->v[ANOD_BGP_STATE] = text(bgp_state(r->state));
		p->v[ANOD_BGP_ENABLED] = anod_bool(r->enabled);
		p->v[ANOD_BGP_AGE] = span(r->age_ms, 1000);
		p->v[ANOD_BGP_DROPS] = count(r->drops);
		p->v[ANOD_BGP_QUEUED] = count(r->queued);
		p->v[ANOD_BGP_PEER_AS] = count(r->peer_as);
		p->v[ANOD_BGP_NAME] = text(r->description);
	}
	p->seen = true;
	add_to(&p->v[ANOD_BGP_RECEIVED], r->received);
	add_to(&p->v[ANOD_BGP_SENT], r->sent);
}

static int take_summary(struct frr *f, struct talk *t, const char *answer, size_t size)
{
	int r;

	(void) t;
	for (unsigned i = 0; i < f->n_peers; i++)
		f->peer[i].seen = false;
	f->n_why = 0;
	r = reduce_summary(answer, size, take_peer, f);
	for (unsigned i = 0; r >= 0 && i < f->n_peers;) {
		if (!f->peer[i].seen)
			f->peer[i] = f->peer[--f->n_peers];
		else
			i++;
	}
	return r;
}

static void take_reason(const struct reduce_peer *r, void *data)
{
	struct peer *p = find(data, r->vrf, r->peer);

	if (!p || !r->reason[0])
		return;
	p->reason = text(r->reason);
	p->drops = p->v[ANOD_BGP_DROPS].type ? p->v[ANOD_BGP_DROPS].u.i : REDUCE_NOT;
}

static int take_failed(struct frr *f, struct talk *t, const char *answer, size_t size)
{
	(void) t;
	return reduce_failed(answer, size, take_reason, f);
}

static void take_why(const struct reduce_peer *r, void *data)
{
	struct frr *f = data;

	for (unsigned i = 0; i < f->n_peers; i++)
		if (strcmp(f->peer[i].name, f->why) == 0)
			f->peer[i].reason = text(r->reason);
}

static void publish_peers(struct frr *f)
{
	anod_list_begin(&f->peers);
	for (unsigned i = 0; i < f->n_peers; i++) {
		f->peer[i].v[ANOD_BGP_REASON] = f->peer[i].reason;
		(void) anod_list_put(&f->peers, f->peer[i].name, f->peer[i].v);
	}
	anod_list_end(&f->peers);
}

static int take_neighbor(struct frr *f, struct talk *t, const char *answer, size_t size)
{
	(void) t;
	if (size > 0) /* 0: nobody had to be asked */
		(void) reduce_neighbor(answer, size, take_why, f);
	publish_peers(f);
	return 0;
}

/* What may stand in a command: addresses, names of interfaces and VRFs, and nothing that would end
 * a word. */
static bool plain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_-%@",
			    s[i]))
			return false;
	return len > 0;
}

bool frr_why_question(struct frr *f, char *ret, size_t size)
{
	for (unsigned i = 0; i < f->n_peers && f->n_why < WHY_MAX; i++) {
		struct peer *p = &f->peer[i];
		const char *vrf = p->name + strlen("frr/"), *slash = strchr(vrf, '/');
		int64_t drops = p->v[ANOD_BGP_DROPS].type ? p->v[ANOD_BGP_DROPS].u.i : 0;

		if (drops == 0 || drops == p->drops)
			continue;
		p->drops = drops;
		if (!plain(vrf, (size_t) (slash - vrf)) || !plain(slash + 1, strlen(slash + 1)))
			continue;
		f->n_why++;
		strcpy(f->why, p->name);
		(void) snprintf(ret, size, "show bgp vrf %.*s neighbors %s json",
				(int) (slash - vrf), vrf, slash + 1);
		return true;
	}
	return false;
}

/* ---- OSPF, BFD, RIB ----------------------------------------------------------------------- */

static struct anod_value address(const char *s)
{
	struct anod_value v = { .type = ANOD_PREFIX };

	v.u.prefix.family = strchr(s, ':') ? AF_INET6 : AF_INET;
	v.u.prefix.len = v.u.prefix.family == AF_INET ? 32 : 128;
	if (inet_pton(v.u.prefix.family, s, v.u.prefix.addr) != 1)
		return (struct anod_value){ 0 };
	return v;
}

static void put_ospf(const struct reduce_ospf *o, void *data)
{
	struct frr *f = data;
	struct anod_value v[OSPF_ATTRS] = { 0 };
	char name[ANOD_NAME_SIZE];

	v[OSPF_STATE] = text(o->state);
	v[OSPF_ADDRESS] = address(o->address);
	v[OSPF_AGE] = span(o->age_ms, 1000);
	v[OSPF_DEAD] = span(o->dead_ms, 1000);
	v[OSPF_RETRANSMITS] = count(o->retransmits);
	if (snprintf(name, sizeof(name), "%s/%s", o->dev, o->router) < (int) sizeof(name))
		(void) anod_list_put(&f->ospf, name, v);
}

static int take_ospf(struct frr *f, struct talk *t, const char *answer, size_t size)
{
	int r;

	(void) t;
	anod_list_begin(&f->ospf);
	r = reduce_ospf(answer, size, put_ospf, f);
	if (r >= 0)
		anod_list_end(&f->ospf);
	return r;
}

static void put_bfd(const struct reduce_bfd *b, void *data)
{
	struct frr *f = data;
	struct anod_value v[BFD_ATTRS] = { 0 };
	char name[ANOD_NAME_SIZE];
	int n;

	v[BFD_STATE] = text(b->state);
	v[BFD_REASON] = text(b->reason);
	v[BFD_REMOTE_REASON] = text(b->remote_reason);
	v[BFD_AGE] = span(b->age_s, 1000000);
	v[BFD_DETECT] = span(b->detect_ms, 1000);
	n = snprintf(name, sizeof(name), "%s/%s", b->dev[0] ? b->dev : b->vrf, b->peer);
	if (n < (int) sizeof(name))
		(void) anod_list_put(&f->bfd, name, v);
}

static int take_bfd(struct frr *f, struct talk *t, const char *answer, size_t size)
{
	int r;

	(void) t;
	anod_list_begin(&f->bfd);
	r = reduce_bfd(answer, size, put_bfd, f);
	if (r >= 0)
		anod_list_end(&f->bfd);
	return r;
}

static const char *const ribs[2] = { "frr/default/ipv4", "frr/default/ipv6" };

static int put_rib(struct frr *f, unsigned n, const char *answer, size_t size)
{
	struct anod_value v[ANOD_RIB_ATTRS] = { 0 };
	struct reduce_rib rib;
	int r = reduce_rib(answer, size, &rib);

	if (r < 0)
		return r;
	v[ANOD_RIB_ROUTES] = count(rib.routes);
	v[ANOD_RIB_INSTALLED] = count(rib.installed);
	v[ANOD_RIB_STEADY] = count(anod_steady(
		&f->steady[n], rib.routes, (int64_t) f->ctx->host->now_us(f->ctx), f->steady_us));
	return anod_list_put(&f->ribs, ribs[n], v);
}

/* Nothing is known of them but what they were. */
static void ribs_unknown(struct frr *f)
{
	struct anod_value v[ANOD_RIB_ATTRS] = { 0 };

	for (unsigned n = 0; n < 2; n++) {
		v[ANOD_RIB_STEADY] = count(anod_steady(&f->steady[n], -1, 0, 0));
		if (anod_list_has(&f->ribs, ribs[n]))
			(void) anod_list_put(&f->ribs, ribs[n], v);
	}
}

static int take_rib4(struct frr *f, struct talk *t, const char *answer, size_t size)
{
	(void) t;
	anod_list_begin(&f->ribs);
	return put_rib(f, 0, answer, size);
}

static int take_rib6(struct frr *f, struct talk *t, const char *answer, size_t size)
{
	int r = put_rib(f, 1, answer, size);

	(void) t;
	anod_list_end(&f->ribs);
	return r;
}

static int take_version(struct frr *f, struct talk *t, const char *answer, size_t size)
{
	char version[32];

	(void) f;
	if (reduce_version(answer, size, version, sizeof(version)) == 0)
		t->version = text(version);
	else
		t->version = text("?");
	return 0;
}

const struct question frr_questions[] = {
	{ ZEBRA, "show version", take_version },
	{ ZEBRA, "show ip route summary json", take_rib4 },
	{ ZEBRA, "show ipv6 route summary json", take_rib6 },
	{ BGPD, "show version", take_version },
	{ BGPD, "show bgp vrf all summary json", take_summary },
	{ BGPD, "show bgp vrf all summary failed json", take_failed },
	{ BGPD, NULL, take_neighbor },
	{ OSPFD, "show version", take_version },
	{ OSPFD, "show ip ospf vrf all neighbor json", take_ospf },
	{ BFDD, "show version", take_version },
	{ BFDD, "show bfd peers json", take_bfd },
	{ 0 },
};

void frr_unknown(struct frr *f, unsigned daemon)
{
	struct anod_list *lists[FRR_DAEMONS] = {
		[BGPD] = &f->peers, [OSPFD] = &f->ospf, [BFDD] = &f->bfd
	};

	if (daemon == ZEBRA)
		ribs_unknown(f);
	else
		anod_list_unknown(lists[daemon]);
}
