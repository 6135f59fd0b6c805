/*
 * load - how much traffic each link carries, and how much after a change.
 *
 * Measured is the load of links, not of prefixes.  So the load of a link is attributed to the groups
 * of prefixes that go over it (flows.h), by their number and weights, or by what a traffic sensor
 * knows; a group that moves takes its share along, spread by weight over the legs it has then.
 * What nobody measured is unknown and makes what is derived from it unknown.
 *
 * Pure.  Threads: one.  Units: bit/s.
 */
#ifndef MODEL_LOAD_H
#define MODEL_LOAD_H

#include "model/model.h"

struct link_load {
	uint32_t ifindex;
	bool known;	     /* 'now_bps' was measured */
	double now_bps;	     /* egress, before the change */
	double capacity_bps; /* 0: not known */
	double after_bps;    /* predicted; set by load_predict() */
	bool after_known;
};

struct load_result {
	double moved_bps, lost_bps; /* traffic that goes another way, or nowhere */
	bool known;		    /* every link that it came from was measured */
};

/* 'link' has an entry for each link of interest, sorted by ifindex.  -ENOMEM. */
int load_predict(const struct overlay *before, const struct overlay *after, struct link_load *link,
		 unsigned n_links, struct load_result *ret);

#endif
