/*
 * measure - what a change does to the prefixes of the routing tables.
 */
#ifndef MODEL_MEASURE_H
#define MODEL_MEASURE_H

#include "model/whatif.h"

/* Compare w->before with w->after as it is now and take the worst into w.  -ENOMEM. */
int measure_step(struct whatif *w);

#endif
