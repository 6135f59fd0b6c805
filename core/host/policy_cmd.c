/*
 * policy_cmd - the table of commands of "anod policy", and their options.
 *
 * Design.  One list of options for all, so that one means the same everywhere; a row says which of
 * them its command takes, and another one is wrong use.
 */
#include "host/policy_cmd.h"

#include <getopt.h>
#include <string.h>

#include "base/log.h"

static const char usage[] =
	"usage: anod policy COMMAND [OPTION...]\n"
	"\n"
	"  check FILE...            what is wrong, strange or worth knowing, with the cure\n"
	"        [--topology SNAP]  ... also: do the invariants hold on that snapshot?\n"
	"        [--strict]         exit status 1 when there are warnings\n"
	"        [--quiet]          warnings only, no notes\n"
	"        [--pairs]          how the guards of each two rules lie to each other\n"
	"  diff OLD NEW             every kind of request that is answered otherwise\n"
	"  explain FILE --agent A --action \"route.replace dst ...\" [--fact F=VALUE]...\n"
	"        [--topology SNAP]  one decision, and what facts would turn it\n"
	"  test FILE...             policy tests: given facts and a topology, what is decided?\n"
	"        [--coverage]       conditions that no test has seen true, false or unknown\n"
	"        [--mutate]         change the policy a little: does a test notice?\n"
	"        [--min-coverage N] [--min-mutation N]   fail below N percent\n"
	"        [--table]          both in one line for each file\n"
	"        [--only TEXT]      tests with TEXT in their name    [--verbose] the good ones, "
	"too\n"
	"  graph FILE [--dot]       who may do what to what, and what limits it\n"
	"\n"
	"  --json                   for programs (check, diff, explain, test)\n"
	"  --plugins DIR, --agents DIR[:DIR]   instead of the installed ones\n"
	"\n"
	"Exit status: 0 good or no difference, 1 not, 2 wrong use.\n";

static const struct command {
	const char *name;
	policy_fn *run;
	const char *options; /* letters of those below */
	int min, max;	     /* files */
} commands[] = {
	{ "check", policy_check_command, "jstqp", 1, 1000 },
	{ "diff", policy_diff_command, "j", 2, 2 },
	{ "explain", policy_explain_command, "jtaxf", 1, 1 },
	{ "graph", policy_graph_command, "dT", 1, 1 },
	{ "test", policy_test_command, "jcmCMovb", 1, 1000 },
};

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "strict", no_argument, NULL, 's' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "pairs", no_argument, NULL, 'p' },
	{ "dot", no_argument, NULL, 'd' },
	{ "text", no_argument, NULL, 'T' },
	{ "topology", required_argument, NULL, 't' },
	{ "agent", required_argument, NULL, 'a' },
	{ "action", required_argument, NULL, 'x' },
	{ "fact", required_argument, NULL, 'f' },
	{ "coverage", no_argument, NULL, 'c' },
	{ "mutate", no_argument, NULL, 'm' },
	{ "min-coverage", required_argument, NULL, 'C' },
	{ "min-mutation", required_argument, NULL, 'M' },
	{ "only", required_argument, NULL, 'o' },
	{ "table", no_argument, NULL, 'b' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "plugins", required_argument, NULL, 'P' },
	{ "agents", required_argument, NULL, 'A' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static bool percent(const char *text, int *ret)
{
	char *end;
	long n = strtol(text, &end, 10);

	*ret = (int) n;
	return *text && !*end && n >= 0 && n <= 100;
}

static bool take_test(struct policy_options *o, int letter)
{
	switch (letter) {
	case 'c':
		o->test.coverage = true;
		return true;
	case 'm':
		o->test.mutate = true;
		return true;
	case 'C':
		o->test.coverage = true;
		return percent(optarg, &o->test.min_cover);
	case 'M':
		o->test.mutate = true;
		return percent(optarg, &o->test.min_mutants);
	case 'o':
		o->test.only = optarg;
		return true;
	case 'v':
		o->test.verbose = true;
		return true;
	case 'b':
		o->test.table = o->test.coverage = o->test.mutate = true;
		return true;
	default:
		return false;
	}
}

static bool take(struct policy_options *o, int letter)
{
	switch (letter) {
	case 'j':
		o->json = true;
		break;
	case 's':
		o->strict = true;
		break;
	case 'q':
		o->quiet = true;
		break;
	case 'p':
		o->pairs = true;
		break;
	case 'd':
		o->dot = true;
		break;
	case 'T':
		o->dot = false;
		break;
	case 't':
		o->topology = optarg;
		break;
	case 'a':
		o->agent = optarg;
		break;
	case 'x':
		o->action = optarg;
		break;
	case 'P':
		o->plugin_dir = optarg;
		break;
	case 'A':
		o->agent_dirs = optarg;
		break;
	case 'f':
		if (o->n_facts == POLICY_FACTS_MAX)
			return false;
		o->fact[o->n_facts++] = optarg;
		break;
	default:
		return take_test(o, letter);
	}
	return true;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int wrong_use(const char *name)
{
	const char *names[ARRAY_SIZE(commands) + 1] = { 0 }, *near;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i].name;
	near = name && !find_command(name) ? nearest_word(name, names) : NULL;
	if (near)
		(void) fprintf(stderr, "anod policy: no command '%s'; did you mean '%s'?\n", name,
			       near);
	else
		(void) fputs(usage, stderr);
	return POLICY_USE;
}

static int run(const struct command *c, const struct policy_options *o, int argc, char **argv)
{
	struct policy_world w;
	int status = POLICY_NO;

	if (policy_world_open(&w, o->plugin_dir, stderr) >= 0) {
		if (o->agent_dirs)
			w.env.agent_dirs = o->agent_dirs;
		status = c->run(o, &w, argc, argv);
	}
	policy_world_close(&w);
	return status;
}

int policy_main(int argc, char **argv, const char *default_plugins)
{
	struct policy_options o = { .plugin_dir = default_plugins };
	const struct command *c = argc > 1 ? find_command(argv[1]) : NULL;
	int letter;

	log_open("anod", LOG_WARNING);
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		(void) fputs(usage, stdout);
		return POLICY_GOOD;
	}
	if (!c)
		return wrong_use(argc > 1 ? argv[1] : NULL);

	argc--;
	argv++;
	optind = 1;
	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter == 'h') {
			(void) fputs(usage, stdout);
			return POLICY_GOOD;
		}
		if ((letter != 'P' && letter != 'A' && !strchr(c->options, letter)) ||
		    !take(&o, letter))
			return wrong_use(NULL);
	}
	if (argc - optind < c->min || argc - optind > c->max)
		return wrong_use(NULL);
	return run(c, &o, argc - optind, argv + optind);
}
