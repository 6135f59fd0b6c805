/*
 * config_options - sensor and agent blocks, whose options a plugin's manifest declares.
 *
 * Design.  The manifest is the grammar: it says which words there are, what each one takes, and
 * so also where on a line one option ends and the next begins.  "probe A, B every 200ms" sets
 * "probe" and "probe.every".  A manifest's defaults go through the same conversion as what an
 * engineer writes, so a plugin cannot declare a default that it would refuse.
 */
#include "policy/parse.h"

struct options {
	struct config_block *block;
	const struct anod_plugin *plugin;
	const char *what; /* "agent" or "sensor" */
	const char *words[BLOCK_WORDS_MAX + 1];
	const struct anod_opt *opt[BLOCK_WORDS_MAX];
};

static const char *wanted(const struct anod_opt *o)
{
	switch ((enum anod_type) o->type) {
	case ANOD_BOOL:
		return "true or false";
	case ANOD_TEXT:
		return o->words ? o->words : "a name or a quoted text";
	case ANOD_PREFIX:
		return "an address or a prefix such as 192.0.2.0/24";
	case ANOD_UNKNOWN:
	case ANOD_INT:
	case ANOD_REAL:
		break;
	}
	switch ((enum anod_unit) o->unit) {
	case ANOD_UNIT_RATIO:
		return "a ratio such as 5%";
	case ANOD_UNIT_TIME:
		return "a duration such as 2s";
	case ANOD_UNIT_BYTES:
		return "a size such as 64KiB";
	case ANOD_UNIT_BPS:
		return "a bit rate such as 400Mbps";
	case ANOD_UNIT_PPS:
		return "a packet rate such as 500pps";
	case ANOD_UNIT_PACKETS:
	case ANOD_UNIT_NONE:
		break;
	}
	return o->type == ANOD_INT ? "a whole number" : "a number";
}

/* Is 'word' in the space-separated 'list'? */
static bool in_words(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (list && *list) {
		size_t len = strcspn(list, " ");

		if (len == n && memcmp(list, word, n) == 0)
			return true;
		list += len + (list[len] == ' ');
	}
	return false;
}

static bool convert_text(const struct anod_opt *o, const struct token *t, struct anod_value *ret)
{
	_cleanup_(freep) char *text = NULL;

	if (t->type != TOKEN_WORD && t->type != TOKEN_STRING)
		return false;
	text = token_dup(t);
	if (!text || (o->words && !in_words(o->words, text)))
		return false;
	*ret = (struct anod_value){ .type = ANOD_TEXT };
	return copy_text(ret->u.text, sizeof(ret->u.text), text);
}

static bool convert_number(const struct anod_opt *o, const struct anod_value *v,
			   struct anod_value *ret)
{
	if (v->type != ANOD_INT && v->type != ANOD_REAL)
		return false;
	if (v->unit != o->unit &&
	    !(v->unit == ANOD_UNIT_NONE &&
	      (expr_plain_fits(o->unit) || (v->type == ANOD_INT && v->u.i == 0))))
		return false;
	if (o->type == ANOD_INT && v->type != ANOD_INT)
		return false;

	*ret = *v;
	ret->unit = o->unit;
	if (o->type == ANOD_REAL && v->type == ANOD_INT)
		*ret = value_real((double) v->u.i, (enum anod_unit) o->unit);
	return true;
}

static bool convert(const struct anod_opt *o, const struct token *t, bool minus,
		    struct anod_value *ret)
{
	struct anod_value v = t->value;

	if (o->type == ANOD_TEXT)
		return !minus && convert_text(o, t, ret);
	if (t->type != TOKEN_VALUE)
		return false;
	if (o->type == ANOD_INT || o->type == ANOD_REAL) {
		if (minus && v.type == ANOD_INT)
			v.u.i = -v.u.i;
		else if (minus && v.type == ANOD_REAL)
			v.u.r = -v.u.r;
		return convert_number(o, &v, ret);
	}
	*ret = v;
	return !minus && v.type == o->type;
}

static struct anod_value bound(const struct anod_opt *o, double number)
{
	return o->type == ANOD_INT ? value_int((int64_t) number, (enum anod_unit) o->unit)
				   : value_real(number, (enum anod_unit) o->unit);
}

static int check_range(struct parse *p, const struct anod_opt *o, const struct lex_place *place,
		       const struct anod_value *v)
{
	double number = v->type == ANOD_INT ? (double) v->u.i : v->u.r;
	struct anod_value min = bound(o, o->min), max = bound(o, o->max);
	char low[64], high[64], is[64];

	if ((v->type != ANOD_INT && v->type != ANOD_REAL) || !(o->min < o->max))
		return 0;
	if (number >= o->min && number <= o->max)
		return 0;
	return parse_error(p, place, "'%s' wants %s to %s, not %s", o->name,
			   value_format(&min, low, sizeof(low)),
			   value_format(&max, high, sizeof(high)), value_format(v, is, sizeof(is)));
}

static int wrong_value(struct parse *p, const struct anod_opt *o)
{
	const struct token *t = parse_ahead(p);
	char what[160];

	if (o->type == ANOD_TEXT && (t->type == TOKEN_WORD || t->type == TOKEN_STRING) && !o->words)
		(void) snprintf(what, sizeof(what), "a text of at most %d bytes",
				ANOD_TEXT_SIZE - 1);
	else
		(void) snprintf(what, sizeof(what), "%s%s", o->words ? "one of " : "", wanted(o));
	return parse_wants(p, o->name, what);
}

static int parse_value(struct parse *p, const struct anod_opt *o, struct config_option *option)
{
	struct lex_place place = parse_ahead(p)->place;
	bool minus = parse_is(p, "-");
	struct token t = *lex_peek(&p->lexer, minus);
	struct anod_value v, *slot;
	int r;

	if (!convert(o, &t, minus, &v))
		return wrong_value(p, o);
	if (minus)
		lex_next(&p->lexer, &t);
	lex_next(&p->lexer, &t);
	r = check_range(p, o, &place, &v);
	if (r < 0)
		return r;

	slot = ARRAY_APPEND(option->value, option->n_values);
	if (!slot)
		return parse_no_memory(p);
	*slot = v;
	return 0;
}

static struct config_option *find_option(const struct config_block *b, const char *name)
{
	for (unsigned i = 0; i < b->n_options; i++) {
		if (strcmp(b->option[i].name, name) == 0)
			return &b->option[i];
	}
	return NULL;
}

/* The values of one option, appended to the block. */
static int parse_option(struct parse *p, struct config_block *b, const struct anod_opt *o,
			const struct lex_place *place)
{
	struct config_option *option;
	int r;

	if (find_option(b, o->name))
		return parse_error(p, place, "'%s' is set twice", o->name);
	option = ARRAY_APPEND(b->option, b->n_options);
	if (!option)
		return parse_no_memory(p);
	option->place = *place;
	option->name = strdup(o->name);
	if (!option->name)
		return parse_no_memory(p);

	do {
		if (option->n_values > 0 && !o->many)
			return parse_error(p, &parse_ahead(p)->place, "'%s' takes one value",
					   o->name);
		parse_skip_newlines(p);
		r = parse_value(p, o, option);
	} while (r == 0 && parse_accept(p, ","));
	return r;
}

static const struct anod_opt *find_sub(const struct options *s, const struct anod_opt *o,
				       const char *word)
{
	size_t n = strlen(o->name);

	for (const struct anod_opt *sub = s->plugin->opts; sub->name; sub++) {
		if (strncmp(sub->name, o->name, n) == 0 && sub->name[n] == '.' &&
		    strcmp(sub->name + n + 1, word) == 0)
			return sub;
	}
	return NULL;
}

/* A word behind the values that is no option by itself, but looks like a pair of this one. */
static int check_sub(struct parse *p, const struct options *s, const struct anod_opt *o,
		     const char *word)
{
	const char *subs[BLOCK_WORDS_MAX + 1] = { 0 }, *near;
	size_t n = strlen(o->name);
	unsigned k = 0;

	for (unsigned i = 0; s->words[i]; i++) {
		if (strcmp(s->words[i], word) == 0)
			return 0;
	}
	for (const struct anod_opt *sub = s->plugin->opts; sub->name && k < BLOCK_WORDS_MAX;
	     sub++) {
		if (strncmp(sub->name, o->name, n) == 0 && sub->name[n] == '.')
			subs[k++] = sub->name + n + 1;
	}
	near = nearest_word(word, subs);
	if (!near)
		return 0;
	return parse_error(p, &parse_ahead(p)->place,
			   "'%s' does not go with '%s'; did you mean '%s'?", word, o->name, near);
}

static int options_clause(struct parse *p, void *target, unsigned index)
{
	struct options *s = target;
	const struct anod_opt *o = s->opt[index];
	struct lex_place place = parse_ahead(p)->place;
	int r;

	r = parse_option(p, s->block, o, &place);
	while (r == 0 && parse_ahead(p)->type == TOKEN_WORD) {
		_cleanup_(freep) char *word = token_dup(parse_ahead(p));
		const struct anod_opt *sub;

		if (!word)
			return parse_no_memory(p);
		sub = find_sub(s, o, word);
		if (!sub)
			return check_sub(p, s, o, word);
		place = parse_ahead(p)->place;
		(void) parse_accept(p, word);
		r = parse_option(p, s->block, sub, &place);
	}
	return r;
}

/* A default, read by the same rules from the manifest's text. */
static int add_default(struct parse *p, struct config_block *b, const struct anod_plugin *m,
		       const struct anod_opt *o)
{
	struct diag_list *diags = p->diags, own = { 0 };
	struct lexer outer = p->lexer;
	int r;

	lex_init(&p->lexer, b->place.file, o->dflt, strlen(o->dflt));
	p->diags = &own;
	r = parse_option(p, b, o, &b->place);
	if (r == 0 && parse_ahead(p)->type != TOKEN_END)
		r = -EINVAL;
	p->lexer = outer;
	p->diags = diags;
	diag_done(&own);
	if (r < 0)
		return parse_error(
			p, &b->place,
			"plugin '%s' declares a default of '%s' that it would refuse: %s", m->name,
			o->name, o->dflt);
	return 0;
}

static int finish_options(struct parse *p, struct config_block *b, const struct anod_plugin *m,
			  const char *what)
{
	int r, result = 0;

	for (const struct anod_opt *o = m->opts; o && o->name; o++) {
		if (find_option(b, o->name))
			continue;
		r = 0;
		if (o->dflt)
			r = add_default(p, b, m, o);
		else if (o->required)
			r = parse_error(p, &b->place, "%s %s has no '%s': %s", what, b->name,
					o->name, o->help ? o->help : wanted(o));
		if (r < 0)
			result = r;
	}
	return result;
}

int parse_block_defaults(struct parse *p, struct config_block *b, const struct anod_plugin *m)
{
	return finish_options(p, b, m, "agent");
}

static void init_options(struct options *s)
{
	unsigned n = 0;

	for (const struct anod_opt *o = s->plugin->opts; o && o->name && n < BLOCK_WORDS_MAX; o++) {
		if (strchr(o->name, '.'))
			continue;
		s->opt[n] = o;
		s->words[n++] = o->name;
	}
}

/* The manifest that the block's plugin has. */
static const struct anod_plugin *manifest_of(struct parse *p, struct config_block *b, uint32_t role,
					     bool *ret_said)
{
	const struct anod_plugin *m = find_plugin(p, b->plugin, role);

	int def;

	*ret_said = false;
	if (m || role != ANOD_AGENT)
		return m;
	def = find_definition(p, b->plugin, ret_said);
	if (def < 0)
		return NULL;
	b->def = (unsigned) def + 1;
	p->config->def[def].named = true;
	return p->config->def[def].manifest;
}

static int parse_options(struct parse *p, struct config_block *b, uint32_t role, const char *what)
{
	_cleanup_(freep) char *title = NULL;
	struct options s = { .block = b, .what = what };
	struct block block = { .clause = options_clause, .noun = "an option", .words = s.words };
	bool said;
	int r, r2;

	s.plugin = manifest_of(p, b, role, &said);
	if (!s.plugin) {
		if (!said)
			(void) no_such_plugin(p, b, role, what);
		parse_skip_statement(p);
		return -EINVAL;
	}
	if (asprintf(&title, "%s %s", what, b->name) < 0) {
		title = NULL;
		return parse_no_memory(p);
	}
	block.what = title;
	init_options(&s);
	r = parse_block(p, &block, &s);
	r2 = r < 0 ? 0 : finish_options(p, b, s.plugin, what);
	return r < 0 ? r : r2;
}

static int parse_plugin_block(struct parse *p, struct config_block **array, unsigned *n,
			      uint32_t role, const char *what, const struct lex_place *place)
{
	const char *start = parse_ahead(p)->text;
	struct config_block *b;
	char *name = NULL;
	int r;

	r = parse_name(p, role == ANOD_AGENT ? "the name of the agent" : "the name of the sensor",
		       &name);
	if (r < 0)
		return r;
	if (role == ANOD_AGENT && parse_definition_ahead(p, name)) {
		r = parse_definition(p, name, start, place);
		free(name);
		return r;
	}
	b = ARRAY_APPEND(*array, *n);
	if (!b) {
		free(name);
		return parse_no_memory(p);
	}
	b->name = name;
	b->place = *place;
	if (parse_accept(p, "plugin")) {
		r = parse_name(p, "the name of a plugin", &b->plugin);
		if (r < 0)
			return r;
	} else {
		b->plugin = strdup(name);
		if (!b->plugin)
			return parse_no_memory(p);
	}
	if (!parse_is(p, "{"))
		return parse_expected(p, "'{'");
	return parse_options(p, b, role, what);
}

int parse_agent(struct parse *p, const struct lex_place *place)
{
	return parse_plugin_block(p, &p->config->agent, &p->config->n_agents, ANOD_AGENT, "agent",
				  place);
}

int parse_sensor(struct parse *p, const struct lex_place *place)
{
	return parse_plugin_block(p, &p->config->sensor, &p->config->n_sensors, ANOD_SENSOR,
				  "sensor", place);
}
