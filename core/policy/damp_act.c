/*
 * damp_act - is what an action is on damped?
 *
 * Design.  By the links that the action is on, or its resource where it is on none.  The
 * direction comes from the what-if, as it will stand in the track.
 */
#include <string.h>

#include "policy/judge.h"

static void look(const struct decide_in *in, const char *resource, const struct track_turn *turn,
		 struct answer *ret)
{
	struct damp_state s;

	damp_look(in->track, &in->config->policy->damping, resource, turn, in->now_us, &s);
	if (!s.damped || (ret->damped && MAX_OF(s.unlock_us, s.reuse_us) <=
						 MAX_OF(ret->damp.unlock_us, ret->damp.reuse_us)))
		return;
	ret->damped = true;
	ret->damp = s;
	(void) copy_text(ret->damp_resource, sizeof(ret->damp_resource), resource);
}

void damp_action(const struct decide_in *in, const struct act *act, struct answer *ret)
{
	char resource[ANOD_NAME_SIZE];
	struct track_turn turn;

	if (!in->track || in->config->policy->damping.off ||
	    (!track_count(in->track) && track_known_since(in->track) == TRACK_EVER))
		return;
	turn_of(in->whatif, act->nth, &turn);
	if (!act->n_links)
		look(in, act->resource, &turn, ret);
	for (unsigned i = 0; i < act->n_links; i++) {
		(void) snprintf(resource, sizeof(resource), "link %s", act->link[i]);
		look(in, resource, &turn, ret);
	}
}
