/*
 * lease - what a transaction holds alone, and who is next when several want it.
 *
 * A lease is a set of keys: the resource of every action ("link wan0"), the links that it is on,
 * what these hang on ("bond bond0", "bridge br0", "vrf red", the link below a VLAN) and the groups
 * that fail together with them ("srlg duct-a").  Objects that the executor's plan changes count
 * as well, once they are known.  Keys are taken all or none, so nobody ever holds one while it
 * waits for another: there is no deadlock.
 *
 * Who is next: what restores redundancy before what leaves it before what reduces it; then
 * what rests on more measured evidence; then the greater priority of the permit; then the older.
 *
 * Pure.  Threads: one.  Memory: the caller's.
 */
#ifndef TXN_LEASE_H
#define TXN_LEASE_H

#include "exec/proto.h"

#define LEASE_KEYS_MAX 48

struct lease_key {
	uint32_t hash;
	char name[ANOD_NAME_SIZE];   /* "srlg duct-a" */
	char link[ANOD_IFNAME_SIZE]; /* over which it came in; "": it is meant itself */
};

struct lease {
	bool all; /* more than can be named, or nobody knows: everything */
	unsigned n;
	struct lease_key key[LEASE_KEYS_MAX];
};

void lease_clear(struct lease *l);
/* Add a key; 'link' may be NULL.  Once is enough; one too many, or a name that is cut, is all. */
void lease_add(struct lease *l, const char *name, const char *link);
/* The first key of 'b' that both have; NULL: none.  What has "all" meets everything that has a
 * key; *ret_all then tells, and the result is any key. */
const struct lease_key *lease_meets(const struct lease *a, const struct lease *b, bool *ret_all);
/* The first change of 'b' whose object 'a' changes, too; NULL: none. */
const struct anod_object *lease_object(const struct exec_step *a, unsigned n_a,
				       const struct exec_step *b, unsigned n_b);
/* 'srlg "duct-a" (link wan1)'; returns 'ret'. */
const char *lease_key_text(const struct lease_key *k, char *ret, size_t size);

struct lease_rank {
	int redundancy;	   /* 1: restores it, 0, -1: reduces it */
	unsigned evidence; /* 2 for each measured fact, 1 when a model's word lies between */
	unsigned priority; /* of the permit, 0..9 */
	uint64_t id;	   /* of the transaction: its age */
};
/* Does 'a' go before 'b'?  *ret_why (or NULL) says why, of the one that does; static or 'buf'. */
bool lease_before(const struct lease_rank *a, const struct lease_rank *b);
const char *lease_before_why(const struct lease_rank *first, const struct lease_rank *then,
			     char *buf, size_t size);

#endif
