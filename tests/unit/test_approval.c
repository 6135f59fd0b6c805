/* The hash of a plan changes with everything that is in it, and codes fit one plan and person. */
#include "policy/approval.h"

#include <criterion/criterion.h>
#include <string.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include <anod/rtnl.h>

struct inputs { /* all that a person signs */
	uint64_t tx;
	char agent[ANOD_NAME_SIZE], permit[ANOD_NAME_SIZE];
	uint8_t policy[APPROVAL_HASH];
	struct anod_proposal proposal;
	struct anod_change change[2];
	uint8_t nonce[APPROVAL_NONCE];
	uint32_t round;
};

static void digest(const struct inputs *in, struct plan *ret)
{
	struct plan_in p = { .tx = in->tx,
			     .agent = in->agent,
			     .proposal = &in->proposal,
			     .change = in->change,
			     .n_changes = 2,
			     .policy = in->policy,
			     .permit = in->permit };

	plan_digest(&p, ret);
	plan_seal(ret, in->nonce, in->round);
}

/* A route goes to another leg, and a rule (every byte of which counts) comes. */
static void fill(struct inputs *in)
{
	struct anod_route *t;

	memset(in, 0, sizeof(*in));
	in->tx = 12;
	(void) copy_text(in->agent, sizeof(in->agent), "uplink");
	(void) copy_text(in->permit, sizeof(in->permit), "go back");
	in->proposal.n_actions = 2;
	(void) copy_text(in->proposal.reason, ANOD_REASON_SIZE, "the default route goes over wan0");
	(void) copy_text(in->proposal.expect, ANOD_REASON_SIZE, "less loss");
	(void) copy_text(in->proposal.verify, ANOD_REASON_SIZE, "path.wan0.loss < 1%");
	for (unsigned i = 0; i < 2; i++) {
		in->proposal.action[i].n_args = 1;
		(void) copy_text(in->proposal.action[i].kind, ANOD_KIND_SIZE, "route.replace");
		in->proposal.action[i].arg[0].value.type = ANOD_INT;
		in->proposal.action[i].arg[0].value.u.i = i;
	}
	in->change[0].has_pre = in->change[0].has_post = 1;
	in->change[0].pre.type = ANOD_OBJ_ROUTE;
	t = &in->change[0].pre.u.route;
	t->dst.family = AF_INET;
	t->table = 254;
	t->metric = 5;
	t->type = RTN_UNICAST;
	t->n_legs = 1;
	t->leg[0].ifindex = 3;
	t->leg[0].weight = 1;
	in->change[0].post = in->change[0].pre;
	in->change[0].post.u.route.leg[0].ifindex = 4;
	in->change[1].has_post = 1;
	in->change[1].post.type = ANOD_OBJ_RULE;
	in->change[1].post.u.rule.family = AF_INET;
}

static const struct {
	const char *what;
	size_t at, size;
	unsigned step; /* every so many bytes */
} parts[] = {
	{ "tx", offsetof(struct inputs, tx), sizeof(uint64_t), 1 },
	{ "agent", offsetof(struct inputs, agent), 6, 1 },
	{ "permit", offsetof(struct inputs, permit), 7, 1 },
	{ "policy", offsetof(struct inputs, policy), APPROVAL_HASH, 1 },
	{ "nonce", offsetof(struct inputs, nonce), APPROVAL_NONCE, 1 },
	{ "round", offsetof(struct inputs, round), sizeof(uint32_t), 1 },
	{ "reason", offsetof(struct inputs, proposal.reason), 20, 1 },
	{ "expect", offsetof(struct inputs, proposal.expect), 9, 1 },
	{ "verify", offsetof(struct inputs, proposal.verify), 19, 1 },
	{ "actions", offsetof(struct inputs, proposal.action), 2 * sizeof(struct anod_action), 1 },
	{ "has_post", offsetof(struct inputs, change[0].has_post), 1, 1 },
	{ "before", offsetof(struct inputs, change[0].pre.u.route.dst),
	  offsetof(struct anod_route, flags), 1 },
	{ "leg before", offsetof(struct inputs, change[0].pre.u.route.leg[0].via),
	  offsetof(struct anod_leg, flags), 1 },
	{ "leg after", offsetof(struct inputs, change[0].post.u.route.leg[0].ifindex), 4, 1 },
	{ "rule after", offsetof(struct inputs, change[1].post.u.rule), sizeof(struct anod_rule),
	  1 },
};

Test(approval, the_hash_changes_with_every_byte_of_every_input)
{
	static struct inputs in;
	struct plan first, p;
	unsigned n = 0;

	fill(&in);
	digest(&in, &first);
	digest(&in, &p);
	cr_assert_eq(memcmp(&first, &p, sizeof(p)), 0, "the same plan has the same hash");
	cr_assert(plan_is_set(&p));
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (size_t k = 0; k < parts[i].size; k += parts[i].step) {
			uint8_t *byte = (uint8_t *) &in + parts[i].at + k;

			/* nhid and flags of a route make other members void: not while they are
			 * turned on for a moment. */
			*byte ^= 0x04;
			digest(&in, &p);
			cr_expect_neq(memcmp(first.hash, p.hash, sizeof(p.hash)), 0, "%s, byte %zu",
				      parts[i].what, k);
			*byte ^= 0x04;
			n++;
		}
	cr_assert_gt(n, 2000);
	digest(&in, &p);
	cr_assert_eq(memcmp(&first, &p, sizeof(p)), 0);
}

/* What the kernel does by itself is no other plan. */
Test(approval, counters_and_carriers_are_no_other_plan)
{
	static struct inputs in;
	struct anod_route *t = &in.change[0].pre.u.route;
	struct anod_link *l = &in.change[1].post.u.link;
	struct anod_neigh *y = &in.change[1].post.u.neigh;
	struct plan first, p;

	fill(&in);
	digest(&in, &first);
	t->leg[0].flags |= RTNH_F_LINKDOWN | RTNH_F_DEAD;
	t->flags |= RTM_F_OFFLOAD;
	digest(&in, &p);
	cr_expect_eq(memcmp(first.hash, p.hash, sizeof(p.hash)), 0, "link state of a leg");
	t->n_legs = 2;
	t->leg[1] = (struct anod_leg){ .ifindex = 9, .weight = 2 };
	digest(&in, &first);
	t->leg[1] = t->leg[0];
	t->leg[0] = (struct anod_leg){ .ifindex = 9, .weight = 2 };
	digest(&in, &p);
	cr_expect_eq(memcmp(first.hash, p.hash, sizeof(p.hash)), 0, "the order of legs");

	memset(&in.change[1].post.u, 0, sizeof(in.change[1].post.u));
	in.change[1].post.type = ANOD_OBJ_LINK;
	l->flags = IFF_UP;
	digest(&in, &first);
	l->carrier = 1;
	l->operstate = 6;
	l->carrier_up = l->carrier_down = 77;
	l->flags |= IFF_RUNNING | IFF_PROMISC;
	digest(&in, &p);
	cr_expect_eq(memcmp(first.hash, p.hash, sizeof(p.hash)), 0, "carrier");
	l->flags &= ~(uint32_t) IFF_UP;
	digest(&in, &p);
	cr_expect_neq(memcmp(first.hash, p.hash, sizeof(p.hash)), 0, "up");

	memset(&in.change[1].post.u, 0, sizeof(in.change[1].post.u));
	in.change[1].post.type = ANOD_OBJ_NEIGH;
	y->state = 0x02; /* NUD_REACHABLE */
	y->lladdr_len = 6;
	digest(&in, &first);
	y->state = 0x04; /* NUD_STALE */
	y->probes = 3;
	digest(&in, &p);
	cr_expect_eq(memcmp(first.hash, p.hash, sizeof(p.hash)), 0, "a neighbour ages");
	y->state = 0x80; /* NUD_PERMANENT */
	digest(&in, &p);
	cr_expect_neq(memcmp(first.hash, p.hash, sizeof(p.hash)), 0, "permanent");
}

/* A canonical form is its own, and objects that match have the same one. */
Test(approval, the_canonical_form_is_stable)
{
	uint64_t seed = 20261122;

	for (unsigned i = 0; i < 2000; i++) {
		struct anod_object o = { 0 }, once, twice;
		uint8_t *b = (uint8_t *) &o.u;

		for (size_t k = 0; k < sizeof(o.u); k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			b[k] = (uint8_t) (seed >> 56);
		}
		o.type = 1 + i % 6;
		if (o.type == ANOD_OBJ_ROUTE && i % 4)
			o.u.route.nhid = 0;
		once = o;
		anod_object_canon(&once);
		twice = once;
		anod_object_canon(&twice);
		cr_assert_eq(memcmp(&once, &twice, sizeof(o)), 0, "seed 20261122, case %u", i);
		cr_assert_eq(anod_object_same_key(&o, &once), true, "case %u", i);
	}
}

Test(approval, it_says_what_has_changed)
{
	static struct inputs in;
	struct plan a, b;

	fill(&in);
	digest(&in, &a);
	in.round++;
	digest(&in, &b);
	cr_assert_str_eq(plan_difference(&a, &b), "it has changed and changed back");
	in.policy[0]++;
	digest(&in, &b);
	cr_assert_str_eq(plan_difference(&a, &b), "the policy is another one");
	in.permit[0]++;
	digest(&in, &b);
	cr_assert_str_eq(plan_difference(&a, &b), "another permit allows it now");
	in.change[0].pre.u.route.metric++;
	digest(&in, &b);
	cr_assert_str_eq(plan_difference(&a, &b), "what it would change is not as it was");
}

Test(approval, a_code_is_of_one_person_and_one_plan)
{
	uint8_t nonce[APPROVAL_NONCE] = { 1 }, hash[APPROVAL_HASH] = { 2 };
	char ann[APPROVAL_CODE_SIZE], other[APPROVAL_CODE_SIZE], typed[64];

	approval_code(nonce, hash, "ann", ann);
	cr_assert_eq(strlen(ann), 9);
	cr_assert_eq(ann[4], '-');
	for (unsigned i = 0; i < 9; i++)
		cr_assert(i == 4 || strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", ann[i]));
	approval_code(nonce, hash, "bob", other);
	cr_assert_str_neq(ann, other);
	hash[31] ^= 1;
	approval_code(nonce, hash, "ann", other);
	cr_assert_str_neq(ann, other);
	hash[31] ^= 1;
	nonce[31] ^= 1;
	approval_code(nonce, hash, "ann", other);
	cr_assert_str_neq(ann, other);

	cr_assert(approval_code_is(ann, ann));
	(void) snprintf(typed, sizeof(typed), " %.4s %s ", ann, ann + 5);
	cr_assert(approval_code_is(typed, ann));
	for (char *c = typed; *c; c++)
		*c = (char) (*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	cr_assert(approval_code_is(typed, ann));
	cr_assert(approval_code_is("o1li-2222", "0111-2222"));
	for (unsigned i = 0; i < 9; i++) {
		(void) strcpy(typed, ann);
		typed[i] = typed[i] == '5' ? '6' : '5';
		cr_assert_not(approval_code_is(typed, ann));
	}
	cr_assert_not(approval_code_is("", ann));
	cr_assert_not(approval_code_is("-", ann));
	(void) snprintf(typed, sizeof(typed), "%s0", ann);
	cr_assert_not(approval_code_is(typed, ann));
	cr_assert_not(approval_code_is("00000000000000000000000000000000000000000000", ann));
	cr_assert(approval_code_is("15039325", "15039325"));
}

Test(approval, the_effect_is_compared_without_what_changes_nothing)
{
	struct anod_change a[3] = { 0 }, b[3] = { 0 };

	cr_assert(plan_same_effect(a, 3, b, 0));
	a[1].has_post = b[0].has_post = 1;
	a[1].post.type = b[0].post.type = ANOD_OBJ_LINK;
	a[1].post.u.link.ifindex = b[0].post.u.link.ifindex = 3;
	b[0].post.u.link.carrier = 1;
	cr_assert(plan_same_effect(a, 3, b, 3));
	b[0].post.u.link.mtu = 9;
	cr_assert_not(plan_same_effect(a, 3, b, 3));
	b[0].post.u.link.mtu = 0;
	a[2] = a[1];
	cr_assert_not(plan_same_effect(a, 3, b, 3));
	cr_assert_not(plan_same_effect(a, 3, b, 0));
}
