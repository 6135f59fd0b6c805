/*
 * publish - what BIRD says of tables, protocols and sessions, as facts.
 *
 * Design.  BIRD does not count lost sessions, so this file does: a session that is not established
 * any more, or is younger than it would be had it stayed.  What a table held when it was steady is
 * kept while BIRD is away.
 */
#include "bird.h"

#include <stdlib.h>
#include <string.h>

#define SLACK_US 2000000 /* between two clocks and roundings */

static struct anod_value text(const char *s)
{
	static const struct anod_value unknown;

	return s[0] ? anod_text(s, strlen(s)) : unknown;
}

static struct anod_value count(int64_t n)
{
	static const struct anod_value unknown;

	return n == REPLY_NOT ? unknown : anod_int(n, ANOD_UNIT_NONE);
}

/* ---- tables ------------------------------------------------------------------------------- */

static struct table *table_of(struct bird *b, const char *name)
{
	struct table *t;

	for (unsigned i = 0; i < b->n_tables; i++)
		if (strcmp(b->table[i].name, name) == 0)
			return &b->table[i];
	if (b->n_tables == TABLES_MAX)
		return NULL;
	t = &b->table[b->n_tables++];
	*t = (struct table){ .steady = ANOD_STEADY_NEW };
	strcpy(t->name, name);
	return t;
}

void bird_put_table(const struct reply_table *r, void *data)
{
	struct bird *b = data;
	struct anod_value v[ANOD_RIB_ATTRS] = { 0 };
	char name[ANOD_NAME_SIZE];
	struct table *t;

	if (snprintf(name, sizeof(name), "bird/default/%s", r->name) >= (int) sizeof(name))
		return;
	t = table_of(b, name);
	if (!t)
		return;
	v[ANOD_RIB_ROUTES] = anod_int(r->routes, ANOD_UNIT_NONE);
	v[ANOD_RIB_PREFIXES] = anod_int(r->prefixes, ANOD_UNIT_NONE);
	v[ANOD_RIB_STEADY] = count(anod_steady(
		&t->steady, r->routes, (int64_t) b->ctx->host->now_us(b->ctx), b->steady_us));
	(void) anod_list_put(&b->tables, name, v);
}

/* Nothing is known of them but what they were. */
void bird_tables_unknown(struct bird *b)
{
	struct anod_value v[ANOD_RIB_ATTRS] = { 0 };

	for (unsigned i = 0; i < b->n_tables; i++) {
		struct table *t = &b->table[i];

		v[ANOD_RIB_STEADY] = count(anod_steady(&t->steady, -1, 0, 0));
		if (anod_list_has(&b->tables, t->name))
			(void) anod_list_put(&b->tables, t->name, v);
	}
}

/* ---- protocols ---------------------------------------------------------------------------- */

struct anod_value bird_age_of(const struct bird *b, const char *then)
{
	static const struct anod_value unknown;
	int64_t us;

	return reply_age(b->now, then, &us) < 0 ? unknown : anod_int(us, ANOD_UNIT_TIME);
}

/* BIRD's names of states (bgp_state_dsc() of BIRD 2.0) as RFC 4271 has them. */
static const char *bgp_state(const char *bird)
{
	static const char *const states[][2] = {
		{ "Idle", "idle" },
		{ "Connect", "connect" },
		{ "Active", "active" },
		{ "OpenSent", "opensent" },
		{ "OpenConfirm", "openconfirm" },
		{ "Established", "established" },
		{ "Close", "idle" },
		{ "Down", "idle" },
		{ "Passive", "active" },
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(bird, states[i][0]) == 0)
			return states[i][1];
	return "";
}

static struct session *session(struct bird *b, const char *name)
{
	for (unsigned i = 0; i < b->n_sessions; i++)
		if (strcmp(b->session[i].name, name) == 0)
			return &b->session[i];
	if (b->n_sessions == b->sessions_size) {
		unsigned size = b->sessions_size ? b->sessions_size * 2 : 8;
		struct session *grown = reallocarray(b->session, size, sizeof(*grown));

		if (!grown || b->n_sessions >= PROTOCOLS_MAX)
			return b->session = grown ? grown : b->session, NULL;
		b->session = grown;
		b->sessions_size = size;
	}
	b->session[b->n_sessions] = (struct session){ 0 };
	strcpy(b->session[b->n_sessions].name, name);
	return &b->session[b->n_sessions++];
}

/* A session that stays grows older as time goes by; one that was made anew in between does not. */
static int64_t count_drops(struct bird *b, const char *name, bool established,
			   const struct anod_value *age)
{
	struct session *s = session(b, name);
	uint64_t now_us = b->ctx->host->now_us(b->ctx);
	int64_t age_us = age->type == ANOD_INT ? age->u.i : REPLY_NOT;

	if (!s)
		return REPLY_NOT;
	if (s->established &&
	    (!established || (age_us != REPLY_NOT && s->age_us != REPLY_NOT &&
			      age_us + SLACK_US < s->age_us + (int64_t) (now_us - s->seen_us))))
		s->drops++;
	s->established = established;
	s->age_us = age_us;
	s->seen_us = now_us;
	return s->drops;
}

static void put_peer(struct bird *b, const struct reply_protocol *p, const struct anod_value *age)
{
	const char *state = bgp_state(p->bgp_state);
	bool established = strcmp(state, "established") == 0;
	const char *vrf = p->vrf[0] ? p->vrf : "default";
	struct anod_value v[ANOD_BGP_ATTRS] = { 0 };
	char name[ANOD_NAME_SIZE];

	if (snprintf(name, sizeof(name), "bird/%s/%s", vrf,
		     p->neighbor[0] ? p->neighbor : p->name) >= (int) sizeof(name))
		return;
	/* Two sessions with one neighbour: the second one is named by its protocol. */
	if (anod_list_seen(&b->peers, name) &&
	    snprintf(name, sizeof(name), "bird/%s/%s", vrf, p->name) >= (int) sizeof(name))
		return;

	v[ANOD_BGP_STATE] = text(state);
	v[ANOD_BGP_ENABLED] = anod_bool(strcmp(p->bgp_state, "Down") != 0);
	v[ANOD_BGP_AGE] = *age;
	v[ANOD_BGP_DROPS] = count(count_drops(b, name, established, age));
	v[ANOD_BGP_RECEIVED] = count(established ? p->imported : 0);
	v[ANOD_BGP_FILTERED] = count(p->filtered);
	v[ANOD_BGP_SENT] = count(established ? p->exported : 0);
	if (p->neighbor_as[0])
		v[ANOD_BGP_PEER_AS] = anod_int(atoll(p->neighbor_as), ANOD_UNIT_NONE);
	v[ANOD_BGP_NAME] = text(p->description[0] ? p->description : p->name);
	v[ANOD_BGP_REASON] = text(p->error);
	(void) anod_list_put(&b->peers, name, v);
}

void bird_put_protocol(const struct reply_protocol *p, void *data)
{
	struct bird *b = data;
	struct anod_value v[PROTOCOL_ATTRS] = { 0 };
	struct anod_value age = bird_age_of(b, p->since);

	v[PROTOCOL_TYPE] = text(p->type);
	v[PROTOCOL_STATE] = text(p->state);
	v[PROTOCOL_AGE] = age;
	v[PROTOCOL_IMPORTED] = count(p->imported);
	v[PROTOCOL_FILTERED] = count(p->filtered);
	v[PROTOCOL_EXPORTED] = count(p->exported);
	v[PROTOCOL_INFO] = text(p->info);
	if (strlen(p->name) < ANOD_NAME_SIZE)
		(void) anod_list_put(&b->protocols, p->name, v);
	if (strcmp(p->type, "BGP") == 0)
		put_peer(b, p, &age);
}
