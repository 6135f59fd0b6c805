/*
 * masters - links that have members: bonds, bridges.
 *
 * Design.  The requests for the members of all masters wait in the socket's queue, one after the
 * other; the end of the last one ends the reading, and the first error is its error.  A master that
 * goes meanwhile has no members, which is no error.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <anod/masters.h>

struct anod_masters {
	struct anod_ctx *ctx;
	const struct anod_masters_desc *desc;
	struct anod_nl *nl;
	uint32_t ifindex[ANOD_MASTERS_MAX];
	unsigned n, n_open; /* requests that have not ended */
	bool full;	    /* said in the log */
	bool foreign;	    /* the answer had a link of another kind */
	int error;
	char why[160];
};

int anod_masters_new(struct anod_ctx *ctx, const struct anod_masters_desc *desc,
		     struct anod_masters **ret)
{
	struct anod_masters *m = ctx->host->alloc(ctx, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->ctx = ctx;
	m->desc = desc;
	*ret = m;
	return 0;
}

static void ended(struct anod_masters *m, int error, const char *why)
{
	if (error < 0 && m->error == 0) {
		m->error = error;
		(void) snprintf(m->why, sizeof(m->why), "%s", why ? why : "");
	}
	if (--m->n_open > 0)
		return;
	if (m->error == 0 && m->foreign && !m->n) {
		m->error = -ENOENT;
		(void) snprintf(m->why, sizeof(m->why), "the kernel knows no links of kind %s",
				m->desc->kind);
	}
	m->desc->done(m->ctx, m->error, m->why);
}

static int ask(struct anod_masters *m, uint32_t master, anod_nl_msg_fn *each, anod_nl_done_fn *done)
{
	struct anod_nl_put p;
	int r;

	(void) anod_nl_begin(&p, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
	anod_nl_u32(&p, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (master) {
		anod_nl_u32(&p, IFLA_MASTER, master);
	} else {
		uint32_t nest = anod_nl_nest(&p, IFLA_LINKINFO);

		anod_nl_text(&p, IFLA_INFO_KIND, m->desc->kind);
		anod_nl_nest_end(&p, nest);
	}
	r = anod_nl_ask(m->nl, anod_nl_end(&p), each, done, m);
	if (r >= 0)
		m->n_open++;
	return r;
}

static void on_member(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	((struct anod_masters *) data)->desc->member(ctx, msg);
}

static void on_members_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us,
			    void *data)
{
	(void) ctx, (void) held_us;
	ended(data, error == -EINVAL || error == -ENODEV ? 0 : error, why);
}

static void on_master(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct anod_masters *m = data;
	int64_t ifindex;

	if (m->n == ANOD_MASTERS_MAX) {
		if (!m->full)
			ctx->host->log(ctx, LOG_WARNING,
				       "more than %d links of kind %s: the rest is not seen",
				       ANOD_MASTERS_MAX, m->desc->kind);
		m->full = true;
		return;
	}
	ifindex = m->desc->master(ctx, msg);
	if (ifindex == 0)
		m->foreign = true;
	if (ifindex > 0)
		m->ifindex[m->n++] = (uint32_t) ifindex;
}

static void on_masters_done(struct anod_ctx *ctx, int error, const char *why, uint64_t held_us,
			    void *data)
{
	struct anod_masters *m = data;

	(void) ctx, (void) held_us;
	for (unsigned i = 0; error == 0 && i < m->n; i++)
		error = ask(m, m->ifindex[i], on_member, on_members_done);
	ended(m, error, why);
}

int anod_masters_read(struct anod_masters *m, struct anod_nl *nl)
{
	m->nl = nl;
	m->n = m->n_open = 0;
	m->foreign = false;
	m->error = 0;
	m->why[0] = '\0';
	return ask(m, 0, on_master, on_masters_done);
}
