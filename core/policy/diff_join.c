/*
 * diff_join - the same change of several agents or kinds as one, and the order of telling.
 */
#include <string.h>

#include "policy/diff_priv.h"

void diff_change_done(struct change *c)
{
	struct diff one = { .n = 1, .change = calloc(1, sizeof(*c)) };

	if (!one.change)
		return;
	*one.change = *c;
	diff_done(&one);
}

/* ---- telling -------------------------------------------------------------------------------- */

static bool lists(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
		if ((at == list || at[-1] == ' ') && (at[n] == ',' || at[n] == '\0'))
			return true;
	return false;
}

static void add_word(char **list, const char *word)
{
	char *longer;

	if (lists(*list, word) || asprintf(&longer, "%s, %s", *list, word) < 0)
		return;
	free(*list);
	*list = longer;
}

/* The same region of another kind, or of another agent. */
void diff_join(struct diff *d, bool agents)
{
	for (unsigned i = 0; i < d->n; i++)
		for (unsigned k = i + 1; k < d->n;) {
			struct change *a = &d->change[i], *b = &d->change[k];
			const char *same = agents ? b->actions : b->agents;

			if (a->was != b->was || a->now != b->now || a->tried != b->tried ||
			    strcmp(a->where, b->where) != 0 ||
			    strcmp(agents ? a->actions : a->agents, same) != 0) {
				k++;
				continue;
			}
			add_word(agents ? &a->agents : &a->actions,
				 agents ? b->agents : b->actions);
			diff_change_done(b);
			memmove(b, b + 1, (--d->n - k) * sizeof(*b));
		}
}

int diff_by_risk(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	bool rx = x->now > x->was, ry = y->now > y->was;
	int order;

	if (rx != ry)
		return rx ? -1 : 1;
	order = rx ? (int) y->now - (int) x->now : (int) y->was - (int) x->was;
	if (order == 0)
		order = rx ? (int) x->was - (int) y->was : (int) x->now - (int) y->now;
	if (order == 0)
		order = strcmp(x->agents, y->agents);
	return order ? order : strcmp(x->actions, y->actions);
}
