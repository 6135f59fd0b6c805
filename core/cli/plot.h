/*
 * plot - series drawn with characters.
 *
 * Braille patterns (2 x 4 dots a character) where the locale is UTF-8, else "." "'" ":" (1 x 2).
 * A column shows everything between the least and the greatest value of its time, so a spike is
 * never lost; where nothing is known nothing is drawn.
 */
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include "cli/page.h"
#include "cli/past.h"

#define PLOT_SERIES_MAX 6 /* in one picture */

/* A heading, 'height' lines of picture, the time axis, and a line of figures for each series; all
 * share the scale of the first one. */
void plot_draw(struct page *p, const struct past *s, unsigned n, unsigned height);
/* Lines that this takes beside the picture's. */
unsigned plot_lines_around(unsigned n);

/* plot_axis.c: an axis over values from 'low' to 'high', and zero where it is near.  Its marks are
 * the multiples of 'step', a round number, 'n_max' + 1 of them at most. */
struct axis {
	double low, high, step;
};
struct axis axis_values(double low, double high, unsigned n_max);
/* Seconds between marks of a time axis: 1, 2, 5, 10, 15, 30 s, the same in minutes, hours, days. */
double axis_seconds(double span, unsigned n_max);

#endif
