/*
 * config_blocks - link, endpoint and anod.
 *
 * Design.  Blocks with a fixed list of words; those that a plugin's manifest describes are in
 * config_options.c.  A key is only named here: its file is read, and its mode looked at, by the
 * process that uses it.
 */
#include "policy/parse.h"

#define ENDPOINT_TIMEOUT_US (10 * UINT64_C(1000000))
#define HANDOVER_MAX_US	    (3600 * UINT64_C(1000000)) /* GUARD_HANDOVER_MAX_US */
#define OBSERVE_MIN	    0.001		       /* of one core */
#define OBSERVE_MAX	    1.0

/* ---- link ------------------------------------------------------------------------------------ */

static int parse_capacity(struct parse *p, uint64_t *ret_bps)
{
	struct token t = *parse_ahead(p);

	if (t.type != TOKEN_VALUE || t.value.type != ANOD_INT || t.value.unit != ANOD_UNIT_BPS ||
	    t.value.u.i <= 0)
		return parse_wants(p, "capacity", "a bit rate such as 400Mbps");
	lex_next(&p->lexer, &t);
	*ret_bps = (uint64_t) t.value.u.i;
	return 0;
}

static int link_clause(struct parse *p, void *target, unsigned index)
{
	struct config_link *l = target;

	switch (index) {
	case 0:
		return parse_word(p, "a role such as uplink", &l->role);
	case 1:
		return parse_capacity(p, &l->capacity_bps);
	}
	return parse_names(p, "the name of a risk group", &l->srlg, &l->n_srlgs);
}

int parse_link(struct parse *p, const struct lex_place *place)
{
	static const char *const words[] = { "role", "capacity", "srlg", NULL };
	static const struct block b = {
		.what = "link", .words = words, .clause = link_clause, .noun = "an option"
	};
	char *name = NULL;
	struct config_link *l;
	int r;

	r = parse_name(p, "the name of an interface", &name);
	if (r < 0)
		return r;
	l = ARRAY_APPEND(p->config->link, p->config->n_links);
	if (!l) {
		free(name);
		return parse_no_memory(p);
	}
	l->name = name;
	l->place = *place;
	if (strlen(name) >= ANOD_IFNAME_SIZE)
		return parse_error(p, place, "'%s' is no interface: names have at most %d bytes",
				   name, ANOD_IFNAME_SIZE - 1);
	return parse_block(p, &b, l);
}

/* ---- endpoint -------------------------------------------------------------------------------- */

enum {
	EP_PROVIDER,
	EP_URL,
	EP_MODEL,
	EP_TIER,
	EP_TIMEOUT,
	EP_KEY,
	EP_BUDGET,
	EP_GRAMMAR,
	EP_PRIORITY
};

static int parse_url(struct parse *p, struct config_endpoint *e)
{
	struct lex_place place = parse_ahead(p)->place;
	int r;

	r = parse_string(p, "url", &e->url);
	if (r == 0 && strncmp(e->url, "http://", 7) != 0 && strncmp(e->url, "https://", 8) != 0)
		return parse_error(p, &place,
				   "'url' wants one that begins with http:// or https://");
	return r;
}

/* "file "PATH"": a key itself has no place in a configuration. */
static int parse_key(struct parse *p, struct config_endpoint *e)
{
	struct lex_place place;
	int r;

	if (!parse_accept(p, "file"))
		return parse_wants(p, "key", "'file' and the path of the file that holds it");
	place = parse_ahead(p)->place;
	r = parse_string(p, "key file", &e->key_file);
	if (r == 0 && e->key_file[0] != '/')
		return parse_error(p, &place, "'key file' wants an absolute path");
	return r;
}

/* "N tokens per DUR" */
static int parse_tokens(struct parse *p, struct config_endpoint *e)
{
	int64_t n;
	int r;

	r = parse_number(p, "budget", 1, INT64_MAX, &n);
	if (r == 0)
		r = parse_expect(p, "tokens", "'tokens'");
	if (r == 0)
		r = parse_expect(p, "per", "'per' and a duration");
	if (r == 0)
		r = parse_duration(p, "per", &e->budget_per_us);
	if (r == 0)
		e->budget_tokens = (uint64_t) n;
	return r;
}

static int endpoint_clause(struct parse *p, void *target, unsigned index)
{
	static const char *const tiers[] = { "small", "large", NULL };
	static const char *const switches[] = { "off", "on", NULL };
	struct config_endpoint *e = target;
	unsigned tier = 0;
	int64_t n = 0;
	int r;

	switch (index) {
	case EP_PROVIDER:
		return parse_word(p, "the name of a provider", &e->provider);
	case EP_URL:
		return parse_url(p, e);
	case EP_MODEL:
		return parse_string(p, "model", &e->model);
	case EP_TIER:
		r = parse_choice(p, "tier", tiers, &tier);
		e->large = tier == 1;
		return r;
	case EP_TIMEOUT:
		return parse_duration(p, "timeout", &e->timeout_us);
	case EP_KEY:
		return parse_key(p, e);
	case EP_BUDGET:
		return parse_tokens(p, e);
	case EP_GRAMMAR:
		r = parse_choice(p, "grammar", switches, &tier);
		e->grammar = tier == 1;
		return r;
	}
	r = parse_number(p, "priority", -1000, 1000, &n);
	e->priority = (int) n;
	return r;
}

int parse_endpoint(struct parse *p, const struct lex_place *place)
{
	static const char *const words[] = { "provider", "url",	   "model",   "tier",	  "timeout",
					     "key",	 "budget", "grammar", "priority", NULL };
	static const struct block b = { .what = "endpoint",
					.words = words,
					.clause = endpoint_clause,
					.noun = "an option",
					.required =
						1 << EP_PROVIDER | 1 << EP_URL | 1 << EP_MODEL };
	struct config_endpoint *e;
	char *name = NULL;
	int r;

	r = parse_word(p, "the name of the endpoint", &name);
	if (r < 0)
		return r;
	e = ARRAY_APPEND(p->config->endpoint, p->config->n_endpoints);
	if (!e) {
		free(name);
		return parse_no_memory(p);
	}
	e->name = name;
	e->place = *place;
	e->timeout_us = ENDPOINT_TIMEOUT_US;
	return parse_block(p, &b, e);
}

/* ---- anod ------------------------------------------------------------------------------------ */

static const char *const anod_words[] = { "state",    "run",  "plugins", "group",
					  "handover", "safe", "observe", NULL };
#define ANOD_SAFE    5
#define ANOD_OBSERVE 6

static int handover_clause(struct parse *p, struct config *c, const struct lex_place *place)
{
	int r;

	if (c->handover_set)
		return parse_error(p, place, "'handover' is set in another block already");
	c->handover_set = true;
	if (parse_accept(p, "off"))
		return 0;
	r = parse_duration(p, "handover", &c->handover_us);
	if (r == 0 && c->handover_us > HANDOVER_MAX_US)
		return parse_error(p, place, "'handover' may be 1h at most");
	return r;
}

/* "observe 1%": what all sensors together may take of one core. */
static int observe_clause(struct parse *p, struct config *c, const struct lex_place *place)
{
	struct token t = *parse_ahead(p);

	if (c->observe > 0)
		return parse_error(p, place, "'observe' is set in another block already");
	if (t.type != TOKEN_VALUE || t.value.type != ANOD_REAL || t.value.unit != ANOD_UNIT_RATIO)
		return parse_wants(p, "observe", "a share of one core such as 1%");
	if (t.value.u.r < OBSERVE_MIN || t.value.u.r > OBSERVE_MAX)
		return parse_error(p, &t.place, "'observe' wants 0.1%% to 100%% of one core");
	lex_next(&p->lexer, &t);
	c->observe = t.value.u.r;
	return 0;
}

static int anod_clause(struct parse *p, void *target, unsigned index)
{
	struct config *c = target;
	char **text[] = { &c->state_dir, &c->run_dir, &c->plugin_dir, &c->unix_group };
	struct lex_place place = parse_ahead(p)->place;
	int r;

	if (index == ANOD_OBSERVE)
		return observe_clause(p, c, &place);
	if (index == ANOD_SAFE)
		return parse_quoted_actions(p, CONFIG_SAFE_MAX, &c->safe, &c->n_safe);
	if (index == ARRAY_SIZE(text))
		return handover_clause(p, c, &place);
	if (*text[index])
		return parse_error(p, &place, "'%s' is set in another block already",
				   anod_words[index]);
	/* The manifests are what a configuration is checked against, so they are loaded first. */
	if (text[index] == &c->plugin_dir)
		parse_warning(p, &place,
			      "'plugins' has no effect here; start anod with "
			      "--plugins \"DIR\"");
	r = parse_string(p, anod_words[index], text[index]);
	if (r == 0 && index < 3 && (*text[index])[0] != '/')
		return parse_error(p, &place, "'%s' wants an absolute path", anod_words[index]);
	return r;
}

int parse_anod(struct parse *p, const struct lex_place *place)
{
	static const struct block b = {
		.what = "anod", .words = anod_words, .clause = anod_clause, .noun = "an option"
	};

	(void) place;
	return parse_block(p, &b, p->config);
}
