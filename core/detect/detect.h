/*
 * detect - sequential detectors over one series each, with defaults that need no tuning.
 *
 *   loss.h     two counters, sent and lost: has the loss ratio risen?
 *   shift.h    a series with heavy tails: has its level changed, and when?
 *   season.h   a load with days and weeks: how far from the usual is it?
 *   steady.h   a gauge that keeps still, or the balance of a link: has it left its place?
 *   outlier.h  any series: how unusual is this sample, as one number?
 *
 * A detector is a plain struct that its owner allocates (zeroed memory is a fresh one) and feeds
 * one sample after the other; it keeps no history beyond the struct and allocates nothing.  Each
 * is stated by its false-alarm rate, not by a threshold; its delay against the theoretical bound
 * and its scores on labelled series are in docs/detectors.md (make bench-detect).
 *
 * Pure.  Threads: plain data.  Errors: a sample that is not finite is ignored.
 */
#ifndef DETECT_DETECT_H
#define DETECT_DETECT_H

#include "detect/loss.h"
#include "detect/outlier.h"
#include "detect/season.h"
#include "detect/shift.h"
#include "detect/steady.h"

#endif
