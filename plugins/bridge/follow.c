/*
 * follow - listens to what bridges learn, as far as a storm leaves time for, and tells of moves.
 *
 * Design.  In a loop there are as many events as packets: after EVENTS_MAX of them between two
 * readings the socket is closed until the next one, so that a storm costs a percent of a core and
 * not all of it; the count is then a lower bound, and still far above any healthy one.
 */
#include "follow.h"

#include <linux/rtnetlink.h>

#define EVENTS_MAX 10000

static void stop_listening(struct follow *f)
{
	anod_nl_close(f->nl);
	f->nl = NULL;
}

static void on_fdb(struct anod_ctx *ctx, const struct nlmsghdr *msg, void *data)
{
	struct follow *f = data;
	struct fdb_entry e;
	uint32_t was;

	if (!msg) {
		moves_forget(f->moves);
		return;
	}
	if (decode_fdb(msg, &e) <= 0 || e.fixed)
		return;
	if (++f->n_events > EVENTS_MAX) {
		stop_listening(f); /* until the next reading */
		return;
	}
	was = moves_take(f->moves, &e);
	if (was)
		f->moved(ctx, e.master, was, e.port);
}

static void listen_on(struct follow *f)
{
	f->moves = f->moves ? f->moves : moves_new();
	if (!f->moves || anod_nl_open(f->ctx, NETLINK_ROUTE, 0, &f->nl) < 0)
		return;
	moves_forget(f->moves); /* it was not listened to */
	if (anod_nl_listen(f->nl, RTNLGRP_NEIGH, on_fdb, f) < 0)
		stop_listening(f);
}

void follow_keep(struct follow *f, bool on)
{
	if (on && !f->nl)
		listen_on(f);
	if (!on)
		follow_stop(f);
	f->n_events = 0;
}

void follow_stop(struct follow *f)
{
	stop_listening(f);
	f->moves = moves_free(f->moves);
}
