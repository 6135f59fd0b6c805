/*
 * follow - changes of facts for one reader, as fast as it reads and no faster.
 *
 * Every fact has at most one line waiting.  A change of a fact whose line waits, or was sent less
 * than FOLLOW_GAP_US ago, is folded into the next line, which says how many were; so a reader that
 * is slow, or a fact that is fast, costs a bounded amount here and the reader still ends with the
 * latest value of everything.  Only when FOLLOW_ENTRIES_MAX facts wait is a line lost; the reader
 * is told how many.
 *
 * Pure but for the store that it reads.  Threads: the host's one.
 */
#ifndef HOST_FOLLOW_H
#define HOST_FOLLOW_H

#include "host/host.h"

#define FOLLOW_GAP_US	   (UINT64_C(250) * 1000) /* between two lines of one fact */
#define FOLLOW_LINES_MAX   2000			  /* a second, of all facts of a reader */
#define FOLLOW_ENTRIES_MAX 32768

struct follow;

/* 'pattern' as in fact_match_open().  While it lives, the sampled facts that it names are wanted
 * and needed (store_want(), store_need()).  -EINVAL, -E2BIG, -ENOMEM. */
int follow_new(struct host *h, const struct cJSON *pattern, struct follow **ret);
struct follow *follow_free(struct follow *f);
void follow_change(struct follow *f, const struct store_change *c, uint64_t now_us);
/* The next event that is due (docs/control.md), owned by the caller; NULL: none now. */
struct cJSON *follow_next(struct follow *f, uint64_t now_us);
/* When to ask again, US_INFINITY: not before the next change. */
uint64_t follow_due(const struct follow *f, uint64_t now_us);

#endif
