/*
 * detect - sequential detectors over one series each, with defaults that need no tuning.
 *
 * A detector is a plain struct that its owner allocates (zeroed memory is a fresh one) and feeds
 * one sample after the other; it keeps no history beyond the struct and allocates nothing.  Each
 * is stated by its false-alarm rate, not by a threshold; its delay against the theoretical bound
 * is in docs/bench.md (make bench-detect).
 *
 * Pure.  Threads: plain data.  Errors: a sample that is not finite is ignored.
 */
#ifndef DETECT_DETECT_H
#define DETECT_DETECT_H

#include "base/util.h"

#endif
