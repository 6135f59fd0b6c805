/*
 * proto - what the host, the executor and the guardian say to each other.
 *
 * Every message is one struct that starts with struct chan_head.  'id' is the transaction.
 *
 *   host -> exec      PREPARE  plan these actions on the kernel as it is; touch nothing
 *   exec -> host      PREPARED the steps with before-image, wanted state and ready undo bytes
 *   host -> exec      APPLY    carry the prepared steps out, in order
 *   exec -> host      APPLIED  all, or how many and why it stopped
 *   host -> exec      CHECK    read every object of these steps back
 *   exec -> host      CHECKED  where each stands now
 *   host -> exec      UNDO     compare-and-undo these steps, last first
 *   exec -> host      UNDONE   what became of each
 *   host -> guardian  ARM      hold this undo until the deadline or the host's death
 *   guardian -> host  ARMED    with the CRC-32C of the ARM message, as proof
 *   host -> guardian  DISARM   the transaction has ended
 *   guardian -> host  DISARMED it holds nothing of this transaction; also instead of ARMED, when
 *                              an ARM is refused (malformed, or GUARDIAN_ARMED_MAX are held)
 *   guardian -> host  FIRED    the deadline passed: what became of each step
 *
 * Steps are the unit of undo: one object, its state before and after (anod_change), and netlink
 * bytes that are ready to send.  They travel whole, so that a new executor or guardian can go on
 * with what an old one began.
 */
#ifndef EXEC_PROTO_H
#define EXEC_PROTO_H

#include <anod/plugin.h>
#include <anod/rtnl.h>

#include "base/chan.h"

#define STEPS_MAX     (ANOD_ACTIONS_MAX * ANOD_CHANGES_MAX)
#define EXEC_WHY_SIZE 256

enum exec_type {
	EXEC_PREPARE = 1,
	EXEC_PREPARED,
	EXEC_APPLY,
	EXEC_APPLIED,
	EXEC_CHECK,
	EXEC_CHECKED,
	EXEC_UNDO,
	EXEC_UNDONE,
	GUARD_ARM = 32,
	GUARD_ARMED,
	GUARD_DISARM,
	GUARD_DISARMED,
	GUARD_FIRED,
};

/* Where an object stands, seen from a step (policy.md 5.1, R4). */
enum step_state {
	STEP_UNKNOWN = 0,     /* not looked at, or could not be read */
	STEP_PRE = 1,	      /* as before: not applied, or already undone */
	STEP_POST = 2,	      /* as wanted */
	STEP_OTHER = 3,	      /* somebody else changed it: left alone */
	STEP_UNDONE = 4,      /* was as wanted and has been put back */
	STEP_UNDO_FAILED = 5, /* the kernel refused */
};

enum {
	/* A dependant: the kernel makes this change itself when the action's own step is applied
	 * (routes that go with a link), so it is never sent, only undone.  Dependants stand before
	 * the step that causes them, because the undo runs last first.  In APPLIED and CHECKED
	 * they have the state of that step: a daemon that puts its route elsewhere meanwhile is
	 * no reason to go back. */
	STEP_SIDE = 1,
};

struct exec_step {
	struct anod_change change; /* pre: before-image from the kernel; post: wanted */
	uint32_t action;	   /* index of its action */
	uint32_t get_len;
	/* 0: a change of the moment with nothing to put back (neigh.flush: the neighbour may be
	 * learnt again at once).  It counts as POST when the kernel took it, and as UNDONE. */
	uint32_t undo_len;
	uint32_t flags; /* STEP_* */
	/* ANOD_RTNL_GET for the object, and the request that turns post into pre. */
	uint8_t get[ANOD_NLMSG_MAX] __attribute__((aligned(8)));
	uint8_t undo[ANOD_NLMSG_MAX] __attribute__((aligned(8)));
};

struct exec_prepare {
	struct chan_head head;
	uint32_t n_actions;
	uint32_t foreign; /* 1: may touch objects with another protocol than ANOD_RTPROT */
	struct anod_action action[ANOD_ACTIONS_MAX];
};

struct exec_steps { /* PREPARED, CHECK, UNDO: n_steps steps follow */
	struct chan_head head;
	int32_t error; /* PREPARED: 0 or -errno, then 'why'; 0 and no step: all is so already */
	uint32_t n_steps;
	char why[EXEC_WHY_SIZE];
	struct exec_step step[STEPS_MAX]; /* only n_steps of them are sent */
};

struct exec_apply {
	struct chan_head head;
};

struct exec_result { /* APPLIED, CHECKED, UNDONE, FIRED */
	struct chan_head head;
	int32_t error;	 /* of the step that failed: -errno from the kernel */
	uint32_t n_done; /* APPLIED: steps that the kernel took */
	uint32_t n_steps;
	uint32_t state[STEPS_MAX]; /* enum step_state, after the operation */
	char why[EXEC_WHY_SIZE];   /* errno in words, extended-ack text, the object */
};

enum { GUARD_HOLD_ON_CRASH = 1 }; /* wait for the deadline when the host dies */

struct guard_arm {
	struct chan_head head;
	uint64_t deadline_us; /* CLOCK_BOOTTIME */
	uint32_t flags;
	uint32_t n_steps;
	struct exec_step step[STEPS_MAX];
};

struct guard_ack { /* ARMED, DISARM, DISARMED */
	struct chan_head head;
	uint32_t crc; /* ARMED */
	uint32_t pad;
};

#endif
