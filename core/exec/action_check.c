/*
 * action_check - is this action what its schema says?
 *
 * Design.  Pure, and called twice for each action: in the host, so that a bad proposal is refused
 * with a sentence for its author, and in the executor, which trusts no bytes of the host.  For
 * that second caller nothing is read before it is known to be NUL-ended or in range.
 */
#include "exec/exec.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "facts/value.h"

static int no(char *why, size_t why_size, const char *fmt, ...) _printf_(3, 4);
static int no(char *why, size_t why_size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(why, why_size, fmt, ap);
	va_end(ap);
	clean_text(why);
	return -EINVAL;
}

static bool ended(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* What the kernel takes as the name of an interface (dev_valid_name()). */
static bool link_name_valid(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= ANOD_IFNAME_SIZE || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;

	for (const char *c = name; *c; c++)
		if (*c == '/' || *c == ':' || isspace((unsigned char) *c))
			return false;

	return true;
}

static bool prefix_valid(const struct anod_prefix *p)
{
	unsigned bits = p->family == AF_INET ? 32 : 128;

	if ((p->family != AF_INET && p->family != AF_INET6) || p->len > bits)
		return false;

	for (unsigned i = p->len; i < 8 * sizeof(p->addr); i++)
		if (p->addr[i / 8] & (0x80u >> (i % 8)))
			return false;

	return true;
}

static bool text_printable(const char *text)
{
	char clean[ANOD_TEXT_SIZE];

	(void) copy_text(clean, sizeof(clean), text);
	clean_text(clean);
	return strcmp(clean, text) == 0;
}

static const struct anod_param *param_find(const struct anod_action_desc *d, const char *name)
{
	for (const struct anod_param *p = d->params; p && p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;

	return NULL;
}

static int unknown_arg(const struct anod_action_desc *d, const char *name, char *why,
		       size_t why_size)
{
	const char *names[ANOD_ARGS_MAX * 2 + 1] = { 0 };
	const char *near;
	size_t n = 0;

	for (const struct anod_param *p = d->params; p && p->name; p++)
		if (n < ARRAY_SIZE(names) - 1)
			names[n++] = p->name;

	near = nearest_word(name, names);
	return no(why, why_size, "%s takes no argument '%s'%s%s%s", d->kind, name,
		  near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int check_text(const char *kind, const struct anod_param *p, const struct anod_value *v,
		      char *why, size_t why_size)
{
	if (!ended(v->u.text, sizeof(v->u.text)))
		return no(why, why_size, "%s: '%s' is text without an end", kind, p->name);
	if (v->flags & ANOD_VALUE_OUTSIDE)
		return no(why, why_size,
			  "%s: '%s' is text from outside the router, which no action may use", kind,
			  p->name);
	if (!text_printable(v->u.text))
		return no(why, why_size, "%s: '%s' holds characters that cannot be printed", kind,
			  p->name);

	if (p->entity && strcmp(p->entity, "link") == 0 && !link_name_valid(v->u.text))
		return no(why, why_size,
			  "%s: '%s' cannot be the name of a link (1 to 15 characters"
			  ", no '/', ':' or space): '%s'",
			  kind, p->name, v->u.text);

	for (const char *const *w = p->words; w && *w; w++) {
		if (strcmp(*w, v->u.text) == 0)
			return 0;
		if (!w[1])
			return no(why, why_size,
				  "%s: '%s' cannot be '%s'; one of its words is '%s'", kind,
				  p->name, v->u.text,
				  nearest_word(v->u.text, p->words) ?: p->words[0]);
	}

	return 0;
}

static int check_int(const char *kind, const struct anod_param *p, int64_t i, char *why,
		     size_t why_size)
{
	if ((p->min == 0 && p->max == 0) || (i >= p->min && i <= p->max))
		return 0;

	return no(why, why_size, "%s: '%s' is %" PRId64 ", outside %" PRId64 "..%" PRId64, kind,
		  p->name, i, p->min, p->max);
}

static int check_value(const char *kind, const struct anod_param *p, const struct anod_value *v,
		       char *why, size_t why_size)
{
	if (v->type == ANOD_UNKNOWN)
		return no(why, why_size, "%s: '%s' is unknown; give it a value", kind, p->name);
	if (v->type != p->type)
		return no(why, why_size, "%s: '%s' must be a %s", kind, p->name,
			  type_name(p->type));
	if (v->unit != p->unit)
		return no(why, why_size, "%s: '%s' must be counted in %s", kind, p->name,
			  unit_name(p->unit));

	switch ((enum anod_type) v->type) {
	case ANOD_UNKNOWN:
		break;
	case ANOD_BOOL:
		if (v->u.i != 0 && v->u.i != 1)
			return no(why, why_size, "%s: '%s' is neither true nor false", kind,
				  p->name);
		break;
	case ANOD_INT:
		return check_int(kind, p, v->u.i, why, why_size);
	case ANOD_REAL:
		if (!isfinite(v->u.r))
			return no(why, why_size, "%s: '%s' is not a finite number", kind, p->name);
		break;
	case ANOD_TEXT:
		return check_text(kind, p, v, why, why_size);
	case ANOD_PREFIX:
		if (!prefix_valid(&v->u.prefix))
			return no(why, why_size,
				  "%s: '%s' is not a prefix, or has bits set behind "
				  "its length",
				  kind, p->name);
		break;
	}

	return 0;
}

/* One argument: known, not given before, and of the right form. */
static int check_arg(const struct anod_action *a, const struct anod_action_desc *d, uint32_t n,
		     char *why, size_t why_size)
{
	const struct anod_arg *arg = &a->arg[n];
	const struct anod_param *p;

	if (!ended(arg->name, sizeof(arg->name)))
		return no(why, why_size, "%s: the name of argument %u has no end", d->kind, n + 1);

	p = param_find(d, arg->name);
	if (!p)
		return unknown_arg(d, arg->name, why, why_size);

	for (uint32_t i = 0; i < n; i++)
		if (strcmp(a->arg[i].name, arg->name) == 0)
			return no(why, why_size, "%s: '%s' is given twice", d->kind, arg->name);

	return check_value(d->kind, p, &arg->value, why, why_size);
}

static bool has_arg(const struct anod_action *a, const char *name)
{
	for (uint32_t i = 0; i < a->n_args; i++)
		if (strcmp(a->arg[i].name, name) == 0)
			return true;

	return false;
}

int action_check(const struct anod_action *a, const struct anod_action_desc *d, char *why,
		 size_t why_size)
{
	int r;

	if (a->size != sizeof(*a) || a->n_args > ANOD_ARGS_MAX)
		return no(why, why_size,
			  "%s: the action has a size that this version does not "
			  "know",
			  d->kind);
	if (!ended(a->kind, sizeof(a->kind)) || strcmp(a->kind, d->kind) != 0)
		return no(why, why_size, "the action is not a %s", d->kind);

	for (uint32_t i = 0; i < a->n_args; i++) {
		r = check_arg(a, d, i, why, why_size);
		if (r < 0)
			return r;
	}

	for (const struct anod_param *p = d->params; p && p->name; p++)
		if (p->required && !has_arg(a, p->name))
			return no(why, why_size, "%s: '%s' is missing", d->kind, p->name);

	return 0;
}
