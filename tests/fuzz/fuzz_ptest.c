/*
 * fuzz_ptest - any bytes as a policy test: no crash, no leak; what loads can be run and run again with
 * the same result.
 */
#include <linux/if.h>

#include "config_env.h"
#include "policy/ptest.h"

#define SIZE_MAX_TESTED (16u << 10)

static const char policy_text[] =
	"link wan0 { role uplink  capacity 1Gbps }\n"
	"set ups = link where role == uplink\n"
	"set far = flow { 192.0.2.9 -> icmp }\n"
	"group noc { alice, bob }\n"
	"window night = daily 22:00..04:00\n"
	"budget few = 2 per 10m per link\n"
	"agent uplink { uplinks wan0, wan1 }\n"
	"objective \"far\" { require path.loss(far) < 2%  budget 99% per 1d }\n"
	"invariant \"out\" {\n"
	"	require count(ups up) >= 1\n"
	"	require every far reachable\n"
	"	require moved prefixes <= 3 in 1h\n"
	"	if broken now allow when not worse\n"
	"	override by 2 of noc for 30m\n"
	"}\n"
	"permit \"shut\" {\n"
	"	agent any\n"
	"	action link.*\n"
	"	on ups\n"
	"	when link.util > 80% for 10s or p95(link.rx_bps, 1m) > 1Gbps\n"
	"	level approve by 1 of noc\n"
	"	budget few\n"
	"	cooldown 1m\n"
	"	verify within 5s that link.util <= 1.1 x before\n"
	"	promote to auto after 3 verified and rollbacks == 0 in 1d\n"
	"	demote to propose for 1h after rollback\n"
	"}\n"
	"cap \"night\" { during night  to propose for 1m }\n"
	"cap \"again\" { when reversals(resource) >= 2 in 30m or formerly link.down within 5m  to "
	"observe }\n";
static const char snap_text[] = "link lo index 1\nlink wan0 index 2\nlink wan1 index 3\n"
				"addr 192.0.2.2/24 dev wan0\n"
				"route 192.0.2.0/24 dev wan0 proto kernel\n"
				"route default via 192.0.2.1 dev wan0\n"
				"rule 0 table 255\nrule 32766 table 254\n";

static const struct anod_value *arg(const struct anod_action *a, const char *name)
{
	for (uint32_t i = 0; i < a->n_args; i++)
		if (strcmp(a->arg[i].name, name) == 0)
			return &a->arg[i].value;
	return NULL;
}

/* Links are shut and opened; nothing else can be done here. */
static int plan_link(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	const struct anod_value *dev = arg(a, "dev");
	struct anod_object key = { .type = ANOD_OBJ_LINK };
	struct anod_change *c = &ret->change[0];
	int index;

	if (!dev || dev->type != ANOD_TEXT || (index = v->ifindex(v, dev->u.text)) <= 0) {
		(void) copy_text(ret->error, sizeof(ret->error), "no such link");
		return -ENODEV;
	}
	key.u.link.ifindex = (uint32_t) index;
	if (v->get(v, &key, &c->pre) < 0)
		return -ENOENT;
	c->post = c->pre;
	c->post.u.link.flags ^= IFF_UP;
	c->has_pre = c->has_post = 1;
	ret->n_changes = 1;
	return 0;
}

struct input {
	const uint8_t *data;
	size_t size;
};

static int read_input(void *data, const char *path, char **ret_text, size_t *ret_size)
{
	const struct input *in = data;
	size_t n = strlen(path);
	const char *from = n > 5 && strcmp(path + n - 5, ".conf") == 0	 ? policy_text
			   : n > 5 && strcmp(path + n - 5, ".snap") == 0 ? snap_text
									 : NULL;
	size_t size = from ? strlen(from) : in->size;

	if (!from && strcmp(path, "fuzz.test") != 0)
		return -ENOENT;
	*ret_text = calloc(1, size + 1);
	if (!*ret_text)
		return -ENOMEM;
	if (size)
		memcpy(*ret_text, from ? from : (const char *) in->data, size);
	*ret_size = size;
	return 0;
}

static void run(const struct config_env *env, struct schema *schema)
{
	_cleanup_(ptest_freep) struct ptest_file *f = NULL;
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_(ptest_cover_freep) struct ptest_cover *cover = NULL;
	struct diag_list diags = { 0 };
	int r = ptest_load("fuzz.test", env, &diags, &f, &c), first;
	struct ptest_run all = { .config = c, .file = f, .env = env, .schema = schema };

	if ((r < 0) != (diags.n_errors > 0))
		abort(); /* an error says why, and only an error does */
	diag_done(&diags);
	if (r < 0)
		return;
	all.cover = cover = ptest_cover_new(c);
	first = ptest_all(&all, false);
	if (ptest_all(&all, false) != first)
		abort(); /* a test leaves something behind */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct anod_action_desc desc[ARRAY_SIZE(env_action_list)];
	static const struct anod_action_desc *list[ARRAY_SIZE(env_action_list) + 1];
	static struct schema *schema;
	struct input in = { data, size };
	struct config_env env;

	if (size > SIZE_MAX_TESTED)
		return 0;
	if (!schema) {
		schema = env_schema();
		for (size_t i = 0; i < ARRAY_SIZE(desc); i++) {
			desc[i] = env_action_list[i];
			desc[i].plan = plan_link;
			list[i] = &desc[i];
		}
	}
	env = env_make(schema, NULL);
	env.actions = list;
	env.read_file = read_input;
	env.data = &in;
	run(&env, schema);
	return 0;
}
