/*
 * policy_graph_cmd - anod policy graph.
 */
#include "host/policy_cmd.h"
#include "policy/graph.h"

int policy_graph_command(const struct policy_options *o, struct policy_world *w, int argc,
			 char **argv)
{
	_cleanup_(config_freep) struct config *c = NULL;

	(void) argc;
	if (policy_world_load(w, argv[0], stderr, &c) < 0)
		return POLICY_NO;
	if (o->dot)
		graph_dot(c, stdout);
	else
		graph_text(c, stdout);
	return POLICY_GOOD;
}
