/*
 * policy_cmd - "anod policy COMMAND": an engineer looks through a policy, away from any daemon.
 *
 *   check FILE...          what is wrong, strange or worth knowing
 *   diff OLD NEW           which answers change, each with an example
 *   explain FILE ...       one decision, and the smallest changes of facts that turn it
 *   test FILE...           policy tests, their coverage and their mutation score
 *   graph FILE             agents, permits, actions and resources as a drawing
 *
 * Everything is loaded as the daemon would load it; nothing is started, no privilege is needed.
 * Exit status: 0 good (diff: no answer changes), 1 it is not (a file has errors, with --strict
 * warnings; diff: answers change), 2 wrong use.
 */
#ifndef HOST_POLICY_CMD_H
#define HOST_POLICY_CMD_H

#include "host/host.h"
#include "host/policy_test.h"
#include "policy/config.h"

enum { POLICY_GOOD = 0, POLICY_NO = 1, POLICY_USE = 2 };

#define POLICY_FACTS_MAX 256

/* Options of all commands; which of them a command takes is in its row of the table. */
struct policy_options {
	const char *plugin_dir, *agent_dirs; /* agent_dirs NULL: the usual ones */
	bool json, strict, pairs, quiet, dot;
	const char *topology, *agent, *action;
	unsigned n_facts;
	const char *fact[POLICY_FACTS_MAX];
	struct policy_test_options test;
};

/* What a configuration is checked against: manifests and kinds of facts. */
struct policy_world {
	struct plugins *plugins;
	struct schema *schema;
	struct config_env env;
};
/* Says on 'err' what is wrong with the plugins. */
int policy_world_open(struct policy_world *w, const char *plugin_dir, FILE *err);
void policy_world_close(struct policy_world *w);
/* Load a file; what is wrong with it goes to 'err'. */
int policy_world_load(const struct policy_world *w, const char *path, FILE *err,
		      struct config **ret);

/* anod reference: a page about all that is installed, as Markdown. */
int reference_write(const struct host_options *o, FILE *out, FILE *err);

int policy_main(int argc, char **argv, const char *default_plugins);

typedef int policy_fn(const struct policy_options *o, struct policy_world *w, int argc,
		      char **argv);
policy_fn policy_check_command, policy_diff_command, policy_explain_command, policy_graph_command,
	policy_test_command;

#endif
