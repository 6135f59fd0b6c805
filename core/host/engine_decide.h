/*
 * engine_decide - decisions, as struct txn_ops asks for them; txn/txn.h says what each one means.
 *
 * 'host' is the struct host.  Everything runs on its loop.
 */
#ifndef HOST_ENGINE_DECIDE_H
#define HOST_ENGINE_DECIDE_H

#include "host/host.h"

int engine_op_look(void *host, const char *agent, const struct anod_proposal *p, enum level *ret,
		   uint64_t *ret_mark);
int engine_op_decide(void *host, struct txn *t);
int engine_op_charge(void *host, struct txn *t, const char **ret_why);
int engine_op_room(void *host, struct txn *t, const char **ret_why);
int engine_op_recall(void *host, struct txn *t, const char *rule, const char *resource);

#endif
