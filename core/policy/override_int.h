/*
 * override_int - what the files of overrides share: override.c, override_save.c.
 */
#ifndef POLICY_OVERRIDE_INT_H
#define POLICY_OVERRIDE_INT_H

#include "policy/override.h"

struct request {
	char user[ANOD_NAME_SIZE];
	uint64_t for_us, asked_us;
};

struct override {
	char *invariant; /* owned */
	uint8_t text[APPROVAL_HASH];
	uint64_t until_us; /* 0: not in force */
	unsigned n;
	struct request request[APPROVERS_MAX];
	char who[OVERRIDE_WHO];
};

struct guess {
	char user[ANOD_NAME_SIZE];
	unsigned n;
	uint64_t last_us;
};

struct overrides {
	uint8_t nonce[APPROVAL_NONCE];
	uint64_t round; /* grows with each end, so no code fits twice */
	unsigned n, n_guesses;
	struct override item[OVERRIDE_LIST_MAX];
	struct guess guess[APPROVERS_MAX];
};

void override_drop(struct overrides *o, struct override *x);
/* x->who from its requests. */
void override_name_people(struct override *x);

#endif
