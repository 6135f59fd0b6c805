/*
 * bridge_msg - what is to be written, as a message to the executor.
 */
#ifndef HOST_BRIDGE_MSG_H
#define HOST_BRIDGE_MSG_H

#include "exec/proto.h"
#include "model/shadow.h"

/* Add as many of the operations as there is room for, in their order, to a message that has none
 * yet; returns how many. */
unsigned bridge_put_ops(const struct shadow *s, const struct shadow_op *op, unsigned n,
			struct exec_table *m);

#endif
