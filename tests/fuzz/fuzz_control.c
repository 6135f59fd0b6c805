/*
 * fuzz_control - any bytes on the control socket: neither a crash, nor a leak, nor silence.
 *
 * Design.  The daemon itself under --single, without sensors, in a folder of its own.  An agent
 * that has no code gives two proposals that wait for people, so approve, deny and why have
 * something to work on.  The input is sent as a client would, and the loop runs until all of it
 * is answered; what comes back must be whole lines of JSON.  Commands of an operator that begin
 * a restart of agents (reload) find a configuration with an error and stop there.
 *
 * What an input changes (pause, the ledger) stays for the next one, as in a daemon; the ledger
 * begins anew when it has grown, because a look-up reads all of it.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "host/host.h"

#define SIZE_MAX_TESTED (70u << 10)
#define LEDGER_MAX	200

static const char good[] = "policy \"fuzz\" revision 1\n"
			   "group operators { root, somebody }\n"
			   "agent sleeper { }\n"
			   "invariant \"no\" {\n"
			   "    require new blackhole <= 9\n"
			   "    override by 1 of operators for 10m\n"
			   "}\n"
			   "permit \"ask\" {\n"
			   "    agent  sleeper\n"
			   "    action test.route\n"
			   "    level  approve by 2 of operators within 10m\n"
			   "}\n";

static char folder[] = "/tmp/anod-fuzz-XXXXXX";
static char state_dir[64], run_dir[64], plugin_dir[64], config[64];
static struct host *host;

/* ---- an action and an agent without code --------------------------------------------------- */

static int plan(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret)
{
	struct anod_route *r = &ret->change[0].post.u.route;

	(void) v;
	ret->n_changes = 1;
	ret->change[0].has_post = 1;
	ret->change[0].post.type = ANOD_OBJ_ROUTE;
	r->dst = a->arg[0].value.u.prefix;
	r->table = 254;
	r->type = 6; /* blackhole */
	return 0;
}

static const struct anod_param params[] = { { .name = "dst", .type = ANOD_PREFIX }, { 0 } };
static const struct anod_action_desc action = {
	.kind = "test.route",
	.params = params,
	.flags = ANOD_ACT_UNDO,
	.plan = plan,
};
static const struct anod_opt no_opts[] = { { 0 } };
static const char *const proposes[] = { "test.route", NULL };
static const struct anod_plugin sleeper = {
	.size = sizeof(sleeper),
	.name = "sleeper",
	.version = "1",
	.summary = "does nothing",
	.roles = ANOD_AGENT,
	.opts = no_opts,
	.proposes = proposes,
};

/* ---- the daemon ----------------------------------------------------------------------------- */

static void must(bool good_so_far, const char *what)
{
	if (good_so_far)
		return;
	fprintf(stderr, "fuzz_control: %s: %s\n", what, strerror(errno));
	abort();
}

static void write_config(const char *text)
{
	FILE *f = fopen(config, "we");

	must(f && fputs(text, f) >= 0 && fclose(f) == 0, config);
}

static void remove_folder(void)
{
	char command[128];

	host = host_free(host);
	(void) snprintf(command, sizeof(command), "rm -rf %s", folder);
	must(system(command) == 0, command);
}

/* What plugins_open() would have found. */
static void add_plugin(struct host *h)
{
	static const struct anod_action_desc *const actions[] = { &action, NULL };
	struct anod_plugin *desc = malloc(sizeof(*desc));
	struct plugins *p = h->plugins;

	free(p->list);
	free(p->actions);
	p->list = calloc(2, sizeof(*p->list));
	p->actions = calloc(1, sizeof(actions));
	p->item = realloc(p->item, sizeof(*p->item));
	must(p->list && p->actions && p->item && desc, "memory");
	*desc = sleeper;
	p->list[0] = desc;
	memcpy(p->actions, actions, sizeof(actions));
	p->n = 1;
	p->item[0] = (struct loaded_plugin){ .desc = desc, .path = strdup("/nowhere.so") };
}

static void start(void)
{
	struct host_options o = {
		.config = config,
		.state_dir = state_dir,
		.run_dir = run_dir,
		.plugin_dir = plugin_dir,
		.single = true,
		.priority = LOG_EMERG,
	};
	struct diag_list diags = { 0 };

	log_open("fuzz", LOG_EMERG);
	must(mkdtemp(folder), folder);
	(void) snprintf(state_dir, sizeof(state_dir), "%s/state", folder);
	(void) snprintf(run_dir, sizeof(run_dir), "%s/run", folder);
	(void) snprintf(plugin_dir, sizeof(plugin_dir), "%s/plugins", folder);
	(void) snprintf(config, sizeof(config), "%s/anod.conf", folder);
	must(mkdir(plugin_dir, 0700) == 0, plugin_dir);
	write_config("policy \"empty\" revision 0\n");
	must(host_new(&o, &host) >= 0, "host_new");
	(void) atexit(remove_folder);
	for (uint32_t t = ANOD_OBJ_LINK; t <= ANOD_OBJ_NEIGH; t++) {
		(void) model_sync(host->model, t, ANOD_SYNC_BEGIN);
		(void) model_sync(host->model, t, ANOD_SYNC_DONE);
	}
	add_plugin(host);
	write_config(good);
	if (host_reload(host, &diags) < 0) {
		diag_print(&diags, stderr);
		abort();
	}
	diag_done(&diags);
	write_config("permit {\n");
}

static void propose(unsigned n)
{
	struct anod_proposal p = { .size = sizeof(p), .n_actions = 1 };
	struct anod_finding f = { .size = sizeof(f), .n_rivals = 1 };
	struct anod_arg *arg = &p.action[0].arg[0];
	uint64_t incident, id;
	char why[256];
	int r;

	(void) snprintf(f.code, sizeof(f.code), "code-%u", n);
	(void) snprintf(f.kind, sizeof(f.kind), "link");
	(void) snprintf(f.entity, sizeof(f.entity), "wan%u", n);
	(void) incident_find(host->incidents, "sleeper", &f, host_now(host), 1, &p.finding,
			     &incident);
	copy_text(p.action[0].kind, sizeof(p.action[0].kind), "test.route");
	copy_text(p.reason, sizeof(p.reason), "because \"\\\n\x01");
	p.action[0].size = sizeof(p.action[0]);
	p.action[0].n_args = 1;
	copy_text(arg->name, sizeof(arg->name), "dst");
	arg->value.type = ANOD_PREFIX;
	arg->value.u.prefix =
		(struct anod_prefix){ .family = AF_INET, .len = 24, .addr = { 192, 0, 2 + n } };
	r = engine_propose(host, "sleeper", 0, p.finding, &p, &id, why, sizeof(why));
	must(r >= 0 || r == -EALREADY, why);
}

/* Ledger and incidents as at the beginning. */
static void trim(void)
{
	char path[96];
	uint64_t lines;

	(void) ledger_head(host->ledger, &lines);
	if (lines < LEDGER_MAX)
		return;
	ledger_close(host->ledger);
	host->ledger = NULL;
	(void) snprintf(path, sizeof(path), "%s/%s", state_dir, LEDGER_FILE);
	(void) unlink(path);
	must(ledger_open(state_dir, &host->ledger) >= 0, path);
}

/* ---- a client ------------------------------------------------------------------------------- */

static int dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void) snprintf(a.sun_path, sizeof(a.sun_path), "%s/anod.sock", run_dir);
	must(fd >= 0 && connect(fd, (struct sockaddr *) &a, sizeof(a)) == 0, a.sun_path);
	return fd;
}

/* Bytes that follow 'lead' in UTF-8; -1: none begins so. */
static int tail_of(uint8_t lead)
{
	return lead < 0x80   ? 0
	       : lead < 0xc2 ? -1
	       : lead < 0xe0 ? 1
	       : lead < 0xf0 ? 2
	       : lead < 0xf5 ? 3
			     : -1;
}

static bool is_utf8(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int more = tail_of((uint8_t) text[i]);

		if (more < 0)
			return false;
		while (more-- > 0)
			if (++i == n || (text[i] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static char line[8u << 20];
static size_t n_line;

/* Whole lines are JSON objects; false: the daemon has hung up. */
static bool receive(int fd)
{
	ssize_t n;
	char *end;

	while ((n = recv(fd, line + n_line, sizeof(line) - n_line, 0)) > 0) {
		n_line += (size_t) n;
		while ((end = memchr(line, '\n', n_line))) {
			cJSON *o = cJSON_ParseWithLength(line, (size_t) (end - line));

			must(cJSON_IsObject(o), "an answer that is not JSON");
			must(is_utf8(line, (size_t) (end - line)), "an answer that is not UTF-8");
			cJSON_Delete(o);
			n_line -= (size_t) (end + 1 - line);
			memmove(line, end + 1, n_line);
		}
	}
	return n < 0 && errno == EAGAIN;
}

static void turn(void)
{
	while (sd_event_run(host->loop, 0) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool there = true;
	size_t sent = 0;
	int fd;

	if (size > SIZE_MAX_TESTED)
		return 0;
	if (!host)
		start();
	propose(0);
	propose(1);
	n_line = 0;
	fd = dial();
	while (there && sent < size) {
		ssize_t n = send(fd, data + sent, size - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t) n;
		turn();
		there = receive(fd) && (n > 0 || errno == EAGAIN);
	}
	/* The end of the line, and one request that must be answered. */
	if (there) {
		(void) send(fd, "\n{\"command\":\"status\"}\n", 22, MSG_NOSIGNAL);
		turn();
		(void) receive(fd);
	}
	(void) close(fd);
	turn();
	trim();
	return 0;
}
