/*
 * policy_test - "anod policy test FILE...".
 */
#ifndef HOST_POLICY_TEST_H
#define HOST_POLICY_TEST_H

#include <stdio.h>

#include "policy/config.h"

struct policy_test_options {
	bool coverage, mutate, json, verbose;
	bool table;		    /* a line for each file, and nothing of what is good */
	int min_cover, min_mutants; /* percent; lower ones fail */
	const char *only;	    /* a part of the name of a test; NULL: all */
};

/* One test file; its results go to 'out'.  -EINVAL: a test failed, a score is too low, or the file
 * has errors. */
int policy_test_file(const char *path, const struct policy_test_options *o,
		     const struct config_env *env, struct schema *schema, FILE *out);

#endif
