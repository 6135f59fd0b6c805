/*
 * chain - what chain.c and vouch.c share.
 */
#ifndef VERIFY_CHAIN_H
#define VERIFY_CHAIN_H

#include <stdarg.h>

#include "verify.h"

#define PRINTF(f, a) __attribute__((format(printf, f, a)))

/* The first one stays.  Always false. */
bool fault_at(struct verify *v, const char *file, uint64_t line, enum fault f, const char *fmt, ...)
	PRINTF(5, 6);
#define FAULT(v, f, ...) fault_at(v, (v)->file, (v)->line, f, __VA_ARGS__)
/* No fault, but to be told. */
void remark(struct verify *v, const char *fmt, ...) PRINTF(2, 3);

/* vouch.c: before the line is the head: is it a checkpoint, or a change of its key? */
bool vouch_line(struct verify *v, const struct line *l);
/* After it: has a witness seen another head here? */
bool vouch_head(struct verify *v);

#endif
