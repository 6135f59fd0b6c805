/*
 * execlab - the executor's message handler in a namespace of the test's own, without a channel.
 *
 * The actuator here is a mirror: its plan is whatever changes the test has put into lab_plan, so
 * each test says exactly what is to change.  The real actuators are tested in test_exec_actions.c.
 */
#ifndef TESTS_EXECLAB_H
#define TESTS_EXECLAB_H

#include <anod/plugin.h>

#include "exec/serve.h"

extern struct anod_plan lab_plan; /* of the next "mirror" or "mirror.once" action */
extern const struct anod_action_desc *const lab_actions[];

/* netlab_enter(), a serve on a fresh socket, veth wan0-isp0 (10.0.0.1/24, 2001:db8::1/64) and
 * wan1-isp1 (10.0.1.1/24). */
void lab_open(struct serve *s);
void lab_open_here(struct serve *s); /* in the namespace of the test program */
void lab_restart(struct serve *s);   /* as if the process had been started again */

/* A route of anod's own in table main; 'via' or 'dev' may be NULL. */
struct anod_object lab_route(const char *dst, uint32_t metric, const char *via, const char *dev);
struct anod_object lab_link(const char *name); /* as it is now */
struct anod_change lab_change(const struct anod_object *pre, const struct anod_object *post);
/* The object with this key as the kernel has it; NULL: none.  Static. */
const struct anod_object *lab_now(const struct anod_object *key);
/* True when the kernel has exactly 'o' (as anod_object_matches() sees it). */
bool lab_is(const struct anod_object *o);

/* One action "mirror" with the changes given; the answer is s->steps. */
int lab_prepare(struct serve *s, uint64_t tx, const struct anod_change *c, unsigned n,
		bool foreign);
struct exec_result lab_apply(struct serve *s, uint64_t tx);
/* EXEC_UNDO or EXEC_CHECK with the steps of a PREPARED message. */
struct exec_result lab_steps(struct serve *s, uint32_t type, const struct exec_steps *steps);
/* Prepare and apply, all of which must succeed. */
void lab_do(struct serve *s, uint64_t tx, const struct anod_change *c, unsigned n);

#endif
