/*
 * index - which rules may name an agent and a kind of action.
 *
 * Design.  Agent names and action patterns do not change while a policy lives, so the rules that
 * may name a pair of them are listed and made flat (guard.h) when the policy is loaded, for each
 * agent and each kind there is; a pair that was not known then is added on first use.  A decision
 * finds its list by one look-up, however many rules there are.
 *
 * Pairs with the same rules share one list: rules for any agent and any action would otherwise be
 * flat as often as there are pairs.
 *
 * The room for judgements that keep no record (flip and suggest try hundreds) lies here too,
 * because whoever judges has the policy.
 */
#include <errno.h>
#include <string.h>

#include <uthash.h>

#include "policy/guard.h"

#define INDEX_PAIRS_MAX 4096 /* agents times kinds of actions */
#define INDEX_KEY_SIZE	(ANOD_NAME_SIZE + ANOD_KIND_SIZE)

struct index_pair {
	UT_hash_handle hh;
	struct rule_list *list;
	unsigned key_size;
	char key[INDEX_KEY_SIZE];
};

struct rule_index {
	struct index_pair *pairs;
	struct room room;
};

static struct rule_list *list_free(struct rule_list *list)
{
	if (list && list->users-- <= 1) {
		guards_free(list->guards);
		free(list);
	}
	return NULL;
}

void rule_index_free(struct rule_index *index)
{
	struct index_pair *pair, *next;

	if (!index)
		return;
	HASH_ITER(hh, index->pairs, pair, next)
	{
		HASH_DEL(index->pairs, pair);
		list_free(pair->list);
		free(pair);
	}
	room_done(&index->room);
	free(index);
}

static struct rule_index *index_of(struct policy *p)
{
	if (!p->index)
		p->index = calloc(1, sizeof(*p->index));
	return p->index;
}

struct room *rules_room(struct policy *p)
{
	struct rule_index *index = index_of(p);

	return index ? &index->room : NULL;
}

/* ---- lists ------------------------------------------------------------------------------ */

/* "route.replace", "route.*" */
static bool kind_matches(const char *pattern, const char *kind)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return strncmp(pattern, kind, n - 1) == 0;
	return strcmp(pattern, kind) == 0;
}

/* Whether the agent is in a set with a condition shows at each decision; here it may. */
static bool may_name_agent(const struct policy *p, const struct policy_rule *r, const char *agent)
{
	for (unsigned i = 0; i < r->n_agents; i++) {
		const struct policy_set *s;

		if (strcmp(r->agent[i], agent) == 0)
			return true;
		s = policy_find_set(p, r->agent[i]);
		if (s && s->where)
			return true;
		for (unsigned k = 0; s && k < s->n_names; k++)
			if (strcmp(s->member[k], agent) == 0)
				return true;
	}
	return r->n_agents == 0;
}

static bool names_kind(const struct policy_rule *r, const char *kind)
{
	for (unsigned i = 0; i < r->n_actions; i++)
		if (kind_matches(r->action[i], kind))
			return true;
	return r->n_actions == 0;
}

/* Those of 'of' that name the kind, not yet flat; NULL: no memory. */
static struct rule_list *make_list(const struct policy *p, const unsigned *of, unsigned n_of,
				   const char *kind)
{
	struct rule_list *list = malloc(sizeof(*list) + n_of * sizeof(list->at[0]));

	if (!list)
		return NULL;

	list->guards = NULL;
	list->users = 1;
	list->n = 0;
	for (unsigned i = 0; i < n_of; i++)
		if (names_kind(&p->rule[of[i]], kind))
			list->at[list->n++] = of[i];
	return list;
}

static unsigned *rules_of_agent(const struct policy *p, const char *agent, unsigned *ret_n)
{
	unsigned *of = malloc(MAX_OF(p->n_rules, 1u) * sizeof(*of));

	*ret_n = 0;
	for (unsigned i = 0; of && i < p->n_rules; i++)
		if (may_name_agent(p, &p->rule[i], agent))
			of[(*ret_n)++] = i;
	return of;
}

/* ---- pairs ------------------------------------------------------------------------------ */

static unsigned make_key(char key[INDEX_KEY_SIZE], const char *agent, const char *kind)
{
	size_t a = strnlen(agent, ANOD_NAME_SIZE - 1), k = strnlen(kind, ANOD_KIND_SIZE - 1);

	memcpy(key, agent, a);
	key[a] = ' ';
	memcpy(key + a + 1, kind, k);
	return (unsigned) (a + 1 + k);
}

static const struct rule_list *find_pair(const struct rule_index *index, const char *key,
					 unsigned size)
{
	struct index_pair *pair;

	HASH_FIND(hh, index->pairs, key, size, pair);
	return pair ? pair->list : NULL;
}

/* The same list, if another pair has it already; takes 'list'. */
static struct rule_list *share(const struct rule_index *index, struct rule_list *list)
{
	for (const struct index_pair *p = index->pairs; p; p = p->hh.next)
		if (p->list->n == list->n &&
		    memcmp(p->list->at, list->at, list->n * sizeof(list->at[0])) == 0) {
			list_free(list);
			p->list->users++;
			return p->list;
		}
	return list;
}

static const struct rule_list *add_pair(struct policy *p, const unsigned *of, unsigned n_of,
					const char *agent, const char *kind)
{
	struct rule_index *index = index_of(p);
	struct index_pair *pair;

	/* Names come from the configuration, kinds from manifests: the limit is not reached. */
	if (!index || HASH_COUNT(index->pairs) >= INDEX_PAIRS_MAX)
		return NULL;
	pair = calloc(1, sizeof(*pair));
	if (!pair)
		return NULL;
	pair->list = make_list(p, of, n_of, kind);
	if (pair->list)
		pair->list = share(index, pair->list);
	if (pair->list && !pair->list->guards)
		pair->list->guards = guards_make(p, pair->list->at, pair->list->n);
	if (!pair->list || !pair->list->guards) {
		list_free(pair->list);
		free(pair);
		return NULL;
	}
	pair->key_size = make_key(pair->key, agent, kind);
	HASH_ADD(hh, index->pairs, key, pair->key_size, pair);
	return pair->list;
}

const struct rule_list *rules_for(struct policy *p, const char *agent, const char *kind)
{
	char key[INDEX_KEY_SIZE];
	unsigned size = make_key(key, agent, kind), n;
	const struct rule_list *list = p->index ? find_pair(p->index, key, size) : NULL;
	_cleanup_(freep) unsigned *of = NULL;

	if (list)
		return list;
	of = rules_of_agent(p, agent, &n);
	return of ? add_pair(p, of, n, agent, kind) : NULL;
}

int rules_index(struct policy *p, const char *agent, const struct anod_action_desc *const *actions)
{
	_cleanup_(freep) unsigned *of = NULL;
	char key[INDEX_KEY_SIZE];
	unsigned n;

	of = rules_of_agent(p, agent, &n);
	if (!of || !index_of(p))
		return -ENOMEM;
	for (; *actions; actions++)
		if (!find_pair(p->index, key, make_key(key, agent, (*actions)->kind)) &&
		    !add_pair(p, of, n, agent, (*actions)->kind))
			return -ENOMEM;
	return 0;
}
