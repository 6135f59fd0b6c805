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
 *                              an ARM is refused (malformed, GUARDIAN_ARMED_MAX are held, or the
 *                              link of a reflex is down), and when a reflex ends unfired
 *   guardian -> host  FIRED    the deadline passed: what became of each step
 *   host -> guardian  TRIGGER  fire this reflex now: its condition has become true
 *   guardian -> host  REFLEXED a reflex has fired, or the link that it watches has gone; again
 *                              as the answer to a TRIGGER, an ARM with GUARD_REFLEX or a DISARM
 *                              with GUARD_UNFIRED that came too late
 *   host -> guardian  STATUS   how are you?
 *   guardian -> host  STATE    what it holds, what the sentinel has cost
 *   host -> guardian  HANDOVER the host ends on purpose: keep all for the next one; answered by
 *                              ARMED (or DISARMED: refused), after which the guardian hears
 *                              nothing but HELLO
 *   host -> guardian  HELLO    a new host, on the socket GUARDIAN_SOCKET in the state folder, or on
 *                              the old channel when that was kept for it (GUARD_STORED)
 *   guardian -> host  HELLO    with an error: it will not do, and all that is held ends as at a
 *                              crash; else
 *   guardian -> host  HELD     one for each thing held; id 0: that was all, go on
 *   host -> exec      TABLE    write routes of a table that is anod's own
 *   exec -> host      TABLED   how many, or why not
 *
 * A *reflex* (architecture.md, section 2) is an ARM with GUARD_REFLEX: its steps are not applied
 * yet.  The guardian makes their netlink messages ready when it takes them and sends all of them
 * with one send() when the trigger comes; from then on it holds the undo as of any transaction,
 * with a deadline of its own.  One without steps only watches its link (the kernel itself was
 * armed), and the sentinel hastens the kernel.
 *
 * A reflex whose link is down, gone or renamed when it is armed is refused: it was judged for a
 * link that is up, so what holds now is not what was decided on, and the host, which learns of it
 * by DISARMED, can decide anew.  Reflexes of one link fire in the order armed.  One that has not
 * fired ends at its deadline, and at the host's death, without a trace in the kernel.
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
	EXEC_TABLE,
	EXEC_TABLED,
	GUARD_ARM = 32,
	GUARD_ARMED,
	GUARD_DISARM,
	GUARD_DISARMED,
	GUARD_FIRED,
	GUARD_TRIGGER,
	GUARD_REFLEXED,
	GUARD_HANDOVER,
	GUARD_HELD,
	GUARD_STATUS,
	GUARD_STATE,
	GUARD_HELLO = 63, /* the same for ever, as its struct */
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

enum {
	GUARD_HOLD_ON_CRASH = 1, /* wait for the deadline when the host dies */
	GUARD_REFLEX = 2,	 /* nothing is applied yet; 'trigger' says when */
};

/* When a reflex fires: the link is set down or loses carrier (one of IFF_UP, IFF_LOWER_UP and
 * IFF_RUNNING is missing in RTM_NEWLINK, uapi/linux/if.h), is deleted, renamed or moved to another
 * namespace; or the host says so (GUARD_TRIGGER). */
struct guard_trigger {
	uint32_t ifindex; /* 0: the host's word alone */
	/* Carrier sentinel: ask the kernel for the link so often, us, which makes it look at a change
	 * that it would tell up to a second later (architecture.md 10.4).  0: never; else
	 * GUARD_SENTINEL_MIN_US to _MAX_US.  All are asked at the shortest of their periods. */
	uint32_t sentinel_us;
	char link[ANOD_IFNAME_SIZE]; /* its name, which must still be so */
	uint64_t hold_us;	     /* deadline of the undo, counted from the firing; > 0 */
};
#define GUARD_SENTINEL_MIN_US 200u
#define GUARD_SENTINEL_MAX_US 10000000u

struct guard_arm {
	struct chan_head head;
	uint64_t deadline_us; /* CLOCK_BOOTTIME; of a reflex: it ends unfired then */
	uint32_t flags;
	uint32_t n_steps;	      /* 0: only of a reflex that watches */
	struct guard_trigger trigger; /* with GUARD_REFLEX, else zero */
	struct exec_step step[STEPS_MAX];
};

enum {
	/* DISARM a reflex only if it has not fired: the host has not seen a REFLEXED, which may be
	 * on its way, and without this would take an undo away that it does not know of. */
	GUARD_UNFIRED = 1,
};

struct guard_ack { /* ARMED, DISARM, DISARMED, TRIGGER, STATUS */
	struct chan_head head;
	uint32_t crc;	/* ARMED */
	uint32_t flags; /* DISARM: GUARD_UNFIRED */
};

enum guard_cause {			  /* why a reflex fired */
		   GUARD_CAUSE_EVENT = 1, /* the kernel told */
		   GUARD_CAUSE_SENTINEL,  /* the kernel was asked */
		   GUARD_CAUSE_HOST,	  /* GUARD_TRIGGER */
};

struct guard_reflexed { /* REFLEXED */
	struct chan_head head;
	uint64_t seen_ns, sent_ns; /* CLOCK_BOOTTIME: trigger seen; the kernel has taken all */
	uint64_t deadline_us;	   /* of the undo that is held now; 0: nothing was applied */
	uint32_t cause;		   /* enum guard_cause */
	int32_t error;		   /* the first -errno of the kernel, or 0 */
};

struct guard_state { /* STATE */
	struct chan_head head;
	uint32_t n_undos, n_waiting; /* undos held; reflexes that have not fired */
	uint32_t realtime;	     /* 1: runs under SCHED_FIFO */
	uint32_t n_links;	     /* that the sentinel asks for now */
	/* Since its start: questions of the sentinel, one for each link and tick; and the time that
	 * they took with their answers. */
	uint64_t n_asks, ask_ns;
};

enum {
	/* The other end of the channel is kept for the next host by somebody who lets it go when
	 * there will be none (the fd store of systemd): its end is the host's death. */
	GUARD_STORED = 1,
};

struct guard_handover { /* HANDOVER; id 0 */
	struct chan_head head;
	/* CLOCK_BOOTTIME: no new host by then counts as the host's death; at most
	 * GUARD_HANDOVER_MAX_US from now. */
	uint64_t until_us;
	uint32_t flags; /* GUARD_STORED */
	uint32_t pad;
};
#define GUARD_HANDOVER_MAX_US UINT64_C(3600000000)

/* Both ways, and the same for ever: it is how two versions find out that they differ. */
#define GUARD_PROTO 1u /* grows with every change of what follows a HELLO */
struct guard_hello {   /* HELLO; id 0 */
	struct chan_head head;
	uint32_t proto;	   /* GUARD_PROTO */
	uint32_t arm_size; /* sizeof(struct guard_arm), which a change of any object changes */
	int32_t error;	   /* of the guardian: -EPROTONOSUPPORT; 0 */
	int32_t pid;	   /* whose death is to be watched; of the guardian: its own */
	char version[32];  /* of the program, for people */
};

struct guard_held { /* HELD; id 0: that was all */
	struct chan_head head;
	uint64_t deadline_us;
	uint64_t seen_ns, sent_ns; /* of a reflex that has fired, else 0 */
	uint32_t flags, n_steps;
	uint32_t crc; /* of the ARM message */
	int32_t error;
	uint32_t cause; /* enum guard_cause, of a reflex that has fired */
	uint32_t pad;
};

/* ---- tables of anod's own -------------------------------------------------------------------
 *
 * The shadow table of a bridge (model/shadow.h) changes with every route of a daemon; its entries
 * are covered by the decision that armed the bridge and are not journaled one by one, because
 * without the rule nobody looks at them.  The executor writes only to a table in TABLE_FIRST ..
 * TABLE_LAST which holds no route of anybody else (rtm_protocol other than ANOD_RTPROT). */
#define TABLE_FIRST ANOD_TABLE_FIRST
#define TABLE_LAST  ANOD_TABLE_LAST
#define TABLE_OPS   512 /* of one message */
#define TABLE_WAYS  32	/* different ones of one message */
#define TABLE_LEGS  128 /* of all ways of one message */

enum table_verb {
	TABLE_OPEN = 1, /* empty it; -EEXIST: somebody else has routes there */
	TABLE_WRITE,
	TABLE_CLOSE, /* empty it of what is anod's */
};

struct table_way {	/* where routes lead: unicast, 'n' legs from 'first' on */
	uint8_t family; /* of the destinations */
	uint8_t n, first;
	uint8_t pad;
	uint32_t mtu;		    /* RTAX_MTU, or 0 */
	struct anod_prefix prefsrc; /* family 0: none */
};

struct table_op {
	struct anod_prefix dst;
	uint8_t way; /* index of 'way' of the message; TABLE_THROW, TABLE_GONE */
	uint8_t pad[3];
};
enum { TABLE_THROW = 254 /* RTN_THROW: not changed, ask the next table */, TABLE_GONE = 255 };

/* TABLE; 'id' is the transaction of the bridge.  The operations are done in their order; one that
 * the kernel refuses stops none of the others.  What is to go and is not there is gone. */
struct exec_table {
	struct chan_head head;
	uint32_t verb; /* enum table_verb */
	uint32_t table;
	uint32_t n_ways, n_legs, n_ops, pad; /* 0, 0 and 0 unless WRITE */
	struct table_way way[TABLE_WAYS];
	struct anod_leg leg[TABLE_LEGS];
	struct table_op op[TABLE_OPS]; /* only n_ops of them are sent */
};

struct exec_tabled { /* TABLED */
	struct chan_head head;
	int32_t error;	 /* the first -errno; 0 */
	uint32_t n_done; /* routes that the kernel took; of OPEN and CLOSE: that went */
	uint32_t verb, table;
	uint32_t n_errors; /* routes that it refused */
	uint32_t pad;
	char why[EXEC_WHY_SIZE];
};

#endif
