/*
 * config - load everything that an engineer wrote, or nothing.
 *
 * Design.  Files are parsed in the order in which they are met, an include in its place; then
 * all statements are checked together.  Every text goes into one hash, which names the
 * configuration in the ledger.  Errors of all files are collected in the caller's list; one
 * error and the configuration is freed.
 */
#include "policy/parse.h"

static const struct {
	const char *word;
	int (*parse)(struct parse *, const struct lex_place *);
} statements[] = {
	{ "policy", parse_policy_line },  { "link", parse_link },
	{ "group", parse_group },	  { "endpoint", parse_endpoint },
	{ "sensor", parse_sensor },	  { "agent", parse_agent },
	{ "anod", parse_anod },		  { "set", parse_set },
	{ "window", parse_window },	  { "budget", parse_budget },
	{ "invariant", parse_invariant }, { "permit", parse_permit },
	{ "forbid", parse_forbid },	  { "cap", parse_cap },
	{ "objective", parse_objective }, { "history", parse_history },
	{ "peer", parse_peer },		  { "grant", parse_grant },
	{ "damping", parse_damping },	  { "brake", parse_brake },
};

static int parse_file(struct parse *p, const char *path, const struct lex_place *from);

/* Take "." and "x/.." parts out of a path, in place, so that one file has one name. */
static void clean_path(char *path)
{
	char *to = path, *from = path;

	while (*from) {
		size_t n = strcspn(from, "/");
		char *last = to;

		while (last > path && (last == to || last[-1] != '/'))
			last--;
		if (n == 1 && from[0] == '.') {
			from += n + (from[n] == '/');
			continue;
		}
		if (n == 2 && strncmp(from, "..", 2) == 0 && last < to &&
		    strncmp(last, "../", 3) != 0 && *last != '/') {
			to = last;
			from += n + (from[n] == '/');
			continue;
		}
		n += from[n] == '/';
		memmove(to, from, n);
		to += n;
		from += n;
	}
	*to = '\0';
}

/* 'pattern' as seen from the file that includes it. */
static char *resolve(const char *including, const char *pattern)
{
	const char *slash = strrchr(including, '/');
	char *path = NULL;

	if (pattern[0] == '/' || !slash)
		path = strdup(pattern);
	else if (asprintf(&path, "%.*s/%s", (int) (slash - including), including, pattern) < 0)
		path = NULL;
	if (path)
		clean_path(path);
	return path;
}

static void free_paths(char **paths)
{
	for (char **path = paths; path && *path; path++)
		free(*path);
	free(paths);
}

static void free_pathsp(char ***paths)
{
	free_paths(*paths);
}

static bool is_pattern(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

static int parse_include(struct parse *p, const struct lex_place *place)
{
	_cleanup_(freep) char *text = NULL, *pattern = NULL;
	_cleanup_(free_pathsp) char **paths = NULL;
	int r, result = 0;

	r = parse_string(p, "include", &text);
	if (r < 0)
		return r;
	if (text[0] == '\0')
		return parse_error(p, place, "include wants the path of a file");
	if (p->include_depth == PARSE_INCLUDE_DEPTH)
		return parse_error(p, place, "includes are nested deeper than %d files",
				   PARSE_INCLUDE_DEPTH);
	pattern = resolve(place->file, text);
	if (!pattern)
		return parse_no_memory(p);
	if (!is_pattern(pattern))
		return parse_file(p, pattern, place);

	r = p->env->glob(p->env->data, pattern, &paths);
	if (r < 0)
		return parse_error(p, place, "cannot look for '%s': %s", pattern, strerror(-r));
	if (r == 0)
		return parse_error(p, place, "no file matches '%s'", pattern);
	for (char **path = paths; *path; path++) {
		r = parse_file(p, *path, place);
		if (r < 0)
			result = r;
	}
	return result;
}

/* What other languages call it; NULL: nothing is known. */
static const char *other_name(const char *word)
{
	static const char *const names[][2] = {
		{ "allow", "permit" },	   { "accept", "permit" },  { "rule", "permit" },
		{ "deny", "forbid" },	   { "drop", "forbid" },    { "block", "forbid" },
		{ "reject", "forbid" },	   { "never", "forbid" },   { "interface", "link" },
		{ "port", "link" },	   { "users", "group" },    { "limit", "budget" },
		{ "schedule", "window" },  { "time", "window" },    { "define", "set" },
		{ "list", "set" },	   { "import", "include" }, { "require", "invariant" },
		{ "assert", "invariant" }, { "slo", "objective" },  { "intent", "objective" },
		{ "model", "endpoint" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i][0], word) == 0)
			return names[i][1];
	return NULL;
}

static int unknown_statement(struct parse *p)
{
	_cleanup_(freep) char *word = NULL;
	struct token t = *parse_ahead(p);
	const char *near;

	if (token_is(&t, "}")) {
		(void) parse_accept(p, "}");
		return parse_error(p, &t.place, "this '}' closes nothing");
	}
	if (token_is(&t, "/"))
		return parse_error(p, &t.place, "a comment begins with '#', not '/'");
	if (t.type != TOKEN_WORD)
		return parse_expected(p, "a statement such as set, permit or agent");
	if (token_is(&t, "reflex"))
		return parse_error(
			p, &t.place,
			"'reflex' is a clause of a permit: permit \"NAME\" { agent reflex "
			"... reflex { trigger link LINK  standby LINK } }");
	word = token_dup(&t);
	near = word ? other_name(word) : NULL;
	if (word && !near)
		near = nearest_word(word, statement_words);
	if (near)
		return parse_error(p, &t.place, "'%s' is no statement; did you mean '%s'?", word,
				   near);
	return parse_error(p, &t.place,
			   "'%s' is no statement; there are include, policy, link, group, "
			   "endpoint, sensor, agent, anod, set, window, budget, invariant, permit, "
			   "forbid, cap, objective, history, peer, grant, damping, brake",
			   word ? word : "");
}

static int parse_statement(struct parse *p)
{
	struct lex_place place = parse_ahead(p)->place;
	int r;

	if (p->library && !parse_is(p, "agent")) {
		r = parse_error(p, &place,
				"a file of agents holds 'agent NAME { ... }' and nothing else; the "
				"rest belongs into the configuration");
	} else if (parse_accept(p, "include")) {
		r = parse_include(p, &place);
	} else {
		unsigned i;

		for (i = 0; i < ARRAY_SIZE(statements); i++) {
			if (parse_accept(p, statements[i].word))
				break;
		}
		r = i < ARRAY_SIZE(statements) ? statements[i].parse(p, &place)
					       : unknown_statement(p);
	}
	if (r == 0 && parse_ahead(p)->type != TOKEN_NEWLINE && parse_ahead(p)->type != TOKEN_END)
		r = parse_expected(p, "the end of the line");
	if (r < 0)
		parse_broken(p, &place);
	return r;
}

static void parse_statements(struct parse *p)
{
	uint32_t line;

	for (;;) {
		parse_skip_newlines(p);
		if (parse_ahead(p)->type == TOKEN_END ||
		    p->diags->n_errors - p->errors_before > ERRORS_MAX)
			return;
		if (++p->n_statements > STATEMENTS_MAX) {
			(void) parse_error(p, &parse_ahead(p)->place, "more than %d statements",
					   STATEMENTS_MAX);
			return;
		}
		/* A block without its '}' ends in front of the next statement. */
		line = parse_ahead(p)->place.line;
		if (parse_statement(p) < 0 &&
		    !(parse_ahead(p)->place.line > line && parse_statement_ahead(p)))
			parse_skip_statement(p);
	}
}

/* The text lives as long as its tokens do: for this call. */
static int parse_text(struct parse *p, const char *name, const char *text, size_t size)
{
	struct lexer outer = p->lexer;

	(void) crypto_hash_sha256_update(&p->hash, (const unsigned char *) text, size);
	p->include_stack[p->include_depth++] = name;
	lex_init(&p->lexer, name, text, size);
	parse_statements(p);
	p->lexer = outer;
	p->include_depth--;
	return 0;
}

static const char *read_error(int r)
{
	return r == -EFBIG    ? "it is larger than 4 MiB"
	       : r == -EISDIR ? "it is a folder; include its files with \"*.policy\""
	       : r == -EINVAL ? "it is no ordinary file"
			      : strerror(-r);
}

static int check_new_file(struct parse *p, const char *path, const struct lex_place *from)
{
	for (unsigned i = 0; i < p->include_depth; i++) {
		if (strcmp(p->include_stack[i], path) == 0)
			return parse_error(p, from, "'%s' includes itself", path);
	}
	for (unsigned i = 0; i < p->config->n_files; i++) {
		if (strcmp(p->config->file[i], path) == 0)
			return parse_error(p, from, "'%s' is included twice", path);
	}
	if (p->config->n_files == CONFIG_FILES_MAX)
		return parse_error(p, from, "more than %d files", CONFIG_FILES_MAX);
	return 0;
}

static int parse_file(struct parse *p, const char *path, const struct lex_place *from)
{
	_cleanup_(freep) char *text = NULL, *name = strdup(path);
	size_t size = 0;
	char **slot;
	int r;

	r = check_new_file(p, path, from);
	if (r < 0)
		return r;
	r = p->env->read_file(p->env->data, path, &text, &size);
	if (r == 0 && size > CONFIG_FILE_SIZE)
		r = -EFBIG;
	if (r < 0)
		return parse_error(p, from, "cannot read '%s': %s", path, read_error(r));

	slot = name ? ARRAY_APPEND(p->config->file, p->config->n_files) : NULL;
	if (!slot)
		return parse_no_memory(p);
	*slot = TAKE(name);
	return parse_text(p, *slot, text, size);
}

int parse_library_file(struct parse *p, const char *path, const struct lex_place *from)
{
	bool outer = p->library;
	int r;

	p->library = true;
	r = parse_file(p, path, from);
	p->library = outer;
	return r;
}

static int parse_init(struct parse *p, const struct config_env *env, struct diag_list *diags)
{
	*p = (struct parse){ .env = env, .diags = diags, .errors_before = diags->n_errors };
	(void) crypto_hash_sha256_init(&p->hash);
	p->config = calloc(1, sizeof(*p->config));
	if (!p->config)
		return -ENOMEM;
	p->config->policy = calloc(1, sizeof(*p->config->policy));
	if (!p->config->policy)
		return -ENOMEM;
	damping_defaults(p->config->policy);
	p->config->agents = env->agents;
	return 0;
}

static void parse_done(struct parse *p)
{
	free(p->broken);
	parse_forget_places(p);
	config_free(p->config);
}

const char *config_proposer(const struct config *c, unsigned i)
{
	if (i < c->n_agents)
		return c->agent[i].name;
	return i == c->n_agents && c->policy->has_reflex ? REFLEX_AGENT_NAME : NULL;
}

/* Check what was parsed and give it away, unless there are errors. */
static int finish(struct parse *p, struct config **ret)
{
	struct policy *policy = p->config->policy;

	if (run_definitions(p) < 0)
		return -ENOMEM;
	if (!policy->name)
		policy->name = strdup("unnamed");
	if (!policy->name)
		return -ENOMEM;
	config_check(p);
	config_history_check(p);
	policy_check(p);
	if (p->diags->n_errors > p->errors_before)
		return -EINVAL;

	for (unsigned i = 0; config_proposer(p->config, i); i++)
		if (rules_index(policy, config_proposer(p->config, i), p->env->actions) < 0)
			return -ENOMEM;

	(void) crypto_hash_sha256_final(&p->hash, p->config->hash);
	*ret = TAKE(p->config);
	return 0;
}

int config_load(const char *path, const struct config_env *env, struct diag_list *diags,
		struct config **ret)
{
	struct lex_place whole = { .file = path };
	struct parse p;
	int r;

	r = parse_init(&p, env, diags);
	if (r == 0)
		r = parse_file(&p, path, &whole);
	if (r == 0)
		r = finish(&p, ret);
	parse_done(&p);
	return r;
}

int config_load_text(const char *name, const char *text, const struct config_env *env,
		     struct diag_list *diags, struct config **ret)
{
	struct lex_place whole = { .file = name };
	size_t size = strlen(text);
	struct parse p;
	int r;

	r = parse_init(&p, env, diags);
	if (r == 0 && size > CONFIG_FILE_SIZE)
		r = parse_error(&p, &whole, "cannot read '%s': %s", name, read_error(-EFBIG));
	if (r == 0) {
		p.config->text_name = strdup(name);
		r = p.config->text_name ? parse_text(&p, p.config->text_name, text, size) : -ENOMEM;
	}
	if (r == 0)
		r = finish(&p, ret);
	parse_done(&p);
	return r;
}
