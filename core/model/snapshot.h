/*
 * snapshot - a model as text: one object a line, written by "anodctl snapshot" and by hand.
 *
 *   link wan0 index 2 up carrier mtu 1500 [kind veth] [master br0]
 *   link wan1 index 3 up carrier rp-filter 1 ignore-linkdown      link blue kind vrf vrf-table 10
 *   addr 192.0.2.2/24 dev wan0
 *   route 0.0.0.0/0 via 192.0.2.1 dev wan0 metric 100 [table 100] [proto static]
 *   route 10.0.0.0/8 nhid 100        route 10.9.0.0/16 blackhole
 *   route 10.1.0.0/16 via 192.0.2.1 dev wan0 weight 3, via 198.51.100.1 dev wan1 weight 1
 *   nexthop 10 via 192.0.2.1 dev wan0      nexthop 100 group 10 weight 3, 11 weight 1
 *   rule 100 from 10.0.0.0/8 table 100      rule 90 dport 80..90 uid 0..99 goto 200
 *   neigh 192.0.2.1 dev wan0 reachable
 *   qdisc wan0 kind tbf rate 1000000 burst 15000 limit 100000     sysctl "net.core.rmem_max" 212992
 *   wgpeer wg0 key "..." endpoint 192.0.2.1 port 51820 keepalive 25    unit "bird.service" active
 *   fact link.wan0.rx_loss 5% age 2s
 *
 * Pure.  Everything that struct anod_object holds survives a round trip.
 */
#ifndef MODEL_SNAPSHOT_H
#define MODEL_SNAPSHOT_H

#include "facts/diag.h"
#include "model/model.h"

struct snapshot_fact {
	char kind[ANOD_KIND_SIZE], entity[ANOD_NAME_SIZE], attr[ANOD_KIND_SIZE];
	struct anod_value value; /* type ANOD_UNKNOWN: "unknown" was written */
	uint64_t age_us;
	struct lex_place place;
};
typedef int snapshot_fact_fn(const struct snapshot_fact *f, void *data);

/* Into an empty model, which is then in sync.  'fact' may be NULL: facts are skipped.  -EINVAL. */
int snapshot_read(const char *name, const char *text, size_t size, struct model *m,
		  snapshot_fact_fn *fact, void *data, struct diag_list *diags);
/* One line without its newline, cut at 'size'; returns its length. */
size_t snapshot_line(const struct model *m, const struct anod_object *o, char *buf, size_t size);

#endif
