/*
 * series - the past of one fact, as it is drawn.
 *
 * Made from the daemon's answer to "history" (docs/control.md), whatever that is: what is not of
 * that form is left out and never trusted.
 */
#ifndef CLI_SERIES_H
#define CLI_SERIES_H

#include "cli/cli.h"

#define SERIES_POINTS_MAX 200000

enum scale {
	SCALE_COUNT, /* as it is */
	SCALE_RATE,  /* a second */
	SCALE_BITS,  /* bits a second */
	SCALE_BYTES,
	SCALE_PERCENT, /* values are ratios */
	SCALE_TIME,    /* values are microseconds */
	SCALE_BOOL,
};

struct series_point {
	double t; /* microseconds, wall clock */
	double value, low, high;
	bool gap; /* nothing is known between the point before and this one */
};

struct series {
	char name[200]; /* "link/wan0 rx_bytes" */
	enum scale scale;
	bool is_rate; /* made of a counter */
	double from, to, step_us;
	char why[160]; /* nothing kept: the reason; else for whom */
	bool kept;
	struct series_point *point; /* owned */
	unsigned n, n_gaps;
};

/* 'raw': the counter itself instead of its rate.  -EBADMSG: no such answer; -ENOMEM. */
int series_read(const cJSON *data, bool raw, struct series *ret);
void series_done(struct series *s);

struct series_stats {
	double min, mean, max, last;
	bool known; /* there is a point at all */
};
/* The mean is over time, without gaps. */
struct series_stats series_stats(const struct series *s);
/* "bit/s", "packets/s", "%", "" */
const char *series_unit(const struct series *s);
/* A value of the series in at most 'width' columns. */
const char *series_number(enum scale scale, double v, unsigned width, char *buf);

#endif
