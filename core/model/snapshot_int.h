/*
 * snapshot_int - what reader and writer of snapshots agree on: usual values and words.
 *
 * Private to core/model.
 */
#ifndef MODEL_SNAPSHOT_INT_H
#define MODEL_SNAPSHOT_INT_H

#include <linux/fib_rules.h>
#include <linux/if_addr.h>

#include "model/snapshot.h"

#define SNAPSHOT_MTU	     1500
#define SNAPSHOT_ADDR_FLAGS  IFA_F_PERMANENT
#define SNAPSHOT_RULE_ACTION FR_ACT_TO_TBL

/* IF_OPER_* that a link has which is up or not, with or without carrier. */
uint8_t snapshot_operstate(bool up, bool carrier);
/* RT_SCOPE_* of a route that does not say it: link when it has no gateway. */
uint8_t snapshot_scope(const struct anod_route *r);
/* Family of a next hop that does not say it: that of its gateway. */
uint8_t snapshot_family(const struct anod_nexthop *n);
/* "blackhole"; "unicast" is usual.  The number as text is not needed: all types have words. */
const char *snapshot_type_word(uint8_t type);
/* NULL: none for this combination. */
const char *snapshot_state_word(uint16_t nud);
bool snapshot_type(const struct token *t, uint8_t *ret);
bool snapshot_state(const struct token *t, uint16_t *ret);
bool snapshot_protocol(const struct token *t, uint8_t *ret);

/* ---- reading ------------------------------------------------------------------------------- */

struct reading {
	struct lexer l;
	struct model *m;
	struct diag_list *diags;
	snapshot_fact_fn *fact;
	void *data;
	uint32_t next_index; /* for a link that does not say its own */
	bool links;	     /* a pass over links only */
	bool again;	     /* the second one, when all their names are known */
};

/* "expected WANT, not 'X'"; always -EINVAL. */
int snapshot_wrong(struct reading *r, const struct token *t, const char *want);
/* "'X' is not known of a SUBJECT; did you mean 'Y'?" of the next token. */
int snapshot_unknown(struct reading *r, const char *const *words, const char *subject);
bool snapshot_at_end(struct reading *r);
bool snapshot_accept(struct reading *r, const char *word);
int snapshot_number(struct reading *r, uint64_t max, uint64_t *ret);
int snapshot_number32(struct reading *r, uint32_t *ret);
int snapshot_number8(struct reading *r, uint8_t *ret);
int snapshot_label(struct reading *r, uint32_t *ret);
/* "lossy" and "unsure", of every object; false: another word. */
bool snapshot_flag(struct reading *r, struct anod_object *o);
int snapshot_name(struct reading *r, char *buf, size_t size);
int snapshot_prefix(struct reading *r, struct anod_prefix *ret);
int snapshot_address(struct reading *r, struct anod_prefix *ret);
/* ifindex of the link, or 0. */
uint32_t snapshot_named(const struct model *m, const char *link);
/* The name of a link, or its index. */
int snapshot_device(struct reading *r, uint32_t *ret);
int snapshot_lladdr(struct reading *r, uint8_t *ret, uint8_t *ret_len);
int snapshot_proto(struct reading *r, uint8_t *ret);

/* One line behind its first word. */
int snapshot_read_link(struct reading *r, struct anod_object *o);
int snapshot_read_addr(struct reading *r, struct anod_object *o);
int snapshot_read_route(struct reading *r, struct anod_object *o);
int snapshot_read_nexthop(struct reading *r, struct anod_object *o);
int snapshot_read_rule(struct reading *r, struct anod_object *o);
int snapshot_read_neigh(struct reading *r, struct anod_object *o);
int snapshot_read_qdisc(struct reading *r, struct anod_object *o);
int snapshot_read_sysctl(struct reading *r, struct anod_object *o);
int snapshot_read_wgpeer(struct reading *r, struct anod_object *o);
int snapshot_read_unit(struct reading *r, struct anod_object *o);

/* ---- writing ------------------------------------------------------------------------------- */

/* A line of one of the last four, with a blank in front; its length. */
size_t snapshot_write_node(const struct model *m, const struct anod_object *o, char *buf,
			   size_t size);

#endif
