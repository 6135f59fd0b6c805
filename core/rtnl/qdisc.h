/*
 * qdisc - the settings of each kind of queueing discipline, between TCA_OPTIONS and the object.
 *
 * Pure.  Threads: any.  Errors: -EBADMSG for a malformed message.  Memory: the caller's.
 */
#ifndef RTNL_QDISC_H
#define RTNL_QDISC_H

#include "rtnl/codec.h"

/* The options (NULL: none) into 'q', which has its kind.  *ret_more becomes true when there are
 * settings that the object does not hold. */
typedef int qdisc_read_fn(const struct nlattr *options, struct anod_qdisc *q, bool *ret_more);
/* Everything that the object holds, as the inside of TCA_OPTIONS; 'from' is a qdisc of the same kind
 * that is changed in place, NULL: it is made anew. */
typedef void qdisc_write_fn(struct put *p, const struct anod_qdisc *q,
			    const struct anod_qdisc *from);

qdisc_read_fn qdisc_read_tbf, qdisc_read_fifo, qdisc_read_codel, qdisc_read_fq_codel, qdisc_read_fq,
	qdisc_read_cake;
qdisc_write_fn qdisc_write_tbf, qdisc_write_fifo, qdisc_write_codel, qdisc_write_fq_codel,
	qdisc_write_fq, qdisc_write_cake;

/* May 'to' be reached from 'from' by a change in place, which keeps the packets that wait? */
bool qdisc_in_place(const struct anod_qdisc *from, const struct anod_qdisc *to);

#endif
