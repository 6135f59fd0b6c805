/*
 * kernel - read and write typed objects over one rtnetlink socket, synchronously.
 *
 * Used by the executor and the guardian, whose whole work is to wait for the kernel.  Extended
 * acks and strict checking are on; the kernel's errno and its own words are kept.
 */
#ifndef EXEC_KERNEL_H
#define EXEC_KERNEL_H

#include <anod/plugin.h>

#include "exec/proto.h"

struct kernel {
	int fd;
	uint32_t seq;
	struct anod_view view;	 /* reads through this socket */
	char why[EXEC_WHY_SIZE]; /* the kernel's words for the last error; "" */
};

int kernel_open(struct kernel *k);
void kernel_close(struct kernel *k);

/* Send a ready request and wait for its ack: 0 or the kernel's -errno, and k->why. */
int kernel_send(struct kernel *k, const void *msg, size_t len);

/* Read the object with the key of 'key': 0, -ENOENT, -errno. */
int kernel_get(struct kernel *k, const struct anod_object *key, struct anod_object *ret);
/* The same with a ready GET request. */
int kernel_get_ready(struct kernel *k, const void *msg, size_t len, const struct anod_object *key,
		     struct anod_object *ret);

/* Where the object of a step stands now. */
enum step_state step_look(struct kernel *k, const struct exec_step *s);
/* Compare-and-undo: send undo only when the object is as wanted.  The state afterwards. */
enum step_state step_undo(struct kernel *k, const struct exec_step *s);

#endif
