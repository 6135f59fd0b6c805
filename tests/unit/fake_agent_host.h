/*
 * fake_agent_host - a struct anod_host for tests of plugins, without a daemon.
 *
 * Facts are a table that the test writes; writing one calls the plugin's event() when its
 * manifest reads it.  What the plugin does is recorded.  Time is moved by hand
 * (fake_advance), or is the real one with real file descriptors (fake_run), for sensors.
 *
 * Threads: one.  Errors: a misuse by the test or the plugin aborts.  Memory: fake_free().
 */
#ifndef TESTS_FAKE_AGENT_HOST_H
#define TESTS_FAKE_AGENT_HOST_H

#include <anod/plugin.h>

#include <stdbool.h>

#define FAKE_FACTS    1024
#define FAKE_RECORDS  64
#define FAKE_WATCHES  8
#define FAKE_LOG_SIZE 16384

struct fake_proposal {
	uint64_t id;
	bool cancelled;
	struct anod_proposal p;
	anod_verdict_fn *fn;
	void *data;
};

struct fake_finding {
	uint64_t id;
	bool open;
	unsigned updates; /* calls of find() */
	char why[ANOD_REASON_SIZE];
	struct anod_finding f;
};

struct fake_question {
	uint64_t id;
	bool cancelled, answered;
	uint32_t timeout_ms, max_tokens;
	char task[32];
	char *input; /* owned */
	unsigned n_actions;
	anod_answer_fn *fn;
	void *data;
};

struct fake_sense {
	uint64_t id;
	bool cancelled;
	struct anod_action request;
};

struct fake {
	struct anod_ctx ctx; /* the plugin's: must stay first */
	const struct anod_plugin *plugin;
	void *so;
	bool real_time;
	bool started;
	uint64_t now_us, next_id, seq;
	unsigned n_timers_set; /* since the start: finds timer storms */
	struct fake_proposal proposal[FAKE_RECORDS];
	struct fake_finding finding[FAKE_RECORDS];
	struct fake_question question[FAKE_RECORDS];
	struct fake_sense sense[FAKE_RECORDS];
	unsigned n_proposals, n_findings, n_questions, n_senses;
	struct fake_watch { /* the last watch(); the test evaluates it */
		uint64_t id;
		char expr[ANOD_REASON_SIZE];
		anod_watch_fn *fn;
		void *data;
	} watch;
	struct fake_watch watches[FAKE_WATCHES]; /* all of them */
	unsigned n_watches;
	int infer_error, propose_error; /* when negative: what these calls return */
	char log[FAKE_LOG_SIZE];
	struct fake_private *priv;
};

/* Load BUILD_DIR "/plugins/NAME.so" and check its descriptor; or take one that is linked in. */
struct fake *fake_load(const char *so_path);
struct fake *fake_new(const struct anod_plugin *plugin);
/* stop() and fini() where due, then everything is freed. */
void fake_free(struct fake *f);

/* Options, before fake_start().  A value of a list is added by each call. */
void fake_opt_text(struct fake *f, const char *name, const char *text);
void fake_opt_int(struct fake *f, const char *name, int64_t i);
void fake_opt_real(struct fake *f, const char *name, double r);
void fake_opt_prefix(struct fake *f, const char *name, const char *address);

/* init() and start(); the result of the first that failed. */
int fake_start(struct fake *f);

/* Facts.  An event goes to the plugin once it is started. */
void fake_int(struct fake *f, const char *kind, const char *entity, const char *attr, int64_t i);
void fake_bool(struct fake *f, const char *kind, const char *entity, const char *attr, bool b);
void fake_real(struct fake *f, const char *kind, const char *entity, const char *attr, double r);
void fake_text(struct fake *f, const char *kind, const char *entity, const char *attr,
	       const char *text);
void fake_outside(struct fake *f, const char *kind, const char *entity, const char *attr,
		  const char *text);
void fake_prefix(struct fake *f, const char *kind, const char *entity, const char *attr,
		 const char *address);
void fake_unknown(struct fake *f, const char *kind, const char *entity, const char *attr);
void fake_gone(struct fake *f, const char *kind, const char *entity);
/* What a sensor published; an unknown value where there is none. */
struct anod_value fake_get(struct fake *f, const char *kind, const char *entity, const char *attr);

/* Move the clock, firing timers in order of time. */
void fake_advance(struct fake *f, uint64_t us);
/* Poll real descriptors and timers until 'done' says so.  False: 'limit_us' passed first. */
bool fake_run(struct fake *f, bool (*done)(struct fake *), uint64_t limit_us);

void fake_verdict(struct fake *f, unsigned proposal, enum anod_verdict v, const char *why);
void fake_answer(struct fake *f, unsigned question, const struct anod_answer *a);
/* The plugin's sense() as the host would call it. */
int fake_ask_sensor(struct fake *f, const struct anod_action *request, bool on);

/* The open finding of a code and entity, or NULL. */
const struct fake_finding *fake_open(struct fake *f, const char *code, const char *entity);
unsigned fake_n_open(struct fake *f);
/* An argument of an action, or NULL. */
const struct anod_value *fake_arg(const struct anod_action *a, const char *name);
/* True when the argument is that text, or address as text. */
bool fake_arg_is(const struct anod_action *a, const char *name, const char *text);
struct anod_value fake_address(const char *text); /* "192.0.2.1", "0.0.0.0/0", "2001:db8::/32" */

#endif
