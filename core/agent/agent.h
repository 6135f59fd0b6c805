/*
 * agent - declarative agents: what an engineer who writes no C lets anod watch for and propose.
 *
 * The language is the configuration's (docs/agents.md): "agent NAME { on KIND  when EXPR  find
 * "CODE" ... propose ACTION { ... } }".  A text becomes a program, checked against facts and
 * actions like a policy; a program has a manifest like an agent written in C, and hooks that run
 * it over a struct anod_host and nothing else.  So it runs in a cell, whose host table refuses
 * what the manifest does not list, and in a test on a fake host.
 *
 * The cell gets the text over its channel and makes the program anew: it opens no file.
 *
 * Threads: one.  Errors: negative errno; of a text, diags with file, line and column.  Memory: a
 * program is immutable and must outlive what runs it.  Pure.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <anod/plugin.h>

#include "policy/config.h"

#define AGENT_TEXT_MAX 31000 /* bytes of one agent; it goes to its cell in one message */

struct agent_program;

/* What policy/config calls for "agent NAME { on ... }"; for config_env.agents. */
extern const struct config_agents agent_language;

/* The program of a definition that agent_language parsed. */
const struct agent_program *agent_program_of(const struct config_def *d);
/* Its manifest, with hooks that run it; borrowed. */
const struct anod_plugin *agent_manifest(const struct agent_program *a);

/* What it finds, and on what kind of entity. */
const char *agent_code(const struct agent_program *a);
const char *agent_kind(const struct agent_program *a);

/* Parse and check one "agent NAME { ... }" against 'schema' and 'actions' (NULL-ended).  '*ret' is
 * a configuration with this one definition.  -EINVAL: diags has errors. */
int agent_load_text(const char *name, const char *text, const struct schema *schema,
		    const struct anod_action_desc *const *actions, struct diag_list *diags,
		    struct config **ret);

/* The hooks find their program here; called between making a context and init(). */
void agent_attach(struct anod_ctx *ctx, const struct agent_program *a);

#endif
