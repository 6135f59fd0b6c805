/*
 * window - statistics over the last outcomes of a probe.
 *
 * Pure.  Memory: one allocation of window_size() bytes by the caller, zeroed, no pointers into
 * anything else.
 */
#ifndef PROBE_WINDOW_H
#define PROBE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_MAX 1000 /* outcomes */

/* The last 'cap' numbers, in order of arrival and in order of size. */
struct recent {
	uint16_t cap, n, head;
	uint32_t ring[WINDOW_MAX];
	uint32_t sorted[WINDOW_MAX];
};

void recent_add(struct recent *r, uint32_t value);
/* The smallest value that a share 'q' of them does not exceed; 0 when there are none. */
uint32_t recent_quantile(const struct recent *r, double q);

struct window {
	uint16_t cap, n, head;
	uint16_t n_lost; /* among the n */
	uint8_t lost[WINDOW_MAX];
	struct recent rtt;  /* us, of answered probes */
	struct recent late; /* us, our own lateness at each outcome */
	double jitter;	    /* us, RFC 3550 6.4.1 */
	uint32_t last_rtt;
	bool has_rtt;
	unsigned lost_in_row;
};

void window_init(struct window *w, unsigned cap);
/* An answered or a lost probe; 'rtt_us' UINT32_MAX: answered, but the time is not known. */
void window_answered(struct window *w, uint32_t rtt_us);
void window_lost(struct window *w);
void window_late(struct window *w, uint64_t late_us);
/* Share of lost ones; negative when there is no outcome yet. */
double window_loss(const struct window *w);

#endif
