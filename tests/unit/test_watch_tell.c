#include "facts/watch_priv.h"

#include <errno.h>

#include "unit/watch_help.h"

struct helper {
	struct rig *rig;
	const struct expr *expr;
	uint64_t own, other, joined;
	unsigned n_calls;
	void (*act)(struct helper *h);
};

static void on_news(void *data, uint64_t id, const char *entity, enum anod_tri truth)
{
	struct helper *h = data;

	(void) id;
	(void) entity;
	(void) truth;
	h->n_calls++;
	if (h->act)
		h->act(h);
}

static void remove_both(struct helper *h)
{
	cr_expect(eq(int, watch_remove(h->rig->w, h->other), 0));
	cr_expect(eq(int, watch_remove(h->rig->w, h->own), 0));
	h->act = NULL;
}

static void join(struct helper *h)
{
	cr_expect(eq(int, watch_add(h->rig->w, h->expr, rig_heard, h->rig, &h->joined), 0));
	h->act = NULL;
}

static void remove_all_links(struct helper *h)
{
	struct store *s = h->rig->store;

	while (store_count(s, 1) > 0)
		(void) store_remove(s, store_nth(s, 1, 0), 1);
	h->act = NULL;
}

/* Two watches of one expression: the helper's first, then one that notes what it hears. */
static void begin(struct rig *r, struct helper *h, void (*act)(struct helper *h))
{
	rig_init(r);
	*h = (struct helper){ .rig = r, .expr = rig_expr(r, "link.carrier"), .act = act };
	rig_carrier(r, "wan0", true, 1);
	rig_carrier(r, "wan1", true, 1);
	cr_assert(eq(int, watch_add(r->w, h->expr, on_news, h, &h->own), 0));
	cr_assert(eq(int, watch_add(r->w, h->expr, rig_heard, r, &h->other), 0));
}

Test(watch_tell, who_is_removed_in_the_middle_hears_no_more)
{
	struct helper h;
	struct rig r;

	begin(&r, &h, remove_both);
	cr_expect_str_eq(rig_run(&r, 1), "");
	cr_expect(eq(uint, h.n_calls, 1));
	cr_expect_null(r.w->items, "nobody is left");
	cr_expect_null(r.w->dead);
	rig_done(&r);
}

Test(watch_tell, who_joins_in_the_middle_hears_everything_in_the_next_run)
{
	struct helper h;
	struct rig r;

	begin(&r, &h, join);
	cr_expect_str_eq(rig_run(&r, 1), "wan0=true wan1=true ");
	cr_expect(eq(u64, r.next_us, 1));
	cr_expect_str_eq(rig_run(&r, 1), "wan0=true wan1=true ");
	rig_carrier(&r, "wan0", false, 2);
	cr_expect_str_eq(rig_run(&r, 2), "wan0=false wan0=false ");
	rig_done(&r);
}

Test(watch_tell, an_entity_that_went_in_the_middle_is_told_as_gone)
{
	struct helper h;
	struct rig r;

	begin(&r, &h, remove_all_links);
	cr_expect_str_eq(rig_run(&r, 1), "wan0=true ");
	cr_expect(eq(u64, r.next_us, 1));
	cr_expect_str_eq(rig_run(&r, 1), "wan0=unknown wan1=unknown ");
	cr_expect_str_eq(rig_run(&r, 1), "");
	rig_done(&r);
}

/* What a callback changes is for the next run, and is not lost. */
static void raise_mtu(struct helper *h)
{
	help_put(h->rig->store, "link", "wan0", "mtu", value_int(9000, 0), 1);
	rig_carrier(h->rig, "wan1", false, 1);
	h->act = NULL;
}

Test(watch_tell, changes_by_a_callback_are_not_lost)
{
	struct helper h;
	struct rig r;

	begin(&r, &h, raise_mtu);
	(void) rig_watch(&r, "link.mtu > 1500");
	(void) rig_run(&r, 1);
	cr_expect(watch_pending(r.w));
	cr_expect_str_eq(rig_run(&r, 1), "wan1=false wan0=true ");
	rig_done(&r);
}

/* What the helper joins has news in the same run, but its turn comes later. */
Test(watch_tell, who_joins_what_is_yet_to_be_told_hears_it_in_the_next_run)
{
	const struct expr *later;
	struct helper h;
	struct rig r;
	uint64_t id;

	begin(&r, &h, join);
	later = rig_expr(&r, "not link.carrier");
	cr_assert(eq(int, watch_add(r.w, later, on_news, &h, &id), 0));
	h.expr = later;
	cr_expect_str_eq(rig_run(&r, 1), "wan0=true wan1=true ");
	cr_expect(eq(u64, r.next_us, 1));
	cr_expect_str_eq(rig_run(&r, 2), "wan0=false wan1=false ");
	cr_expect_str_eq(rig_run(&r, 3), "");
	rig_done(&r);
}
