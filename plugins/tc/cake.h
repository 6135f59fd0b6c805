/*
 * cake - what the queueing discipline of this name tells beside what all tell.
 *
 * Pure, as qdisc.h.  'options' and 'app' are TCA_OPTIONS and TCA_STATS_APP, or NULL.
 */
#ifndef TC_CAKE_H
#define TC_CAKE_H

#include "qdisc.h"

struct nlattr;

void cake_options(const struct nlattr *options, struct qdisc *q);
/* Tins, and the delay of the worst of them as the whole's. */
void cake_app(const struct nlattr *app, struct qdisc *q);

#endif
