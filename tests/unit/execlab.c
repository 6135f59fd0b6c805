/*
 * execlab - the executor's message handler in a namespace of the test's own, without a channel.
 *
 * Design.  Answers are copied out of the reply callback, so that a test reads like a dialogue.
 */
#include "unit/execlab.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "unit/netlab.h"

struct anod_plan lab_plan;

static struct {
	unsigned n;
	uint32_t type;
	struct exec_result result;
} answer;

static int mirror(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	(void) a;
	(void) v;
	*ret = lab_plan;
	return ret->error[0] ? -EINVAL : 0;
}

static const struct anod_param no_params[] = { { 0 } };
static const struct anod_action_desc mirror_desc = { .kind = "mirror",
						     .params = no_params,
						     .flags = ANOD_ACT_UNDO | ANOD_ACT_FOREIGN,
						     .plan = mirror };
static const struct anod_action_desc once_desc = { .kind = "mirror.once",
						   .params = no_params,
						   .plan = mirror };
const struct anod_action_desc *const lab_actions[] = { &mirror_desc, &once_desc, NULL };

static int keep_answer(void *data, struct chan_head *head, size_t size)
{
	(void) data;
	answer.n++;
	answer.type = head->type;
	if (head->type == EXEC_PREPARED)
		cr_assert_geq(size, offsetof(struct exec_steps, step));
	else
		memcpy(&answer.result, head, sizeof(answer.result));
	return 0;
}

static void open_serve(struct serve *s)
{
	memset(s, 0, sizeof(*s));
	s->actions = lab_actions;
	s->reply = keep_answer;
	cr_assert_eq(kernel_open(&s->kernel), 0);
}

void lab_open(struct serve *s)
{
	netlab_enter();
	/* Link-local addresses are there at once, not some time later in the middle of a test. */
	netlab_run("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad");
	netlab_veth("wan0", "isp0");
	netlab_veth("wan1", "isp1");
	netlab_run("ip addr add 10.0.0.1/24 dev wan0 && ip addr add 10.0.1.1/24 dev wan1 && "
		   "ip addr add 2001:db8::1/64 dev wan0 nodad");
	open_serve(s);
}

void lab_open_here(struct serve *s)
{
	open_serve(s);
}

void lab_restart(struct serve *s)
{
	serve_done(s);
	open_serve(s);
}

struct anod_object lab_route(const char *dst, uint32_t metric, const char *via, const char *dev)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *r = &o.u.route;

	r->dst = netlab_address(dst);
	r->metric = metric;
	r->table = RT_TABLE_MAIN;
	r->protocol = ANOD_RTPROT;
	r->type = RTN_UNICAST;
	r->n_legs = 1;
	r->leg[0].weight = 1;
	r->leg[0].ifindex = dev ? netlab_ifindex(dev) : 0;
	if (via)
		r->leg[0].via = netlab_address(via);
	else
		r->scope = RT_SCOPE_LINK;
	return o;
}

struct anod_object lab_link(const char *name)
{
	struct anod_object key = { .type = ANOD_OBJ_LINK }, now;

	key.u.link.ifindex = netlab_ifindex(name);
	cr_assert_eq(netlab_get(&key, &now, NULL), 0);
	return now;
}

struct anod_change lab_change(const struct anod_object *pre, const struct anod_object *post)
{
	struct anod_change c = { .has_pre = pre != NULL, .has_post = post != NULL };

	if (pre)
		c.pre = *pre;
	if (post)
		c.post = *post;
	return c;
}

const struct anod_object *lab_now(const struct anod_object *key)
{
	static struct anod_object now;
	int r = netlab_get(key, &now, NULL);

	cr_assert(r == 0 || r == -ENOENT, "%s", strerror(-r));
	return r == 0 ? &now : NULL;
}

bool lab_is(const struct anod_object *o)
{
	const struct anod_object *now = lab_now(o);

	return now && anod_object_matches(now, o, NULL);
}

int lab_prepare(struct serve *s, uint64_t tx, const struct anod_change *c, unsigned n, bool foreign)
{
	static struct exec_prepare p;

	cr_assert_leq(n, ANOD_CHANGES_MAX);
	lab_plan = (struct anod_plan){ .n_changes = n };
	memcpy(lab_plan.change, c, n * sizeof(*c));

	p = (struct exec_prepare){ .head = { EXEC_PREPARE, sizeof(p), tx },
				   .n_actions = 1,
				   .foreign = foreign };
	p.action[0].size = sizeof(p.action[0]);
	strcpy(p.action[0].kind, "mirror");

	answer.n = 0;
	cr_assert_eq(serve_message(s, &p.head), 0);
	cr_assert_eq(answer.n, 1);
	cr_assert_eq(answer.type, EXEC_PREPARED);
	cr_assert_eq(s->steps.head.id, tx);
	return s->steps.error;
}

struct exec_result lab_apply(struct serve *s, uint64_t tx)
{
	struct exec_apply a = { { EXEC_APPLY, sizeof(a), tx } };

	answer.n = 0;
	cr_assert_eq(serve_message(s, &a.head), 0);
	cr_assert_eq(answer.n, 1);
	cr_assert_eq(answer.type, EXEC_APPLIED);
	return answer.result;
}

struct exec_result lab_steps(struct serve *s, uint32_t type, const struct exec_steps *steps)
{
	static struct exec_steps m;

	m = *steps;
	m.head.type = type;
	m.head.size = (uint32_t) (offsetof(struct exec_steps, step) +
				  m.n_steps * sizeof(struct exec_step));
	answer.n = 0;
	cr_assert_eq(serve_message(s, &m.head), 0);
	cr_assert_eq(answer.n, 1);
	cr_assert_eq(answer.type, type + 1);
	cr_assert_eq(answer.result.n_steps, steps->n_steps);
	return answer.result;
}

void lab_do(struct serve *s, uint64_t tx, const struct anod_change *c, unsigned n)
{
	struct exec_result r;

	cr_assert_eq(lab_prepare(s, tx, c, n, true), 0, "%s", s->steps.why);
	r = lab_apply(s, tx);
	cr_assert_eq(r.error, 0, "%s", r.why);
	cr_assert_eq(r.n_done, r.n_steps);
}
