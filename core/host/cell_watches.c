/*
 * cell_watches - watches of agents: checked in the cell, checked again and kept in the host.
 *
 * Design.  The host evaluates the watches of all agents together (facts/watch.h), so that an
 * expression that ten agents watch is evaluated once.  What a cell sends is text from an enemy: it
 * is parsed within the limits of expressions, checked against the manifest, and an agent has at
 * most CELL_WATCHES_MAX of them.  What is refused is counted and logged; an honest cell has
 * refused it before.  Truths of a turn go to the cell in as few messages as they fit in, behind
 * the news of the facts that brought them about.
 *
 * 256 watches of thousands of links may have more to say in one turn than a channel holds.  A
 * watch that would overfill it falls behind: it says nothing until the cell has read, and then
 * everything anew.
 */
#include "host/cell_watches.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

#include "base/log.h"
#include "host/links.h"
#include "host/wire.h"

/* ---- both sides --------------------------------------------------------------------------- */

int watch_parse(const char *who, const struct schema *schema, const char *text, struct expr **ret)
{
	_cleanup_(expr_freep) struct expr *e = NULL;
	struct expr_scope scope = { .schema = schema };
	struct diag_list diags = { 0 };
	struct lexer l;
	int r;

	lex_init(&l, who ? who : "", text, strlen(text));
	r = expr_parse(&l, &diags, &e);
	if (r >= 0 && lex_peek(&l, 0)->type != TOKEN_END) {
		diag_add(&diags, DIAG_ERROR, &lex_peek(&l, 0)->place,
			 "unexpected text behind the expression");
		r = -EINVAL;
	}
	if (r >= 0)
		r = expr_check(e, &scope, true, &diags);
	for (unsigned i = 0; r < 0 && who && i < diags.n; i++) {
		char shown[256];

		if (diags.item[i].level != DIAG_ERROR)
			continue;
		(void) snprintf(shown, sizeof(shown), "watch '%s': column %u: %s", text,
				diags.item[i].place.column, diags.item[i].text);
		clean_text(shown);
		log_error("%s: %s", who, shown);
		break;
	}
	diag_done(&diags);
	if (r < 0)
		return r;

	*ret = TAKE(e);
	return 0;
}

struct allowed {
	const char *const *reads;
	char *what;
	size_t size;
	bool no;
};

static void allow(struct allowed *a, const char *kind, const char *attr)
{
	if (a->no || manifest_names(a->reads, kind, attr))
		return;
	a->no = true;
	(void) snprintf(a->what, a->size, "%s%s%s", kind, attr ? "." : "", attr ? attr : "");
}

static void allow_node(const struct expr *e, void *data)
{
	struct allowed *a = data;

	if (e->op == EXPR_FACT && e->kind_name && e->attr)
		allow(a, e->kind_name, e->attr);
	if (e->op != EXPR_COUNT || e->fn >= EXPR_FN_MIN || !e->kind_name)
		return;
	allow(a, e->kind_name, NULL);
	if (e->up) {
		allow(a, e->kind_name, "admin_up");
		allow(a, e->kind_name, "carrier");
	}
}

bool watch_allowed(const struct expr *e, const char *const *reads, char *ret_what, size_t size)
{
	struct allowed a = { .reads = reads, .what = ret_what, .size = size };

	expr_walk(e, allow_node, &a);
	return !a.no;
}

/* ---- the host ----------------------------------------------------------------------------- */

struct agent_watch {
	uint64_t theirs; /* the cell's number of it */
	uint64_t id;	 /* of watch_add() */
	unsigned agent;
	bool behind; /* it has missed truths */
	struct host *host;
	struct expr *expr; /* owned; its functions over time are bound */
	UT_hash_handle hh;
};

static void flush(struct host *h, unsigned number)
{
	struct cell_truths *m = h->agent[number - 1].truths;

	if (!m || m->n == 0)
		return;
	(void) cells_send(h, number, &m->head, offsetof(struct cell_truths, data) + m->n);
	m->n = 0;
}

static size_t queued(const struct agent *a)
{
	return a->cell.chan ? chan_queued(a->cell.chan) : 0;
}

/* That a subject went is said only once: what is left of the queue is for that. */
static bool went(const struct agent_watch *w, const char *entity, enum anod_tri truth)
{
	uint16_t kind = watch_subject_kind(w->expr);

	return truth == ANOD_DOUBT && kind && !store_find(w->host->store, kind, entity);
}

static bool put_off(struct agent_watch *w, const char *entity, enum anod_tri truth)
{
	struct agent *a = &w->host->agent[w->agent - 1];

	if ((!w->behind && queued(a) <= CELL_QUEUE_HIGH) || went(w, entity, truth))
		return false;
	if (w->behind)
		return true;
	w->behind = true;
	a->n_behind++;
	a->n_put_off++;
	return true;
}

static void on_truth(void *data, uint64_t id, const char *entity, enum anod_tri truth)
{
	struct agent_watch *w = data;
	struct cell_truths *m = w->host->agent[w->agent - 1].truths;
	struct cell_truth t = { .watch = w->theirs, .truth = (uint8_t) truth };
	size_t name = strnlen(entity, ANOD_NAME_SIZE - 1), size = sizeof(t) + name;

	(void) id;
	if (put_off(w, entity, truth))
		return;
	if (m->n + size > sizeof(m->data))
		flush(w->host, w->agent);
	t.name_size = (uint8_t) name;
	memcpy(m->data + m->n, &t, sizeof(t));
	memcpy(m->data + m->n + sizeof(t), entity, name);
	m->n += (uint32_t) size;
}

static void catch_up(struct host *h, struct agent *a)
{
	struct agent_watch *w, *next;

	HASH_ITER(hh, a->watches, w, next)
	{
		if (w->behind)
			(void) watch_again(h->watches, w->id);
		w->behind = false;
	}
	a->n_behind = 0;
}

bool cells_truths(struct host *h)
{
	bool again = false;

	for (unsigned n = 1; n <= h->n_agents; n++) {
		struct agent *a = &h->agent[n - 1];

		flush(h, n);
		if (a->n_behind == 0 || queued(a) > CELL_QUEUE_LOW)
			continue;
		catch_up(h, a);
		again = true;
	}
	return again;
}

static void drop(struct host *h, struct agent *a, struct agent_watch *w)
{
	(void) watch_remove(h->watches, w->id);
	stats_unbind(h->stats, w->expr);
	a->n_behind -= w->behind;
	HASH_DEL(a->watches, w);
	expr_free(w->expr);
	free(w);
}

static struct agent_watch *find(const struct agent *a, uint64_t theirs)
{
	struct agent_watch *w;

	HASH_FIND(hh, a->watches, &theirs, sizeof(theirs), w);
	return w;
}

/* Takes ownership of 'e' when it succeeds. */
static int add(struct host *h, unsigned number, uint64_t theirs, struct expr *e,
	       const char **ret_why)
{
	struct agent *a = &h->agent[number - 1];
	struct agent_watch *w;
	int r;

	if (!a->truths)
		a->truths = calloc(1, sizeof(*a->truths));
	w = calloc(1, sizeof(*w));
	if (!w || !a->truths) {
		free(w);
		return -ENOMEM;
	}
	a->truths->head.type = CELL_TRUTHS;
	a->truths->agent = CELL_AGENT_NUMBER;
	*w = (struct agent_watch){ .theirs = theirs, .agent = number, .host = h };

	r = stats_bind_agent(h->stats, e, ret_why);
	if (r < 0) {
		free(w);
		return r;
	}
	r = watch_add(h->watches, e, on_truth, w, &w->id);
	if (r < 0) {
		stats_unbind(h->stats, e);
		free(w);
		return r;
	}
	w->expr = e;
	HASH_ADD(hh, a->watches, theirs, sizeof(w->theirs), w);
	return 0;
}

static int refused(const struct host *h, struct agent *a, const char *what, const char *why)
{
	a->n_refused++;
	if (agent_may_log(h, a))
		log_warning("%s: a watch is refused: %s%s%s", a->name, what, why[0] ? ": " : "",
			    why);
	return 0;
}

int cells_watch(struct host *h, unsigned number, const struct cell_watch *m)
{
	struct agent *a = &h->agent[number - 1];
	_cleanup_(expr_freep) struct expr *e = NULL;
	char what[2 * ANOD_KIND_SIZE + ANOD_NAME_SIZE];
	const char *why = "";
	int r;

	if (m->agent != CELL_AGENT_NUMBER || m->text_size == 0 || m->text_size > CELL_WATCH_MAX ||
	    m->head.size != offsetof(struct cell_watch, text) + m->text_size ||
	    strnlen(m->text, m->text_size) != m->text_size - 1 || find(a, m->head.id))
		return -EPROTO;
	if (HASH_COUNT(a->watches) >= CELL_WATCHES_MAX)
		return refused(h, a, "it has too many", "");
	if (watch_parse(NULL, h->schema, m->text, &e) < 0)
		return refused(h, a, "it does not parse", "");
	if (!watch_allowed(e, a->plugin->desc->reads, what, sizeof(what))) {
		clean_text(what);
		return refused(h, a, what, "not in its manifest");
	}

	r = add(h, number, m->head.id, e, &why);
	if (r < 0)
		return refused(h, a, strerror(-r), why);
	(void) TAKE(e);
	return 0;
}

int cells_unwatch(struct host *h, unsigned number, const struct cell_note *m)
{
	struct agent *a = &h->agent[number - 1];
	struct agent_watch *w = find(a, m->head.id);

	if (m->agent != CELL_AGENT_NUMBER)
		return -EPROTO;
	if (w) /* else it was refused */
		drop(h, a, w);
	return 0;
}

void cells_unwatch_all(struct host *h, unsigned number)
{
	struct agent *a = &h->agent[number - 1];
	struct agent_watch *w, *next;

	HASH_ITER(hh, a->watches, w, next)
	drop(h, a, w);
	free(a->truths);
	a->truths = NULL;
}
