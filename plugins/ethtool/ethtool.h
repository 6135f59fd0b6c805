/*
 * ethtool - what the files of the sensor share.
 *
 * ethtool.c decides when to read, reply.c takes messages apart, words.c has the kernel's words,
 * rows.c knows the links and stores, attrs.c is what is published.
 *
 * Thread: the host's loop.  Memory: 'struct ethtool' is the host's; rows are malloc()ed and freed
 * in fini().
 */
#ifndef PLUGIN_ETHTOOL_H
#define PLUGIN_ETHTOOL_H

#include <anod/netlink.h>
#include <anod/plugin.h>

#include "reply.h"

#define WANTED_MAX 64
#define ROWS_MAX   4096 /* links that answer; more are left out, and counted as errors */

struct row { /* a link that has answered */
	uint32_t ifindex;
	uint32_t entity;	   /* 0: the model does not have it (yet) */
	uint32_t lane[LANES_MAX];  /* entities; 0: none */
	uint32_t round;		   /* that named it last */
	uint32_t word_set[TOPICS]; /* words that were published and may have become unknown */
	char name[ANOD_IFNAME_SIZE];
	/* FEC, as the last reading found it; time 0: none. */
	uint64_t fec_us;
	int64_t speed, fec_bits, fec_bad;
};

struct ethtool {
	struct anod_ctx *ctx;
	struct anod_nl *nl, *news;
	struct anod_nl_family family;
	int first_fact, first_lane_fact;
	uint64_t timer;

	/* when */
	uint64_t period_us, idle_us, settings_us; /* options */
	uint64_t every_us, lanes_every_us; /* what others want of all links, lanes; 0: nothing */
	uint64_t wanted[WANTED_MAX]; /* entities that are wanted by name: hashes of kind and name */
	uint32_t n_wanted;
	bool crowd; /* more of them than have room: from now on all are */
	uint64_t settings_due_us;
	bool missing; /* the family is not there, and that was said */
	bool failing; /* a reading failed, and that was said */
	bool failed;  /* something in this reading did */

	/* a reading */
	enum topic topic; /* that is being asked; TOPICS: none */
	bool with_settings;
	uint64_t held_us; /* by the kernel in this reading */
	uint32_t round;
	uint32_t answers;     /* to this question */
	uint8_t skip[TOPICS]; /* readings until a question that nobody answers is put again */

	struct row *row; /* sorted by ifindex */
	uint32_t n_rows, rows_size;
	uint32_t next; /* where the next answer is expected */
};

extern const struct anod_kind ethtool_kinds[];

/* ---- rows.c ------------------------------------------------------------------------------ */

/* Bit errors before FEC and loss behind it between the last reading and this one, at 'now_us'. */
void rows_fec(struct row *row, struct reply *r, uint64_t now_us);
/* What a link answered. */
void rows_answer(struct ethtool *t, struct reply *r);
/* A reading that asked for everything has ended: links that did not answer have no lanes. */
void rows_end(struct ethtool *t);
void rows_free(struct ethtool *t);

#endif
