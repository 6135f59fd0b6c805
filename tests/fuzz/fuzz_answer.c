/*
 * fuzz_answer - whatever a model or an outsider writes: checked actions and framed evidence hold
 * their promises, and a second look gives the same result.
 */
#undef NDEBUG /* the asserts are the test */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "infer/answer.h"
#include "infer/infer.h"
#include "infer/strict.h"
#include "infer_actions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_promises(const struct infer_answer *a)
{
	const struct anod_action_desc *d;

	assert(memchr(a->cause, 0, sizeof(a->cause)) && memchr(a->summary, 0, sizeof(a->summary)));
	if (!a->has_action) {
		assert(a->action.size == 0 && a->action.n_args == 0);
		return;
	}
	d = action_find(test_actions, a->action.kind);
	assert(d && a->action.size == sizeof(a->action) && a->action.n_args <= ANOD_ARGS_MAX);
	for (const struct anod_param *p = d->params; p->name; p++) {
		unsigned n = 0;

		for (unsigned i = 0; i < a->action.n_args; i++) {
			const struct anod_arg *arg = &a->action.arg[i];

			if (strcmp(arg->name, p->name) != 0)
				continue;
			n++;
			assert(arg->value.type == p->type && arg->value.unit == p->unit);
			if (p->type == ANOD_TEXT)
				assert(word_plain(arg->value.u.text, ANOD_TEXT_SIZE - 1));
			if (param_is_link(p))
				assert(list_has(test_links, arg->value.u.text));
			if (p->type == ANOD_INT && (p->min || p->max))
				assert(arg->value.u.i >= p->min && arg->value.u.i <= p->max);
		}
		assert(n == p->required || (n == 1 && !p->required) || (n == 0 && !p->required));
	}
}

static void check_frame(const uint8_t *data, size_t size)
{
	char why[256], *text = malloc(size + 1), *framed;
	int r;

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	framed = evidence_frame(text);
	assert(framed && strlen(framed) < INFER_INPUT_MAX);
	r = json_strict(framed, strlen(framed), why, sizeof(why));
	assert(r == 0 && strncmp(framed, "{\"data\":", 8) == 0);
	(void) r;
	free(framed);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct infer_answer a, b;
	int r = answer_check((const char *) data, size, test_actions, test_links, &a);

	assert(r == 0 || (r == -EBADMSG && *a.why));
	assert(r == 0 || (!a.has_action && !*a.cause && !*a.summary));
	if (r == 0)
		check_promises(&a);
	assert(answer_check((const char *) data, size, test_actions, test_links, &b) == r);
	assert(memcmp(&a.action, &b.action, sizeof(a.action)) == 0);
	check_frame(data, size);
	return 0;
}
