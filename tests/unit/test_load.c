/*
 * Loads: attributed and predicted, against doing it destination by destination; and measured.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <net/if.h>

#include "facts/stats.h"
#include "model_brute.h"
#include "policy/loads.h"
#include "world.h"

#define LINKS 4

struct brute {
	const struct overlay *before, *after;
	double now[LINKS + 2], share[LINKS + 2], is[LINKS + 2], lost;
	bool counting;
};

static double part(const struct flow_path *p, uint32_t i)
{
	double all = 0;

	for (uint32_t k = 0; k < p->n_legs; k++)
		all += p->leg[k].weight;
	return p->leg[i].weight / all;
}

static void brute_one(uint32_t table, const struct anod_prefix *dst, void *data)
{
	struct brute *b = data;
	struct flow_path was, is;
	double bps = 0, stays[LINKS + 2] = { 0 };

	brute_path(b->before, table, dst, NULL, 0, &was);
	brute_path(b->after, table, dst, NULL, 0, &is);
	for (uint32_t i = 0; i < was.n_legs; i++) {
		uint32_t l = was.leg[i].ifindex;

		if (b->counting)
			b->share[l] += part(&was, i);
		else
			stays[l] += b->now[l] * part(&was, i) / b->share[l];
	}
	for (uint32_t l = 0; l < LINKS + 2; l++)
		bps += stays[l];
	if (b->counting || was.fate != FLOW_FORWARDED)
		return;
	if (is.fate == FLOW_FORWARDED && flow_same_legs(&was, &is)) {
		for (uint32_t l = 0; l < LINKS + 2; l++)
			b->is[l] += stays[l];
		return;
	}
	if (is.fate != FLOW_FORWARDED) {
		b->lost += is.fate == FLOW_LOCAL ? 0 : bps;
		return;
	}
	for (uint32_t i = 0; i < is.n_legs; i++)
		b->is[is.leg[i].ifindex] += bps * part(&is, i);
}

static void random_routes(struct dice *d, struct model *m)
{
	for (uint32_t i = 2; i < 2 + LINKS; i++) {
		char name[8];
		struct anod_object o;

		(void) snprintf(name, sizeof(name), "eth%u", i);
		o = world_link_object(i, name, true, dice_roll(d, 6) != 0);
		cr_assert(model_put(m, &o) == 0);
	}
	for (unsigned i = 0; i < 30; i++) {
		struct anod_object o = { .type = ANOD_OBJ_ROUTE };
		struct anod_prefix p = { .family = AF_INET };

		p.addr[0] = (uint8_t) dice_roll(d, 3);
		p.addr[1] = (uint8_t) dice_roll(d, 3);
		o.u.route.dst = prefix_cut(&p, (uint8_t) dice_roll(d, 17));
		o.u.route.table = dice_roll(d, 5) ? 254 : 100;
		o.u.route.metric = dice_roll(d, 2);
		o.u.route.type = dice_roll(d, 8) ? RTN_UNICAST : RTN_BLACKHOLE;
		for (unsigned k = 0; k <= dice_roll(d, 3) && o.u.route.type == RTN_UNICAST; k++)
			world_add_leg(&o, NULL, 2 + dice_roll(d, LINKS), 1 + dice_roll(d, 4));
		cr_assert(model_put(m, &o) == 0);
	}
}

static void change(struct dice *d, struct overlay *o)
{
	struct anod_change c = { .has_pre = 1, .has_post = 1 };
	uint32_t i = 2 + dice_roll(d, LINKS);

	if (dice_roll(d, 2)) {
		c.pre = (struct anod_object){ .type = ANOD_OBJ_LINK, .u.link.ifindex = i };
		cr_assert(overlay_get(o, &c.pre, &c.pre) == 0);
		c.post = c.pre;
		c.post.u.link.flags &= ~(uint32_t) IFF_UP;
	} else {
		c.post = world_route_object(dice_roll(d, 2) ? "0.0.0.0/0" : "1.0.0.0/8", 254, 0,
					    NULL, i);
		c.has_pre = overlay_get(o, &c.post, &c.pre) == 0;
	}
	cr_assert(overlay_apply(o, &c) == 0);
}

static bool near(double a, double b)
{
	return fabs(a - b) < 1;
}

Test(load, moves_what_going_through_every_destination_moves)
{
	struct dice d = { .state = dice_seed("load") };
	unsigned rounds = getenv("ANOD_LONG") ? 50000 : 1500, moved = 0, lost = 0;

	for (unsigned round = 0; round < rounds; round++) {
		_cleanup_(model_freep) struct model *m = world_model();
		struct link_load load[LINKS];
		struct load_result sum;
		struct overlay *before, *after;
		struct brute b = { .counting = true };
		double in = 0, out = 0;

		random_routes(&d, m);
		before = overlay_new(m);
		after = overlay_new(m);
		change(&d, after);
		for (uint32_t i = 0; i < LINKS; i++) {
			const struct anod_link *l = overlay_link(before, i + 2);

			load[i] = (struct link_load){ .ifindex = i + 2, .known = true };
			load[i].now_bps = link_usable(l) ? dice_roll(&d, 1000) * 1e6 : 0;
			b.now[i + 2] = load[i].now_bps;
			in += load[i].now_bps;
		}
		b.before = before;
		b.after = after;
		brute_each(before, after, brute_one, &b);
		b.counting = false;
		brute_each(before, after, brute_one, &b);

		cr_assert(load_predict(before, after, load, LINKS, &sum) == 0 && sum.known);
		for (uint32_t i = 0; i < LINKS; i++) {
			const struct anod_link *l = overlay_link(after, i + 2);
			double want = b.is[i + 2];

			/* What no destination explains. */
			if (b.share[i + 2] == 0 && l && link_usable(l))
				want += b.now[i + 2];
			else if (b.share[i + 2] == 0)
				b.lost += b.now[i + 2];
			cr_assert(load[i].after_known && near(load[i].after_bps, want),
				  "round %u link %u: %g, not %g", round, i + 2, load[i].after_bps,
				  want);
			out += load[i].after_bps;
		}
		cr_assert(near(sum.lost_bps, b.lost), "round %u: %g lost, not %g", round,
			  sum.lost_bps, b.lost);
		cr_assert(near(in, out + sum.lost_bps), "round %u: nothing gets lost by itself",
			  round);
		moved += sum.moved_bps > 0;
		lost += sum.lost_bps > 0;
		overlay_free(before);
		overlay_free(after);
	}
	cr_expect(moved > rounds / 10 && lost > rounds / 50, "%u moved, %u lost", moved, lost);
}

Test(load, what_was_not_measured_makes_unknown_what_comes_from_it)
{
	_cleanup_(model_freep) struct model *m = world_model();
	struct anod_change down = { .has_pre = 1, .has_post = 1 };
	struct link_load load[3];
	struct load_result sum;
	struct overlay *before, *after;

	for (uint32_t i = 2; i < 5; i++) {
		struct anod_object o = world_link_object(i,
							 i == 2	  ? "a"
							 : i == 3 ? "b"
								  : "c",
							 true, true);

		cr_assert(model_put(m, &o) == 0);
		o = world_route_object(i == 2	? "10.0.0.0/8"
				       : i == 3 ? "0.0.0.0/0"
						: "20.0.0.0/8",
				       254, 0, NULL, i);
		cr_assert(model_put(m, &o) == 0);
		load[i - 2] = (struct link_load){ .ifindex = i, .known = i != 2, .now_bps = 100 };
	}
	before = overlay_new(m);
	after = overlay_new(m);
	down.pre = world_link_object(2, "a", true, true);
	down.post = world_link_object(2, "a", false, true);
	cr_assert(overlay_apply(after, &down) == 0);
	cr_assert(load_predict(before, after, load, 3, &sum) == 0);
	cr_expect(!sum.known && !load[1].after_known && load[2].after_known);
	cr_expect(load[0].after_known && load[0].after_bps == 0);
	overlay_free(after);
	overlay_free(before);
}

Test(load, is_measured_by_a_statistic_of_the_policy)
{
	struct link_load *load = NULL;
	const struct schema_attr *a;
	const char *why = "";
	struct stats *stats;
	uint32_t entity;
	unsigned n = 9;
	struct world w;

	world_init(&w);
	world_link(&w, 2, "wan0", "uplink", true, true);
	world_link(&w, 3, "wan1", "uplink", true, true);
	world_policy(&w, "invariant \"i\" { require loop free }");
	cr_expect(loads_read(w.config, w.store, w.model, w.now_us, &load, &n) == 0 && n == 0 &&
		  !load);
	world_policy(&w, "invariant \"i\" { require moved traffic <= 1Gbps in 1h }");
	cr_assert(w.config->policy->invariant[0].require[0].measure);
	cr_assert(w.config->policy->invariant[0].require[0].window_us == UINT64_C(3600000000));
	stats = stats_new(w.schema, w.store);
	cr_assert(stats_bind(stats, w.config->policy->invariant[0].require[0].measure, &why) == 0,
		  "%s", why);
	a = schema_attr(w.schema, "link", "tx_bytes");
	entity = store_find(w.store, a->kind, "wan1");
	for (int64_t s = 0; s < 700; s++) {
		struct anod_value v = value_int(s * 1000000, ANOD_UNIT_BYTES);

		w.now_us += 1000000;
		cr_assert(store_publish(w.store, entity, a->slot, &v, w.now_us) == 0);
		(void) store_expire(w.store, w.now_us);
		(void) stats_run(stats, w.now_us);
	}
	cr_assert(loads_read(w.config, w.store, w.model, w.now_us, &load, &n) == 0);
	cr_assert(n == 2 && load[0].ifindex == 2 && load[1].ifindex == 3);
	cr_expect(!load[0].known);
	cr_expect(load[1].known && fabs(load[1].now_bps - 8e6) < 8e4, "%g", load[1].now_bps);
	free(load);
	stats_unbind(stats, w.config->policy->invariant[0].require[0].measure);
	stats_free(stats);
	world_done(&w);
}
