/*
 * bench_shadow - the shadow of a link with 100,000 and a million routes behind it.
 *
 * Design.  Routes with about the lengths of the Internet's table at random places, all over one
 * link, as a BGP daemon with one uplink has them.  Then routes change one by one: to a way over
 * another link, and back.  Contenders are told of the same changes:
 *
 *   model   model_put() alone: what knowing the route costs, shadow or not
 *   anod    shadow_route(): what following it costs on top
 *
 * "flat" has no route that contains the others, so each has an entry; under "default" the route to
 * everything goes over the link, too, and its entry speaks for nearly all.  Times pass on the
 * clock, one change each; "build" is CPU time.  Each row is one line of JSON.
 *
 * usage: bench_shadow [SEED]
 */
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "bench_full.h"
#include "bench_row.h"
#include "model/shadow.h"

#define UPDATES 100000u
#define BATCH	512u

static double took[UPDATES], took_model[UPDATES];

static void row(const char *name, unsigned routes, const char *what, const char *who,
		const char *unit, double *v, unsigned n)
{
	char text[64];

	(void) snprintf(text, sizeof(text), "%s-%s-%uk", what, name, routes / 1000);
	print_row("shadow", text, who, unit, v, n);
}

static struct anod_object route(const struct anod_prefix *dst, uint32_t link)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *r = &o.u.route;

	r->dst = *dst;
	r->table = RT_TABLE_MAIN;
	r->type = RTN_UNICAST;
	r->protocol = RTPROT_BIRD;
	r->metric = 32;
	r->n_legs = 1;
	r->leg[0] = (struct anod_leg){ .ifindex = link, .weight = 1, .flags = RTNH_F_ONLINK };
	r->leg[0].via = address(0x0a000001u + (link << 8) + roll(16), 32);
	return o;
}

static struct model *new_router(void)
{
	struct model *m = model_new();

	must(m, "no memory");
	for (unsigned i = ANOD_OBJ_LINK; i < ANOD_OBJ_TYPES; i++) {
		(void) model_sync(m, (enum anod_obj_type) i, ANOD_SYNC_BEGIN);
		(void) model_sync(m, (enum anod_obj_type) i, ANOD_SYNC_DONE);
	}
	for (uint32_t i = 1; i <= 8; i++) {
		struct anod_object o = { .type = ANOD_OBJ_LINK };

		o.u.link.ifindex = i;
		(void) snprintf(o.u.link.name, sizeof(o.u.link.name), "eth%u", i);
		o.u.link.flags = IFF_UP;
		o.u.link.carrier = 1;
		must(model_put(m, &o) == 0, "model_put");
	}
	return m;
}

static struct anod_prefix *fill(struct model *m, unsigned n, bool with_default)
{
	struct anod_prefix *p = malloc(n * sizeof(*p)), zero = { .family = AF_INET };
	struct anod_object o = route(&zero, 1);

	must(p, "no memory");
	must(!with_default || model_put(m, &o) == 0, "model_put");
	for (unsigned i = 0; i < n; i++) {
		p[i] = any_prefix();
		o = route(&p[i], 1);
		must(model_put(m, &o) == 0, "model_put");
	}
	return p;
}

static void updates(struct model *m, struct shadow *s, const struct anod_prefix *p, unsigned n,
		    const char *name)
{
	static struct shadow_op op[BATCH];
	double start, take = 0, n_taken = 0, n_slices = 0, behind[20];

	for (unsigned i = 0; i < UPDATES; i++) {
		const struct anod_prefix *dst = &p[roll(n)];
		struct anod_object o = route(dst, 1 + roll(2));

		start = now_ns();
		must(model_put(m, &o) == 0, "model_put");
		took_model[i] = now_ns() - start;
		start = now_ns();
		shadow_route(s, dst);
		took[i] = now_ns() - start;
		if (i % 256 == 255) {
			while (shadow_run(s, SHADOW_SLICE))
				n_slices++;
			start = now_ns();
			n_taken += shadow_take(s, op, BATCH);
			take += now_ns() - start;
		}
	}
	row(name, n, "update", "model", "ns", took_model, UPDATES);
	row(name, n, "update", "anod", "ns", took, UPDATES);
	/* In which shadow_run() did what was too much for shadow_route(). */
	row(name, n, "slices", "anod", "count", &n_slices, 1);
	take /= n_taken;
	row(name, n, "take", "anod", "ns", &take, 1);
	for (unsigned i = 0; i < 20; i++) {
		start = now_ns();
		must(shadow_behind(s) > 0, "nothing is behind the link");
		behind[i] = (now_ns() - start) / 1000;
	}
	row(name, n, "count", "anod", "us", behind, 20);
}

static void one(unsigned n, bool with_default)
{
	const char *name = with_default ? "default" : "flat";
	struct model *m = new_router();
	struct anod_prefix *p = fill(m, n, with_default);
	struct shadow_in in = {
		.model = m, .table = RT_TABLE_MAIN, .lost = 1, .n_standby = 1, .max = 2000000
	};
	static struct shadow_op op[BATCH];
	double build[5], bytes;
	struct shadow *s = NULL;
	char why[256];

	in.standby[0] =
		(struct anod_leg){ .ifindex = 3, .weight = 1, .via = address(0x0a000301u, 32) };
	for (unsigned i = 0; i < 5; i++) {
		double start = cpu_ns();

		s = shadow_free(s);
		must(shadow_new(&in, &s) == 0, "shadow_new");
		while (shadow_run(s, 4096))
			;
		build[i] = (cpu_ns() - start) / 1e6;
	}
	must(!shadow_doubt(s, why, sizeof(why)), "the prediction is in doubt");
	row(name, n, "build", "anod", "ms", build, 5);
	bytes = (double) shadow_memory(s) / MAX_OF(shadow_entries(s), 1u);
	if (!with_default)
		row(name, n, "memory", "anod", "bytes an entry", &bytes, 1);
	while (shadow_take(s, op, BATCH))
		;
	updates(m, s, p, n, name);
	free(p);
	s = shadow_free(s);
	m = model_free(m);
}

int main(int argc, char **argv)
{
	dice = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261122;
	for (unsigned i = 0; i < 4; i++)
		one(i < 2 ? 100000 : 1000000, i % 2);
	return EXIT_SUCCESS;
}
