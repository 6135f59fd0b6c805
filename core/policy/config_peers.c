/*
 * config_peers - neighbour routers and what they may have of us.
 *
 * Design.  A quorum of a peer that does not exist could never be reached, so that is an error; the
 * name of a grant is the neighbour's and is not looked for here.  Nothing is asked under a key that
 * cannot be used, so that is an error as well where somebody can look.
 */

#include <netinet/in.h> /* AF_INET6 */

#include "policy/parse.h"

#define GRANT_NAME_MAX 63 /* bytes, as the datagram has room for (txn/peer_msg.h) */

const struct config_peer *config_find_peer(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_peers; i++)
		if (strcmp(c->peer[i].name, name) == 0)
			return &c->peer[i];
	return NULL;
}

const struct config_grant *config_find_grant(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_grants; i++)
		if (strcmp(c->grant[i].name, name) == 0)
			return &c->grant[i];
	return NULL;
}

/* ---- peer ------------------------------------------------------------------------------------ */

static bool is_link_local(const struct anod_prefix *a)
{
	return a->family == AF_INET6 && a->addr[0] == 0xfe && (a->addr[1] & 0xc0) == 0x80;
}

static int parse_address(struct parse *p, const char *clause, struct anod_prefix *ret)
{
	struct token t = *parse_ahead(p);
	const struct anod_prefix *a = &t.value.u.prefix;

	if (t.type != TOKEN_VALUE || t.value.type != ANOD_PREFIX ||
	    a->len != (a->family == AF_INET6 ? 128 : 32))
		return parse_wants(p, clause, "an address such as 192.0.2.7 or 2001:db8::7");
	if (is_link_local(a))
		return parse_error(p, &t.place,
				   "'%s' wants an address that is routed; one of a link alone does "
				   "not say of which",
				   clause);
	lex_next(&p->lexer, &t);
	*ret = t.value.u.prefix;
	return 0;
}

static int parse_peer_key(struct parse *p, struct config_peer *e)
{
	int r;

	if (!parse_accept(p, "file"))
		return parse_wants(p, "key", "'file' and the path of the file that holds it");
	e->key_place = parse_ahead(p)->place;
	r = parse_string(p, "key file", &e->key_file);
	if (r == 0 && e->key_file[0] != '/')
		return parse_error(p, &e->key_place, "'key file' wants an absolute path");
	return r;
}

enum { PEER_ADDRESS, PEER_KEY, PEER_PORT, PEER_LOCAL };

static int peer_clause(struct parse *p, void *target, unsigned index)
{
	struct config_peer *e = target;
	int64_t n = 0;
	int r;

	switch (index) {
	case PEER_ADDRESS:
		return parse_address(p, "address", &e->address);
	case PEER_KEY:
		return parse_peer_key(p, e);
	case PEER_LOCAL:
		return parse_address(p, "local", &e->local);
	}
	r = parse_number(p, "port", 1, 65535, &n);
	e->port = (uint16_t) n;
	return r;
}

int parse_peer(struct parse *p, const struct lex_place *place)
{
	static const char *const words[] = { "address", "key", "port", "local", NULL };
	static const struct block b = { .what = "peer",
					.words = words,
					.clause = peer_clause,
					.noun = "an option",
					.required = 1 << PEER_ADDRESS | 1 << PEER_KEY };
	struct config_peer *e;
	char *name = NULL;
	int r;

	r = parse_word(p, "the name of the peer", &name);
	if (r < 0)
		return r;
	e = ARRAY_APPEND(p->config->peer, p->config->n_peers);
	if (!e) {
		free(name);
		return parse_no_memory(p);
	}
	e->name = name;
	e->place = *place;
	e->port = CONFIG_PEER_PORT;
	if (strlen(name) >= ANOD_NAME_SIZE)
		return parse_error(p, place, "the name of a peer has at most %d bytes",
				   ANOD_NAME_SIZE - 1);
	return parse_block(p, &b, e);
}

/* ---- grant ----------------------------------------------------------------------------------- */

static int grant_clause(struct parse *p, void *target, unsigned index)
{
	struct config_grant *g = target;
	int64_t n = 1;
	int r;

	switch (index) {
	case 0:
		return parse_expr(p, &g->when);
	case 1:
		return parse_word(p, "the name of a window", &g->during);
	case 2:
		return parse_word(p, "the name of a budget", &g->budget);
	}
	r = parse_expect(p, "most", "'most' and a number");
	if (r == 0)
		r = parse_number(p, "at most", 1, 1000, &n);
	g->at_most = (unsigned) n;
	return r;
}

int parse_grant(struct parse *p, const struct lex_place *place)
{
	static const char *const words[] = { "when", "during", "budget", "at", NULL };
	static const struct block b = {
		.what = "grant", .words = words, .clause = grant_clause, .noun = "a clause"
	};
	struct config_grant *g;
	char *name = NULL;
	int r;

	r = parse_name(p, "the name of the grant", &name);
	if (r < 0)
		return r;
	g = ARRAY_APPEND(p->config->grant, p->config->n_grants);
	if (!g) {
		free(name);
		return parse_no_memory(p);
	}
	g->name = name;
	g->place = *place;
	g->at_most = 1;
	if (!name[0] || strlen(name) > GRANT_NAME_MAX)
		return parse_error(p, place, "the name of a grant has 1 to %d bytes",
				   GRANT_NAME_MAX);
	return parse_block(p, &b, g);
}

void config_peers_done(struct config *c)
{
	for (unsigned i = 0; i < c->n_peers; i++) {
		free(c->peer[i].name);
		free(c->peer[i].key_file);
	}
	free(c->peer);
	for (unsigned i = 0; i < c->n_grants; i++) {
		free(c->grant[i].name);
		expr_free(c->grant[i].when);
		free(c->grant[i].during);
		free(c->grant[i].budget);
	}
	free(c->grant);
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* The same address, or the same key, for two of them: one could answer for the other. */
static void check_two(struct parse *p, const struct config_peer *a, const struct config_peer *b)
{
	if (a->key_file && b->key_file && strcmp(a->key_file, b->key_file) == 0)
		(void) parse_error(p, &b->key_place,
				   "'%s' has the same key as '%s', so each could answer for the "
				   "other; give every peer a key of its own",
				   b->name, a->name);
	if (a->address.family && a->port == b->port &&
	    memcmp(&a->address, &b->address, sizeof(a->address)) == 0)
		(void) parse_error(p, &b->place, "'%s' has the same address and port as '%s'",
				   b->name, a->name);
}

static void check_peer(struct parse *p, unsigned n)
{
	const struct config_peer *e = &p->config->peer[n];
	const struct config_env *env = p->env;
	char why[200];

	if (n == CONFIG_PEERS_MAX)
		(void) parse_error(p, &e->place, "there can be %d peers at most", CONFIG_PEERS_MAX);
	if (parse_is_broken(p, &e->place))
		return;
	for (unsigned i = 0; i < n; i++)
		if (!parse_is_broken(p, &p->config->peer[i].place))
			check_two(p, &p->config->peer[i], e);
	if (e->local.family && e->local.family != e->address.family)
		(void) parse_error(p, &e->place,
				   "'local' and 'address' of peer %s are not of the same family",
				   e->name);
	if (env->key_usable && env->key_usable(env->data, e->key_file, why, sizeof(why)) < 0)
		(void) parse_error(p, &e->key_place, "the key of peer %s cannot be used: %s: %s",
				   e->name, e->key_file, why);
}

void config_peers_check(struct parse *p)
{
	for (unsigned i = 0; i < p->config->n_peers; i++)
		check_peer(p, i);
}

static void unknown_peer(struct parse *p, const struct lex_place *place, const char *name)
{
	const char *names[CONFIG_PEERS_MAX + 1] = { 0 }, *near;

	for (unsigned i = 0; i < MIN_OF(p->config->n_peers, (unsigned) CONFIG_PEERS_MAX); i++)
		names[i] = p->config->peer[i].name;
	near = nearest_word(name, names);
	if (near)
		(void) parse_error(p, place, "there is no peer '%s'; did you mean '%s'?", name,
				   near);
	else
		(void) parse_error(p, place,
				   "there is no peer '%s'; write peer %s { address ...  key file "
				   "\"...\" }",
				   name, name);
}

void config_check_quorum(struct parse *p, const struct policy_rule *r)
{
	const struct policy_quorum *q = &r->quorum;

	if (!q->n)
		return;
	if (!q->grant[0] || strlen(q->grant) > GRANT_NAME_MAX)
		(void) parse_error(p, &r->place, "\"%s\": the name of a grant has 1 to %d bytes",
				   r->name, GRANT_NAME_MAX);
	for (unsigned i = 0; i < q->n_peers; i++) {
		const struct lex_place *place = parse_place_of(p, q->peer[i], &r->place);
		bool twice = false;

		for (unsigned k = 0; k < i && !twice; k++)
			twice = strcmp(q->peer[i], q->peer[k]) == 0;
		if (twice)
			(void) parse_error(p, place,
					   "peer '%s' is named twice; it can agree only once",
					   q->peer[i]);
		else if (!config_find_peer(p->config, q->peer[i]))
			unknown_peer(p, place, q->peer[i]);
	}
}

void config_check_grant(struct parse *p, struct scope *scope, struct config_grant *g)
{
	const struct policy *policy = p->config->policy;
	struct subjectless c = { .noun = "a grant", .why = "the change is another router's" };

	if (parse_is_broken(p, &g->place))
		return;
	if (g->during && !policy_find_window(policy, g->during))
		(void) parse_error(p, parse_place_of(p, g->during, &g->place),
				   "there is no window '%s'; write window %s = ... for it",
				   g->during, g->during);
	if (g->budget && !policy_find_budget(policy, g->budget))
		(void) parse_error(p, parse_place_of(p, g->budget, &g->place),
				   "there is no budget '%s'; write budget %s = N per DURATION for "
				   "it",
				   g->budget, g->budget);
	if (g->when && scope_check(scope, g->when, NULL, false) == 0)
		check_subjectless(p, g->when, &c);
}
