/*
 * policy_parse - the one-line statements of a policy: policy, set, window, budget.
 *
 * Design.  Each appends to the policy before it reads the rest, so that the name is known even
 * when the rest is wrong; names are resolved by policy_check.c.
 */
#include "policy/objective_plan.h"
#include "policy/parse.h"

/* "NAME =" behind set, window and budget. */
static int parse_name_is(struct parse *p, const char *what, char **ret_name)
{
	struct lex_place place = parse_ahead(p)->place;
	int r;

	r = parse_word(p, what, ret_name);
	if (r < 0)
		return r;
	if (strchr(*ret_name, '.'))
		return parse_error(p, &place, "a name of this kind has no '.'");
	return parse_expect(p, "=", "'='");
}

int parse_policy_line(struct parse *p, const struct lex_place *place)
{
	struct policy *policy = p->config->policy;
	int64_t revision = 0;
	int r;

	if (p->has_policy)
		return parse_error(p, place, "a second policy line; the first is in %s:%u",
				   p->policy_place.file, p->policy_place.line);
	p->has_policy = true;
	p->policy_place = *place;
	r = parse_name(p, "the name of the policy", &policy->name);
	if (r < 0)
		return r;
	if (!parse_accept(p, "revision"))
		return parse_at_end(p) ? 0 : parse_expected(p, "'revision'");
	r = parse_number(p, "revision", 0, INT64_MAX, &revision);
	policy->revision = (uint64_t) revision;
	return r;
}

/* ---- sets ----------------------------------------------------------------------------------- */

static int parse_prefix_value(struct parse *p, struct anod_prefix *ret)
{
	struct token t = *parse_ahead(p);

	if (t.type != TOKEN_VALUE || t.value.type != ANOD_PREFIX)
		return parse_expected(p, "an address or a prefix such as 192.0.2.0/24");
	lex_next(&p->lexer, &t);
	*ret = t.value.u.prefix;
	return 0;
}

static int parse_prefix_item(struct parse *p, const char *what, void *data)
{
	struct policy_set *s = data;
	struct anod_prefix prefix, *slot;
	int r;

	(void) what;
	r = parse_prefix_value(p, &prefix);
	if (r < 0)
		return r;
	slot = ARRAY_APPEND(s->prefix, s->n_prefixes);
	if (!slot)
		return parse_no_memory(p);
	*slot = prefix;
	return 0;
}

/* "ssh" or "tcp/8080" */
static int parse_service(struct parse *p, char **ret)
{
	_cleanup_(freep) char *word = NULL;
	int64_t port;
	int r = parse_word(p, "a service such as ssh, tcp/8080, icmp or any", &word);

	if (r < 0 || !parse_accept(p, "/")) {
		*ret = TAKE(word);
		return r;
	}
	r = parse_number(p, "->", 1, UINT16_MAX, &port);
	if (r < 0)
		return r;
	return asprintf(ret, "%s/%d", word, (int) port) < 0 ? parse_no_memory(p) : 0;
}

static int parse_flow_item(struct parse *p, const char *what, void *data)
{
	_cleanup_(freep) char *service = NULL;
	struct policy_flow flow = { 0 }, *slot;
	struct policy_set *s = data;
	struct lex_place place;
	const char *proto;
	uint16_t port;
	int r;

	(void) what;
	r = parse_prefix_value(p, &flow.dst);
	if (r < 0)
		return r;
	r = parse_expect(p, "->", "'->' and a service such as ssh");
	if (r < 0)
		return r;
	place = parse_ahead(p)->place;
	r = parse_service(p, &service);
	if (r < 0)
		return r;
	if (!copy_text(flow.service, sizeof(flow.service), service))
		return parse_error(p, &place, "the name of a service has at most %zu bytes",
				   sizeof(flow.service) - 1);
	if (!flow_service(service, &proto, &port))
		return parse_unknown_service(p, &place, service);

	slot = ARRAY_APPEND(s->flow, s->n_flows);
	if (!slot)
		return parse_no_memory(p);
	*slot = flow;
	return 0;
}

static int parse_set_body(struct parse *p, struct policy_set *s)
{
	struct lex_place place;
	int r;

	r = parse_word(p, "a kind such as link, prefix, flow or agent", &s->kind_name);
	if (r < 0)
		return r;
	s->kind = strcmp(s->kind_name, "link") == 0	? SET_LINK
		  : strcmp(s->kind_name, "prefix") == 0 ? SET_PREFIX
		  : strcmp(s->kind_name, "agent") == 0	? SET_AGENT
		  : strcmp(s->kind_name, "flow") == 0	? SET_FLOW
							: SET_OTHER;

	place = parse_ahead(p)->place;
	if (parse_accept(p, "where")) {
		if (s->kind != SET_LINK && s->kind != SET_OTHER)
			return parse_error(p, &place,
					   "a set of kind '%s' has no 'where'; list its members",
					   s->kind_name);
		return parse_expr(p, &s->where);
	}
	if (!parse_is(p, "{"))
		return parse_expected(p, "'where' or '{'");

	if (s->kind == SET_PREFIX)
		r = parse_braced(p, "", parse_prefix_item, s);
	else if (s->kind == SET_FLOW)
		r = parse_braced(p, "", parse_flow_item, s);
	else
		return parse_names(p, "a name", &s->member, &s->n_names);
	if (r == 0 && s->n_prefixes + s->n_flows == 0)
		return parse_error(p, &place, "the list is empty; name at least one");
	return r;
}

int parse_set(struct parse *p, const struct lex_place *place)
{
	char *name = NULL;
	struct policy_set *s;
	int r;

	r = parse_name_is(p, "the name of the set", &name);
	if (!name)
		return r;
	s = ARRAY_APPEND(p->config->policy->set, p->config->policy->n_sets);
	if (!s) {
		free(name);
		return parse_no_memory(p);
	}
	s->name = name;
	s->place = *place;
	s->kind = SET_OTHER;
	return r < 0 ? r : parse_set_body(p, s);
}

/* ---- windows -------------------------------------------------------------------------------- */

static int parse_clock_time(struct parse *p, uint32_t *ret_s)
{
	struct token t = *parse_ahead(p);

	if (t.type != TOKEN_TIME)
		return parse_expected(p, "a time such as 01:00");
	lex_next(&p->lexer, &t);
	*ret_s = (uint32_t) (t.value.u.i / 1000000);
	return 0;
}

static int parse_moment(struct parse *p, int64_t *ret_s)
{
	struct token t = *parse_ahead(p);
	uint32_t time_s = 0;
	int r;

	if (t.type != TOKEN_DATE)
		return parse_expected(p, "'daily' or a date such as 2026-12-20");
	lex_next(&p->lexer, &t);
	r = parse_clock_time(p, &time_s);
	if (r < 0)
		return r;
	*ret_s = t.value.u.i * 86400 + time_s;
	return 0;
}

static int parse_daily(struct parse *p, struct policy_window *w)
{
	struct lex_place place = parse_ahead(p)->place;
	int r;

	w->daily = true;
	r = parse_clock_time(p, &w->from_s);
	if (r < 0)
		return r;
	r = parse_expect(p, "..", "'..'");
	if (r < 0)
		return r;
	r = parse_clock_time(p, &w->to_s);
	if (r == 0 && w->from_s == w->to_s)
		return parse_error(p, &place, "the window is empty: it ends when it begins");
	return r;
}

static int parse_dates(struct parse *p, struct policy_window *w)
{
	struct lex_place place = parse_ahead(p)->place;
	int r;

	r = parse_moment(p, &w->from_wall_s);
	if (r < 0)
		return r;
	r = parse_expect(p, "..", "'..'");
	if (r < 0)
		return r;
	r = parse_moment(p, &w->to_wall_s);
	if (r == 0 && w->to_wall_s == w->from_wall_s)
		return parse_error(p, &place, "the window is empty: it ends when it begins");
	if (r == 0 && w->to_wall_s < w->from_wall_s)
		return parse_error(p, &place, "the window ends before it begins; swap the dates");
	return r;
}

static int parse_zone(struct parse *p, struct policy_window *w)
{
	struct lex_place place;
	const char *near;
	int r;

	if (!parse_accept(p, "tz")) {
		w->zone = strdup("UTC");
		return w->zone ? 0 : parse_no_memory(p);
	}

	place = parse_ahead(p)->place;
	r = parse_name(p, "a time zone such as \"Europe/Kyiv\"", &w->zone);
	if (r < 0 || zone_is_plausible(w->zone, &near))
		return r;
	if (near)
		return parse_error(p, &place, "'%s' is no time zone; did you mean '%s/...'?",
				   w->zone, near);
	return parse_error(p, &place,
			   "'%s' is no time zone; write UTC or one such as \"Europe/Kyiv\"",
			   w->zone);
}

int parse_window(struct parse *p, const struct lex_place *place)
{
	char *name = NULL;
	struct policy_window *w;
	int r;

	r = parse_name_is(p, "the name of the window", &name);
	if (!name)
		return r;
	w = ARRAY_APPEND(p->config->policy->window, p->config->policy->n_windows);
	if (!w) {
		free(name);
		return parse_no_memory(p);
	}
	w->name = name;
	w->place = *place;
	if (r == 0)
		r = parse_accept(p, "daily") ? parse_daily(p, w) : parse_dates(p, w);
	return r < 0 ? r : parse_zone(p, w);
}

/* The areas of the IANA database; whether the machine has the very zone is seen at use. */
bool zone_is_plausible(const char *zone, const char **ret_near)
{
	static const char *const areas[] = { "Africa", "America",  "Antarctica", "Arctic",
					     "Asia",   "Atlantic", "Australia",	 "Europe",
					     "Indian", "Pacific",  "Etc",	 NULL };
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+-/";
	_cleanup_(freep) char *area = strndup(zone, strcspn(zone, "/"));
	size_t n = strlen(zone);

	*ret_near = NULL;
	if (strcmp(zone, "UTC") == 0)
		return true;
	if (!area)
		return false;
	*ret_near = nearest_word(area, areas);
	if (zone[strspn(zone, letters)] != '\0' || strstr(zone, "//") || zone[n - 1] == '/' ||
	    !zone[strlen(area)])
		return false;
	return *ret_near && strcmp(*ret_near, area) == 0;
}

/* ---- budgets -------------------------------------------------------------------------------- */

/* "N per DUR" */
static int parse_allowance(struct parse *p, unsigned *ret_count, uint64_t *ret_us)
{
	int64_t n;
	int r;

	if (parse_ahead(p)->type == TOKEN_VALUE && parse_ahead(p)->value.type == ANOD_INT &&
	    parse_ahead(p)->value.u.i == 0)
		return parse_error(p, &parse_ahead(p)->place,
				   "a budget of 0 allows nothing; use forbid for that");
	r = parse_number(p, "budget", 1, 1000000, &n);
	if (r < 0)
		return r;
	r = parse_expect(p, "per", "'per'");
	if (r < 0)
		return r;
	*ret_count = (unsigned) n;
	return parse_duration(p, "per", ret_us);
}

static int parse_budget_body(struct parse *p, struct policy_budget *b)
{
	static const char *const per[] = { "resource", "link", "agent", NULL };
	struct lex_place place;
	unsigned index;
	int r;

	r = parse_allowance(p, &b->count, &b->window_us);
	if (r < 0)
		return r;
	place = parse_ahead(p)->place;
	if (parse_accept(p, "shared")) {
		r = parse_allowance(p, &b->shared_count, &b->shared_window_us);
		if (r < 0)
			return r;
		if (b->shared_window_us <= b->window_us && b->shared_count <= b->count)
			return parse_error(
				p, &place,
				"the shared budget is used up first: the other one never counts");
	}
	if (!parse_accept(p, "per"))
		return 0;
	r = parse_choice(p, "per", per, &index);
	if (r < 0)
		return r;
	b->per = index == 2 ? BUDGET_PER_AGENT : BUDGET_PER_RESOURCE;
	return 0;
}

int parse_budget(struct parse *p, const struct lex_place *place)
{
	char *name = NULL;
	struct policy_budget *b;
	int r;

	r = parse_name_is(p, "the name of the budget", &name);
	if (!name)
		return r;
	b = ARRAY_APPEND(p->config->policy->budget, p->config->policy->n_budgets);
	if (!b) {
		free(name);
		return parse_no_memory(p);
	}
	b->name = name;
	b->place = *place;
	return r < 0 ? r : parse_budget_body(p, b);
}
