/*
 * action_text - an action as an engineer writes it, and as he reads it.
 *
 * Design.  The schema of the action kind says what each word may be, so a mistake is named where it
 * stands.  Beside the plain form (KIND ARGUMENT VALUE ...) the order of words of ip(8) is
 * understood: "link wan0 down", "route del 10.0.0.0/8", "route replace default via ...".
 */
#include "policy/action_text.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <netinet/in.h>

#include "facts/value.h"

#define KINDS_MAX 256 /* looked at for a suggestion */

struct reader {
	struct lexer *l;
	const struct anod_action_desc *const *actions;
	struct diag_list *diags;
	const struct anod_action_desc *desc;
	struct anod_action *a;
	bool is_default; /* "default" was written: its family is that of the gateway */
};

static bool at_end(const struct token *t)
{
	return t->type == TOKEN_END || t->type == TOKEN_NEWLINE;
}

static const char *shown(const struct token *t, char *buf, size_t size)
{
	if (at_end(t))
		return "the end of the line";
	(void) snprintf(buf, size, "'%.*s'", (int) t->len, t->text);
	return buf;
}

static const struct anod_action_desc *find(const struct reader *r, const char *kind)
{
	for (unsigned i = 0; r->actions[i]; i++)
		if (strcmp(r->actions[i]->kind, kind) == 0)
			return r->actions[i];
	return NULL;
}

static const struct anod_param *param_of(const struct anod_action_desc *d, const char *name)
{
	for (const struct anod_param *p = d->params; p && p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

/* ---- the kind ---------------------------------------------------------------------------- */

static int no_such_kind(struct reader *r, const struct token *t, const char *word)
{
	const char *list[KINDS_MAX + 1], *near;
	unsigned n = 0;

	for (unsigned i = 0; r->actions[i] && n < KINDS_MAX; i++)
		list[n++] = r->actions[i]->kind;
	list[n] = NULL;
	near = nearest_word(word, list);
	diag_add(r->diags, DIAG_ERROR, &t->place,
		 near ? "there is no action '%s'; did you mean '%s'?"
		      : "there is no action '%s'; docs/actions.md lists them",
		 word, near);
	return -EINVAL;
}

static bool named_table(const struct token *t, int64_t *ret)
{
	if (token_is(t, "main"))
		*ret = RT_TABLE_MAIN;
	else if (token_is(t, "local"))
		*ret = RT_TABLE_LOCAL;
	else if (token_is(t, "default"))
		*ret = RT_TABLE_DEFAULT;
	else
		return false;
	return true;
}

/* The token as a value of the parameter's type; false: it is none. */
static bool read_value(struct reader *r, const struct anod_param *p, const struct token *t,
		       struct anod_value *ret)
{
	static const struct anod_prefix any = { .family = AF_INET };
	_cleanup_(freep) char *text = NULL;
	int64_t table;

	if (p->type == ANOD_TEXT && (t->type == TOKEN_WORD || t->type == TOKEN_STRING)) {
		text = token_dup(t);
		*ret = value_text(text ? text : "");
		return text != NULL;
	}
	if (p->type == ANOD_PREFIX && token_is(t, "default")) {
		*ret = value_prefix(&any);
		r->is_default = true;
		return true;
	}
	if (strcmp(p->name, "table") == 0 && named_table(t, &table)) {
		*ret = value_int(table, ANOD_UNIT_NONE);
		return true;
	}
	if (t->type != TOKEN_VALUE || t->value.type != p->type ||
	    (t->value.unit != ANOD_UNIT_NONE && t->value.unit != p->unit))
		return false;
	*ret = t->value;
	ret->unit = p->unit; /* "mtu 1400" and "mtu 1400B" are the same */
	return true;
}

static int wrong_value(struct reader *r, const struct anod_param *p, const struct token *t)
{
	char said[80];

	diag_add(r->diags, DIAG_ERROR, &t->place, "'%s' wants %s, not %s", p->name,
		 p->type == ANOD_PREFIX ? "an address or a prefix such as 192.0.2.0/24"
		 : p->type == ANOD_INT	? "a number"
		 : p->type == ANOD_BOOL ? "true or false"
					: "a name",
		 shown(t, said, sizeof(said)));
	return -EINVAL;
}

static int set_arg(struct reader *r, const struct anod_param *p, const struct token *t)
{
	struct anod_action *a = r->a;
	struct anod_arg arg = { 0 };

	for (uint32_t i = 0; i < a->n_args; i++)
		if (strcmp(a->arg[i].name, p->name) == 0) {
			diag_add(r->diags, DIAG_ERROR, &t->place, "'%s' is given twice", p->name);
			return -EINVAL;
		}
	if (a->n_args == ANOD_ARGS_MAX)
		return -E2BIG;
	if (!read_value(r, p, t, &arg.value))
		return wrong_value(r, p, t);
	if (p->type == ANOD_INT && (p->min || p->max) &&
	    (arg.value.u.i < p->min || arg.value.u.i > p->max)) {
		diag_add(r->diags, DIAG_ERROR, &t->place, "'%s' wants %lld to %lld", p->name,
			 (long long) p->min, (long long) p->max);
		return -EINVAL;
	}
	(void) copy_text(arg.name, sizeof(arg.name), p->name);
	a->arg[a->n_args++] = arg;
	return 0;
}

/* "link wan0 down", "link wan0 mtu 1400" behind "link" */
static int parse_of_link(struct reader *r)
{
	struct token name, verb;
	char kind[ANOD_KIND_SIZE];

	lex_next(r->l, &name);
	verb = *lex_peek(r->l, 0);
	(void) snprintf(kind, sizeof(kind), "link.%.*s", (int) verb.len, verb.text);
	r->desc = verb.type == TOKEN_WORD ? find(r, kind) : NULL;
	if (r->desc)
		lex_next(r->l, &verb);
	else
		r->desc = find(r, "link.set");
	if (!r->desc || !param_of(r->desc, "dev") ||
	    (!at_end(&verb) && strcmp(r->desc->kind, "link.set") == 0 &&
	     !param_of(r->desc, kind + strlen("link."))))
		return no_such_kind(r, &verb, kind);
	return set_arg(r, param_of(r->desc, "dev"), &name);
}

/* What stands right behind the kind without a name: the object that it is about. */
static int parse_subject(struct reader *r)
{
	static const char *const subjects[] = { "dst", "id", "priority", "dev" };
	struct token t = *lex_peek(r->l, 0);
	char word[ANOD_KIND_SIZE];

	if (at_end(&t))
		return 0;
	(void) snprintf(word, sizeof(word), "%.*s", (int) t.len, t.text);
	if (t.type == TOKEN_WORD && param_of(r->desc, word))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		const struct anod_param *p = param_of(r->desc, subjects[i]);

		if (!p || !p->required)
			continue;
		if (t.type != TOKEN_VALUE && !token_is(&t, "default") && p->type != ANOD_TEXT)
			return 0;
		lex_next(r->l, &t);
		return set_arg(r, p, &t);
	}
	return 0;
}

static int parse_kind(struct reader *r)
{
	char kind[2 * ANOD_KIND_SIZE], word[ANOD_KIND_SIZE];
	struct token t, next;

	lex_next(r->l, &t);
	if (t.type != TOKEN_WORD) {
		diag_add(r->diags, DIAG_ERROR, &t.place,
			 "expected an action such as route.replace, not %s",
			 shown(&t, kind, sizeof(kind)));
		return -EINVAL;
	}
	(void) snprintf(word, sizeof(word), "%.*s", (int) t.len, t.text);
	r->desc = find(r, word);
	if (r->desc)
		return parse_subject(r);

	next = *lex_peek(r->l, 0);
	if (next.type == TOKEN_WORD) {
		(void) snprintf(kind, sizeof(kind), "%.*s.%.*s", (int) MIN_OF(t.len, 20u), t.text,
				(int) MIN_OF(next.len, 20u), next.text);
		r->desc = find(r, kind);
		if (r->desc) {
			lex_next(r->l, &next);
			return parse_subject(r);
		}
	}
	if (token_is(&t, "link") && (next.type == TOKEN_WORD || next.type == TOKEN_STRING))
		return parse_of_link(r);
	return no_such_kind(r, &t, word);
}

/* "blackhole" alone is "type blackhole": the argument of which it is a word. */
static const struct anod_param *param_of_word(const struct anod_action_desc *d, const char *word)
{
	for (const struct anod_param *p = d->params; p && p->name; p++)
		for (const char *const *w = p->words; w && *w; w++)
			if (strcmp(*w, word) == 0)
				return p;
	return NULL;
}

/* ---- the arguments ------------------------------------------------------------------------ */

static int parse_arg(struct reader *r)
{
	const struct anod_param *p;
	const char *list[ANOD_ARGS_MAX * 2 + 1], *near;
	char word[ANOD_KIND_SIZE];
	struct token t;
	unsigned n = 0;

	lex_next(r->l, &t);
	(void) snprintf(word, sizeof(word), "%.*s", (int) t.len, t.text);
	p = t.type == TOKEN_WORD ? param_of(r->desc, word) : NULL;
	if (p) {
		lex_next(r->l, &t);
		return set_arg(r, p, &t);
	}
	p = t.type == TOKEN_WORD ? param_of_word(r->desc, word) : NULL;
	if (p)
		return set_arg(r, p, &t);

	for (p = r->desc->params; p && p->name && n < ARRAY_SIZE(list) - 1; p++)
		list[n++] = p->name;
	list[n] = NULL;
	near = nearest_word(word, list);
	diag_add(r->diags, DIAG_ERROR, &t.place,
		 near ? "%s has no argument '%s'; did you mean '%s'?"
		      : "%s has no argument '%s'; docs/actions.md lists them",
		 r->desc->kind, word, near);
	return -EINVAL;
}

static int check_required(struct reader *r, const struct lex_place *place)
{
	for (const struct anod_param *p = r->desc->params; p && p->name; p++) {
		bool there = !p->required;

		for (uint32_t i = 0; i < r->a->n_args; i++)
			there |= strcmp(r->a->arg[i].name, p->name) == 0;
		if (!there) {
			diag_add(r->diags, DIAG_ERROR, place, "%s: '%s' is missing", r->desc->kind,
				 p->name);
			return -EINVAL;
		}
	}
	return 0;
}

/* "default via 2001:db8::1" is the default route of IPv6. */
static void settle_default(struct anod_action *a)
{
	bool six = false;

	for (uint32_t i = 0; i < a->n_args; i++)
		six |= a->arg[i].value.type == ANOD_PREFIX &&
		       a->arg[i].value.u.prefix.family == AF_INET6;
	for (uint32_t i = 0; six && i < a->n_args; i++)
		if (a->arg[i].value.type == ANOD_PREFIX && a->arg[i].value.u.prefix.len == 0)
			a->arg[i].value.u.prefix.family = AF_INET6;
}

int action_parse(struct lexer *l, const struct anod_action_desc *const *actions,
		 struct diag_list *diags, struct anod_action *ret)
{
	struct reader r = { .l = l, .actions = actions, .diags = diags, .a = ret };
	struct lex_place place = lex_peek(l, 0)->place;
	int k;

	*ret = (struct anod_action){ .size = sizeof(*ret) };
	k = parse_kind(&r);
	if (k < 0)
		return k;
	(void) copy_text(ret->kind, sizeof(ret->kind), r.desc->kind);
	while (k == 0 && !at_end(lex_peek(l, 0)))
		k = parse_arg(&r);
	if (k < 0)
		return k;
	if (r.is_default)
		settle_default(ret);
	return check_required(&r, &place);
}

const char *action_format(const struct anod_action *a, char *buf, size_t size)
{
	char v[80];
	size_t n = (size_t) snprintf(buf, size, "%s", a->kind);

	for (uint32_t k = 0; k < a->n_args && n < size; k++)
		n += (size_t) snprintf(buf + n, size - n, " %s %s", a->arg[k].name,
				       value_format(&a->arg[k].value, v, sizeof(v)));
	return buf;
}
