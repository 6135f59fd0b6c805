/*
 * messages - recorded netlink messages, one after the other, as a dump brings them.
 *
 * Files of tests/fuzz/corpus.  Each message is copied into memory of its own size before it is
 * given to a decoder, so that a read past its end is seen.
 */
#ifndef TESTS_MESSAGES_H
#define TESTS_MESSAGES_H

#include <linux/netlink.h>
#include <stddef.h>

typedef void messages_fn(const struct nlmsghdr *m, void *data);

/* Each message of corpus file 'name' ("tc/host"); how many there were. */
unsigned messages_each(const char *name, messages_fn *fn, void *data);
/* Each message cut at each length, with lengths that lie, and with each byte turned over: none
 * may be read past its end. */
void messages_torment(const char *name, messages_fn *fn, void *data);

#endif
