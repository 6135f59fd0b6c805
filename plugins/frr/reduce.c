/*
 * reduce - FRR's JSON to what is wanted of it.
 *
 * Design.  cJSON makes a tree of it, which is walked by exact names; a member that is missing or of
 * another type is unknown, so that a version that renames one costs that one.  cJSON stops at
 * 1000 levels of nesting.  Numbers are doubles there, exact up to 2^53, which is enough for counts.
 */
#include "reduce.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#define TRAILER 4

int reduce_whole(const char *text, size_t size, size_t *at)
{
	const char *end = memchr(text + *at, '\0', size - *at);
	size_t left;

	if (!end) {
		*at = size;
		return 0;
	}
	*at = (size_t) (end - text);
	left = size - *at;
	for (size_t i = 1; i < left && i < TRAILER - 1; i++)
		if (end[i] != '\0')
			return -EBADMSG;
	if (left > TRAILER)
		return -EBADMSG;
	return left == TRAILER;
}

/* The tree of an answer, or NULL and '*ret_error'. */
static cJSON *parse(const char *text, size_t size, int *ret_error)
{
	cJSON *tree;

	*ret_error = -EBADMSG;
	if (size < TRAILER)
		return NULL;
	if (text[size - 1] != 0) {
		*ret_error = -EOPNOTSUPP;
		return NULL;
	}
	tree = cJSON_ParseWithLength(text, size - TRAILER);
	return tree;
}

static const cJSON *member(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

static const char *text_of(const cJSON *o, const char *name)
{
	const char *s = cJSON_GetStringValue(member(o, name));

	return s ? s : "";
}

static int64_t number_of(const cJSON *o, const char *name)
{
	const cJSON *n = member(o, name);

	if (!cJSON_IsNumber(n) || !(n->valuedouble >= 0 && n->valuedouble < 9007199254740992.0))
		return REDUCE_NOT;
	return (int64_t) n->valuedouble;
}

/* ---- BGP ---------------------------------------------------------------------------------- */

static int64_t sum(int64_t a, int64_t b)
{
	return a == REDUCE_NOT ? b : b == REDUCE_NOT ? a : a + b;
}

static void one_peer(const char *vrf, const cJSON *p, reduce_peer_fn *fn, void *data)
{
	struct reduce_peer r = {
		.vrf = vrf,
		.peer = p->string ? p->string : "",
		.state = text_of(p, "state"),
		.description = text_of(p, "desc"),
		.reason = text_of(p, "lastResetDueTo"),
		.enabled = strcmp(text_of(p, "peerState"), "Admin") != 0,
		.peer_as = number_of(p, "remoteAs"),
		.age_ms = number_of(p, "peerUptimeMsec"),
		.drops = number_of(p, "connectionsDropped"),
		.received = number_of(p, "pfxRcd"),
		.sent = number_of(p, "pfxSnt"),
		.queued = sum(number_of(p, "inq"), number_of(p, "outq")),
	};

	if (!r.peer[0])
		return;
	if (strcmp(text_of(p, "peerUptime"), "never") == 0)
		r.age_ms = REDUCE_NOT;
	fn(&r, data);
}

/* { VRF: { FAMILY: { "peers": { PEER: { ... } } } } } */
static int walk_summary(const char *text, size_t size, reduce_peer_fn *fn, void *data)
{
	const cJSON *vrf, *family, *peer;
	cJSON *tree;
	int n = 0, e;

	tree = parse(text, size, &e);
	if (!tree)
		return e;
	if (!cJSON_IsObject(tree))
		n = -EBADMSG;
	cJSON_ArrayForEach(vrf, tree)
	{
		cJSON_ArrayForEach(family, vrf)
		{
			cJSON_ArrayForEach(peer, member(family, "peers"))
			{
				if (!vrf->string || !cJSON_IsObject(peer))
					continue;
				one_peer(vrf->string, peer, fn, data);
				n++;
			}
		}
	}
	cJSON_Delete(tree);
	return n;
}

int reduce_summary(const char *text, size_t size, reduce_peer_fn *fn, void *data)
{
	return walk_summary(text, size, fn, data);
}

int reduce_failed(const char *text, size_t size, reduce_peer_fn *fn, void *data)
{
	return walk_summary(text, size, fn, data);
}

/* { PEER: { ... "lastNotificationReason": ... } } */
int reduce_neighbor(const char *text, size_t size, reduce_peer_fn *fn, void *data)
{
	const cJSON *peer;
	cJSON *tree;
	int n = 0, e;

	tree = parse(text, size, &e);
	if (!tree)
		return e;
	cJSON_ArrayForEach(peer, tree)
	{
		struct reduce_peer r = { .vrf = "", .state = "", .description = "" };

		if (!cJSON_IsObject(peer) || !peer->string)
			continue;
		r.peer = peer->string;
		r.reason = text_of(peer, "lastNotificationReason");
		if (!r.reason[0])
			r.reason = text_of(peer, "lastResetDueTo");
		fn(&r, data);
		n++;
	}
	cJSON_Delete(tree);
	return n;
}

/* ---- OSPF --------------------------------------------------------------------------------- */

static void one_ospf(const char *router, const cJSON *o, reduce_ospf_fn *fn, void *data)
{
	char dev[16] = "", state[16] = "";
	const char *name = text_of(o, "ifaceName"), *full = text_of(o, "nbrState");
	size_t len = strcspn(name, ":");
	struct reduce_ospf r = {
		.dev = dev,
		.router = router,
		.state = state,
		.address = text_of(o, "ifaceAddress"),
		.age_ms = number_of(o, "upTimeInMsec"),
		.dead_ms = number_of(o, "routerDeadIntervalTimerDueMsec"),
		.retransmits = number_of(o, "linkStateRetransmissionListCounter"),
	};

	if (len == 0 || len >= sizeof(dev))
		return;
	memcpy(dev, name, len);
	if (!full[0])
		full = text_of(o, "state"); /* before 8.4 */
	/* "Full/DR": the second half is its role. */
	for (len = 0; full[len] && full[len] != '/' && len < sizeof(state) - 1; len++)
		state[len] = (char) tolower((unsigned char) full[len]);
	fn(&r, data);
}

/* { VRF: { "neighbors": { ROUTER: [ { ... } ] } } } */
int reduce_ospf(const char *text, size_t size, reduce_ospf_fn *fn, void *data)
{
	const cJSON *vrf, *router, *o;
	cJSON *tree;
	int n = 0, e;

	tree = parse(text, size, &e);
	if (!tree)
		return e;
	if (!cJSON_IsObject(tree))
		n = -EBADMSG;
	cJSON_ArrayForEach(vrf, tree)
	{
		cJSON_ArrayForEach(router, member(vrf, "neighbors"))
		{
			cJSON_ArrayForEach(o, router)
			{
				if (!router->string || !cJSON_IsObject(o))
					continue;
				one_ospf(router->string, o, fn, data);
				n++;
			}
		}
	}
	cJSON_Delete(tree);
	return n;
}

/* ---- BFD ---------------------------------------------------------------------------------- */

static void one_bfd(const cJSON *o, reduce_bfd_fn *fn, void *data)
{
	int64_t mine = number_of(o, "receive-interval");
	int64_t theirs = number_of(o, "remote-transmit-interval");
	int64_t times = number_of(o, "remote-detect-multiplier");
	struct reduce_bfd r = {
		.dev = text_of(o, "interface"),
		.vrf = text_of(o, "vrf"),
		.peer = text_of(o, "peer"),
		.state = text_of(o, "status"),
		.reason = text_of(o, "diagnostic"),
		.remote_reason = text_of(o, "remote-diagnostic"),
		.age_s = number_of(o, "uptime"),
		.detect_ms = REDUCE_NOT,
	};

	if (r.age_s == REDUCE_NOT)
		r.age_s = number_of(o, "downtime");
	/* RFC 5880, 6.8.4; in ms each, so a product of plausible numbers is far from overflow. */
	if (mine >= 0 && theirs >= 0 && times > 0 && times < 256 && mine < 1000000 &&
	    theirs < 1000000)
		r.detect_ms = times * (mine > theirs ? mine : theirs);
	if (r.peer[0])
		fn(&r, data);
}

int reduce_bfd(const char *text, size_t size, reduce_bfd_fn *fn, void *data)
{
	const cJSON *o;
	cJSON *tree;
	int n = 0, e;

	tree = parse(text, size, &e);
	if (!tree)
		return e;
	if (!cJSON_IsArray(tree))
		n = -EBADMSG;
	cJSON_ArrayForEach(o, tree)
	{
		if (!cJSON_IsObject(o))
			continue;
		one_bfd(o, fn, data);
		n++;
	}
	cJSON_Delete(tree);
	return n;
}

/* ---- RIB, version ------------------------------------------------------------------------- */

int reduce_rib(const char *text, size_t size, struct reduce_rib *ret)
{
	struct reduce_rib rib;
	cJSON *tree;
	int e;

	tree = parse(text, size, &e);
	if (!tree)
		return e;
	rib.routes = number_of(tree, "routesTotal");
	rib.installed = number_of(tree, "routesTotalFib");
	cJSON_Delete(tree);
	if (rib.routes == REDUCE_NOT)
		return -EBADMSG;
	*ret = rib;
	return 0;
}

/* "FRRouting 8.4.4 (name) on Linux(6.1)." */
int reduce_version(const char *text, size_t size, char *ret, size_t ret_size)
{
	static const char name[] = "FRRouting ";
	size_t len = 0, at = sizeof(name) - 1;

	if (size < sizeof(name) || memcmp(text, name, at) != 0)
		return -EBADMSG;
	while (at < size && (isalnum((unsigned char) text[at]) || strchr(".-_+~", text[at])) &&
	       text[at] && len < ret_size - 1)
		ret[len++] = text[at++];
	ret[len] = '\0';
	return len ? 0 : -EBADMSG;
}
