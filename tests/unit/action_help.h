/*
 * action_help - requests to the executor, written as text, for the real actuators.
 */
#ifndef TESTS_UNIT_ACTION_HELP_H
#define TESTS_UNIT_ACTION_HELP_H

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <string.h>

#include "exec/proto.h"
#include "facts/value.h"

#define KINDS_MAX 32

static const struct anod_action_desc *descs[KINDS_MAX + 1]; /* of all of them */
static struct exec_prepare request;

static inline void load_actuator(void)
{
	static const char *const names[] = { "act_rtnl", "act_tc", "act_sysctl", "act_wg",
					     "act_unit" };
	const struct anod_plugin *plugin;
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[512];
		void *so;

		(void) snprintf(path, sizeof(path), BUILD_DIR "/plugins/%s.so", names[i]);
		so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		if (!so)
			cr_skip_test("an actuator is not built: %s", dlerror());
		plugin = dlsym(so, "anod_plugin_v1");
		cr_assert_not_null(plugin);
		for (const struct anod_action_desc *d = plugin->actions; d->kind; d++) {
			cr_assert_lt(n, KINDS_MAX);
			descs[n++] = d;
		}
	}
	descs[n] = NULL;
}

static inline void new_request(bool foreign)
{
	memset(&request, 0, sizeof(request));
	request.head = (struct chan_head){ EXEC_PREPARE, sizeof(request), 1 };
	request.foreign = foreign;
}

static inline struct anod_value arg_value(const struct anod_param *p, const char *text)
{
	struct anod_prefix prefix;

	if (p->type == ANOD_INT)
		return value_int(strtoll(text, NULL, 10), p->unit);
	if (p->type == ANOD_TEXT)
		return value_text(text);
	if (p->type == ANOD_BOOL)
		return value_bool(strcmp(text, "true") == 0);
	cr_assert_eq(prefix_parse(text, &prefix), 0, "%s", text);
	return value_prefix(&prefix);
}

/* "dev=wan0 metric=5"; what the types are the actuator's parameters say. */
static inline void add_action(const char *kind, const char *args)
{
	struct anod_action *a = &request.action[request.n_actions++];
	const struct anod_action_desc *d = descs[0];
	char copy[256], *rest = copy, *word;

	for (unsigned i = 0; descs[i] && strcmp((d = descs[i])->kind, kind) != 0; i++)
		;
	cr_assert_str_eq(d->kind, kind);
	a->size = sizeof(*a);
	(void) copy_text(a->kind, sizeof(a->kind), kind);
	(void) copy_text(copy, sizeof(copy), args);
	while ((word = strsep(&rest, " "))) {
		struct anod_arg *arg = &a->arg[a->n_args++];
		const struct anod_param *p = d->params;
		char *text = strchr(word, '=');

		*text++ = '\0';
		while (p->name && strcmp(p->name, word) != 0)
			p++;
		cr_assert_not_null(p->name, "%s has no %s", kind, word);
		(void) copy_text(arg->name, sizeof(arg->name), word);
		arg->value = arg_value(p, text);
	}
}

#endif
