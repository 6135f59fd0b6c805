/*
 * incident_int - what incident.c and incident_json.c share.
 */
#ifndef INCIDENT_INCIDENT_INT_H
#define INCIDENT_INCIDENT_INT_H

#include "incident/incident.h"

struct incidents {
	uint64_t next_incident, next_finding;
	incident_listener *fn;
	void *data;
	incident_look *look;
	void *look_data;
	unsigned n, n_alloc;
	struct incident **list; /* oldest first */
};

struct incident *incident_add(struct incidents *s, uint64_t id); /* NULL: no memory or no room */
void incident_drop(struct incidents *s, struct incident *i);
struct incident_finding *incident_add_finding(struct incident *i);
struct incident *incident_find_id(const struct incidents *s, uint64_t id);
/* The incident that 'f' joins or reopens, or NULL; *ret: the same finding, known there, or NULL. */
struct incident *incident_choose(struct incidents *s, const char *agent,
				 const struct anod_finding *f, uint64_t now_us, uint64_t wall_us,
				 struct incident_finding **ret);
/* A line of before the restart, put where its wall time says; boot time 0. */
int incident_restore_add(struct incident *i, const struct incident_line *l);

#endif
