/*
 * invariant_flow - the ways of protected flows.
 *
 * Design.  Every requirement here is "each of these addresses ...": one loop asks for the way of each
 * and one function for each kind says what is wrong with it.  Any address of a prefix will do for a
 * flow "to a prefix": the first.  A way that depends on a rule that the model cannot follow is doubt.
 */
#include <string.h>
#include <netinet/in.h>

#include "facts/value.h"
#include "model/gateway.h"
#include "policy/invariant_int.h"

struct flow_probe {
	const struct probe *p;
	struct flow_key key;
	struct flow_path path;
	char name[64];
	struct finding *f;
	struct risks *risks; /* or NULL: not needed */
};

static struct flow_key key_of(const struct anod_prefix *dst)
{
	struct flow_key k = { .dst = *dst };

	k.dst.len = k.dst.family == AF_INET ? 32 : 128;
	return k;
}

static uint64_t srlg_of(const char *link, void *data)
{
	const struct config *c = data;

	for (unsigned i = 0; i < c->n_links; i++)
		if (strcmp(c->link[i].name, link) == 0)
			return c->link[i].srlg_mask;
	return 0;
}

void probe_risks(const struct probe *p, struct risks *ret)
{
	union {
		const struct config *in;
		void *out;
	} data = { .in = p->in->config }; /* srlg_of() only reads it */

	risks_init(ret, p->state, srlg_of, data.out);
}

static bool has_way(const struct flow_path *path)
{
	return path->fate == FLOW_FORWARDED || path->fate == FLOW_LOCAL;
}

static void judge_reachable(struct flow_probe *x)
{
	if (has_way(&x->path))
		return;
	finding_fails(x->f, ANOD_FALSE, 1);
	say(x->p, "%s is not reachable %s", x->name, WHERE(x->p));
}

static void judge_paths(struct flow_probe *x)
{
	bool by_srlg = x->p->require->kind == REQUIRE_DISJOINT_SRLGS;
	unsigned need = (unsigned) MAX_OF(MIN_OF(x->p->require->n, 16u), 1u);
	unsigned paths = risks_disjoint_paths(x->risks, x->p->state, &x->key, by_srlg, need);

	if (paths >= need)
		return;
	finding_fails(x->f, ANOD_FALSE, need - paths);
	if (paths == 0)
		say(x->p, "%s is not reachable %s", x->name, WHERE(x->p));
	else
		say(x->p, "%s is reachable via %u disjoint %s%s %s, need %u", x->name, paths,
		    by_srlg ? "srlg" : "link", paths == 1 ? "" : "s", WHERE(x->p), need);
}

static void judge_loss(struct flow_probe *x)
{
	bool by_srlg = x->p->require->kind == REQUIRE_WITHOUT_SRLG;
	const struct anod_link *l;
	uint32_t lost;
	unsigned srlg;

	if (risks_survive_one(x->risks, x->p->state, &x->key, by_srlg, &lost, &srlg))
		return;
	finding_fails(x->f, ANOD_FALSE, lost || srlg ? 1 : 2);
	l = lost ? overlay_link(x->p->state, lost) : NULL;
	if (srlg)
		say(x->p, "%s is not reachable without srlg %s %s", x->name,
		    x->p->in->config->srlg[srlg - 1], WHERE(x->p));
	else if (lost)
		say(x->p, "%s is not reachable without link %s %s", x->name, l ? l->name : "?",
		    WHERE(x->p));
	else
		say(x->p, "%s is not reachable %s", x->name, WHERE(x->p));
}

static void judge_on_link(struct flow_probe *x)
{
	char via[64];

	if (x->path.fate != FLOW_FORWARDED) {
		finding_fails(x->f, ANOD_FALSE, 2);
		say(x->p, "%s %s %s", x->name,
		    x->path.fate == FLOW_LOCAL ? "is this router itself" : "is not reachable",
		    WHERE(x->p));
		return;
	}
	if (!x->path.leg[0].via.family)
		return;
	finding_fails(x->f, ANOD_FALSE, 1);
	say(x->p, "%s is not on a link but behind %s %s", x->name,
	    prefix_format(&x->path.leg[0].via, via, sizeof(via)), WHERE(x->p));
}

/* ---- the way back ------------------------------------------------------------------------ */

static bool goes_over(const struct flow_path *path, uint32_t ifindex)
{
	for (uint32_t i = 0; i < path->n_legs; i++)
		if (path->leg[i].ifindex == ifindex)
			return true;
	return false;
}

/*
 * Packets of the flow come in where they come in now, over the links that the way there takes now,
 * until the other side learns of the change.  Strict: they are dropped there unless the way to
 * them leaves by the same link.  Loose: unless there is a way at all (RFC 3704, sections 2.2, 2.4).
 */
static void judge_arrival(struct flow_probe *x, const struct anod_link *l)
{
	int filter = link_rp_filter(l);

	if (filter == 0 || (filter == 2 && has_way(&x->path)))
		return;
	if (filter > 0 && goes_over(&x->path, l->ifindex))
		return;
	finding_fails(x->f, filter < 0 ? ANOD_DOUBT : ANOD_FALSE, 1);
	if (filter < 0 && goes_over(&x->path, l->ifindex))
		say(x->p, "rp_filter of link %s, where %s comes in, is unknown", l->name, x->name);
	else
		say(x->p, "%s comes in on link %s, whose rp_filter %s, and goes out elsewhere %s",
		    x->name, l->name,
		    filter < 0	  ? "is unknown"
		    : filter == 2 ? "is loose"
				  : "is strict",
		    WHERE(x->p));
}

static void judge_returns(struct flow_probe *x)
{
	struct flow_path now;

	/* Only IPv4 has it. */
	if (x->key.dst.family != AF_INET)
		return;
	overlay_lookup(x->p->in->whatif->before, &x->key, &now);
	for (uint32_t i = 0; i < now.n_legs; i++) {
		const struct anod_link *l = overlay_link(x->p->state, now.leg[i].ifindex);

		/* Nothing comes in over a link that is down. */
		if (l && link_usable(l))
			judge_arrival(x, l);
	}
}

/* ---- MTU and width ----------------------------------------------------------------------- */

static void judge_mtu(struct flow_probe *x)
{
	const struct policy_require *r = x->p->require;
	uint32_t mtu = path_mtu(x->p->state, &x->path), was;
	struct flow_path now;

	if (r->kind == REQUIRE_MTU) {
		if (probe_compare(mtu, r->cmp, (double) r->n) == ANOD_TRUE)
			return;
		finding_fails(x->f, ANOD_FALSE, probe_distance(mtu, (double) r->n));
		say(x->p, "%u bytes fit through to %s %s, need %s %llu", mtu, x->name, WHERE(x->p),
		    cmp_text(r->cmp), (unsigned long long) r->n);
		return;
	}

	overlay_lookup(x->p->in->whatif->before, &x->key, &now);
	was = path_mtu(x->p->in->whatif->before, &now);
	if (mtu >= was)
		return;
	finding_fails(x->f, ANOD_FALSE, was - mtu);
	say(x->p, "%u bytes fit through to %s %s, %u before", mtu, x->name, WHERE(x->p), was);
}

static void judge_legs(struct flow_probe *x)
{
	const struct policy_require *r = x->p->require;

	if (probe_compare(x->path.n_legs, r->cmp, (double) r->n) == ANOD_TRUE)
		return;
	finding_fails(x->f, ANOD_FALSE, probe_distance(x->path.n_legs, (double) r->n));
	say(x->p, "%s goes over %u usable leg%s %s, need %s %llu", x->name, x->path.n_legs,
	    x->path.n_legs == 1 ? "" : "s", WHERE(x->p), cmp_text(r->cmp),
	    (unsigned long long) r->n);
}

/* ---- all of a set ------------------------------------------------------------------------ */

static bool wants_risks(const struct policy_require *r)
{
	return r->kind == REQUIRE_WITHOUT_LINK || r->kind == REQUIRE_WITHOUT_SRLG ||
	       r->kind == REQUIRE_DISJOINT_SRLGS || (r->kind == REQUIRE_REACHABLE && r->n > 1);
}

static void judge_way(struct flow_probe *x)
{
	switch (x->p->require->kind) {
	case REQUIRE_WITHOUT_LINK:
	case REQUIRE_WITHOUT_SRLG:
		judge_loss(x);
		return;
	case REQUIRE_DISJOINT_SRLGS:
		judge_paths(x);
		return;
	case REQUIRE_ON_LINK:
		judge_on_link(x);
		return;
	case REQUIRE_RETURNS:
		judge_returns(x);
		return;
	case REQUIRE_MTU:
	case REQUIRE_MTU_KEPT:
		judge_mtu(x);
		return;
	case REQUIRE_LEGS:
		judge_legs(x);
		return;
	default:
		if (x->risks)
			judge_paths(x);
		else
			judge_reachable(x);
	}
}

static void judge_address(const struct probe *p, const struct anod_prefix *dst, struct risks *risks,
			  struct finding *f)
{
	struct flow_probe x = { .p = p, .key = key_of(dst), .f = f, .risks = risks };

	(void) prefix_format(dst, x.name, sizeof(x.name));
	overlay_lookup(p->state, &x.key, &x.path);
	if (x.path.doubt) {
		say(p, "the way to %s depends on a rule that is beyond the model", x.name);
		finding_fails(f, ANOD_DOUBT, 0);
		return;
	}
	judge_way(&x);
}

struct finding judge_flows(const struct probe *p)
{
	const struct policy_set *s = policy_find_set(p->in->config->policy, p->require->set);
	struct finding f = { .holds = ANOD_TRUE };
	struct risks risks = { 0 };
	bool wants = wants_risks(p->require);

	if (!s || (!s->n_flows && !s->n_prefixes)) {
		say(p, "there is nothing in set %s", p->require->set);
		return (struct finding){ .holds = ANOD_DOUBT };
	}
	if (wants)
		probe_risks(p, &risks);
	if (risks.more) {
		say(p, "there are more than %u links: which fail together is not known",
		    RISK_LINKS_MAX);
		return (struct finding){ .holds = ANOD_DOUBT };
	}

	for (unsigned i = 0; i < s->n_flows; i++)
		judge_address(p, &s->flow[i].dst, wants ? &risks : NULL, &f);
	for (unsigned i = 0; i < s->n_prefixes; i++)
		judge_address(p, &s->prefix[i], wants ? &risks : NULL, &f);
	if (f.holds == ANOD_TRUE)
		say(p, "%s: so for each of %u %s", p->require->text ? p->require->text : "it",
		    s->n_flows + s->n_prefixes, WHERE(p));
	return f;
}

/* ---- who we depend on -------------------------------------------------------------------- */

/* The address of "scheme://HOST[:PORT]/..."; false: a name, copied to 'host'. */
static bool url_address(const char *url, struct anod_prefix *ret, char *host, size_t size)
{
	const char *start = strstr(url, "://");
	size_t n;

	start = start ? start + 3 : url;
	if (*start == '[') {
		start++;
		n = strcspn(start, "]");
	} else {
		n = strcspn(start, ":/?#");
	}
	(void) snprintf(host, size, "%.*s", (int) MIN_OF(n, size - 1), start);
	return prefix_parse(host, ret) == 0 && ret->len == (ret->family == AF_INET ? 32 : 128);
}

static bool is_loopback(const struct anod_prefix *p)
{
	static const uint8_t one[16] = { [15] = 1 };

	return p->family == AF_INET ? p->addr[0] == 127 : memcmp(p->addr, one, 16) == 0;
}

static void judge_endpoint(const struct probe *p, const struct config_endpoint *e,
			   struct finding *f)
{
	struct anod_prefix address;
	char host[128];

	if (url_address(e->url ? e->url : "", &address, host, sizeof(host))) {
		if (!is_loopback(&address))
			judge_address(p, &address, NULL, f);
		return;
	}
	if (strcmp(host, "localhost") == 0)
		return;
	say(p, "endpoint %s: where '%s' is cannot be known; write its address", e->name, host);
	finding_fails(f, ANOD_DOUBT, 0);
}

struct finding judge_endpoints(const struct probe *p)
{
	const struct config *c = p->in->config;
	struct finding f = { .holds = ANOD_TRUE };

	for (unsigned i = 0; i < c->n_endpoints; i++)
		judge_endpoint(p, &c->endpoint[i], &f);
	if (f.holds == ANOD_TRUE)
		say(p, "each of %u endpoint%s is reachable %s", c->n_endpoints,
		    c->n_endpoints == 1 ? "" : "s", WHERE(p));
	return f;
}

struct finding judge_approvers(const struct probe *p)
{
	struct finding f = { .holds = ANOD_TRUE };

	for (unsigned i = 0; i < p->in->n_approvers; i++)
		if (!is_loopback(&p->in->approver[i]))
			judge_address(p, &p->in->approver[i], NULL, &f);
	if (f.holds == ANOD_TRUE)
		say(p, "each of %u approver%s is reachable %s", p->in->n_approvers,
		    p->in->n_approvers == 1 ? "" : "s", WHERE(p));
	return f;
}
