/*
 * observe - the observation budget: all sensors together take no more than their share of a core.
 *
 * Every callback of a sensor is measured (pace.h).  Once a second the budget ("anod { observe 1% }")
 * is divided between the sensors by what they need, and what a sensor costs becomes the facts
 * sensor.share, sensor.limit, sensor.slowed and sensor.held.  A sensor that asks pace() is made to
 * wait; one that does not is measured all the same.  Of both it is said once when it begins and
 * when it is over, in the log, in "doctor" and in "top".
 *
 * Never slowed down is a sensor of which a fact is read by
 *   - the verification of a transaction that is being applied, verified or watched (permit's and
 *     proposal's own "verify"), or
 *   - an armed reflex: its trigger, the guard and the verify of its permit.
 * Probes never ask pace(): how often they are sent is what was asked for.
 *
 * On the host's loop.  Errors: negative errno.
 */
#ifndef HOST_OBSERVE_H
#define HOST_OBSERVE_H

#include "host/host.h"
#include "host/pace.h"

struct observe; /* h->observe */

int observe_open(struct host *h);
void observe_close(struct host *h); /* after the sensors have gone */
/* The meter of a sensor that is being started; NULL: there are too many. */
struct meter *observe_meter(struct host *h, const struct instance *sensor);
void observe_beat(struct host *h); /* once a second */

/* What "doctor" and "top" say of it. */
void observe_doctor(struct cJSON *list, struct host *h);
void observe_json(const struct host *h, struct cJSON *top);

#endif
