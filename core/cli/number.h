/*
 * number - numbers in a given width, for tables that must not move.
 *
 * Each writes at most 'width' columns (4..15) into 'buf' (NUMBER_SIZE bytes) and returns it; what
 * does not fit even with the greatest suffix is "****".  Units stand in the table's heading.
 */
#ifndef CLI_NUMBER_H
#define CLI_NUMBER_H

#include "base/util.h"

#define NUMBER_SIZE 24

/* "0", "999", "1.23k", "45.6M", "-7"; powers of 1000. */
const char *number_fixed(double v, unsigned width, char *buf);
/* The same, but whole while it fits: "1500", "65536". */
const char *number_whole(double v, unsigned width, char *buf);
/* A share: "0%", "<.1%", "5.6%", "35%". */
const char *number_percent(double ratio, unsigned width, char *buf);
/* Microseconds: "49us", "1.2ms", "350ms", "12.3s", "2m5s". */
const char *number_time(double us, unsigned width, char *buf);

#endif
