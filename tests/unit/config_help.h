/*
 * config_help - what tests of configurations share: the schema of config_env.h, and messages.
 */
#ifndef TESTS_UNIT_CONFIG_HELP_H
#define TESTS_UNIT_CONFIG_HELP_H

#include <criterion/criterion.h>

#include "config_env.h"

static struct schema *schema;
static struct diag_list diags;

static inline void setup(void)
{
	schema = env_schema();
	cr_assert_not_null(schema);
}

static inline void teardown(void)
{
	diag_done(&diags);
	schema_free(schema);
}

/* It must load. */
static inline struct config *load_good(const char *text)
{
	struct config_env env = env_make(schema, NULL);
	struct config *c = NULL;

	if (config_load_text("t", text, &env, &diags, &c) < 0)
		diag_print(&diags, stderr);
	cr_assert_not_null(c, "%s", text);
	return c;
}

#endif
