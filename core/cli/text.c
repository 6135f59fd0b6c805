/*
 * text - what every page of anodctl is made of: members of JSON, times, colours, tables.
 */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/term.h"
#include "cli/width.h"

#define WRAP_MIN 16 /* columns that are worth wrapping for */

const cJSON *get(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

const char *get_text(const cJSON *o, const char *name)
{
	const cJSON *i = get(o, name);

	return cJSON_IsString(i) ? i->valuestring : "";
}

double get_number(const cJSON *o, const char *name)
{
	const cJSON *i = get(o, name);

	return cJSON_IsNumber(i) ? i->valuedouble : 0;
}

bool get_bool(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(get(o, name));
}

/* Line by line: a line break is no surprise in a text. */
static void clean_lines(char *text)
{
	char *end;

	for (; (end = strchr(text, '\n')); text = end + 1) {
		*end = '\0';
		clean_text(text);
		*end = '\n';
	}
	clean_text(text);
}

void clean_json(cJSON *o)
{
	cJSON *i;

	if (!o)
		return;
	if (cJSON_IsString(o))
		clean_lines(o->valuestring);
	if (o->string)
		clean_lines(o->string);
	cJSON_ArrayForEach(i, o) clean_json(i);
}

const char *item_text(const cJSON *i)
{
	return cJSON_IsString(i) ? i->valuestring : "";
}

const char *local_time(const char *rfc3339, char *buf, size_t size)
{
	struct tm utc = { 0 }, local;
	const char *rest = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &utc);
	time_t t;
	size_t n;

	if (!rest) {
		(void) snprintf(buf, size, "%s", rfc3339);
		return buf;
	}
	t = timegm(&utc);
	if (!localtime_r(&t, &local))
		local = utc;
	n = strftime(buf, size, "%H:%M:%S", &local);
	(void) snprintf(buf + n, size - n, "%.4s", rest[0] == '.' ? rest : "");
	return buf;
}

const char *duration_text(double us, char *buf, size_t size)
{
	return format_duration(us < 0 ? 0 : (uint64_t) us, buf, size);
}

const char *plural(double n)
{
	return n == 1 ? "" : "s";
}

const char *paint(const struct cli *c, const char *what)
{
	static const struct {
		const char *name, *code;
	} colors[] = {
		{ "off", "\033[0m" },	{ "bold", "\033[1m" },	 { "dim", "\033[2m" },
		{ "red", "\033[31m" },	{ "green", "\033[32m" }, { "yellow", "\033[33m" },
		{ "blue", "\033[34m" }, { "cyan", "\033[36m" },
	};

	for (size_t k = 0; c->color && k < ARRAY_SIZE(colors); k++)
		if (strcmp(colors[k].name, what) == 0)
			return colors[k].code;
	return "";
}

const char *state_paint(const struct cli *c, const char *state)
{
	static const char *const good[] = { "done", "verified", "auto",	  "soak",
					    "true", "running",	"closed", "DONE",
					    "SOAK", "holds",	NULL };
	static const char *const bad[] = { "deny",	  "denied", "stuck",  "failed",
					   "rolled-back", "false",  "fails",  "DENIED",
					   "ROLLED_BACK", "STUCK",  "FAILED", "rolled back",
					   NULL };

	for (int k = 0; good[k]; k++)
		if (strcasecmp(state, good[k]) == 0)
			return paint(c, "green");
	for (int k = 0; bad[k]; k++)
		if (strcasecmp(state, bad[k]) == 0)
			return paint(c, "red");
	return paint(c, "yellow");
}

/* ---- tables --------------------------------------------------------------------------------- */

#define COLUMNS_MAX 12

struct row {
	struct row *next;
	char *cell[COLUMNS_MAX];
	const char *color[COLUMNS_MAX];
};

struct table {
	const struct cli *cli;
	unsigned n;
	unsigned width[COLUMNS_MAX];
	struct row *first, *last;
};

struct table *table_new(const struct cli *c, const char *const *heads)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->cli = c;
	while (heads[t->n])
		t->n++;
	table_row(t, heads);
	for (unsigned k = 0; k < t->n; k++)
		t->last->color[k] = paint(c, "dim");
	return t;
}

void table_row(struct table *t, const char *const *cells)
{
	struct row *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	for (unsigned k = 0; k < t->n; k++) {
		r->cell[k] = strdup(cells[k] ? cells[k] : "");
		if (!r->cell[k])
			abort();
		t->width[k] = MAX_OF(t->width[k], text_columns(r->cell[k]));
		r->color[k] = "";
	}
	if (t->last)
		t->last->next = r;
	else
		t->first = r;
	t->last = r;
}

void table_paint(struct table *t, unsigned column, const char *color)
{
	t->last->color[column] = color;
}

void print_wrapped(const char *text, unsigned indent)
{
	unsigned cols = output_columns(), room = cols > indent + WRAP_MIN ? cols - indent : 0;

	while (room > 0 && text_columns(text) > room) {
		size_t n = text_clip(text, room, NULL), cut = n;

		/* At a blank, unless the line has none. */
		while (cut > 0 && text[cut] != ' ')
			cut--;
		n = cut > 0 ? cut : n;
		(void) printf("%.*s\n%*s", (int) n, text, (int) indent, "");
		text += n + strspn(text + n, " ");
	}
	(void) puts(text);
}

void table_print(struct table *t)
{
	for (struct row *r = t->first; r;) {
		struct row *next = r->next;
		unsigned at = 0;

		for (unsigned k = 0; k < t->n; k++) {
			bool last = k + 1 == t->n;
			unsigned pad = last ? 0 : t->width[k] - text_columns(r->cell[k]) + 2;

			(void) fputs(r->color[k], stdout);
			if (last)
				print_wrapped(r->cell[k], at);
			else
				(void) fputs(r->cell[k], stdout);
			(void) printf("%s%*s", r->color[k][0] ? paint(t->cli, "off") : "",
				      (int) pad, "");
			at += t->width[k] + 2;
			free(r->cell[k]);
		}
		free(r);
		r = next;
	}
	free(t);
}
