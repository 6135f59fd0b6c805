/*
 * host - the daemon: what its parts share.
 *
 * The parts, each in a file of its own: host.c (start, stop), host_turn.c, procs.c (the other
 * processes), sensors.c (their host table), cells.c (agents), engine.c (what the transaction
 * engine asks for), advice.c (models), record.c (ledger, incidents, monitor), reload.c
 * (configuration), control.c and commands.c (the control socket), truth.c (what it may believe
 * of itself), doctor.c.
 *
 * One loop, one thread.  A turn: messages and timers first, then (turn()) facts that grew too
 * old, statistics, watches, transactions, and the next deadline.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "exec/exec.h"
#include "exec/guardian.h"
#include "facts/stats.h"
#include "facts/value.h"
#include "facts/watch.h"
#include "host/cell.h"
#include "host/cell_proto.h"
#include "host/instance.h"
#include "host/plugins.h"
#include "incident/incident.h"
#include "infer/infer.h"
#include "model/model.h"
#include "policy/decide.h"
#include "record/ledger.h"
#include "txn/txn.h"

struct cJSON;

struct host_options {
	const char *config; /* NULL: /etc/anod/anod.conf when it exists, else built in */
	const char *state_dir, *run_dir, *plugin_dir; /* NULL: the configuration's, the default */
	const char *agent_dirs; /* of NAME.agent files, ':' between; NULL: host_agent_dirs() */
	bool single;
	int priority; /* LOG_* */
};

enum proc_kind { PROC_EXEC, PROC_GUARDIAN, PROC_INFER, PROC_CELL };
#define PROC_SINGLES PROC_CELL /* kinds of which there is one; a cell belongs to its agent */

struct proc { /* one of the other processes, or its stand-in under --single */
	enum proc_kind kind;
	struct host *host;
	const char *name;
	unsigned agent; /* of a cell: its agent, from 1; else 0 */
	pid_t pid;	/* 0: not running, or --single */
	int pidfd;
	sd_event_source *exit, *retry;
	struct chan *chan;
	void *inside; /* --single: the struct exec, guardian, cell or infer */
	sd_event_source *inside_source;
	unsigned restarts;
	uint64_t started_us, backoff_us;
	bool wanted; /* start again when it ends */
	bool stopping;
	bool proven;   /* executor, guardian: it has answered (proof.c) */
	char why[256]; /* why it could not be started; "" else */
};

struct agent { /* one agent block of the configuration */
	char *name;
	const struct config_block *block; /* borrowed from the configuration */
	const struct loaded_plugin *plugin;
	struct loaded_plugin declared; /* what 'plugin' is of a declarative agent; path "" */
	const char *state;	       /* "running", "starting", "failed": static */
	char why[256];
	uint64_t n_findings, n_proposals, n_refused;
	struct proc cell; /* its own: what it does there harms nobody else */
	bool cell_started;
	bool news;		     /* something has changed that it hears of */
	struct agent_watch *watches; /* uthash, by the cell's number */
	struct cell_truths *truths;  /* owned; to be sent at the end of the turn */
	unsigned n_behind;	     /* watches that have missed truths, until its queue is short */
	uint64_t n_put_off;	     /* times that a watch fell behind */
	uint64_t log_since_us, n_unlogged; /* see agent_may_log() */
	unsigned n_logged;
	uint64_t cell_pong_us;
	uint64_t ready_us; /* since when it runs; 0: its old findings have been swept */
};

/* cells_declared.c: "/etc/anod/agents.d" and the folder of the installation. */
const char *host_agent_dirs(void);

struct host {
	sd_event *loop;
	sd_event_source *beat, *term, *intr, *hup;
	struct host_options options;
	char *state_dir, *run_dir, *plugin_dir;
	struct plugins *plugins;
	struct schema *schema;
	struct store *store;
	uint64_t news; /* position in the store's news */
	struct stats *stats;
	struct watches *watches;
	struct history *history;
	struct keeper *keeper;	 /* who is in it */
	struct flights *flights; /* what is kept of incidents */
	struct model *model;
	struct config *config;
	struct config **old_config; /* that open transactions were decided by */
	unsigned n_old_configs;
	bool built_in; /* no configuration: observe only */
	struct budgets *budgets;
	struct decisions *decisions; /* memory of old ones, for the next */
	struct overrides *overrides;
	struct track *track;
	struct standing *standing;
	struct notify *notify; /* NULL: nobody was told yet */
	struct ledger *ledger;
	struct vouch *vouch; /* NULL where nothing is sealed */
	struct journal *journal;
	int fence;	   /* txn/fence.h */
	struct disk *disk; /* its background syncs */
	struct incidents *incidents;
	struct txns *txns;
	bool agents_started;
	bool trim;		       /* the heap has room that will not be used soon */
	unsigned beats;		       /* since it was looked at for such room */
	bool paused, stopping, capped; /* capped: the journal failed, observe only */
	uint64_t started_us, started_wall_us;

	unsigned n_sensors;
	struct instance **sensor;
	unsigned n_sensors_failed;
	const char **sensor_failed;		/* plugins that could not start */
	struct request *request;		/* sensing on behalf of agents */
	uint16_t n_looks[SCHEMA_ATTRS_MAX + 1]; /* of store_needed(): who only looks */
	struct need *needs;			/* what sensors were told of it */
	struct truth *truth;
	struct observe *observe; /* what sensors cost; observe.h */
	struct verify *verify;
	struct objectives *objectives; /* intents; objectives.h */
	struct neighbours *neighbours; /* NULL: no peers; neighbours.h */
	struct reflexes *reflexes;     /* reflexes.h */
	struct recover *recover;       /* recover.h */
	uint64_t safe_tx;	       /* why the safe profile is tried; 0: it is not; safe.h */
	unsigned safe_next;	       /* its next action */
	struct handover *handover;     /* handover.h */

	struct proc proc[PROC_SINGLES];
	unsigned n_agents;
	struct agent *agent;
	struct cell_link *links; /* (agent, cell's id) <-> ours: findings, proposals, questions */

	struct question *questions;
	uint64_t answered_us; /* when the last question ended */
	struct control *control;
	struct top *top; /* NULL: nobody looks */

	uint64_t lateness_us; /* largest of the last minute */
	uint64_t lateness_since_us;
	uint32_t host_entity;
	uint16_t link_kind;
	uint64_t n_resyncs, n_lost;
};

/* host.c */
int host_new(const struct host_options *o, struct host **ret);
int host_run(struct host *h);
struct host *host_free(struct host *h);
DEFINE_CLEANUP(struct host *, host_free);
uint64_t host_now(const struct host *h);
void host_stop(struct host *h);
/* host_turn.c */
int host_turns(struct host *h); /* until the loop is told to end; the code that it was told */
int host_beat(struct host *h);	/* from now on something once a second */

/* procs.c */
/* Where 'name' lies: beside our own binary (a build folder), in ../lib/anod as seen from it (an
 * installation that was moved), or where it was to be installed; returns 'ret'. */
const char *installed_file(const char *name, char *ret, size_t size);
int proc_start(struct host *h, enum proc_kind kind); /* not a cell */
int proc_open(struct host *h, struct proc *p);
/* proof.c; executor and guardian only, nothing for others */
void proof_ask(struct proc *p);				       /* it has been started */
bool proof_taken(struct proc *p, const struct chan_head *msg); /* was this the answer? */
void proof_failed(struct proc *p, const siginfo_t *info);      /* it has ended */
/* Why it cannot be leaned on; NULL: it can. */
const char *proof_missing(const struct host *h, enum proc_kind kind);
/* Go on with a process that somebody else has started, on the channel 'fd' (taken over). */
int proc_adopt(struct host *h, enum proc_kind kind, int fd, pid_t pid);
/* Let go of it, and start another in its place. */
void proc_renew(struct proc *p);
/* It does not answer: kill it, its death brings a new one.  -ESRCH: there is none. */
int proc_hangs(struct proc *p);
void proc_kill(struct proc *p); /* at once, and wait for its end */
void procs_done(struct host *h);
/* procs_single.c: serve the other end of the channel ('fd' is taken over) in our own loop. */
int single_open(struct proc *p, int fd);
void single_close(struct proc *p);

/* sensors.c */
int sensors_declare(struct host *h); /* manifests into the schema */
int sensors_start(struct host *h);
void sensors_reloaded(struct host *h); /* links may have other capacities */
void sensors_stop(struct host *h);

/* needs.c: which values are used, and how often sensors should read them */
void needs_beat(struct host *h);
/* store_need() of somebody who only looks: no reason to keep a history. */
void need_look(struct host *h, const struct schema_attr *a, bool on);
void needs_done(struct host *h);
/* Tell a sensor once more what it was told: what it put off is wanted now. */
void needs_again(struct host *h, const struct instance *sensor);

/* truth.c: facts about the daemon's own eyes */
int truth_open(struct host *h);
void truth_close(struct host *h);
void truth_beat(struct host *h);
void truth_sync(struct host *h, const struct instance *sensor, enum anod_sync what);
int truth_health(struct host *h, const struct instance *sensor, enum anod_health what, uint64_t n);
void truth_forget(struct host *h); /* the sensors are stopped; their facts are unknown */

/* requests.c */
int sensors_request(struct host *h, unsigned agent, uint64_t id, const struct anod_action *a);
void sensors_unrequest(struct host *h, unsigned agent, uint64_t id);
void sensors_unrequest_agent(struct host *h, unsigned agent);
void sensors_unrequest_all(struct host *h);

/* cells.c */
int cells_configure(struct host *h); /* agents of the configuration */
void cells_forget(struct host *h);
int cells_start(struct host *h);
void cells_kill(struct host *h);
/* May a line about what the agent said go into the log?  No agent fills the disk with it. */
bool agent_may_log(const struct host *h, struct agent *a);
int cells_on_start(struct host *h, unsigned number); /* it is there: send it everything */
void cells_on_end(struct host *h, unsigned number);
int cells_on_message(struct host *h, unsigned number, const struct chan_head *msg); /* cells_in.c */
void cells_news(struct host *h); /* at the end of a turn: wake those who hear of it */
/* cell_watches.c; < 0: the cell broke the protocol */
int cells_watch(struct host *h, unsigned number, const struct cell_watch *m);
int cells_unwatch(struct host *h, unsigned number, const struct cell_note *m);
void cells_unwatch_all(struct host *h, unsigned number);
/* Send what the watches have said in this turn; true: watch_run() has something to say again. */
bool cells_truths(struct host *h);
void cells_verdict(struct host *h, const struct txn *t, enum anod_verdict v, int error);
void cells_answer(struct host *h, unsigned agent, uint64_t id, const struct infer_answer *a);
void cells_ping(struct host *h, uint64_t late_us); /* late_us: how late we are ourselves */
void cells_sweep(struct host *h); /* findings that a restarted agent does not repeat */
void cells_link_proposal(struct host *h, uint64_t agent_ref, uint64_t tx);

/* engine.c, engine_decide.c */
int engine_open(struct host *h);
/* What the policy says of a proposal now, and what it would do; changes nothing.  *ret_whatif is
 * set, too, when it is not possible (its error says why). */
int engine_decide(struct host *h, const char *agent, const struct anod_proposal *p,
		  struct whatif **ret_whatif, struct decision **ret);
/* What it would do, alone; -EINVAL: it is not possible. */
int engine_whatif(struct host *h, const char *agent, const struct anod_proposal *p,
		  struct whatif **ret);
/* References of the finding that are known now. */
unsigned engine_evidence(struct host *h, uint64_t finding);
/* What a reflex adds to the question: see struct whatif_in. */
struct engine_frame {
	uint32_t trigger;
	bool ready;
	const struct txn *made; /* its steps stand already; NULL: they do not */
};
/* The same of what a reflex is about to propose; no words about what would change the answer. */
int engine_judge(struct host *h, const char *agent, const struct anod_proposal *p,
		 const struct engine_frame *frame, struct whatif **ret_whatif,
		 struct decision **ret);
int engine_propose(struct host *h, const char *agent, uint64_t agent_ref, uint64_t finding,
		   const struct anod_proposal *p, uint64_t *ret_id, char *why, size_t why_size);
void host_expr_env(struct host *h, struct expr_env *ret); /* sets of the policy; no subject */
bool host_expr_scope(struct host *h, struct expr_scope *ret);

/* disk.c: syncs of the journal beside the loop */
struct disk;
int disk_open(struct host *h, struct disk **ret);
struct disk *disk_close(struct disk *d);     /* after the last sync has ended */
uint64_t disk_written(const struct disk *d); /* bytes of the journal, since the start */
void disk_wait(struct disk *d, bool wait);   /* shall the next syncs be waited for? */
/* Sync a descriptor beside the loop and close it; a failure is final like one of the journal.
 * Returns a ticket for disk_is_done(); 0: the disk is far behind, try again. */
uint64_t disk_later(struct disk *d, int fd);
bool disk_is_done(const struct disk *d, uint64_t ticket);
void disk_settle(struct disk *d, int fd); /* the same for what may be lost */

/* limits.c: what budgets and cooldowns have used, across restarts */
void budgets_save(struct host *h);
void budgets_restore(struct host *h);

/* advice.c */
int advice_ask(struct host *h, unsigned agent, const struct cell_ask *m, uint64_t incident);
int advice_on_message(struct host *h, const struct chan_head *msg);
void advice_on_end(struct host *h);
void advice_forget(struct host *h, unsigned agent); /* its cell has ended: nobody listens */
void advice_done(struct host *h);
void advice_idle(struct host *h); /* lets an idle inference process go */
bool advice_available(const struct host *h);

/* record.c */
int record_schema(struct schema *s); /* declares "finding.*" */
int record_open(struct host *h);
/* < 0: it is not in the ledger, so nothing may be done on it. */
int record_decision(struct host *h, const struct txn *t);
void record_txn(struct host *h, const struct txn *t, enum txn_state old);
int record_event(struct host *h, const char *kind, struct cJSON *body); /* takes ownership */
/* The same, on the disk when it returns 0. */
int record_event_synced(struct host *h, const char *kind, struct cJSON *body);
void record_evidence(struct host *h, const char *agent, const struct anod_finding *f,
		     uint64_t incident);
void record_findings(struct host *h, uint64_t finding, bool open); /* facts "finding.*" */
void monitor_send(struct host *h, const char *kind, uint64_t incident, uint64_t tx,
		  const char *agent, const char *text);

/* reload.c */
int config_open(struct host *h, struct diag_list *diags); /* the first one */
int host_reload(struct host *h, struct diag_list *diags);
void configs_sweep(struct host *h);
void links_on_entity(struct host *h, uint32_t entity); /* role and capacity of a new link */

/* check.c: anod check */
int check_files(const struct host_options *o, char **files, int n, FILE *out);

/* control.c, commands.c */
struct command_call;
int control_open(struct host *h);
struct control *control_close(struct control *c);
void control_monitor(struct control *c, const struct cJSON *event);
void control_fact(struct control *c, const struct store_change *ch);
/* Sends what followers wait for; when to come again. */
uint64_t control_turn(struct control *c, uint64_t now_us);
struct cJSON *command_run(struct host *h, const char *user, const struct cJSON *request,
			  char *error, int *ret_errno);
struct cJSON *fact_json(struct host *h, uint32_t entity, const struct schema_attr *a);

/* txn_json.c */
struct cJSON *txn_json(const struct host *h, const struct txn *t);
/* An object for people, with the names of its links.  Returns buf. */
const char *object_named(const struct model *m, const struct anod_object *o, char *buf,
			 size_t size);

/* verify.c: NULL and a positive errno, {"running":true}, or the result: ask again until it comes. */
struct cJSON *verify_json(struct host *h, int *ret_error);
void verify_done(struct host *h);
int verify_read(struct model *m); /* verify_read.c: all that the kernel says; blocks */

/* doctor.c */
struct cJSON *doctor_json(struct host *h);

#endif
