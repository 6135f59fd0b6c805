/*
 * plan - what the plans of actuators share: arguments, look-ups, changes, refusals.
 *
 * Design.  Host and executor have checked an action against its parameters before they plan it;
 * types and ranges are checked here again all the same, because the executor holds the privilege
 * and a plan must not rest on what another process says it did.
 */
#include <anod/plan.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <anod/rtnl.h>

int anod_refuse(struct anod_job *j, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(j->plan->error, sizeof(j->plan->error), fmt, ap);
	va_end(ap);
	j->plan->n_changes = 0;
	return error;
}

static const struct anod_value *find(const struct anod_action *a, const char *name)
{
	for (uint32_t i = 0; i < a->n_args && i < ANOD_ARGS_MAX; i++)
		if (strncmp(a->arg[i].name, name, sizeof(a->arg[i].name)) == 0)
			return &a->arg[i].value;
	return NULL;
}

int anod_arg_int64(struct anod_job *j, const char *name, int64_t min, int64_t max, int64_t *ret)
{
	const struct anod_value *v = find(j->a, name);

	if (!v)
		return 0;
	if (v->type != ANOD_INT || v->u.i < min || v->u.i > max)
		return anod_refuse(j, -EINVAL, "%s must be a number from %" PRId64 " to %" PRId64,
				   name, min, max);

	*ret = v->u.i;
	return 1;
}

int anod_arg_int(struct anod_job *j, const char *name, int64_t min, int64_t max, uint32_t *ret)
{
	int64_t i = 0;
	int r = anod_arg_int64(j, name, min, max, &i);

	if (r > 0)
		*ret = (uint32_t) i;
	return r;
}

int anod_arg_bool(struct anod_job *j, const char *name, bool *ret)
{
	const struct anod_value *v = find(j->a, name);

	if (!v)
		return 0;
	if (v->type != ANOD_BOOL)
		return anod_refuse(j, -EINVAL, "%s must be true or false", name);

	*ret = v->u.i;
	return 1;
}

int anod_arg_text(struct anod_job *j, const char *name, const char **ret)
{
	const struct anod_value *v = find(j->a, name);

	if (!v)
		return 0;
	if (v->type != ANOD_TEXT || !memchr(v->u.text, '\0', sizeof(v->u.text)) || !v->u.text[0])
		return anod_refuse(j, -EINVAL, "%s must be a word", name);

	*ret = v->u.text;
	return 1;
}

int anod_arg_prefix(struct anod_job *j, const char *name, struct anod_prefix *ret)
{
	const struct anod_value *v = find(j->a, name);
	unsigned bits;

	if (!v)
		return 0;
	bits = v->u.prefix.family == AF_INET ? 32 : 128;
	if (v->type != ANOD_PREFIX || v->u.prefix.len > bits ||
	    (v->u.prefix.family != AF_INET && v->u.prefix.family != AF_INET6))
		return anod_refuse(j, -EINVAL, "%s must be a prefix or an address", name);

	*ret = v->u.prefix;
	return 1;
}

int anod_arg_address(struct anod_job *j, const char *name, struct anod_prefix *ret)
{
	int r = anod_arg_prefix(j, name, ret);

	if (r > 0 && ret->len != (ret->family == AF_INET ? 32 : 128))
		return anod_refuse(j, -EINVAL, "%s must be an address, not the prefix %s", name,
				   anod_prefix_text(ret));
	return r;
}

int anod_arg_link(struct anod_job *j, const char *name, uint32_t *ret_ifindex)
{
	const char *dev = NULL;
	int r;

	r = anod_arg_text(j, name, &dev);
	if (r <= 0)
		return r;

	r = j->v->ifindex(j->v, dev);
	if (r == -ENODEV || r == 0)
		return anod_refuse(j, -ENODEV, "no link '%s'", dev);
	if (r < 0)
		return anod_refuse(j, r, "cannot look up link '%s': %s", dev, strerror(-r));

	*ret_ifindex = (uint32_t) r;
	return 1;
}

int anod_need(struct anod_job *j, const char *name, int given)
{
	return given == 0 ? anod_refuse(j, -EINVAL, "%s is missing", name) : given;
}

/* Who tells the model of such objects. */
static const char *sensor_of(const struct anod_object *key)
{
	static const char *const sensors[ANOD_OBJ_TYPES] = {
		[ANOD_OBJ_QDISC] = "rtnl",
		[ANOD_OBJ_SYSCTL] = "sysctl",
		[ANOD_OBJ_WGPEER] = "wireguard",
		[ANOD_OBJ_UNIT] = "systemd",
	};
	const char *name = key->type < ANOD_OBJ_TYPES ? sensors[key->type] : NULL;

	return name ? name : "rtnl";
}

/* What the object is called; not what it should be. */
static const char *name_of(const struct anod_object *key, char *buf, size_t size)
{
	char *value;

	(void) anod_object_text(key, buf, size);
	value = strstr(buf, " = ");
	if (value)
		*value = '\0';
	return buf;
}

int anod_look(struct anod_job *j, const struct anod_object *key, struct anod_object *ret)
{
	char text[96];
	int r = j->v->get(j->v, key, ret);

	if (r == -ENOENT || r == -ENODEV)
		return 0;
	if (r == -ENODATA)
		return anod_refuse(j, r,
				   "%s is not known: it takes the sensor '%s', which is not there, "
				   "has not read yet, or is reading again",
				   name_of(key, text, sizeof(text)), sensor_of(key));
	if (r < 0)
		return anod_refuse(j, r, "cannot read %s: %s", name_of(key, text, sizeof(text)),
				   strerror(-r));
	if (ret->flags & ANOD_OBJ_LOSSY)
		return anod_refuse(j, -EOPNOTSUPP,
				   "%s has attributes that anod cannot restore: change it by hand",
				   name_of(key, text, sizeof(text)));
	return 1;
}

int anod_add_change(struct anod_job *j, const struct anod_object *pre,
		    const struct anod_object *post)
{
	struct anod_change *c = &j->plan->change[j->plan->n_changes];

	if ((!pre && !post) || (pre && post && anod_object_matches(pre, post, NULL)))
		return 0;
	if (j->plan->n_changes >= ANOD_CHANGES_MAX)
		return anod_refuse(j, -E2BIG, "more than %d objects would change",
				   ANOD_CHANGES_MAX);

	memset(c, 0, sizeof(*c));
	if (pre) {
		c->has_pre = 1;
		c->pre = *pre;
	}
	if (post) {
		c->has_post = 1;
		c->post = *post;
	}
	j->plan->n_changes++;
	return 0;
}

#define TEXT_BUFFERS 4

static char *text_buffer(size_t *ret_size)
{
	static _Thread_local char buffer[TEXT_BUFFERS][INET6_ADDRSTRLEN + 8];
	static _Thread_local unsigned turn;

	*ret_size = sizeof(buffer[0]);
	return buffer[turn++ % TEXT_BUFFERS];
}

const char *anod_prefix_text(const struct anod_prefix *p)
{
	char address[INET6_ADDRSTRLEN];
	size_t size;
	char *text = text_buffer(&size);

	if (!inet_ntop(p->family, p->addr, address, sizeof(address)))
		return "?";
	if (p->len == (p->family == AF_INET ? 32 : 128))
		(void) snprintf(text, size, "%s", address);
	else
		(void) snprintf(text, size, "%s/%u", address, p->len);
	return text;
}

const char *anod_owner_text(const struct anod_object *o)
{
	char line[256];
	size_t size;
	char *text = text_buffer(&size), *word;

	(void) anod_object_text(o, line, sizeof(line));
	word = strstr(line, "proto ");
	(void) snprintf(text, size, "%.*s", word ? (int) strcspn(word + 6, " ") + 6 : 7,
			word ? word : "proto 0");
	return text;
}
