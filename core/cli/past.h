/*
 * past - the past of one fact, as it is drawn.
 *
 * Made from the daemon's answer to "history" (docs/control.md), whatever that is: what is not of
 * that form is left out and never trusted.
 */
#ifndef CLI_PAST_H
#define CLI_PAST_H

#include "cli/cli.h"

#define PAST_POINTS_MAX 200000

enum scale {
	SCALE_COUNT, /* as it is */
	SCALE_RATE,  /* a second */
	SCALE_BITS,  /* bits a second */
	SCALE_BYTES,
	SCALE_PERCENT, /* values are ratios */
	SCALE_TIME,    /* values are microseconds */
	SCALE_BOOL,
};

struct past_point {
	double t; /* microseconds, wall clock */
	double value, low, high;
	bool gap; /* nothing is known between the point before and this one */
};

struct past {
	char name[200]; /* "link/wan0 rx_bytes" */
	enum scale scale;
	bool is_rate;  /* made of a counter */
	bool holds;    /* a value stands until the next one: the fact is told when it changes */
	char note[96]; /* what to say beside its figures */
	double from, to, step_us;
	char why[160]; /* nothing kept: the reason; else for whom */
	bool kept;
	struct past_point *point; /* owned */
	unsigned n, n_gaps;
	bool ends_in_gap;
};

/* 'fact': the fact as "facts" answers it, or NULL: its type and whether it is sampled are guessed.
 * 'raw': the counter itself instead of its rate.  -EBADMSG: no such answer; -ENOMEM. */
int past_read(const cJSON *data, const cJSON *fact, bool raw, struct past *ret);
void past_done(struct past *s);

struct past_stats {
	double min, mean, max, last;
	bool known; /* there is a point at all */
};
/* The mean is over time, without gaps. */
struct past_stats past_stats(const struct past *s);
/* "bit/s", "packets/s", "%", "" */
const char *past_unit(const struct past *s);
/* A value of the series in at most 'width' columns. */
const char *past_number(enum scale scale, double v, unsigned width, char *buf);

#endif
