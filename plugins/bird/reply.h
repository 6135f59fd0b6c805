/*
 * reply - what BIRD answers on its control socket, as values.
 *
 * Pure: from text to structs.  The text is cut up in place; strings given out point into it, are
 * NUL-ended and "" where BIRD says nothing.  Any text is fine: what is no answer of BIRD's is
 * -EBADMSG, what BIRD refuses (codes 8000 and above) -EOPNOTSUPP.
 */
#ifndef BIRD_REPLY_H
#define BIRD_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_NOT (-1) /* of a number: BIRD does not say */

struct reply_protocol {
	const char *name, *type, *state, *since, *info;
	const char *vrf, *description, *error;
	const char *bgp_state, *neighbor, *neighbor_as;
	int64_t imported, filtered, exported; /* over all channels that are up; REPLY_NOT */
};

struct reply_status {
	const char *version, *now, *reconfigured;
};

struct reply_table {
	const char *name;
	int64_t routes, prefixes;
};

typedef void reply_protocol_fn(const struct reply_protocol *p, void *data);
typedef void reply_table_fn(const struct reply_table *t, void *data);

/* For anod_ask_way: the last line of an answer has a space behind its four digits. */
int reply_whole(const char *text, size_t size, size_t *at);

/* "show protocols all", "show route count", "show status".  How many there were, or -errno. */
int reply_protocols(char *text, reply_protocol_fn *fn, void *data);
int reply_tables(char *text, reply_table_fn *fn, void *data);
int reply_status(char *text, struct reply_status *ret);

/* How long before 'now' 'then' is, us.  Both as BIRD writes times: "2026-11-23 05:49:33.912",
 * "2026-11-23" (midnight then), "05:49:24.684" (less than a day ago).  -EINVAL: another format. */
int reply_age(const char *now, const char *then, int64_t *ret_us);

#endif
