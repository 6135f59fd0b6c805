/*
 * snapshot_read - a model from text.
 *
 * Design.  Two passes over the lines: links first, so that every other line may name them wherever it
 * stands.  A line is its subject and then words, most of them with one value, in any order.  The
 * first mistake of each line is told, and the lines behind it are still read.
 */
#include <errno.h>
#include <string.h>

#include "facts/expr.h"
#include "facts/value.h"
#include "model/snapshot_int.h"

/* "link.wan0.rx_loss 5% age 2s" */
static int read_fact(struct reading *r)
{
	struct lex_place place = lex_peek(&r->l, 0)->place;
	_cleanup_(expr_freep) struct expr *e = NULL;
	_cleanup_(freep) char *text = NULL;
	struct snapshot_fact f = { .place = place };
	struct token t;
	int k;

	k = expr_parse(&r->l, r->diags, &e);
	if (k < 0)
		return k;
	if (e->op != EXPR_FACT || !e->entity) {
		diag_add(r->diags, DIAG_ERROR, &place,
			 "expected a fact with its entity such as link.wan0.carrier");
		return -EINVAL;
	}
	(void) copy_text(f.kind, sizeof(f.kind), e->kind_name);
	(void) copy_text(f.entity, sizeof(f.entity), e->entity);
	(void) copy_text(f.attr, sizeof(f.attr), e->attr);

	t = *lex_peek(&r->l, 0);
	if (memchr(t.text, '/', t.len) && t.type != TOKEN_VALUE && t.type != TOKEN_STRING) {
		struct anod_prefix p; /* of an address, with the bits of the host */

		k = snapshot_address(r, &p);
		if (k < 0)
			return k;
		f.value = value_prefix(&p);
	} else if (lex_next(&r->l, &t), t.type == TOKEN_VALUE) {
		f.value = t.value;
	} else if (t.type == TOKEN_WORD || t.type == TOKEN_STRING) {
		text = token_dup(&t);
		if (!text)
			return -ENOMEM;
		f.value = t.type == TOKEN_WORD && strcmp(text, "unknown") == 0 ? value_unknown()
									       : value_text(text);
	} else {
		return snapshot_wrong(r, &t, "a value");
	}

	if (snapshot_accept(r, "age")) {
		lex_next(&r->l, &t);
		if (t.type != TOKEN_VALUE || t.value.unit != ANOD_UNIT_TIME || t.value.u.i < 0)
			return snapshot_wrong(r, &t, "a duration such as 2s");
		f.age_us = (uint64_t) t.value.u.i;
	}
	if (!snapshot_at_end(r))
		return snapshot_wrong(r, lex_peek(&r->l, 0), "the end of the line");
	return r->fact ? r->fact(&f, r->data) : 0;
}

static void skip_line(struct reading *r)
{
	struct token t;

	do {
		lex_next(&r->l, &t);
	} while (t.type != TOKEN_NEWLINE && t.type != TOKEN_END);
}

static const struct {
	const char *word;
	int (*read)(struct reading *, struct anod_object *);
} kinds[] = { { "link", snapshot_read_link },	{ "addr", snapshot_read_addr },
	      { "route", snapshot_read_route }, { "nexthop", snapshot_read_nexthop },
	      { "rule", snapshot_read_rule },	{ "neigh", snapshot_read_neigh },
	      { "qdisc", snapshot_read_qdisc }, { "sysctl", snapshot_read_sysctl },
	      { "unit", snapshot_read_unit },	{ "wgpeer", snapshot_read_wgpeer } };

static int no_subject(struct reading *r, const struct token *t)
{
	if (r->links)
		return 0;
	return snapshot_wrong(
		r, t,
		"link, addr, route, nexthop, rule, neigh, qdisc, sysctl, wgpeer, unit or fact");
}

static int put(struct reading *r, const struct anod_object *o, const struct lex_place *place)
{
	struct anod_object was;
	int k;

	/* The second round of links is there to find masters that come later. */
	if (!r->again && model_get(r->m, o, &was) == 0) {
		diag_add(r->diags, DIAG_ERROR, place, "this is there already; one line for each");
		return -EINVAL;
	}
	if (!r->again && r->links && snapshot_named(r->m, o->u.link.name)) {
		diag_add(r->diags, DIAG_ERROR, place, "there are two links of this name");
		return -EINVAL;
	}
	k = model_put(r->m, o);
	if (k < 0)
		diag_add(r->diags, DIAG_ERROR, place, "such an object cannot be: %s", strerror(-k));
	return k;
}

static int read_line(struct reading *r)
{
	struct anod_object o = { 0 };
	struct token t;
	int k;

	lex_next(&r->l, &t);
	if (t.type == TOKEN_NEWLINE)
		return 0;
	if (token_is(&t, "fact")) {
		k = r->links ? 0 : read_fact(r);
		skip_line(r);
		return k;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!token_is(&t, kinds[i].word))
			continue;
		if (r->links != (i == 0)) {
			skip_line(r);
			return 0;
		}
		k = kinds[i].read(r, &o);
		if (k == 0)
			k = put(r, &o, &t.place);
		skip_line(r);
		return k;
	}
	k = no_subject(r, &t);
	skip_line(r);
	return k;
}

static int pass(struct reading *r, const char *name, const char *text, size_t size)
{
	int result = 0;

	lex_init(&r->l, name, text, size);
	while (lex_peek(&r->l, 0)->type != TOKEN_END) {
		int k = read_line(r);

		if (k == -ENOMEM)
			return k;
		result = k < 0 ? k : result;
	}
	return result;
}

int snapshot_read(const char *name, const char *text, size_t size, struct model *m,
		  snapshot_fact_fn *fact, void *data, struct diag_list *diags)
{
	struct reading r = { .m = m, .diags = diags, .fact = fact, .data = data, .next_index = 1 };
	int k;

	for (uint32_t i = ANOD_OBJ_LINK; i < ANOD_OBJ_TYPES; i++)
		(void) model_sync(m, (enum anod_obj_type) i, ANOD_SYNC_BEGIN);
	r.links = true;
	k = pass(&r, name, text, size);
	if (k < 0)
		return k;
	r.again = true;
	r.next_index = 1;
	k = pass(&r, name, text, size);
	r.links = r.again = false;
	if (k == 0)
		k = pass(&r, name, text, size);
	for (uint32_t i = ANOD_OBJ_LINK; i < ANOD_OBJ_TYPES && k == 0; i++)
		(void) model_sync(m, (enum anod_obj_type) i, ANOD_SYNC_DONE);
	return k;
}
