/* Incidents: which findings belong together, the timeline, closing and coming back. */
#include "incident/incident.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define S    UINT64_C(1000000)
#define WALL (UINT64_C(1763800000) * S)

static struct incidents *s;
static uint64_t now;
static unsigned n_heard;
static char heard[INCIDENT_LINE_SIZE];

static void listen(void *data, const struct incident *i, const struct incident_line *l)
{
	(void) data;
	(void) i;
	n_heard++;
	(void) copy_text(heard, sizeof(heard), l->text);
}

static void start(void)
{
	s = incidents_new(1, listen, NULL);
	now = 1000 * S;
}

static void stop(void)
{
	s = incidents_free(s);
}

TestSuite(incident, .init = start, .fini = stop);

static struct anod_finding finding(const char *code, const char *kind, const char *entity)
{
	struct anod_finding f = { .size = sizeof(f), .confidence = 0.9 };

	(void) copy_text(f.code, sizeof(f.code), code);
	(void) copy_text(f.kind, sizeof(f.kind), kind);
	(void) copy_text(f.entity, sizeof(f.entity), entity);
	(void) copy_text(f.summary, sizeof(f.summary), "it is so");
	return f;
}

static uint64_t find_full(const struct anod_finding *f, const char *agent, uint64_t *ret_finding)
{
	uint64_t id = 0, incident = 0;

	cr_assert_eq(incident_find(s, agent, f, now, WALL + now, &id, &incident), 0);
	if (ret_finding)
		*ret_finding = id;
	cr_assert_eq(incident_of_finding(s, id), incident);
	return incident;
}

static uint64_t find(const char *code, const char *kind, const char *entity, uint64_t *ret_finding)
{
	struct anod_finding f = finding(code, kind, entity);

	return find_full(&f, "uplink", ret_finding);
}

static void clear(uint64_t id)
{
	cr_assert_eq(incident_clear(s, id, "over", now, WALL + now), 0);
}

Test(incident, findings_join_by_entity_link_or_cause_and_time)
{
	uint64_t a = find("uplink-down", "link", "wan0", NULL);
	struct anod_finding f;

	cr_assert_eq(find("uplink-loss", "path", "wan0", NULL), a, "its path");
	cr_assert_eq(find("unreachable", "neigh", "wan0/192.0.2.1", NULL), a, "on the same link");
	cr_assert_neq(find("dirty-fibre", "link", "lan0", NULL), a, "another link and cause");
	cr_assert_neq(find("lossy", "link", "wan01", NULL), a, "not a prefix of the name");

	now += 10 * S;
	cr_assert_eq(find("uplink-down", "link", "wan1", NULL), a, "the same code within 30 s");
	now += 31 * S;
	cr_assert_neq(find("uplink-down", "link", "wan2", NULL), a, "too late");

	f = finding("prefix-lost", "route", "main/0.0.0.0/0/100");
	f.n_refs = 1;
	(void) copy_text(f.ref[0].kind, sizeof(f.ref[0].kind), "link");
	(void) copy_text(f.ref[0].entity, sizeof(f.ref[0].entity), "lan7");
	(void) copy_text(f.ref[0].attr, sizeof(f.ref[0].attr), "carrier");
	a = find_full(&f, "routes", NULL);
	(void) copy_text(f.code, sizeof(f.code), "other-word");
	(void) copy_text(f.entity, sizeof(f.entity), "main/10.0.0.0/8/0");
	cr_assert_eq(find_full(&f, "third", NULL), a, "the same evidence");
	f.n_refs = ANOD_REFS_MAX + 1;
	cr_assert_eq(incident_find(s, "x", &f, now, WALL, &a, &a), -EINVAL);
}

Test(incident, an_open_finding_is_updated_and_said_once_unless_there_is_news)
{
	struct anod_finding f = finding("uplink-down", "link", "wan0");
	uint64_t a, b, incident = find_full(&f, "uplink", &a);
	unsigned n = n_heard;

	cr_assert_str_eq(heard, "uplink-down on link wan0: it is so (confidence 0.90)");
	cr_assert_str_eq(incident_get(s, incident)->title, "uplink-down on link wan0");
	cr_assert_eq(find_full(&f, "uplink", &b), incident);
	cr_assert_eq(a, b);
	cr_assert_eq(n_heard, n);
	f.confidence = 0.5;
	(void) find_full(&f, "uplink", &b);
	cr_assert_eq(n_heard, n + 1);
	cr_assert_eq(incident_finding_get(s, a)->confidence, 0.5);
	(void) find_full(&f, "other", &b);
	cr_assert_neq(a, b, "another agent's finding is its own");
	cr_assert_str_eq(incident_get(s, incident)->title, "uplink-down on link wan0 and 1 more");
	cr_assert_null(incident_finding_get(s, 999));
	cr_assert_eq(incident_of_finding(s, 999), 0);
}

Test(incident, closes_when_findings_are_cleared_and_transactions_over)
{
	uint64_t a, b, id = find("uplink-down", "link", "wan0", &a);
	const struct incident *i;

	(void) find("uplink-loss", "path", "wan0", &b);
	incident_txn(s, id, 1, now, WALL + now);
	now += 5 * S;
	clear(a);
	clear(b);
	i = incident_get(s, id);
	cr_assert(i->open, "its transaction is under way");
	now += 5 * S;
	incident_txn(s, id, -1, now, WALL + now);
	cr_assert_not(i->open);
	cr_assert_eq(i->closed_us, now);
	cr_assert_str_eq(heard, "closed after 10s");
	cr_assert_eq(incident_clear(s, a, "again", now, WALL), 0, "twice is once");
	cr_assert_eq(incident_clear(s, 999, "none", now, WALL), -ENOENT);
	incident_txn(s, 0, 1, now, WALL);
	incident_note(s, 0, LINE_NOTE, 0, "x", now, WALL, "ignored");
	incident_note(s, 77, LINE_NOTE, 0, "x", now, WALL, "ignored");
	cr_assert_eq(incident_nth(s, 0), i);
	cr_assert_null(incident_nth(s, 1));
}

Test(incident, reopens_when_the_finding_returns_soon)
{
	uint64_t a, b, id = find("uplink-down", "link", "wan0", &a);

	clear(a);
	now += 299 * S;
	cr_assert_eq(find("uplink-down", "link", "wan0", &b), id);
	cr_assert_neq(a, b, "an id is never used again");
	cr_assert(incident_get(s, id)->open);
	cr_assert_eq(incident_get(s, id)->n_findings, 1, "flapping fills the timeline only");
	clear(b);
	now += 301 * S;
	cr_assert_neq(find("uplink-down", "link", "wan0", NULL), id);
}

Test(incident, the_timeline_is_in_order_of_time_and_bounded)
{
	uint64_t id = find("uplink-down", "link", "wan0", NULL);
	const struct incident *i = incident_get(s, id);

	incident_note(s, id, LINE_FACT, 0, "", now - 2 * S, WALL, "link.wan0.carrier = false");
	incident_note(s, id, LINE_TX, 7, "uplink", now + S, WALL, "T7 applying\x1b[31m");
	incident_note(s, id, LINE_FACT, 0, NULL, now - S, WALL, "path.wan0.loss = 100%%");
	cr_assert_eq(i->n_lines, 4);
	cr_assert_str_eq(i->line[0].text, "link.wan0.carrier = false");
	cr_assert_str_eq(i->line[1].text, "path.wan0.loss = 100%");
	cr_assert_eq(i->line[2].kind, LINE_FINDING);
	cr_assert_eq(i->line[3].tx, 7);
	cr_assert_null(strchr(i->line[3].text, 0x1b), "no control characters");

	for (unsigned k = 0; k < 2 * INCIDENT_LINES_MAX; k++)
		incident_note(s, id, LINE_NOTE, 0, "x", now + k, WALL, "line %u", k);
	cr_assert_eq(i->n_lines, INCIDENT_LINES_MAX);
	cr_assert_eq(i->n_lines_dropped, 2 * INCIDENT_LINES_MAX + 4 - INCIDENT_LINES_MAX);
	cr_assert_eq(n_heard, 4 + 2 * INCIDENT_LINES_MAX, "the listener hears them all");
}

Test(incident, old_closed_ones_make_room_and_open_ones_do_not)
{
	char name[32];
	uint64_t a, b;
	struct anod_finding f;

	for (unsigned k = 0; k < INCIDENTS_MAX; k++) {
		(void) snprintf(name, sizeof(name), "p%u", k);
		now += 60 * S;
		(void) find("odd", "peer", name, &a);
		if (k == 500)
			clear(a);
	}
	now += 60 * S;
	(void) find("odd", "peer", "one more", &a);
	cr_assert_null(incident_get(s, 501), "the closed one went");
	cr_assert_not_null(incident_get(s, 1));
	now += 60 * S;
	f = finding("odd", "peer", "too many");
	cr_assert_eq(incident_find(s, "uplink", &f, now, WALL, &a, &b), -ENOSPC);
}

Test(incident, json_goes_out_and_comes_back_after_a_restart)
{
	uint64_t a, b, id = find("uplink-down", "link", "wan0", &a), other;
	struct cJSON *line = cJSON_CreateObject(), *bad;
	const struct incident *i;
	char *text;

	incident_note(s, id, LINE_TX, 12, "uplink", now, WALL, "T12 soak");
	cJSON_AddItemToObject(line, "incident", incident_json(incident_get(s, id), true));
	text = cJSON_PrintUnformatted(line);
	cr_assert_not_null(strstr(text, "\"title\":\"uplink-down on link wan0\",\"open\":true"));
	cr_assert_not_null(strstr(text, "\"transactions\":[12]"));
	cr_assert_not_null(strstr(text, "\"text\":\"T12 soak\""));
	cr_assert_not_null(strstr(text, "\"lines_dropped\":0"));
	free(text);

	/* What the ledger holds is text again. */
	text = cJSON_PrintUnformatted(line);
	cJSON_Delete(line);
	line = cJSON_Parse(text);
	free(text);
	(void) incidents_free(s);
	s = incidents_new(1, listen, NULL);
	cr_assert_eq(incident_restore(s, line), 1);
	cr_assert_eq(incident_restore(s, line), 0, "known");
	i = incident_get(s, id);
	cr_assert_str_eq(i->title, "uplink-down on link wan0");
	cr_assert_not(i->open, "until its finding returns");

	now = 5 * S; /* another boot */
	cr_assert_eq(find("uplink-down", "link", "wan0", &b), id);
	cr_assert(i->open);
	cr_assert_gt(b, a);
	other = find("odd", "peer", "x", NULL);
	cr_assert_gt(other, id);
	clear(b);
	cr_assert_not(i->open);
	cJSON_Delete(line);

	bad = cJSON_Parse("{\"incident\":{\"id\":50,\"findings\":[{\"id\":3},7]}}");
	cr_assert_eq(incident_restore(s, bad), -EBADMSG);
	cr_assert_null(incident_get(s, 50));
	cJSON_Delete(bad);
	bad = cJSON_Parse("{\"incident\":5,\"n\":1}");
	cr_assert_eq(incident_restore(s, bad), -EBADMSG);
	cJSON_Delete(bad);
	cr_assert_eq(incident_restore(s, NULL), -EBADMSG);
}

Test(incident, every_kind_of_line_has_a_name)
{
	for (int k = LINE_FACT; k <= LINE_NOTE; k++)
		cr_assert_not_null(line_kind_name(k));
	cr_assert_null(line_kind_name(0));
}

static void look(void *data, const struct anod_ref *ref, struct incident_evidence *ret)
{
	(void) data;
	if (strcmp(ref->attr, "nobody_knows") == 0)
		return;
	(void) copy_text(ret->value, sizeof(ret->value), "false");
	ret->dated = true;
	ret->age_us = 7 * S;
}

Test(incident, evidence_has_the_value_and_the_age_that_its_facts_had)
{
	struct anod_finding f = finding("uplink-down", "link", "wan0");
	const struct incident_finding *of;
	struct cJSON *line = cJSON_CreateObject();
	uint64_t a, b;
	char *text;

	f.n_refs = 2;
	f.ref[0] = (struct anod_ref){ "probe", "wan0/192.0.2.1", "up" };
	f.ref[1] = (struct anod_ref){ "link", "wan0", "nobody_knows" };
	incidents_look(s, look, NULL);
	cr_assert_eq(incident_find(s, "uplink", &f, now, WALL, &a, &b), 0);
	cJSON_AddItemToObject(line, "incident", incident_json(incident_get(s, b), false));
	text = cJSON_PrintUnformatted(line);
	cr_expect_not_null(strstr(text, "{\"fact\":\"probe/wan0/192.0.2.1.up\",\"value\":\"false\","
					"\"age_us\":7000000}"),
			   "%s", text);
	cr_expect_not_null(strstr(text, "\"value\":null,\"age_us\":null"), "%s", text);
	cJSON_Delete(line);
	line = cJSON_Parse(text);
	free(text);

	/* The same after a restart. */
	(void) incidents_free(s);
	s = incidents_new(1, listen, NULL);
	cr_assert_eq(incident_restore(s, line), 1);
	of = &incident_get(s, b)->finding[0];
	cr_assert_eq(of->f.n_refs, 2);
	cr_expect_str_eq(of->f.ref[0].entity, "wan0/192.0.2.1");
	cr_expect_str_eq(of->f.ref[0].attr, "up");
	cr_expect_str_eq(of->evidence[0].value, "false");
	cr_expect_eq(of->evidence[0].age_us, 7 * S);
	cr_expect_not(of->evidence[1].dated);
	cJSON_Delete(line);
}
