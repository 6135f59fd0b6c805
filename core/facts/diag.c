/*
 * diag - messages about a text, each with its place.
 *
 * Design.  A list keeps its messages sorted by place within each file, files in the order in
 * which they first had something to say, because an engineer mends a file from top to bottom
 * while parsing and checking find errors in two passes.  Without memory a message is counted as
 * dropped and an error still counts as one, so a broken file never passes.
 */
#include "facts/diag.h"

#include <stdarg.h>
#include <string.h>

static bool same_file(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_behind(const struct lex_place *a, const struct lex_place *b)
{
	return a->line != b->line ? a->line > b->line : a->column > b->column;
}

static unsigned find_position(const struct diag_list *l, const struct lex_place *p)
{
	unsigned i, position = l->n;

	for (i = l->n; i > 0; i--) {
		if (!same_file(l->item[i - 1].place.file, p->file))
			continue;
		position = i;
		if (!is_behind(&l->item[i - 1].place, p))
			break;
		position = i - 1;
	}
	return position;
}

static bool diag_room(struct diag_list *l)
{
	struct diag *item;

	if (l->n >= DIAG_MAX)
		return false;
	if (l->item)
		return true;

	item = calloc(DIAG_MAX, sizeof(*item));
	l->item = item;
	return item != NULL;
}

void diag_add(struct diag_list *l, enum diag_level level, const struct lex_place *p,
	      const char *fmt, ...)
{
	_cleanup_(freep) char *text = NULL, *file = NULL;
	unsigned position;
	va_list ap;
	int n;

	if (level == DIAG_ERROR)
		l->n_errors++;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		text = NULL;
	if (p->file)
		file = strdup(p->file);
	if (!text || (p->file && !file) || !diag_room(l)) {
		l->n_dropped++;
		return;
	}

	clean_text(text);
	position = find_position(l, p);
	memmove(&l->item[position + 1], &l->item[position], (l->n - position) * sizeof(l->item[0]));
	l->n++;
	l->item[position] = (struct diag){
		.level = level,
		.place = { .file = TAKE(file), .line = p->line, .column = p->column },
		.text = TAKE(text),
	};
}

void diag_done(struct diag_list *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		free((char *) (uintptr_t) l->item[i].place.file);
		free(l->item[i].text);
	}
	free(l->item);
	*l = (struct diag_list){ 0 };
}

void diag_print(const struct diag_list *l, FILE *f)
{
	for (unsigned i = 0; i < l->n; i++) {
		const struct diag *d = &l->item[i];

		if (d->place.file)
			fprintf(f, "%s:", d->place.file);
		if (d->place.line > 0)
			fprintf(f, "%u:%u:", d->place.line, d->place.column);
		fprintf(f, "%s%s: %s\n", d->place.file || d->place.line > 0 ? " " : "",
			d->level == DIAG_ERROR ? "error" : "warning", d->text);
	}
	if (l->n_dropped > 0)
		fprintf(f, "%u more not shown\n", l->n_dropped);
}
