/*
 * netlab - a network namespace of the test's own, and a plain rtnetlink socket in it.
 *
 * A Criterion test is a process of its own, so the namespace ends with it.  Failures of the set-up
 * fail the test; where namespaces are not to be had the test is skipped with the reason.
 */
#ifndef TESTS_NETLAB_H
#define TESTS_NETLAB_H

#include <anod/rtnl.h>

/* Enter a new namespace, with "lo" up.  Skips the test when that is not allowed. */
void netlab_enter(void);

/* Run a shell command that must succeed: "ip link add ...". */
void netlab_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Two connected interfaces, both up. */
void netlab_veth(const char *name, const char *peer);
uint32_t netlab_ifindex(const char *name);

/* Encode, send, and wait for the ack: 0 or the kernel's -errno. */
int netlab_set(const struct anod_object *o, const struct anod_object *from);
int netlab_del(const struct anod_object *o);
/* 0, -ENOENT, or -errno.  *ret_n (may be NULL): how many answers had the key. */
int netlab_get(const struct anod_object *key, struct anod_object *ret, unsigned *ret_n);
/* All objects of a type as the kernel lists them (both families); returns how many. */
unsigned netlab_dump(enum anod_obj_type type, struct anod_object *ret, unsigned max);

struct anod_prefix netlab_address(const char *text); /* "10.0.0.1", "10.0.0.0/8" */

#endif
