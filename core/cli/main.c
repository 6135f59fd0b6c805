/*
 * anodctl - the operator's command line.
 */
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/facts.h"
#include "cli/people.h"
#include "cli/top.h"

static const char usage[] =
	"usage: anodctl [--json] [--socket PATH] COMMAND [ARGUMENT...]\n"
	"\n"
	"  status                  what the daemon is, sees and does\n"
	"  doctor                  what it cannot see or do here, why, and the cure\n"
	"  doctor --verify         compare what it knows with what the kernel says now\n"
	"  facts [PATTERN...]      facts with their ages; PATTERN is a glob over KIND/NAME.ATTR\n"
	"        [--watch]         ... live: a table on a terminal, lines of changes elsewhere\n"
	"        [--lines]         ... lines of changes, also on a terminal\n"
	"        [--schema]        every fact that there can be, with unit and source\n"
	"  top                     the links, live: state, rates, errors, load, loss, RTT\n"
	"  history                 what is kept, and what it costs\n"
	"  history ENTITY ATTR...  what facts were, drawn: history link/eth0 rx_bytes --last 1h\n"
	"        [--last SPAN | --from TIME] [--to TIME] [--step SPAN] [--incident I3]\n"
	"        [--raw] [--overlay] [--height LINES] [--csv]\n"
	"  incidents [--all]       open incidents (and closed ones)\n"
	"  show I3 | T12           an incident's timeline, or a transaction\n"
	"  why T12                 which rule, facts and invariants decided, and what would flip "
	"it\n"
	"  objectives [NAME]       are the intents fulfilled, and how long does the budget last?\n"
	"  reflexes [NAME]         what is ready before its trigger, why so, and how it did\n"
	"  approve T12 [CODE]      sign the plan of one that waits, by the code that show tells\n"
	"  deny T12                end one that waits\n"
	"  whatif ACTION [; ...]   what it would move and lose, and who says no: whatif link wan0 "
	"down\n"
	"        [--as AGENT]      ... and what the policy says to that agent\n"
	"  snapshot                links, routes, rules and facts as text, for policy tests\n"
	"  confirm T12             commit one that waits for the operator's confirmation\n"
	"  rollback T12            undo one that is being verified\n"
	"  unlock [RESOURCE]       what is locked, or let it be changed again: unlock link wan0\n"
	"  overrides               invariants that people may lift, and have lifted\n"
	"  override NAME --for 20m --reason TEXT [--code CODE] | NAME --end\n"
	"                          ask to lift an invariant for a while, or end that\n"
	"  peers                   neighbour routers: who answers, and who has our grants\n"
	"  code --key FILE HASH    the response code of a key, on a device of your own\n"
	"  pause | resume          the brake: nothing new is changed until you resume\n"
	"  agents                  what runs, and what it may do\n"
	"  damping                 what was changed to and fro, and until when it is left alone\n"
	"  standing                what permits have earned, and how far they are\n"
	"  monitor                 follow what happens\n"
	"  check FILE...           check configuration and policy files\n"
	"  policy check|diff|explain|graph|test ...\n"
	"                          look through policies: anodctl policy --help\n"
	"  reload                  load the configuration again, all of it or none\n"
	"  ledger verify [--head HEX] [--state DIR]\n"
	"                          look for a flipped byte, a lost or an added line\n"
	"  ledger                  its seal, public key and last checkpoint\n"
	"  ledger key              the seed that checks every line; shown once, carry it away\n"
	"  ledger pubkey | checkpoint | rotate\n"
	"                          key of the checkpoints, one of now, another key from now on\n"
	"  ledger witnesses        whose checkpoints are kept here, and who keeps ours\n"
	"  ledger witness add FILE [--pub KEY]\n"
	"                          keep somebody else's checkpoints\n"
	"\n"
	"Exit status: 0 good, 1 refused or a check failed, 2 wrong use, 3 no daemon.\n";

static cJSON *with(const char *name, const char *value)
{
	cJSON *args = cJSON_CreateObject();

	if (value)
		cJSON_AddStringToObject(args, name, value);
	return args;
}

static void show_any(const struct cli *c, const cJSON *d)
{
	if (get(d, "incident"))
		show_incident(c, get(d, "incident"));
	else
		show_transaction(c, get(d, "transaction"));
}

/* ---- commands ---------------------------------------------------------------------------------- */

static int cmd_status(struct cli *c, int argc, char **argv)
{
	(void) argv;
	return argc ? EXIT_USE : cli_page(c, "status", NULL, show_status);
}

static int cmd_incidents(struct cli *c, int argc, char **argv)
{
	bool all = argc == 1 && strcmp(argv[0], "--all") == 0;
	cJSON *args;

	if (argc > 1 || (argc == 1 && !all))
		return EXIT_USE;
	args = cJSON_CreateObject();
	cJSON_AddBoolToObject(args, "all", all);
	return cli_page(c, "incidents", args, show_incidents);
}

static int cmd_show(struct cli *c, int argc, char **argv)
{
	return argc != 1 ? EXIT_USE : cli_page(c, "show", with("id", argv[0]), show_any);
}

static int cmd_why(struct cli *c, int argc, char **argv)
{
	return argc != 1 ? EXIT_USE : cli_page(c, "why", with("id", argv[0]), show_why);
}

static int cmd_doctor(struct cli *c, int argc, char **argv)
{
	cJSON *answer;
	int status;

	if (argc == 1 && strcmp(argv[0], "--verify") == 0)
		return verify_command(c);
	if (argc)
		return EXIT_USE;
	answer = cli_ask(c, "doctor", NULL);
	if (!answer)
		return EXIT_UNREACHABLE;
	status = c->json ? cli_print(get(answer, "data")) : show_doctor(c, get(answer, "data"));
	cJSON_Delete(answer);
	return status;
}

static int cmd_agents(struct cli *c, int argc, char **argv)
{
	(void) argv;
	return argc ? EXIT_USE : cli_page(c, "agents", NULL, show_agents);
}

static int cmd_damping(struct cli *c, int argc, char **argv)
{
	(void) argv;
	return argc ? EXIT_USE : cli_page(c, "damping", NULL, show_damping);
}

static int cmd_standing(struct cli *c, int argc, char **argv)
{
	(void) argv;
	return argc ? EXIT_USE : cli_page(c, "standing", NULL, show_standing);
}

static void on_monitor(struct cli *c, const cJSON *event)
{
	char *text = c->json ? cJSON_PrintUnformatted(event) : NULL;

	if (text)
		(void) puts(text);
	else if (!c->json)
		show_monitor(c, event);
	free(text);
}

static int cmd_monitor(struct cli *c, int argc, char **argv)
{
	int status;

	(void) argv;
	if (argc)
		return EXIT_USE;
	/* Every line at once, also into a pipe.  Before the first one: glibc keeps the mode that
	 * the first output began with. */
	(void) setvbuf(stdout, NULL, _IOLBF, 0);
	c->on_event = on_monitor;
	status = cli_page(c, "monitor", NULL, NULL);
	return status == EXIT_GOOD ? cli_follow(c) : status;
}

static int cmd_objectives(struct cli *c, int argc, char **argv)
{
	return argc > 1 ? EXIT_USE
			: cli_page(c, "objectives", with("name", argc ? argv[0] : NULL),
				   show_objectives);
}

static int cmd_reflexes(struct cli *c, int argc, char **argv)
{
	return argc > 1 ? EXIT_USE
			: cli_page(c, "reflexes", with("name", argc ? argv[0] : NULL),
				   show_reflexes);
}

static int word(struct cli *c, const char *name, int argc, char **argv)
{
	return argc != 1 ? EXIT_USE : cli_page(c, name, with("id", argv[0]), show_any);
}

static int cmd_overrides(struct cli *c, int argc, char **argv)
{
	(void) argv;
	return argc ? EXIT_USE : cli_page(c, "overrides", NULL, show_overrides);
}

static int cmd_peers(struct cli *c, int argc, char **argv)
{
	(void) argv;
	return argc ? EXIT_USE : cli_page(c, "peers", NULL, show_peers);
}

static int cmd_deny(struct cli *c, int argc, char **argv)
{
	return word(c, "deny", argc, argv);
}

static int cmd_confirm(struct cli *c, int argc, char **argv)
{
	return word(c, "confirm", argc, argv);
}

static int cmd_rollback(struct cli *c, int argc, char **argv)
{
	return word(c, "rollback", argc, argv);
}

static void show_brake(const struct cli *c, const cJSON *d)
{
	(void) c;
	(void) puts(get_bool(d, "paused") ? "paused: nothing new is changed until 'anodctl resume'"
					  : "resumed");
}

static int cmd_pause(struct cli *c, int argc, char **argv)
{
	(void) argv;
	return argc ? EXIT_USE : cli_page(c, "pause", NULL, show_brake);
}

static int cmd_resume(struct cli *c, int argc, char **argv)
{
	(void) argv;
	return argc ? EXIT_USE : cli_page(c, "resume", NULL, show_brake);
}

static void show_reload(const struct cli *c, const cJSON *d)
{
	const cJSON *p = get(d, "policy");

	(void) c;
	(void) printf("loaded: policy \"%s\" revision %.0f, %.0f rule%s\n", get_text(p, "name"),
		      get_number(p, "revision"), get_number(p, "rules"),
		      plural(get_number(p, "rules")));
}

static int cmd_reload(struct cli *c, int argc, char **argv)
{
	(void) argv;
	return argc ? EXIT_USE : cli_page(c, "reload", NULL, show_reload);
}

/* The daemon's own binary has the parser and loads the manifests. */
static int exec_anod(struct cli *c, const char *command, int argc, char **argv)
{
	char path[512], *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	char **args;

	if (argc == 0)
		return EXIT_USE;
	args = calloc((size_t) argc + 4, sizeof(*args));
	if (!args)
		return EXIT_NO;
	args[0] = (char *) (uintptr_t) "anod";
	args[1] = (char *) (uintptr_t) command;
	memcpy(args + 2, argv, (size_t) argc * sizeof(*args));
	/* The option was taken off in front. */
	if (c->json && strcmp(command, "policy") == 0)
		args[argc + 2] = (char *) (uintptr_t) "--json";
	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash) {
		(void) strcpy(slash + 1, "anod");
		(void) execv(path, args);
		(void) strcpy(slash + 1, "../sbin/anod"); /* installed */
		(void) execv(path, args);
	}
	(void) execv(ANOD_INSTALL_PREFIX "/sbin/anod", args);
	(void) fprintf(stderr, "anodctl: cannot run anod: %s\n", strerror(errno));
	free(args);
	return EXIT_NO;
}

static int cmd_check(struct cli *c, int argc, char **argv)
{
	return exec_anod(c, "check", argc, argv);
}

static int cmd_policy(struct cli *c, int argc, char **argv)
{
	return exec_anod(c, "policy", argc, argv);
}

static const struct command {
	const char *name;
	int (*run)(struct cli *, int argc, char **argv);
} commands[] = {
	{ "status", cmd_status },
	{ "facts", facts_command },
	{ "incidents", cmd_incidents },
	{ "show", cmd_show },
	{ "why", cmd_why },
	{ "doctor", cmd_doctor },
	{ "agents", cmd_agents },
	{ "damping", cmd_damping },
	{ "standing", cmd_standing },
	{ "monitor", cmd_monitor },
	{ "approve", approve_command },
	{ "override", override_command },
	{ "overrides", cmd_overrides },
	{ "peers", cmd_peers },
	{ "code", code_command },
	{ "deny", cmd_deny },
	{ "confirm", cmd_confirm },
	{ "rollback", cmd_rollback },
	{ "unlock", unlock_command },
	{ "pause", cmd_pause },
	{ "resume", cmd_resume },
	{ "reload", cmd_reload },
	{ "check", cmd_check },
	{ "policy", cmd_policy },
	{ "ledger", ledger_command },
	{ "top", top_command },
	{ "history", history_command },
	{ "whatif", whatif_command },
	{ "snapshot", snapshot_command },
	{ "objectives", cmd_objectives },
	{ "reflexes", cmd_reflexes },
};

static int dispatch(struct cli *c, int argc, char **argv)
{
	const char *names[ARRAY_SIZE(commands) + 1] = { 0 }, *near;
	int status;

	for (size_t k = 0; k < ARRAY_SIZE(commands); k++) {
		names[k] = commands[k].name;
		if (strcmp(argv[0], commands[k].name) != 0)
			continue;
		status = commands[k].run(c, argc - 1, argv + 1);
		if (status == EXIT_USE)
			(void) fprintf(stderr, "anodctl: wrong use of '%s'; see anodctl --help\n",
				       argv[0]);
		return status;
	}
	near = nearest_word(argv[0], names);
	(void) fprintf(stderr, "anodctl: no command '%s'%s%s%s\n", argv[0],
		       near ? "; did you mean '" : "; see anodctl --help", near ? near : "",
		       near ? "'?" : "");
	return EXIT_USE;
}

/* --json and --state may stand anywhere, as people type them. */
static int options(struct cli *c, int argc, char **argv)
{
	int n = 0;

	for (int k = 1; k < argc; k++) {
		bool has = k + 1 < argc;

		if (strcmp(argv[k], "--json") == 0)
			c->json = true;
		else if (strcmp(argv[k], "--socket") == 0 && has)
			c->socket = argv[++k];
		else if (strcmp(argv[k], "--state") == 0 && has)
			c->state_dir = argv[++k];
		else
			argv[n++] = argv[k];
	}
	return n;
}

int main(int argc, char **argv)
{
	const char *env = getenv("ANOD_SOCKET"), *no_color = getenv("NO_COLOR");
	struct cli c = { .socket = env ? env : "/run/anod/anod.sock" };
	int n = options(&c, argc, argv), status;

	(void) setlocale(LC_CTYPE, ""); /* numbers stay as JSON has them */

	c.color = isatty(STDOUT_FILENO) && !(no_color && no_color[0]) && !c.json;
	if (n == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
		(void) fputs(usage, n ? stdout : stderr);
		return n ? EXIT_GOOD : EXIT_USE;
	}
	if (strcmp(argv[0], "--version") == 0) {
		(void) puts("anodctl " ANOD_VERSION);
		return EXIT_GOOD;
	}
	status = dispatch(&c, n, argv);
	cli_close(&c);
	return status;
}
