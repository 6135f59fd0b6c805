/*
 * config_people - who may approve: groups, keys, and whether enough of them can be reached.
 *
 * Design.  A group names users of the system.  Who has a key there has it wherever he is named:
 * a signature says who gave it, not as a member of which group.  A rule that asks for more people
 * than there are could never be signed, so that is an error; a user that the system does not know
 * is a warning, because he may be made later.
 */
#include "policy/approval.h"
#include "policy/parse.h"

/* ---- group ----------------------------------------------------------------------------------- */

/* "USER [key file "PATH"]" */
static int parse_member(struct parse *p, const char *what, void *data)
{
	struct config_group *g = data;
	struct lex_place place;
	char *name = NULL, **key, **user;
	unsigned n_keys = g->n_users;
	int r;

	if (g->n_users == NAMES_MAX)
		return parse_error(p, &parse_ahead(p)->place, "a list has at most %d names",
				   NAMES_MAX);
	r = parse_name(p, what, &name);
	if (r < 0)
		return r;
	key = ARRAY_APPEND(g->key_file, n_keys);
	user = key ? ARRAY_APPEND(g->user, g->n_users) : NULL;
	if (!user) {
		free(name);
		return parse_no_memory(p);
	}
	*user = name;
	if (!parse_accept(p, "key"))
		return 0;
	if (!parse_accept(p, "file"))
		return parse_wants(p, "key", "'file' and the path of the file that holds it");
	place = parse_ahead(p)->place;
	r = parse_string(p, "key file", key);
	if (r == 0 && (*key)[0] != '/')
		return parse_error(p, &place, "'key file' wants an absolute path");
	return r;
}

int parse_group(struct parse *p, const struct lex_place *place)
{
	struct lex_place brace;
	struct config_group *g;
	char *name = NULL;
	int r;

	r = parse_word(p, "the name of the group", &name);
	if (r < 0)
		return r;
	g = ARRAY_APPEND(p->config->group, p->config->n_groups);
	if (!g) {
		free(name);
		return parse_no_memory(p);
	}
	g->name = name;
	g->place = *place;
	if (!parse_is(p, "{"))
		return parse_expected(p, "'{' and the names of users");
	brace = parse_ahead(p)->place;
	r = parse_braced(p, "the name of a user", parse_member, g);
	if (r == 0 && g->n_users == 0)
		return parse_error(p, &brace, "the list is empty; name at least one");
	return r;
}

void config_group_done(struct config_group *g)
{
	for (unsigned i = 0; i < g->n_users; i++) {
		free(g->user[i]);
		free(g->key_file[i]);
	}
	free(g->user);
	free(g->key_file);
	free(g->name);
}

/* ---- asking ------------------------------------------------------------------------------------ */

static const struct config_group *find_group(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_groups; i++)
		if (strcmp(c->group[i].name, name) == 0)
			return &c->group[i];
	return NULL;
}

bool config_in_groups(const struct config *c, char *const *group, unsigned n_groups,
		      const char *user)
{
	for (unsigned i = 0; i < n_groups; i++) {
		const struct config_group *g = find_group(c, group[i]);

		for (unsigned k = 0; g && k < g->n_users; k++)
			if (strcmp(g->user[k], user) == 0)
				return true;
	}
	return false;
}

const char *config_key_file(const struct config *c, const char *user)
{
	for (unsigned i = 0; i < c->n_groups; i++)
		for (unsigned k = 0; k < c->group[i].n_users; k++)
			if (c->group[i].key_file[k] && strcmp(c->group[i].user[k], user) == 0)
				return c->group[i].key_file[k];
	return NULL;
}

/* ---- checks ------------------------------------------------------------------------------------ */

/* How many different people the groups have, and how many of them the system knows. */
static unsigned count_people(const struct parse *p, char *const *group, unsigned n_groups,
			     unsigned *ret_known)
{
	const struct config_env *env = p->env;
	unsigned n = 0;

	*ret_known = 0;
	for (unsigned i = 0; i < n_groups; i++) {
		const struct config_group *g = find_group(p->config, group[i]);

		for (unsigned u = 0; u < g->n_users; u++) {
			const char *user = g->user[u];
			bool seen = config_in_groups(p->config, group, i, user);

			for (unsigned v = 0; v < u && !seen; v++)
				seen = strcmp(g->user[v], user) == 0;
			n += !seen;
			*ret_known +=
				!seen && (!env->user_exists || env->user_exists(env->data, user));
		}
	}
	return n;
}

/* All of them are there and could be parsed. */
static bool groups_known(struct parse *p, const struct lex_place *place, char *const *group,
			 unsigned n_groups)
{
	const char **names = calloc(p->config->n_groups + 1, sizeof(*names));
	bool known = true;

	for (unsigned i = 0; names && i < p->config->n_groups; i++)
		names[i] = p->config->group[i].name;
	for (unsigned i = 0; i < n_groups; i++) {
		const struct config_group *g = find_group(p->config, group[i]);
		const struct lex_place *at = parse_place_of(p, group[i], place);
		const char *near = !g && names ? nearest_word(group[i], names) : NULL;

		if (near)
			(void) parse_error(p, at, "there is no group '%s'; did you mean '%s'?",
					   group[i], near);
		else if (!g)
			(void) parse_error(p, at,
					   "there is no group '%s'; write group NAME { USER, ... } "
					   "for it",
					   group[i]);
		known &= g && !parse_is_broken(p, &g->place);
	}
	free(names);
	return known;
}

void check_people(struct parse *p, const struct lex_place *place, const char *name, unsigned need,
		  char *const *group, unsigned n_groups)
{
	unsigned people, known;

	if (n_groups == 0 || !groups_known(p, place, group, n_groups))
		return;

	people = count_people(p, group, n_groups, &known);
	if (people < need)
		(void) parse_error(p, place,
				   "\"%s\": %u must approve, but there are only %u of %s%s; name "
				   "more people or ask for fewer",
				   name, need, people, group[0],
				   n_groups > 1 ? " and the other groups" : "");
	else if (known < need)
		parse_warning(p, place,
			      "\"%s\": %u must approve, but this system knows only %u of them",
			      name, need, known);
}

struct member { /* one entry of a group */
	const struct config_group *group;
	unsigned at;
};

/* The same person with two keys, or one key for two people: nobody could tell who signed.  False: it
 * was reported. */
static bool check_two(struct parse *p, struct member a, struct member b)
{
	const char *user = a.group->user[a.at], *other = b.group->user[b.at];
	const char *key = a.group->key_file[a.at], *other_key = b.group->key_file[b.at];
	const struct lex_place *place = parse_place_of(p, other, &b.group->place);
	bool same_user;

	if (!key || !other_key)
		return true;
	same_user = strcmp(user, other) == 0;
	if (same_user == (strcmp(key, other_key) == 0))
		return true;
	if (same_user)
		(void) parse_error(p, place,
				   "'%s' has another key in group %s; one person has one key",
				   other, a.group->name);
	else
		(void) parse_error(p, place,
				   "'%s' has the same key as '%s', so each could sign for the "
				   "other; give everybody a key of his own",
				   other, user);
	return false;
}

static bool earlier(const struct parse *p, unsigned group, unsigned at, const char *user)
{
	for (unsigned i = 0; i <= group; i++)
		for (unsigned k = 0; k < (i == group ? at : p->config->group[i].n_users); k++)
			if (strcmp(p->config->group[i].user[k], user) == 0)
				return true;
	return false;
}

static void check_member(struct parse *p, unsigned group, unsigned at)
{
	const struct config_group *g = &p->config->group[group];
	const struct config_env *env = p->env;
	bool good = true;

	for (unsigned i = 0; g->key_file[at] && good && i <= group; i++) {
		const struct config_group *o = &p->config->group[i];

		for (unsigned k = 0; good && k < (i == group ? at : o->n_users); k++)
			good = check_two(p, (struct member){ o, k }, (struct member){ g, at });
	}
	if (env->user_exists && !env->user_exists(env->data, g->user[at]) &&
	    !earlier(p, group, at, g->user[at]))
		parse_warning(p, parse_place_of(p, g->user[at], &g->place),
			      "group %s: this system has no user '%s', so nobody can sign by that "
			      "name",
			      g->name, g->user[at]);
}

void config_people_check(struct parse *p)
{
	for (unsigned i = 0; i < p->config->n_groups; i++)
		for (unsigned k = 0; k < p->config->group[i].n_users; k++)
			check_member(p, i, k);
}
