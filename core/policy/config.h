/*
 * config - everything that an engineer writes, parsed and checked.
 *
 * One grammar (architecture.md 6, policy.md 2.2) for anod.conf, *.policy and included files.
 * Loading is all or nothing: config_load() either returns a complete configuration or diags.
 *
 * Statements
 *   include "policy.d/x.policy"                 glob, relative to the file
 *   policy "NAME" revision N
 *   link NAME { role WORD  capacity 400Mbps  srlg WORD, ... }      links that fail together
 *   group NAME { USER [key file "..."], ... }    people who may approve
 *   endpoint NAME { provider WORD  url "..."  model "..."  tier small|large  timeout 2s
 *                   key file "..."  budget 200k tokens per 24h  grammar on|off
 *                   priority N }
 *   sensor NAME [plugin NAME] { OPTION VALUE, ... }   options as the plugin declares them
 *   agent NAME [plugin NAME] { OPTION VALUE, ... }
 *   agent NAME { on KIND  when EXPR  find "CODE" ... }   a declarative agent (docs/agents.md)
 *   peer NAME { address 192.0.2.7  port 4573  local 192.0.2.1  key file "..." }   a neighbour router
 *   grant "NAME" { when EXPR  during WINDOW  budget NAME  at most N }   what it may have of us
 *   anod { state "DIR"  run "DIR"  plugins "DIR"  group "UNIX-GROUP"  safe "ACTION ...", ... }
 *   history { memory 8MiB  keep link.rx_bytes, path.wan0.rtt }
 *   set, window, budget, invariant, permit, forbid, cap, objective    see policy.h
 *
 * Pure but for reading the files that it is told to (through 'read_file', so that tests and the
 * fuzzer need none).
 */
#ifndef POLICY_CONFIG_H
#define POLICY_CONFIG_H

#include "facts/diag.h"
#include "policy/policy.h"

#define CONFIG_SAFE_MAX 16 /* actions of the safe profile */

#define CONFIG_FILES_MAX   256
#define CONFIG_SRLGS_MAX   64		/* names of risk groups, over all links */
#define CONFIG_HISTORY_MIN (256u << 10) /* bytes of "history { memory }" */
#define CONFIG_HISTORY_MAX (1024u << 20)
#define CONFIG_PEERS_MAX   16
#define CONFIG_PEER_PORT   4573
#define CONFIG_FILE_SIZE   (4u << 20) /* bytes; a larger file is refused */

struct config_option {
	char *name; /* owned */
	struct lex_place place;
	unsigned n_values;
	struct anod_value *value; /* owned */
	/* "probe 192.0.2.1, 198.51.100.1 every 200ms": trailing WORD VALUE pairs are options of
	 * their own named "probe.every". */
};

struct config_block { /* of a sensor or an agent */
	char *name;   /* instance */
	char *plugin; /* = name unless "plugin OTHER" */
	struct lex_place place;
	unsigned n_options;
	struct config_option *option; /* owned; those of the manifest's defaults included */
	unsigned def;		      /* of a declarative agent: config.def[def - 1]; else 0 */
};

/* A declarative agent, written in the configuration or in a file of its own. */
struct config_def {
	char *name;
	char *text; /* "agent NAME { ... }" as it was written; NULL: it has errors */
	struct lex_place place;
	bool library;  /* from env.agent_dirs: it runs only where a block names it */
	bool named;    /* a block names it */
	void *program; /* owned; of config_agents */
	const struct anod_plugin *manifest; /* lies in the program */
};

struct config_link {
	char *name, *role;     /* role NULL: not set */
	uint64_t capacity_bps; /* 0: not set */
	unsigned n_srlgs;
	char **srlg;	    /* shared risk link groups (RFC 4202, section 2.3) */
	uint64_t srlg_mask; /* the same: bit i is config.srlg[i] */
	struct lex_place place;
};

struct config_group {
	char *name;
	unsigned n_users;
	char **user;
	char **key_file; /* of each; NULL: none, see base/ocra.h */
	struct lex_place place;
};

/* A neighbour router, which may be asked for grants and may ask for ours (txn/peers.h). */
struct config_peer {
	char *name;
	struct anod_prefix address; /* a host */
	struct anod_prefix local;   /* family 0: as the kernel chooses */
	uint16_t port;		    /* at both ends */
	char *key_file;
	struct lex_place place, key_place;
};

/* What a neighbour may have of us; proven, as a permit is. */
struct config_grant {
	char *name;
	struct expr *when; /* NULL: true */
	char *during, *budget;
	unsigned at_most; /* out or in use here at once */
	struct lex_place place;
};

struct config_endpoint {
	char *name, *provider, *url, *model, *key_file;
	bool large;   /* tier */
	bool grammar; /* the server takes a GBNF grammar (llama.cpp): send it instead of a schema */
	uint64_t timeout_us;
	uint64_t budget_tokens, budget_per_us; /* 0: none */
	int priority;
	struct lex_place place;
};

struct config {
	struct policy *policy; /* owned; never NULL */
	unsigned n_agents, n_sensors, n_links, n_groups, n_endpoints, n_files;
	struct config_block *agent;
	struct config_block *sensor;
	struct config_link *link;
	struct config_group *group;
	struct config_endpoint *endpoint;
	unsigned n_defs;
	struct config_def *def;
	const struct config_agents *agents; /* whose programs they are */
	unsigned n_peers, n_grants;
	struct config_peer *peer;
	struct config_grant *grant;
	unsigned n_srlgs;
	const char *srlg[CONFIG_SRLGS_MAX]; /* all of them; borrowed from the links */
	char **file;	 /* paths that were read, in order; absolute when the first one is */
	char *text_name; /* of config_load_text(), for places; else NULL */
	char *state_dir, *run_dir, *plugin_dir, *unix_group; /* NULL: the default */
	bool handover_set;
	uint64_t handover_us; /* how long the guardian waits for the next daemon; 0: not at all */
	double observe;	      /* what all sensors together may take of one core; 0: the default */
	/* Proposed by the agent "safe" when an undo has failed (host/safe.h). */
	unsigned n_safe;
	struct anod_action *safe;
	uint64_t history_bytes; /* 0: the default */
	unsigned n_history_keeps;
	struct expr **history_keep; /* EXPR_FACT nodes, bound; of all entities or of one */
	uint8_t hash[32];	    /* SHA-256 over all texts in order */
};

struct parse;

/* The language of declarative agents; core/agent has it. */
struct config_agents {
	size_t text_max; /* bytes of one agent */
	/* Does a definition begin with this word, and not a block of options? */
	bool (*begins)(const struct token *word);
	/* At the '{' of a definition: sets program and manifest.  -EINVAL: said. */
	int (*parse)(struct parse *p, struct config_def *d);
	void (*free)(void *program);
};

/* What the texts are checked against. */
struct config_env {
	const struct schema *schema;
	const struct anod_action_desc *const *actions; /* NULL-ended */
	const struct anod_plugin *const *plugins;      /* NULL-ended manifests: options, proposes */
	/* malloc()ed text of a file, or -errno. */
	int (*read_file)(void *data, const char *path, char **ret_text, size_t *ret_size);
	/* Paths that a glob matches: NULL-ended malloc()ed list; n >= 0 or -errno. */
	int (*glob)(void *data, const char *pattern, char ***ret_paths);
	/* Does the system know this user?  NULL: nobody asks. */
	bool (*user_exists)(void *data, const char *name);
	/* Can the key in this file be used?  Else -errno and why, with the cure.  NULL: nobody looks. */
	int (*key_usable)(void *data, const char *path, char *why, size_t why_size);
	const struct config_agents *agents; /* NULL: there are none */
	/* Folders of NAME.agent files, ':' between them; the first that has the file counts.  NULL:
	 * none.  A file is read when a block names it. */
	const char *agent_dirs;
	void *data;
};

/* The usual read_file and glob, on the file system.  The text has a NUL behind its end. */
int config_read_file(void *data, const char *path, char **ret_text, size_t *ret_size);
int config_glob(void *data, const char *pattern, char ***ret_paths);

/* 'path' and all that it includes.  -EINVAL: diags has errors; nothing else is changed. */
int config_load(const char *path, const struct config_env *env, struct diag_list *diags,
		struct config **ret);
/* The same from memory ("built-in" configurations, tests). */
int config_load_text(const char *name, const char *text, const struct config_env *env,
		     struct diag_list *diags, struct config **ret);
/* Who proposes: the agents, and behind them "reflex" where a permit has one.  NULL: no more. */
const char *config_proposer(const struct config *c, unsigned i);
/* Is the user a member of one of the groups? */
bool config_in_groups(const struct config *c, char *const *group, unsigned n_groups,
		      const char *user);
/* The file of the user's key, or NULL: he has none. */
const char *config_key_file(const struct config *c, const char *user);
const struct config_peer *config_find_peer(const struct config *c, const char *name);
const struct config_grant *config_find_grant(const struct config *c, const char *name);
struct config *config_free(struct config *c);
DEFINE_CLEANUP(struct config *, config_free);

#endif
