#include "host/policy_cmd.h"
int policy_explain_command(const struct policy_options *o, struct policy_world *w, int argc,
			   char **argv)
{
	(void) o;
	(void) w;
	(void) argc;
	(void) argv;
	return POLICY_NO;
}
