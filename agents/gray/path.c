/*
 * path - is this link lossy, and is it the link?
 *
 * Design.  The connections of the router itself speak first: they send thousands of segments where
 * probes send dozens, so lossy(tcp.lost, tcp.segs) hears half a percent in seconds.  But they say
 * only that something on their way loses.  So they give the ratio, and control probes over the same
 * link, to other places, are tested for that ratio against health, both ways (sprt.c): the path, or
 * not the path.  A second block of destinations whose connections lose over this link, and over no
 * other, says the same.
 *
 * Loss that our own full queue makes looks alike in every counter but one: its round-trip times stand
 * above the least ones.  What begins in or soon after such a time is not judged.
 */
#include "gray.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define RECENT	    4	/* seconds */
#define RECENT_LOST 20	/* segments: known to a fifth or so */
#define LIMIT_SHARE 0.3 /* of what is lost now: after the change there are fewer */
#define LIMIT_LEAST 0.3 /* a second */

static uint64_t now_us(const struct path *p)
{
	return p->a->ctx->host->now_us(p->a->ctx);
}

/* What TCP has counted in the last 'n' seconds at most; returns how many seconds that were. */
static unsigned tcp_recent(const struct path *p, unsigned n, int64_t *ret_segs, int64_t *ret_lost)
{
	unsigned last = (p->n_past - 1) % SNAPSHOTS, first;

	if (n >= SNAPSHOTS)
		n = SNAPSHOTS - 1;
	if (n >= p->n_past)
		n = p->n_past ? p->n_past - 1 : 0;
	if (!n)
		return 0;
	first = (p->n_past - 1 - n) % SNAPSHOTS;
	*ret_segs = p->past[last].segs - p->past[first].segs;
	*ret_lost = p->past[last].lost - p->past[first].lost;
	return n;
}

/* Share of segments that were sent again: of the last seconds when these say enough, because the
 * healthy time before would make less of it. */
static double tcp_loss(const struct path *p)
{
	int64_t segs, lost;

	if (!tcp_recent(p, RECENT, &segs, &lost))
		return 0;
	if (lost < RECENT_LOST && !tcp_recent(p, SNAPSHOTS, &segs, &lost))
		return 0;
	return segs > 0 && lost > 0 ? (double) lost / (double) segs : 0;
}

double path_limit(const struct path *p)
{
	int64_t segs, lost;
	unsigned s = tcp_recent(p, SNAPSHOTS, &segs, &lost);
	double rate = s && lost > 0 ? (double) lost / s : 0;

	return rate * LIMIT_SHARE > LIMIT_LEAST ? rate * LIMIT_SHARE : LIMIT_LEAST;
}

static bool of_path(const struct path *p, const char *prefix)
{
	size_t len = strlen(p->dev);

	return strncmp(prefix, p->dev, len) == 0 && prefix[len] == '/';
}

/* The same destinations lose over another link, too: then it is not this one. */
static bool lossy_elsewhere(const struct path *p, const char *prefix)
{
	const char *block = prefix + strlen(p->dev);

	for (unsigned i = 0; i < PREFIXES_MAX; i++) {
		const char *other = p->a->lossy[i];
		const char *slash = strchr(other, '/');

		if (slash && !of_path(p, other) && strcmp(slash, block) == 0)
			return true;
	}
	return false;
}

unsigned path_prefixes(const struct path *p, const char **ret_one)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PREFIXES_MAX; i++) {
		const char *prefix = p->a->lossy[i];

		if (!of_path(p, prefix) || lossy_elsewhere(p, prefix))
			continue;
		n++;
		if (ret_one)
			*ret_one = prefix;
	}
	return n;
}

bool path_heard(const struct path *p)
{
	return p->heard_us && now_us(p) - p->heard_us < SILENT_US;
}

/* ---- states ------------------------------------------------------------------------------- */

static void become(struct path *p, enum state to)
{
	static const char *const word[] = { "is well", "is suspected", "is lossy",
					    "is well; what is behind it is lossy" };

	if (p->state == to)
		return;
	p->a->ctx->host->log(p->a->ctx, LOG_INFO, "%s %s", p->dev, word[to]);
	p->state = to;
}

static void suspect(struct path *p)
{
	p->loss = tcp_loss(p);
	sprt_init(&p->test, p->loss);
	become(p, SUSPECT);
}

static void found(struct path *p)
{
	uint64_t now = now_us(p);

	if (p->restored_us && now - p->restored_us < RELAPSE * p->clean_us) {
		if (p->relapses < RELAPSE_MAX)
			p->relapses++;
	} else {
		p->relapses = 0;
	}
	p->clean_us = p->a->clean_us << p->relapses;
	p->bad_us = now;
	sprt_init(&p->back, p->loss);
	become(p, GRAY);
	tell_gray(p);
	groups_review(p->a);
}

static void judge(struct path *p)
{
	enum sprt_word word = path_heard(p) ? sprt_word(&p->test) : SPRT_OPEN;

	if (p->state != SUSPECT)
		return;
	if (word == SPRT_LOSSY || path_prefixes(p, NULL) >= 2) {
		found(p);
	} else if (word == SPRT_WELL) {
		p->ignored = true;
		become(p, ELSEWHERE);
		tell_elsewhere(p);
	}
}

/* All members have their weights again and probes are well. */
static void recovered(struct path *p)
{
	become(p, WELL);
	tell_clear(p, "probes are well, and the weights are as they were");
	p->restored_us = now_us(p);
	/* The verdict on connections may be an old one, from when few were left here. */
	p->ignored = p->tcp == ANOD_TRUE;
}

void path_tcp(struct path *p, enum anod_tri lossy)
{
	uint64_t now = now_us(p);

	if (lossy == p->tcp)
		return;
	p->tcp = lossy;
	if (lossy == ANOD_TRUE) {
		if (p->full_us && now - p->full_us < CONGEST_US)
			p->ignored = true;
		else if (p->state == WELL && !p->ignored)
			suspect(p);
		judge(p);
		return;
	}
	if (lossy != ANOD_FALSE)
		return;
	p->ignored = false;
	if (p->state == SUSPECT || p->state == ELSEWHERE) {
		become(p, WELL);
		tell_clear(p, "connections lose no more");
	}
}

/* ---- probes ------------------------------------------------------------------------------- */

void path_probed(struct path *p, struct target *t)
{
	int64_t sent = t->sent - t->fed_sent, lost = t->lost - t->fed_lost;
	int64_t known = sent - (t->voided - t->fed_voided);

	p->heard_us = now_us(p);
	if (!t->based || sent < 0 || lost < 0 || t->voided < t->fed_voided) {
		t->based = true; /* the sensor began anew */
	} else if (known < lost) {
		return; /* 'sent' is still on its way */
	} else if (p->state == SUSPECT) {
		(void) sprt_feed(&p->test, (double) known, (double) lost);
		judge(p);
	} else if (p->state == GRAY) {
		(void) sprt_feed_back(&p->back, (double) known, (double) lost);
		if (p->back.sum >= 0 && lost)
			p->bad_us = p->heard_us;
	}
	t->fed_sent = t->sent;
	t->fed_lost = t->lost;
	t->fed_voided = t->voided;
}

/* ---- time --------------------------------------------------------------------------------- */

static void look_at_queue(struct path *p)
{
	int64_t rtt = number(p->a, "tcp", p->dev, "rtt", -1);
	int64_t least = number(p->a, "tcp", p->dev, "min_rtt", -1);

	if (rtt < 0 || least < 0 || rtt - least < QUEUE_US || rtt < 2 * least)
		return;
	p->full_us = now_us(p);
	if (p->state == SUSPECT) {
		p->ignored = true;
		become(p, WELL);
	}
}

bool path_clean(const struct path *p)
{
	uint64_t now = now_us(p);

	if (now - p->bad_us < p->clean_us)
		return false;
	/* Without probes the connections that are left have to say so. */
	if (!p->a->n_probes)
		return p->tcp == ANOD_FALSE;
	return path_heard(p) && sprt_word(&p->back) == SPRT_WELL;
}

void path_settle(struct path *p)
{
	if (p->state == GRAY && !groups_hold(p->a, p) && path_clean(p))
		recovered(p);
}

void path_tick(struct path *p)
{
	int64_t segs = number(p->a, "tcp", p->dev, "segs", -1);
	int64_t lost = number(p->a, "tcp", p->dev, "lost", -1);

	if (segs >= 0 && lost >= 0) {
		p->past[p->n_past % SNAPSHOTS].segs = segs;
		p->past[p->n_past % SNAPSHOTS].lost = lost;
		p->n_past++;
	}
	look_at_queue(p);
	judge(p);
	path_settle(p);
}
