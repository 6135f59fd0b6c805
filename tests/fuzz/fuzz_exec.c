/*
 * fuzz_exec - arbitrary bytes as messages of a host that has been taken over.
 *
 * Actions are those of one play actuator for routes and of the real ones for qdiscs, sysctls, peers
 * of WireGuard and units, which are made of their sources.
 *
 * Design.  The input is a row of messages, each behind its length (32 bits, little endian); the
 * head's size is set as the channel guarantees it.  The kernel is closed, so nothing is ever
 * touched; the view is played, so that plans are made on objects that are there and on some that
 * are not.
 */
#include <assert.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "exec/serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const admin_words[] = { "up", "down", NULL };
static const struct anod_param params[] = {
	{ .name = "dev", .type = ANOD_TEXT, .entity = "link" },
	{ .name = "admin", .type = ANOD_TEXT, .words = admin_words },
	{ .name = "metric", .type = ANOD_INT, .min = 0, .max = UINT32_MAX },
	{ .name = "share", .type = ANOD_REAL, .unit = ANOD_UNIT_RATIO },
	{ .name = "on", .type = ANOD_BOOL },
	{ .name = "dst", .type = ANOD_PREFIX, .required = 1 },
	{ 0 },
};

static const struct anod_arg *arg_of(const struct anod_action *a, const char *name)
{
	for (uint32_t i = 0; i < a->n_args; i++)
		if (strcmp(a->arg[i].name, name) == 0)
			return &a->arg[i];

	return NULL;
}

/* Replace or delete the route to 'dst', as far as the view has it. */
static int plan_route(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	const struct anod_arg *metric = arg_of(a, "metric"), *on = arg_of(a, "on");
	struct anod_change *c = &ret->change[0];
	struct anod_object key = { .type = ANOD_OBJ_ROUTE };

	key.u.route.dst = arg_of(a, "dst")->value.u.prefix;
	key.u.route.metric = metric ? (uint32_t) metric->value.u.i : 0;
	key.u.route.table = RT_TABLE_MAIN;
	c->has_pre = v->get(v, &key, &c->pre) == 0;
	c->has_post = !on || on->value.u.i;
	if (c->has_post) {
		c->post = key;
		c->post.u.route.protocol = ANOD_RTPROT;
		c->post.u.route.type = RTN_BLACKHOLE;
	}
	if (!c->has_pre && !c->has_post) {
		(void) copy_text(ret->error, sizeof(ret->error), "there is no such route");
		return -ENOENT;
	}
	ret->n_changes = 1;
	return 0;
}

static const struct anod_action_desc desc = { .kind = "route.replace",
					      .params = params,
					      .flags = ANOD_ACT_UNDO | ANOD_ACT_FOREIGN,
					      .plan = plan_route };
static const struct anod_action_desc *const descs[] = { &desc, NULL };

/* What there is depends on the last bit of the prefix; whose it is on its metric. */
static int played_get(const struct anod_view *v, const struct anod_object *key,
		      struct anod_object *ret)
{
	(void) v;
	if (key->u.route.dst.len & 1)
		return -ENOENT;

	*ret = *key;
	ret->u.route.type = RTN_UNREACHABLE;
	ret->u.route.protocol = key->u.route.metric & 1 ? RTPROT_STATIC : ANOD_RTPROT;
	return 0;
}

static int check_reply(void *data, struct chan_head *head, size_t size)
{
	*(unsigned *) data += 1;
	assert(size >= sizeof(*head) && size <= CHAN_MSG_MAX);
	if (head->type == EXEC_PREPARED) {
		const struct exec_steps *s = (const struct exec_steps *) head;

		assert(s->n_steps <= STEPS_MAX && (s->error == 0 || s->n_steps == 0));
		assert(s->error == 0 || s->why[0]);
		assert(memchr(s->why, '\0', sizeof(s->why)));
	} else if (head->type == EXEC_TABLED) {
		const struct exec_tabled *t = (const struct exec_tabled *) head;

		assert(size == sizeof(*t) && memchr(t->why, '\0', sizeof(t->why)));
		assert(t->table >= TABLE_FIRST && t->table <= TABLE_LAST);
		/* Nothing to write needs no kernel. */
		assert(t->n_done == 0 && (t->error < 0 || t->verb == TABLE_WRITE));
	} else {
		const struct exec_result *r = (const struct exec_result *) head;

		assert(size == sizeof(*r) && memchr(r->why, '\0', sizeof(r->why)));
		/* Without a kernel nothing can have been done; a change of the moment is not
		 * looked at, so a check of such alone succeeds. */
		assert(r->n_done == 0);
		assert(head->type != EXEC_APPLIED || r->error < 0 || r->n_steps == 0);
		for (uint32_t i = 0; head->type == EXEC_CHECKED && i < r->n_steps; i++)
			assert(r->state[i] != STEP_UNKNOWN || r->error < 0);
	}
	return 0;
}

static void one_message(struct serve *s, const uint8_t *data, size_t size, unsigned *n)
{
	static union {
		struct chan_head head;
		uint8_t room[CHAN_MSG_MAX];
	} m;
	unsigned before = *n;
	int r;

	memset(&m, 0xa5, MIN_OF(size + 64, sizeof(m))); /* behind the message is no zero */
	memcpy(&m, data, size);
	m.head.size = (uint32_t) size;
	r = serve_message(s, &m.head);
	assert((r == 0 && *n == before + 1) || (r == -EPROTO && *n == before));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct serve s;
	unsigned n = 0;
	uint32_t len;

	memset(&s, 0, sizeof(s));
	s.actions = descs;
	s.reply = check_reply;
	s.data = &n;
	s.kernel.fd = s.kernel.proc = -1;
	kernel_view_init(&s.kernel.view);
	s.kernel.view.get = played_get;

	while (size > sizeof(len)) {
		memcpy(&len, data, sizeof(len));
		data += sizeof(len);
		size -= sizeof(len);
		len = (uint32_t) MIN_OF((size_t) len, MIN_OF(size, (size_t) CHAN_MSG_MAX));
		if (len >= sizeof(struct chan_head))
			one_message(&s, data, len, &n);
		data += len;
		size -= len;
	}

	serve_done(&s);
	return 0;
}
