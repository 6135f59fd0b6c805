/*
 * anod - the daemon's command line.
 *
 *   anod run [-c FILE] [--state DIR] [--run DIR] [--plugins DIR] [--agents DIR]
 *            [--single] [-v|-q]
 *   anod check FILE...
 *   anod reference                      sensors, facts, actions, agents as a page
 *   anod policy COMMAND ...             see policy_cmd.h
 *   anod exec|cell|infer FD PLUGINS     what 'anod run' starts; not for people
 *
 * Exit status: 0 good, 1 failed, 2 wrong use.
 */
#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "base/log.h"
#include "exec/exec.h"
#include "host/host.h"
#include "host/policy_cmd.h"
#include "host/sandbox.h"

static const char usage[] =
	"usage: anod run [OPTION...]        watch this router\n"
	"       anod check FILE...          check configuration and policy files\n"
	"       anod reference              sensors, facts, actions and agents, as a page\n"
	"       anod policy COMMAND ...     look through a policy; anod policy --help\n"
	"       anod --version | --help\n"
	"\n"
	"  -c, --config FILE    configuration (default /etc/anod/anod.conf; without it: observe "
	"only)\n"
	"      --state DIR      journal and ledger (default /var/lib/anod)\n"
	"      --run DIR        control socket (default /run/anod)\n"
	"      --plugins DIR    shared objects, several folders joined by ':'\n"
	"      --agents DIR     NAME.agent files, several folders joined by ':' (default\n"
	"                       /etc/anod/agents.d and those that are installed)\n"
	"      --single         everything in one process, for debugging\n"
	"  -v, --verbose        say more       -q, --quiet   warnings and errors only\n";

/* ---- the other processes ------------------------------------------------------------------------- */

static int exec_main(int fd, const char *folder)
{
	static const int caps[] = { CAP_NET_ADMIN, -1 }, none[] = { -1 };
	_cleanup_(sd_event_unrefp) sd_event *loop = NULL;
	_cleanup_(plugins_closep) struct plugins *p = NULL;
	_cleanup_(exec_freep) struct exec *e = NULL;
	int r;

	(void) prctl(PR_SET_NAME, "anod-exec");
	r = plugins_open(folder, ANOD_ACTUATOR, &p);
	if (r >= 0)
		r = sd_event_new(&loop);
	if (r >= 0)
		r = exec_open(loop, fd, (const struct anod_action_desc *const *) p->actions, &e);
	if (r >= 0)
		r = sandbox_keep(caps, none);
	if (r >= 0)
		r = sd_event_loop(loop);
	if (r < 0)
		log_error("executor: %s", strerror(-r));
	return r < 0;
}

/* libcurl is linked by this object alone, so that only this process pays for it. */
static void *open_object(const char *name)
{
	char path[600];

	return dlopen(installed_file(name, path, sizeof(path)), RTLD_NOW | RTLD_LOCAL);
}

static int infer_main(int fd, const char *folder)
{
	typedef int open_fn(sd_event *, int, const struct anod_dialect *const *,
			    const struct anod_action_desc *const *, struct infer **);
	_cleanup_(sd_event_unrefp) sd_event *loop = NULL;
	_cleanup_(plugins_closep) struct plugins *p = NULL;
	const struct anod_dialect *dialect[PLUGINS_MAX + 1] = { 0 };
	struct infer *infer = NULL;
	void *so = open_object("anod-infer.so");
	open_fn *open_infer = so ? (open_fn *) (uintptr_t) dlsym(so, "anod_infer_open") : NULL;
	unsigned n = 0;
	int r;

	(void) prctl(PR_SET_NAME, "anod-infer");
	if (!open_infer) {
		log_error("inference: %s", dlerror());
		return 1;
	}
	r = plugins_open(folder, ANOD_ACTUATOR | ANOD_MODEL, &p);
	for (unsigned i = 0; r >= 0 && i < p->n; i++)
		if (p->item[i].desc->dialect)
			dialect[n++] = p->item[i].desc->dialect;
	if (r >= 0)
		r = sandbox_enter_network();
	if (r >= 0)
		r = sd_event_new(&loop);
	if (r >= 0)
		r = open_infer(loop, fd, dialect,
			       (const struct anod_action_desc *const *) p->actions, &infer);
	if (r >= 0)
		r = sd_event_loop(loop);
	if (r < 0)
		log_error("inference: %s", strerror(-r));
	return r < 0;
}

static int child_main(int argc, char **argv)
{
	const char *what = argv[1];
	int fd;

	if (argc < 4) {
		(void) fputs(usage, stderr);
		return 2;
	}
	fd = atoi(argv[2]);
	log_open(what, argc > 4 && strcmp(argv[4], "-v") == 0 ? LOG_DEBUG : LOG_INFO);
	(void) log_use_journal();
	if (strcmp(what, "exec") == 0)
		return exec_main(fd, argv[3]);
	if (strcmp(what, "cell") == 0)
		return cell_main(fd);
	return infer_main(fd, argv[3]);
}

/* ---- for people ----------------------------------------------------------------------------------- */

static const char *default_plugins(void)
{
	static char folder[600];

	return installed_file("plugins", folder, sizeof(folder));
}

static int parse(int argc, char **argv, struct host_options *o)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, 's' },
		{ "run", required_argument, NULL, 'r' },
		{ "plugins", required_argument, NULL, 'p' },
		{ "agents", required_argument, NULL, 'a' },
		{ "single", no_argument, NULL, '1' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	*o = (struct host_options){ .plugin_dir = default_plugins(), .priority = LOG_INFO };
	while ((c = getopt_long(argc, argv, "c:vqhV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 's':
			o->state_dir = optarg;
			break;
		case 'r':
			o->run_dir = optarg;
			break;
		case 'p':
			o->plugin_dir = optarg;
			break;
		case 'a':
			o->agent_dirs = optarg;
			break;
		case '1':
			o->single = true;
			break;
		case 'v':
			o->priority = LOG_DEBUG;
			break;
		case 'q':
			o->priority = LOG_WARNING;
			break;
		case 'V':
			(void) puts("anod " ANOD_VERSION);
			exit(0);
		case 'h':
			(void) fputs(usage, stdout);
			exit(0);
		default:
			return -EINVAL;
		}
	}
	return 0;
}

/* Sensors reserve tables for the largest router and use the begin of them; a mapping of its own
 * leaves the rest untaken, and what a large file was read into goes back at once.  A fixed threshold
 * also keeps the allocator from raising it, and the room that it holds back, at each such free(). */
#define MAPPED_FROM (16 << 10)

static int run(const struct host_options *o)
{
	_cleanup_(host_freep) struct host *h = NULL;
	int r;

	(void) mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
	r = host_new(o, &h);
	if (r < 0) {
		log_error("cannot start: %s", strerror(-r));
		return 1;
	}
	return host_run(h) < 0;
}

int main(int argc, char **argv)
{
	struct host_options o;

	if (argc > 1 && (strcmp(argv[1], "exec") == 0 || strcmp(argv[1], "cell") == 0 ||
			 strcmp(argv[1], "infer") == 0))
		return child_main(argc, argv);

	if (argc > 1 && strcmp(argv[1], "policy") == 0)
		return policy_main(argc - 1, argv + 1, default_plugins());

	if (parse(argc, argv, &o) < 0 || optind >= argc) {
		(void) fputs(usage, stderr);
		return 2;
	}
	log_open("anod", o.priority);
	(void) log_use_journal();
	if (strcmp(argv[optind], "run") == 0 && optind + 1 == argc)
		return run(&o);
	if (strcmp(argv[optind], "check") == 0 && optind + 1 < argc)
		return check_files(&o, argv + optind + 1, argc - optind - 1, stdout) < 0;
	if (strcmp(argv[optind], "reference") == 0 && optind + 1 == argc)
		return reference_write(&o, stdout, stderr) < 0;
	(void) fputs(usage, stderr);
	return 2;
}
