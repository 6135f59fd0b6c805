/*
 * incident_join - which incident does a finding belong to?
 *
 * Design.  Pure questions about names and times; no graph and no learning, so that an operator
 * can say in one sentence why two findings stand together: the same entity, the same link, or
 * the same cause at the same time.
 */
#include <string.h>

#include "incident/incident_int.h"

static bool same_entity(const struct anod_finding *a, const struct anod_finding *b)
{
	return strcmp(a->kind, b->kind) == 0 && strcmp(a->entity, b->entity) == 0;
}

static bool same_finding(const struct incident_finding *a, const char *agent,
			 const struct anod_finding *b)
{
	return strcmp(a->agent, agent) == 0 && strcmp(a->f.code, b->code) == 0 &&
	       same_entity(&a->f, b);
}

/* The link that an entity belongs to: entities on a link are named DEV or DEV/... */
static size_t link_of(const struct anod_finding *f)
{
	static const char *const on_link[] = { "link", "path", "probe", "neigh", "addr", "module" };

	for (unsigned i = 0; i < ARRAY_SIZE(on_link); i++)
		if (strcmp(f->kind, on_link[i]) == 0)
			return strcspn(f->entity, "/");

	return 0;
}

static bool share_link(const struct anod_finding *a, const struct anod_finding *b)
{
	size_t n = link_of(a);

	return n > 0 && n == link_of(b) && memcmp(a->entity, b->entity, n) == 0;
}

static bool same_ref(const struct anod_ref *a, const struct anod_ref *b)
{
	return strcmp(a->kind, b->kind) == 0 && strcmp(a->entity, b->entity) == 0 &&
	       strcmp(a->attr, b->attr) == 0;
}

static bool share_evidence(const struct anod_finding *a, const struct anod_finding *b)
{
	for (uint32_t i = 0; i < a->n_refs; i++)
		for (uint32_t k = 0; k < b->n_refs; k++)
			if (same_ref(&a->ref[i], &b->ref[k]))
				return true;

	return false;
}

static bool belongs(const struct incident *i, const struct anod_finding *f, uint64_t now_us)
{
	for (unsigned k = 0; k < i->n_findings; k++) {
		const struct incident_finding *o = &i->finding[k];
		bool cause = strcmp(o->f.code, f->code) == 0 || share_evidence(&o->f, f);

		if (same_entity(&o->f, f) || share_link(&o->f, f) ||
		    (cause && now_us - o->opened_us <= INCIDENT_JOIN_US))
			return true;
	}
	return false;
}

/* Closed a short while ago, or open when the daemon ended. */
static bool may_reopen(const struct incident *i, uint64_t now_us, uint64_t wall_us)
{
	if (i->closed_us)
		return now_us - i->closed_us <= INCIDENT_REOPEN_US;

	return !i->closed_wall_us || wall_us < i->closed_wall_us + INCIDENT_REOPEN_US;
}

/* Open, or the same fault is probably not quite over. */
static bool is_recent(const struct incident *i, uint64_t now_us)
{
	return i->open || (i->closed_us && now_us - i->closed_us <= INCIDENT_JOIN_US);
}

static struct incident_finding *find_known(struct incident *i, const char *agent,
					   const struct anod_finding *f)
{
	for (unsigned k = 0; k < i->n_findings; k++)
		if (same_finding(&i->finding[k], agent, f))
			return &i->finding[k];

	return NULL;
}

struct incident *incident_choose(struct incidents *s, const char *agent,
				 const struct anod_finding *f, uint64_t now_us, uint64_t wall_us,
				 struct incident_finding **ret)
{
	for (unsigned k = s->n; k-- > 0;) {
		struct incident *i = s->list[k];

		*ret = find_known(i, agent, f);
		if (*ret && (i->open || may_reopen(i, now_us, wall_us)))
			return i;
	}
	*ret = NULL;
	for (unsigned k = s->n; k-- > 0;)
		if (is_recent(s->list[k], now_us) && belongs(s->list[k], f, now_us))
			return s->list[k];

	return NULL;
}
