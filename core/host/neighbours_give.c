/*
 * neighbours_give - may a peer have our grant, and what it has, on the disk.
 *
 * Design.  The guard is asked as a permit's is: only what is proven counts, and the answer names
 * the facts that it read.  The file has one place of fixed size for each grant; a place is written
 * and synced before the peer hears of it, and cleared without a sync: one that is found again after
 * a power loss runs out by itself.  Grants are rare (a budget's worth), so this one sync in the loop
 * is affordable.  Times are of this boot; of another one the wall clock says what is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/neighbours.h"
#include "policy/budget.h"
#include "policy/judge.h"
#include "policy/window.h"

#define PLACE_SIZE  512
#define PLACE_MAGIC 0x414e5047u
#define READS_MAX   8

struct place {
	uint32_t magic, crc; /* of all behind it */
	char boot_id[40];
	uint64_t until_us, until_wall_us;
	struct peer_given given;
};
_Static_assert(sizeof(struct place) <= PLACE_SIZE, "a place has room for a grant");

/* ---- may it? -------------------------------------------------------------------------------- */

static enum anod_tri guard_held(const struct expr_env *env, const struct expr *node)
{
	const struct host *h = env->data;

	if (env->trace)
		(void) expr_truth(node->a, env); /* it wants the facts */
	return watch_held(h->watches, node, "", env->now_us);
}

static bool guard_holds(struct host *h, const struct config_grant *g, struct text *why)
{
	struct expr_read read[READS_MAX];
	struct expr_trace trace = { .read = read, .max = READS_MAX };
	struct expr_env env;
	enum anod_tri t;

	if (!g->when)
		return true;
	host_expr_env(h, &env);
	env.held = guard_held;
	env.trace = &trace;
	t = expr_truth(g->when, &env);
	if (t == ANOD_TRUE)
		return true;
	text_reads(why, &trace);
	if (!why->n)
		text_add(why,
			 t == ANOD_DOUBT ? "its condition is not known" : "its condition is false");
	return false;
}

static const char *key_of(const struct policy_budget *b, const char *grant, const char *peer,
			  char *buf, size_t size)
{
	(void) snprintf(buf, size, "grant %s", grant);
	return budget_key(b, buf, peer);
}

static bool budget_left(struct host *h, const struct config_grant *g, const char *peer,
			struct text *why)
{
	const struct policy_budget *b =
		g->budget ? policy_find_budget(h->config->policy, g->budget) : NULL;
	uint64_t now = host_now(h), free_us = 0;
	char key[ANOD_NAME_SIZE + 8], left[32];

	if (!g->budget)
		return true;
	if (b &&
	    budget_allows(h->budgets, b, key_of(b, g->name, peer, key, sizeof(key)), now, &free_us))
		return true;
	text_add(why, "its budget %s is used up", g->budget);
	if (free_us > now)
		text_add(why, ", free in %s", format_duration(free_us - now, left, sizeof(left)));
	return false;
}

bool give_may(void *data, const char *grant, const char *peer, char *why, size_t why_size)
{
	struct host *h = ((struct neighbours *) data)->host;
	const struct config_grant *g = config_find_grant(h->config, grant);
	const struct policy_window *w =
		g && g->during ? policy_find_window(h->config->policy, g->during) : NULL;
	struct text t = { 0 };
	bool may = false;

	if (!g)
		text_add(&t, "its policy has no such grant");
	else if (h->paused)
		text_add(&t, "its operator has paused all changes");
	else if (h->capped)
		text_add(&t, "its journal or ledger failed");
	else if (!model_in_sync(h->model))
		text_add(&t, "it is reading its own state again");
	else if (g->during && (!w || window_contains(w, clock_wall_us()) != ANOD_TRUE))
		text_add(&t, "it is not %s there", g->during);
	else
		may = guard_holds(h, g, &t) && budget_left(h, g, peer, &t);
	(void) copy_text(why, why_size, t.b);
	return may;
}

/* ---- the file ------------------------------------------------------------------------------- */

static uint32_t place_crc(const struct place *p)
{
	return crc32c(0, &p->boot_id, sizeof(*p) - offsetof(struct place, boot_id));
}

static int write_place(struct neighbours *n, unsigned place, const struct place *p)
{
	uint8_t bytes[PLACE_SIZE] = { 0 };

	if (p)
		memcpy(bytes, p, sizeof(*p));
	if (pwrite(n->file, bytes, sizeof(bytes), (off_t) place * PLACE_SIZE) != sizeof(bytes))
		return errno ? -errno : -EIO;
	return 0;
}

static int save(struct neighbours *n, unsigned place, const struct peer_given *g)
{
	uint64_t now = host_now(n->host);
	struct place p;
	int r;

	memset(&p, 0, sizeof(p));
	p.magic = PLACE_MAGIC;
	(void) copy_text(p.boot_id, sizeof(p.boot_id), clock_boot_id());
	p.until_us = g->until_us;
	p.until_wall_us = clock_wall_us() + (g->until_us > now ? g->until_us - now : 0);
	p.given = *g;
	p.crc = place_crc(&p);
	r = write_place(n, place, &p);
	return r < 0 ? r : fdatasync(n->file) < 0 ? -errno : 0;
}

int give_note(void *data, unsigned place, const struct peer_given *g)
{
	struct neighbours *n = data;
	struct host *h = n->host;
	const struct config_grant *c = config_find_grant(h->config, g->grant);
	const struct policy_budget *b =
		c && c->budget ? policy_find_budget(h->config->policy, c->budget) : NULL;
	struct peer_news news = { .what = PEER_WAS_GRANTED,
				  .peer = g->peer,
				  .grant = g->grant,
				  .why = "",
				  .tx = g->tx,
				  .plan = g->plan,
				  .hold_us = g->until_us - host_now(h) };
	char key[ANOD_NAME_SIZE + 8];
	int r;

	r = save(n, place, g);
	if (r >= 0)
		r = neighbours_record(h, &news);
	if (r >= 0 && b) {
		r = budget_charge(h->budgets, b, key_of(b, g->grant, g->peer, key, sizeof(key)),
				  host_now(h));
		budgets_save(h);
	}
	if (r >= 0)
		return 0;
	log_error("a grant to %s could not be written down: %s", g->peer, strerror(-r));
	(void) write_place(n, place, NULL);
	return r;
}

void give_over(void *data, unsigned place)
{
	(void) write_place(data, place, NULL);
}

static void restore(struct neighbours *n, unsigned place, struct place *p)
{
	uint64_t now = host_now(n->host), wall = clock_wall_us();

	if (p->magic != PLACE_MAGIC || p->crc != place_crc(p))
		return;
	if (strncmp(p->boot_id, clock_boot_id(), sizeof(p->boot_id)) != 0)
		p->until_us = p->until_wall_us > wall ? now + p->until_wall_us - wall : now;
	p->given.until_us = MIN_OF(p->until_us, now + PEER_HOLD_MAX_US);
	p->given.grant[sizeof(p->given.grant) - 1] = '\0';
	p->given.peer[sizeof(p->given.peer) - 1] = '\0';
	peers_restore(n->peers, place, &p->given);
}

int give_open(struct neighbours *n)
{
	char path[512];

	(void) snprintf(path, sizeof(path), "%s/grants", n->host->state_dir);
	n->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (n->file < 0)
		return -errno;
	for (unsigned i = 0; i < PEER_GIVEN_MAX; i++) {
		union {
			struct place place;
			uint8_t bytes[PLACE_SIZE];
		} u = { 0 };

		if (pread(n->file, u.bytes, sizeof(u.bytes), (off_t) i * PLACE_SIZE) ==
		    sizeof(u.bytes))
			restore(n, i, &u.place);
	}
	return 0;
}
