/*
 * flight - probes on their way, and what became of each.
 *
 * Promise 9: the daemon's own lateness is never read as the network's.  Hence
 *   answered  an answer arrived in the kernel within the timeout, however late we read it
 *   lost      no answer in time, judged in time by a daemon that was awake
 *   void      cannot be told: the send or the judgement came too late, or the kernel dropped
 *             received packets because we did not read them
 *
 * Pure: every time is an argument.  A flight belongs to a ring of its probe.
 */
#ifndef PROBE_FLIGHT_H
#define PROBE_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#define FLIGHTS_MAX 256 /* of one probe; 10 s of timeout at 50 ms need 200 */

/* Judged later than this share of the timeout, a missing answer proves nothing. */
#define FLIGHT_LATE_SHARE 0.2

enum flight_state {
	FLIGHT_FREE = 0,
	FLIGHT_UP,	 /* on its way */
	FLIGHT_ANSWERED, /* from here on it is over */
	FLIGHT_LOST,
	FLIGHT_VOID,
	FLIGHT_OVERDUE, /* lost, and answered after all */
};

struct flight {
	enum flight_state state;
	bool doubtful; /* sent late or unclear: an answer counts, its absence does not */
	int fd;	       /* socket of its own, or -1 */
	uint64_t io;   /* its handle, or 0 */
	uint64_t number;
	uint64_t sent_us;    /* CLOCK_BOOTTIME */
	int64_t sent_wall;   /* CLOCK_REALTIME of the same moment, ns */
	int64_t wall_offset; /* CLOCK_REALTIME - CLOCK_BOOTTIME then, ns */
};

struct flights {
	uint64_t next;	 /* number of the next probe */
	uint64_t oldest; /* number of the oldest that is not over */
	uint64_t timeout_us;
	struct flight f[FLIGHTS_MAX];
};

/* When an answer came: by the kernel's stamp where there is one. */
struct arrival {
	uint64_t read_us;	  /* CLOCK_BOOTTIME when we read it */
	int64_t read_wall_offset; /* CLOCK_REALTIME - CLOCK_BOOTTIME then, ns */
	int64_t stamp_wall;	  /* kernel's receive stamp, CLOCK_REALTIME ns; 0: none */
	uint32_t rtt_us;	  /* measured by the kernel (TCP); 0: not */
};

/* The slot of the next probe, or NULL: too many are on their way. */
struct flight *flights_take(struct flights *s);
/* The flight of a number, while the ring still holds it, or NULL. */
struct flight *flights_find(struct flights *s, uint64_t number);

/*
 * An answer.  Returns the new state: ANSWERED (then *ret_rtt_us is set), VOID (no stamp, and we
 * are too late to tell), LOST (it came after the timeout before we judged), OVERDUE (after we
 * had judged it lost), or FREE for a duplicate, which changes nothing.
 */
enum flight_state flight_answer(struct flights *s, struct flight *f, const struct arrival *a,
				uint32_t *ret_rtt_us);

/* No answer was found in any queue at 'now_us', behind the deadline: LOST or VOID. */
enum flight_state flight_expire(struct flights *s, struct flight *f, uint64_t now_us);

/* The oldest flight whose deadline is not behind 'now_us' stays; NULL: none is due. */
struct flight *flights_due(struct flights *s, uint64_t now_us);
/* Deadline of the oldest on its way, or UINT64_MAX. */
uint64_t flights_deadline(struct flights *s);

/* Packets were dropped unread: what is on its way can only be answered, not be lost. */
void flights_doubt(struct flights *s);

#endif
