/*
 * incident_json - an incident as JSON, and back from the ledger.
 *
 * Design.  One form serves the control socket and the ledger.  What comes back is checked like
 * anything from a file: the ledger may be of another version or edited.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "incident/incident_int.h"

static void add_u64(struct cJSON *o, const char *key, uint64_t value)
{
	char text[24];

	(void) snprintf(text, sizeof(text), "%" PRIu64, value);
	(void) cJSON_AddRawToObject(o, key, text);
}

static void add_time(struct cJSON *o, const char *key, uint64_t wall_us)
{
	char text[40];

	if (wall_us)
		(void) cJSON_AddStringToObject(o, key, format_wall(wall_us, text, sizeof(text)));
	else
		(void) cJSON_AddNullToObject(o, key);
}

static struct cJSON *evidence_json(const struct incident_finding *of)
{
	const struct anod_finding *f = &of->f;
	struct cJSON *list = cJSON_CreateArray();
	char fact[2 * ANOD_KIND_SIZE + ANOD_NAME_SIZE + 2];

	for (uint32_t i = 0; i < f->n_refs; i++) {
		struct cJSON *o = cJSON_CreateObject();

		(void) snprintf(fact, sizeof(fact), "%s/%s.%s", f->ref[i].kind, f->ref[i].entity,
				f->ref[i].attr);
		(void) cJSON_AddStringToObject(o, "fact", fact);
		if (of->evidence[i].value[0])
			(void) cJSON_AddStringToObject(o, "value", of->evidence[i].value);
		else
			(void) cJSON_AddNullToObject(o, "value");
		if (of->evidence[i].dated)
			add_u64(o, "age_us", of->evidence[i].age_us);
		else
			(void) cJSON_AddNullToObject(o, "age_us");
		(void) cJSON_AddItemToArray(list, o);
	}
	return list;
}

static struct cJSON *rivals_json(const struct anod_finding *f)
{
	struct cJSON *list = cJSON_CreateArray();

	for (uint32_t i = 0; i < f->n_rivals; i++) {
		struct cJSON *o = cJSON_CreateObject();

		(void) cJSON_AddStringToObject(o, "code", f->rival[i].code);
		(void) cJSON_AddNumberToObject(o, "confidence", f->rival[i].confidence);
		(void) cJSON_AddItemToArray(list, o);
	}
	return list;
}

static struct cJSON *finding_json(const struct incident_finding *f)
{
	struct cJSON *o = cJSON_CreateObject();

	if (!o)
		return NULL;
	add_u64(o, "id", f->id);
	(void) cJSON_AddStringToObject(o, "code", f->f.code);
	(void) cJSON_AddStringToObject(o, "kind", f->f.kind);
	(void) cJSON_AddStringToObject(o, "entity", f->f.entity);
	(void) cJSON_AddStringToObject(o, "agent", f->agent);
	(void) cJSON_AddNumberToObject(o, "confidence", f->f.confidence);
	(void) cJSON_AddStringToObject(o, "summary", f->f.summary);
	(void) cJSON_AddBoolToObject(o, "open", !f->cleared_us);
	(void) cJSON_AddItemToObject(o, "evidence", evidence_json(f));
	(void) cJSON_AddItemToObject(o, "rivals", rivals_json(&f->f));
	return o;
}

static struct cJSON *line_json(const struct incident_line *l)
{
	struct cJSON *o = cJSON_CreateObject();

	if (!o)
		return NULL;
	add_time(o, "t", l->wall_us);
	(void) cJSON_AddStringToObject(o, "kind", line_kind_name(l->kind));
	if (l->tx)
		add_u64(o, "tx", l->tx);
	if (l->agent[0])
		(void) cJSON_AddStringToObject(o, "agent", l->agent);
	(void) cJSON_AddStringToObject(o, "text", l->text);
	return o;
}

/* The transactions that the timeline names, each once. */
static struct cJSON *transactions_json(const struct incident *i)
{
	struct cJSON *list = cJSON_CreateArray();
	char text[24];

	for (unsigned k = 0; k < i->n_lines; k++) {
		bool seen = i->line[k].tx == 0;

		for (unsigned m = 0; m < k && !seen; m++)
			seen = i->line[m].tx == i->line[k].tx;
		if (seen)
			continue;
		(void) snprintf(text, sizeof(text), "%" PRIu64, i->line[k].tx);
		(void) cJSON_AddItemToArray(list, cJSON_CreateRaw(text));
	}
	return list;
}

struct cJSON *incident_json(const struct incident *i, bool with_lines)
{
	struct cJSON *o = cJSON_CreateObject(), *findings, *lines;

	if (!o)
		return NULL;
	add_u64(o, "id", i->id);
	(void) cJSON_AddStringToObject(o, "title", i->title);
	(void) cJSON_AddBoolToObject(o, "open", i->open);
	add_time(o, "opened", i->opened_wall_us);
	add_time(o, "closed", i->closed_wall_us);
	add_u64(o, "opened_wall_us", i->opened_wall_us);
	add_u64(o, "closed_wall_us", i->closed_wall_us);
	(void) cJSON_AddItemToObject(o, "transactions", transactions_json(i));
	findings = cJSON_AddArrayToObject(o, "findings");
	for (unsigned k = 0; findings && k < i->n_findings; k++)
		(void) cJSON_AddItemToArray(findings, finding_json(&i->finding[k]));
	if (!with_lines)
		return o;

	lines = cJSON_AddArrayToObject(o, "lines");
	for (unsigned k = 0; lines && k < i->n_lines; k++)
		(void) cJSON_AddItemToArray(lines, line_json(&i->line[k]));
	add_u64(o, "lines_dropped", i->n_lines_dropped);
	return o;
}

/* ---- back --------------------------------------------------------------------------------- */

static uint64_t get_u64(const struct cJSON *o, const char *key)
{
	const struct cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble <= 9007199254740992.0
		       ? (uint64_t) v->valuedouble
		       : 0;
}

static void get_text(const struct cJSON *o, const char *key, char *dst, size_t size)
{
	const struct cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	(void) copy_text(dst, size, cJSON_IsString(v) ? v->valuestring : "");
	clean_text(dst);
}

/* "link/wan0.carrier": names of entities have slashes and dots, too. */
static bool restore_ref(const struct cJSON *o, struct anod_ref *r, struct incident_evidence *e)
{
	const struct cJSON *age = cJSON_GetObjectItemCaseSensitive(o, "age_us");
	char fact[2 * ANOD_KIND_SIZE + ANOD_NAME_SIZE + 2], *slash, *dot;

	get_text(o, "fact", fact, sizeof(fact));
	slash = strchr(fact, '/');
	dot = strrchr(fact, '.');
	if (!slash || !dot || dot < slash)
		return false;

	*slash = *dot = '\0';
	(void) copy_text(r->kind, sizeof(r->kind), fact);
	(void) copy_text(r->entity, sizeof(r->entity), slash + 1);
	(void) copy_text(r->attr, sizeof(r->attr), dot + 1);
	get_text(o, "value", e->value, sizeof(e->value));
	e->dated = cJSON_IsNumber(age);
	e->age_us = get_u64(o, "age_us");
	return true;
}

static void restore_evidence(struct incident_finding *f, const struct cJSON *list)
{
	const struct cJSON *o;

	cJSON_ArrayForEach(o, list)
	{
		uint32_t n = f->f.n_refs;

		if (n < ANOD_REFS_MAX && restore_ref(o, &f->f.ref[n], &f->evidence[n]))
			f->f.n_refs++;
	}
}

static int restore_finding(struct incidents *s, struct incident *i, const struct cJSON *o)
{
	struct incident_finding *f = incident_add_finding(i);
	const struct cJSON *c = cJSON_GetObjectItemCaseSensitive(o, "confidence");

	if (!f)
		return -ENOSPC;
	f->id = get_u64(o, "id");
	/* Boot times of another run mean nothing; "cleared" is all that matters. */
	f->cleared_us = 1;
	f->f.size = sizeof(f->f);
	f->f.confidence = cJSON_IsNumber(c) ? c->valuedouble : 0;
	get_text(o, "agent", f->agent, sizeof(f->agent));
	get_text(o, "code", f->f.code, sizeof(f->f.code));
	get_text(o, "kind", f->f.kind, sizeof(f->f.kind));
	get_text(o, "entity", f->f.entity, sizeof(f->f.entity));
	get_text(o, "summary", f->f.summary, sizeof(f->f.summary));
	restore_evidence(f, cJSON_GetObjectItemCaseSensitive(o, "evidence"));
	s->next_finding = MAX_OF(s->next_finding, f->id + 1);
	return f->id && f->f.code[0] ? 0 : -EBADMSG;
}

int incident_restore(struct incidents *s, const struct cJSON *ledger_line)
{
	const struct cJSON *in = cJSON_GetObjectItemCaseSensitive(ledger_line, "incident");
	const struct cJSON *findings = cJSON_GetObjectItemCaseSensitive(in, "findings"), *o;
	uint64_t id = get_u64(in, "id");
	struct incident *i;
	int r = -EBADMSG; /* without findings */

	if (!cJSON_IsObject(in) || !id || !cJSON_IsArray(findings))
		return -EBADMSG;
	if (incident_find_id(s, id))
		return 0;
	if (s->n >= INCIDENTS_MAX)
		return 0; /* the newer ones fill the list */

	i = incident_add(s, id);
	if (!i)
		return -ENOMEM;
	get_text(in, "title", i->title, sizeof(i->title));
	i->opened_wall_us = get_u64(in, "opened_wall_us");
	i->closed_wall_us = get_u64(in, "closed_wall_us");
	cJSON_ArrayForEach(o, findings)
	{
		r = restore_finding(s, i, o);
		if (r < 0)
			break;
	}
	if (r < 0) {
		incident_drop(s, i);
		return r;
	}
	return 1;
}

struct cJSON *incident_line_json(const struct incident_line *l)
{
	struct cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "kind", line_kind_name(l->kind));
	cJSON_AddStringToObject(o, "text", l->text);
	cJSON_AddNumberToObject(o, "wall_us", (double) l->wall_us);
	if (l->tx)
		cJSON_AddNumberToObject(o, "tx", (double) l->tx);
	if (l->agent[0])
		cJSON_AddStringToObject(o, "agent", l->agent);
	return o;
}

static enum line_kind kind_of(const char *name)
{
	for (enum line_kind k = LINE_FACT; k <= LINE_NOTE; k++)
		if (strcmp(line_kind_name(k), name) == 0)
			return k;

	return LINE_NOTE;
}

int incident_restore_line(struct incidents *s, const struct cJSON *ledger_line)
{
	const struct cJSON *in = cJSON_GetObjectItemCaseSensitive(ledger_line, "incident");
	const struct cJSON *o = cJSON_GetObjectItemCaseSensitive(ledger_line, "line");
	struct incident *i = incident_find_id(s, get_u64(in, "id"));
	struct incident_line l = { .wall_us = get_u64(o, "wall_us"), .tx = get_u64(o, "tx") };
	char kind[24];

	if (!i || !cJSON_IsObject(o))
		return -ENOENT;

	get_text(o, "kind", kind, sizeof(kind));
	get_text(o, "text", l.text, sizeof(l.text));
	get_text(o, "agent", l.agent, sizeof(l.agent));
	l.kind = kind_of(kind);
	return incident_restore_add(i, &l);
}
