/*
 * whatif_paths - ways that share nothing, and what is left when something is lost.
 *
 * Design.  One box sees one hop: a way is the link that a packet leaves by, and what is shared is
 * the device below it (two VLANs of one port) or a risk group of the configuration.  So "disjoint"
 * is found by looking up, taking away what was used, and looking up again; what a flow does not
 * use cannot cut it when it is lost.
 */
#include <string.h>

#include "model/state.h"
#include "model/whatif.h"

#define CUT_MAX 16

unsigned whatif_disjoint_paths(const struct overlay *o, const struct flow_key *k, unsigned max)
{
	uint32_t cut[CUT_MAX];
	unsigned n = 0;

	max = MIN_OF(max, CUT_MAX);
	while (n < max) {
		struct flow_path path;

		overlay_lookup_without(o, k, cut, n, &path);
		if (path.fate == FLOW_LOCAL)
			return max;
		if (path.fate != FLOW_FORWARDED || path.doubt)
			break;
		cut[n++] = path.leg[0].ifindex;
	}
	return n;
}

bool whatif_survives_one_link(const struct overlay *o, const struct flow_key *k, char *ret_link)
{
	struct flow_path now, then;

	overlay_lookup(o, k, &now);
	if (now.fate == FLOW_LOCAL)
		return true;
	if (now.fate != FLOW_FORWARDED || now.doubt) {
		memset(ret_link, 0, ANOD_IFNAME_SIZE);
		return false;
	}

	/* The loss of a link that the flow does not use changes nothing for it. */
	for (unsigned i = 0; i < now.n_legs; i++) {
		const struct anod_link *l;

		overlay_lookup_without(o, k, &now.leg[i].ifindex, 1, &then);
		if ((then.fate == FLOW_FORWARDED || then.fate == FLOW_LOCAL) && !then.doubt)
			continue;
		l = overlay_link(o, now.leg[i].ifindex);
		(void) copy_text(ret_link, ANOD_IFNAME_SIZE, l ? l->name : "");
		return false;
	}
	return true;
}

/* ---- links that fail together ------------------------------------------------------------ */

struct collect {
	struct risks *risks;
	const struct overlay *state;
	uint64_t (*srlg)(const char *link, void *data);
	void *data;
};

static int collect_link(const struct anod_object *obj, void *data)
{
	const struct collect *c = data;
	const struct anod_link *l = &obj->u.link;
	struct risk k = { .ifindex = l->ifindex, .root = l->ifindex };

	if (c->risks->n == RISK_LINKS_MAX) {
		c->risks->more = true;
		return 1;
	}
	/* A VLAN on a VLAN is two deep; 8 ends a circle that cannot be. */
	for (unsigned depth = 0; l && depth < 8; depth++) {
		k.root = l->ifindex;
		k.srlg |= c->srlg ? c->srlg(l->name, c->data) : 0;
		l = l->lower ? overlay_link(c->state, l->lower) : NULL;
	}
	c->risks->link[c->risks->n++] = k;
	return 0;
}

void risks_init(struct risks *r, const struct overlay *o,
		uint64_t (*srlg)(const char *link, void *data), void *data)
{
	struct collect c = { .risks = r, .state = o, .srlg = srlg, .data = data };

	r->n = 0;
	r->more = false;
	(void) overlay_each(o, ANOD_OBJ_LINK, collect_link, &c);
}

static const struct risk *find(const struct risks *r, uint32_t ifindex)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->link[i].ifindex == ifindex)
			return &r->link[i];
	return NULL;
}

struct cut {
	unsigned n;
	uint32_t ifindex[RISK_LINKS_MAX];
};

static void cut_one(struct cut *c, uint32_t ifindex)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->ifindex[i] == ifindex)
			return;
	if (c->n < RISK_LINKS_MAX)
		c->ifindex[c->n++] = ifindex;
}

/* All that is lost with device 'root', or with the groups 'srlg'. */
static void cut_with(struct cut *c, const struct risks *r, uint32_t root, uint64_t srlg)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->link[i].root == root || (r->link[i].srlg & srlg))
			cut_one(c, r->link[i].ifindex);
}

unsigned risks_disjoint_paths(const struct risks *r, const struct overlay *o,
			      const struct flow_key *k, bool by_srlg, unsigned max)
{
	struct cut cut = { 0 };
	unsigned n = 0;

	while (n < max) {
		const struct risk *used;
		struct flow_path path;

		overlay_lookup_without(o, k, cut.ifindex, cut.n, &path);
		if (path.fate == FLOW_LOCAL)
			return max;
		if (path.fate != FLOW_FORWARDED || path.doubt)
			break;
		n++;
		used = find(r, path.leg[0].ifindex);
		if (used)
			cut_with(&cut, r, used->root, by_srlg ? used->srlg : 0);
		else
			cut_one(&cut, path.leg[0].ifindex);
	}
	return n;
}

static bool lives_without(const struct risks *r, const struct overlay *o, const struct flow_key *k,
			  uint32_t root, uint64_t srlg)
{
	struct flow_path then;
	struct cut cut = { 0 };

	/* A group is lost as a whole, and a link in none by itself. */
	cut_with(&cut, r, srlg ? 0 : root, srlg);
	if (!srlg)
		cut_one(&cut, root);
	overlay_lookup_without(o, k, cut.ifindex, cut.n, &then);
	return (then.fate == FLOW_FORWARDED || then.fate == FLOW_LOCAL) && !then.doubt;
}

bool risks_survive_one(const struct risks *r, const struct overlay *o, const struct flow_key *k,
		       bool by_srlg, uint32_t *ret_lost, unsigned *ret_srlg)
{
	struct flow_path now;

	*ret_lost = 0;
	*ret_srlg = 0;
	overlay_lookup(o, k, &now);
	if (now.fate == FLOW_LOCAL)
		return true;
	if (now.fate != FLOW_FORWARDED || now.doubt)
		return false;

	/* The loss of what the flow does not use changes nothing for it. */
	for (unsigned i = 0; i < now.n_legs; i++) {
		const struct risk *used = find(r, now.leg[i].ifindex);
		uint32_t root = used ? used->root : now.leg[i].ifindex;
		uint64_t groups = by_srlg && used ? used->srlg : 0;

		if (!groups && !lives_without(r, o, k, root, 0)) {
			*ret_lost = root;
			return false;
		}
		for (unsigned g = 0; g < 64 && groups >> g; g++) {
			if (!(groups >> g & 1) || lives_without(r, o, k, 0, UINT64_C(1) << g))
				continue;
			*ret_srlg = g + 1;
			return false;
		}
	}
	return true;
}
