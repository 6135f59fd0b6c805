/*
 * anod/plugin.h - the one header that an agent, sensor, actuator or model provider includes.
 *
 * A shared object holds one plugin and exports one constant, anod_plugin_v1.  The constant is
 * also the manifest: the host refuses whatever a plugin does outside it, and the configuration
 * can only narrow it.  Calls into the host go through ctx->host, so a plugin links against
 * nothing of the daemon and a test hands it a table of its own.
 *
 * Thread:  every call, either way, is on one loop thread.  Never block.  A callback never runs
 *          inside the call that asked for it.
 * Errors:  int results are >= 0 on success and a negative errno on failure.
 * Memory:  pointers given to a callback die when it returns; what a plugin passes in is copied
 *          before the call returns.  Structs are zero-initialised by their owner.
 * Handles: ids are never 0 and never reused.  After cancel() no callback follows.  stop() ends
 *          all deliveries; whatever is still held is cancelled, silently, after fini().
 * Text:    functions that take text copy it and cut it at the size stated.
 * Version: a struct that starts with 'size' grows only at its end, and a member that the other
 *          side lacks reads as zero.  A break means anod_plugin_v2.
 *
 * Where a role runs: sensors in the host; agents in a cell (no privilege, no network, no file);
 * actuators' pure hooks in the host and all their hooks in the executor; model providers in the
 * inference process.  An entry of the host table that a role may not use returns -EPERM.
 */
#ifndef ANOD_PLUGIN_H
#define ANOD_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include <anod/object.h>
#include <anod/value.h>

#define ANOD_NAME_SIZE	 64  /* an entity, agent or finding name with its NUL */
#define ANOD_KIND_SIZE	 24  /* an action kind ("route.replace") or an argument's name */
#define ANOD_ARGS_MAX	 16  /* arguments of one action or request */
#define ANOD_ACTIONS_MAX 4   /* actions of one proposal */
#define ANOD_CHANGES_MAX 4   /* objects that one action changes */
#define ANOD_REASON_SIZE 160 /* one sentence for the operator */
#define ANOD_REFS_MAX	 12  /* evidence of one finding */
#define ANOD_RIVALS_MAX	 4   /* rival hypotheses of one finding */

struct anod_ctx; /* one running instance of a plugin */

/* ---- facts ------------------------------------------------------------------------------ */

/* Several sensors may provide the attribute, each for entities of its own (since 0.3): all of them
 * declare it alike, with this flag. */
#define ANOD_ATTR_SHARED 0x100

/* An attribute of a kind of entity, as the manifest of a sensor declares it. */
struct anod_attr {
	const char *name; /* "carrier"; lower case, digits, '_' */
	uint8_t type;	  /* enum anod_type; never ANOD_UNKNOWN */
	uint8_t unit;	  /* enum anod_unit */
	uint16_t flags;	  /* ANOD_VALUE_OUTSIDE, ANOD_ATTR_SHARED */
	/* After so long without a publish() the value is unknown, ms.  0: event-driven, true until
	 * it is changed, withdrawn, or its source has lost events. */
	uint32_t max_age_ms;
	const char *help; /* one sentence: meaning, range, source (uapi header, RFC) */
};

/* A kind of entity ("link", "neigh", "path").  Several sensors may declare attributes of one
 * kind; each attribute has one provider, unless it is ANOD_ATTR_SHARED. */
struct anod_kind {
	const char *name;
	const char *help;
	const struct anod_attr *attrs; /* ended by a NULL name */
};

/* How a source of events speaks of a kind as a whole (see sync()). */
enum anod_sync {
	ANOD_SYNC_LOST = 1, /* events were lost: this source's values of the kind are unknown now */
	ANOD_SYNC_BEGIN,    /* a full set follows */
	ANOD_SYNC_DONE,	    /* it is complete: what it did not name is gone */
};

/* What a sensor tells of its own work (see health()); the facts of kind "sensor". */
enum anod_health {
	ANOD_HEALTH_OVERRUN = 1, /* times that a buffer was too small and events were lost */
	ANOD_HEALTH_INTERRUPTED, /* dumps that the kernel says are not consistent */
	ANOD_HEALTH_GAP,	 /* answers that never came */
	ANOD_HEALTH_ERROR,	 /* readings that failed */
	ANOD_HEALTH_MISSED,	 /* changes that no event told of */
	ANOD_HEALTH_BEHIND,	 /* so late against its own period, us */
	ANOD_HEALTH_PERIOD,	 /* how often it reads now, us; 0: driven by events */
};

struct anod_event {
	const char *kind, *entity, *attr; /* attr NULL: the entity is gone */
	const struct anod_value *value;	  /* type ANOD_UNKNOWN when it became unknown */
	uint64_t seq;			  /* grows with every event of the host */
	uint64_t time_us;		  /* CLOCK_BOOTTIME at which the source saw it */
};

/* ---- actions, requests ------------------------------------------------------------------ */

struct anod_arg {
	char name[ANOD_KIND_SIZE]; /* "dev", "dst", "metric" */
	struct anod_value value;
};

/* One typed change.  Flat: it crosses to the executor and into the journal as bytes.  Nothing
 * in it is a path, a command or a format string. */
struct anod_action {
	uint32_t size;
	uint32_t n_args;
	char kind[ANOD_KIND_SIZE];
	struct anod_arg arg[ANOD_ARGS_MAX];
};

/* An argument of an action kind, for checking, for the policy's types and for the JSON schema
 * that a model has to follow. */
struct anod_param {
	const char *name;
	uint8_t type; /* enum anod_type */
	uint8_t unit;
	uint8_t required; /* 0 or 1 */
	uint8_t pad;
	int64_t min, max; /* of an INT; both 0: no bound */
	/* What a TEXT must name: "link" (an interface that exists), or NULL with 'words'. */
	const char *entity;
	const char *const *words; /* NULL-ended list of the words that a TEXT may be; NULL: any */
	const char *help;
};

/* Reads objects by key: from the model in the host, from the kernel in the executor.
 * 0 and *ret, -ENOENT, or -errno.  'key' has type and key members set. */
struct anod_view {
	int (*get)(const struct anod_view *, const struct anod_object *key,
		   struct anod_object *ret);
	/* ifindex of a name, or -ENODEV. */
	int (*ifindex)(const struct anod_view *, const char *name);
};

/* What one action does, object by object, in the order of application (make before break). */
struct anod_plan {
	uint32_t n_changes;
	struct anod_change change[ANOD_CHANGES_MAX];
	char error[ANOD_REASON_SIZE]; /* when plan() fails: what is wrong and what to do */
};

enum {
	ANOD_ACT_UNDO = 1,    /* the reverse change restores the state before: may be 'auto' */
	ANOD_ACT_FOREIGN = 2, /* may touch objects of others when the policy says so */
	/* What it changes survives a reboot (a file): its INTENT is on the disk, not only in the
	 * page cache, before its first effect. */
	ANOD_ACT_PERSISTENT = 4,
	/* It is not one message of rtnetlink, so it cannot be made ready as a reflex.  Since 0.3. */
	ANOD_ACT_NO_REFLEX = 8,
};

/* One kind of action of an actuator.  Both hooks are pure: no I/O, no clock, no state. */
struct anod_action_desc {
	const char *kind; /* "route.replace" */
	const char *help;
	const struct anod_param *params; /* ended by a NULL name */
	uint32_t flags;			 /* ANOD_ACT_* */
	/* The changes that 'a' makes to what 'v' shows.  The same function simulates on the model
	 * and plans in the executor.  A change whose pre equals its post is left out. */
	int (*plan)(const struct anod_action *a, const struct anod_view *v, struct anod_plan *ret);
};

/* ---- findings and proposals ------------------------------------------------------------- */

struct anod_ref { /* a fact that was used as evidence; the host adds value and age */
	char kind[ANOD_KIND_SIZE];
	char entity[ANOD_NAME_SIZE];
	char attr[ANOD_KIND_SIZE];
};

struct anod_rival {
	char code[ANOD_NAME_SIZE]; /* "provider-outage" */
	double confidence;	   /* 0..1 */
};

/* A diagnosis of an entity.  Opening a (code, kind, entity) that is open updates it. */
struct anod_finding {
	uint32_t size;
	uint32_t n_refs, n_rivals;
	uint32_t no_cure;	   /* 1: the agent knows no action of its own */
	char code[ANOD_NAME_SIZE]; /* "uplink-down" */
	char kind[ANOD_KIND_SIZE]; /* of the entity: "link" */
	char entity[ANOD_NAME_SIZE];
	double confidence;		/* 0..1 */
	char summary[ANOD_REASON_SIZE]; /* one sentence */
	struct anod_ref ref[ANOD_REFS_MAX];
	struct anod_rival rival[ANOD_RIVALS_MAX];
};

struct anod_proposal {
	uint32_t size;
	uint32_t n_actions;
	uint64_t finding;  /* id from find(); 0: none */
	uint64_t answer;   /* id of the model's answer that this follows; 0: none */
	double confidence; /* 0..1; a fact for the policy, never a permission */
	char reason[ANOD_REASON_SIZE];
	char expect[ANOD_REASON_SIZE]; /* the effect expected, for the operator */
	/* An expression that must be true for the action to count as verified, beside the
	 * policy's own; "": none. */
	char verify[ANOD_REASON_SIZE];
	struct anod_action action[ANOD_ACTIONS_MAX];
};

/* News of a proposal.  From ANOD_DENIED on they are final. */
enum anod_verdict {
	ANOD_WAITING = 1, /* for an approval, a window or a budget */
	ANOD_APPLIED,	  /* the kernel shows it; not yet verified */
	ANOD_VERIFIED,	  /* verified; watched on until it is committed */
	ANOD_DENIED,	  /* policy said no, or only propose or observe: 'why' names the rule */
	ANOD_COMMITTED,	  /* done */
	ANOD_FAILED,	  /* the kernel refused: 'error' and its own words in 'why' */
	ANOD_ROLLED_BACK, /* undone; 'why' says what was not verified */
	ANOD_SUPERSEDED,  /* somebody else changed the object meanwhile; left alone */
	ANOD_EXPIRED,	  /* nobody approved in time, or its cause went away first */
};

/* ---- inference -------------------------------------------------------------------------- */

/* A question to a model.  The host adds the facts' schema, the action schemas and the frame
 * that marks evidence as data.  'input' is JSON text. */
struct anod_question {
	uint32_t size;
	uint32_t timeout_ms; /* whole call with retries; capped by the endpoint's timeout */
	uint32_t max_tokens; /* of the answer */
	uint32_t flags;
	const char *task;	    /* "triage": picks the prompt */
	const char *input;	    /* JSON: the evidence, bounded to 16 KiB */
	const char *const *actions; /* NULL-ended action kinds that the answer may use */
	uint64_t finding;	    /* that it is about: the answer joins its incident; 0: none */
};

/* The answer, already checked against the schema.  Valid in the callback only. */
struct anod_answer {
	uint32_t size;
	int32_t error;	     /* 0, or -ETIMEDOUT, -EBADMSG (invalid answer), -ENOTCONN ... */
	const char *why;     /* when error: one sentence; else NULL */
	const char *cause;   /* the model's word for the root cause, bounded, marked as outside */
	const char *summary; /* one sentence of the model, bounded, marked as outside */
	double confidence;   /* from token probabilities; negative: not known */
	uint32_t has_action; /* 0: the model proposes nothing */
	uint32_t tokens_in, tokens_out;
	struct anod_action action;
};

/* ---- the host's side -------------------------------------------------------------------- */

typedef void anod_timer_fn(struct anod_ctx *, uint64_t id, void *data);
typedef void anod_io_fn(struct anod_ctx *, int fd, uint32_t events, void *data);
typedef void anod_watch_fn(struct anod_ctx *, uint64_t id, const char *entity, enum anod_tri,
			   void *data);
typedef void anod_verdict_fn(struct anod_ctx *, uint64_t id, enum anod_verdict, int error,
			     const char *why, void *data);
typedef void anod_answer_fn(struct anod_ctx *, uint64_t id, const struct anod_answer *, void *data);

struct anod_host {
	uint32_t size, pad;

	/* ---- everybody ---- */
	void (*log)(struct anod_ctx *, int priority, const char *fmt, ...)
		__attribute__((format(printf, 3, 4))); /* priority: LOG_* of syslog(3) */
	void *(*alloc)(struct anod_ctx *, size_t);     /* zeroed; NULL; freed after fini() */
	uint64_t (*now_us)(struct anod_ctx *);	       /* the loop's CLOCK_BOOTTIME */
	/* The n-th value, from 0, of an option; -ENOENT behind the last one.  Defaults of the
	 * manifest are values like the written ones. */
	int (*opt)(struct anod_ctx *, const char *name, unsigned n, struct anod_value *ret);
	int (*timer)(struct anod_ctx *, uint64_t first_us, uint64_t every_us, anod_timer_fn *,
		     void *data, uint64_t *ret_id);    /* first_us from now; every_us 0: once */
	int (*cancel)(struct anod_ctx *, uint64_t id); /* any handle */

	/* ---- sensors ---- */
	int (*io)(struct anod_ctx *, int fd, uint32_t events, anod_io_fn *, void *data,
		  uint64_t *ret_id); /* EPOLL*; the plugin keeps and closes the fd after cancel */
	/* Handle of an attribute of the own manifest, "link.carrier": > 0, or -ENOENT. */
	int (*fact_id)(struct anod_ctx *, const char *kind_attr);
	/* Handle of an entity, made when new. */
	int (*entity)(struct anod_ctx *, const char *kind, const char *name, uint32_t *ret);
	int (*entity_gone)(struct anod_ctx *, uint32_t entity);
	/* NULL 'value': unknown from now on.  The same value again renews its age. */
	int (*publish)(struct anod_ctx *, uint32_t entity, int fact_id,
		       const struct anod_value *value);
	int (*sync)(struct anod_ctx *, const char *kind, enum anod_sync);
	/* A kernel object as it is now (or as it was: 'gone' 1), for the model. */
	int (*object)(struct anod_ctx *, const struct anod_object *, int gone);
	int (*object_sync)(struct anod_ctx *, enum anod_obj_type, enum anod_sync);

	/* ---- agents (get and each: sensors too) ---- */
	/* 0 and *ret_age_us (may be NULL), -ENOENT: no such entity.  Unknown is a value.  An agent reads
	 * memory that the host goes on writing: each value is whole, but two calls may see two moments,
	 * also inside one callback; what changed is told by event() afterwards. */
	int (*get)(struct anod_ctx *, const char *kind, const char *entity, const char *attr,
		   struct anod_value *ret, uint64_t *ret_age_us);
	/* The n-th entity of a kind in the order of names, or NULL.  Valid until the 16th next call. */
	const char *(*each)(struct anod_ctx *, const char *kind, unsigned n);
	/* Call back whenever the truth of 'expr' changes for an entity, and once at first for
	 * each; with doubt when the entity went.  Who reads too slowly is not told of each change
	 * but of what is true in the end, and then perhaps the same twice.  -EINVAL: does not parse or check; the host has logged where.  -EPERM: it reads
	 * what the manifest's 'reads' does not list.  -E2BIG, -ENOSPC: the text is longer than
	 * 4095 bytes, or there are 256 watches. */
	int (*watch)(struct anod_ctx *, const char *expr, anod_watch_fn *, void *data,
		     uint64_t *ret_id);
	int (*find)(struct anod_ctx *, const struct anod_finding *, uint64_t *ret_id);
	int (*clear)(struct anod_ctx *, uint64_t finding, const char *why);
	int (*propose)(struct anod_ctx *, const struct anod_proposal *, anod_verdict_fn *,
		       void *data, uint64_t *ret_id);
	int (*infer)(struct anod_ctx *, const struct anod_question *, anod_answer_fn *, void *data,
		     uint64_t *ret_id);
	/* Ask a sensor of the manifest's 'senses' to keep an entity's facts alive ("probe": dev,
	 * target, proto, port, every, timeout, size; without dev the kernel picks the way); cancel() ends
	 * it. */
	int (*sense)(struct anod_ctx *, const struct anod_action *request, uint64_t *ret_id);

	/* ---- sensors, since 0.2 ---- */
	/* Many numbers of one entity at once, seen by readers as one: the n (1..64) attributes from
	 * 'first_fact_id' on, in the order of the manifest, as u.i or the bits of u.r.  Bit k of
	 * 'known' clear: raw[k] is unknown from now on.  -ENOENT: the entity is gone. */
	int (*put)(struct anod_ctx *, uint32_t entity, int first_fact_id, unsigned n,
		   const int64_t *raw, uint64_t known);
	/* Counts are added up, BEHIND is kept as the worst of a second, PERIOD as the last. */
	int (*health)(struct anod_ctx *, enum anod_health what, uint64_t n);

	/* ---- sensors, since 0.3 ---- */
	/* The observation budget.  Called at the end of a reading that the sensor would like to repeat
	 * every 'wanted_us': returns how long to wait instead, 'wanted_us' or more, so that what the
	 * host measured of the sensor's callbacks, and 'held_us' beside (time for which a thread of the
	 * sensor's or a lock of the kernel was held: RTNL, I2C), stays within the sensor's share
	 * (facts sensor.share, sensor.limit).  A sensor that is slowed down is told of by the host. */
	uint64_t (*pace)(struct anod_ctx *, uint64_t wanted_us, uint64_t held_us);
};

struct anod_ctx { /* all that a plugin may see of it */
	const struct anod_host *host;
	void *state; /* the plugin's own */
};

/* True when the running host is new enough to offer table entry 'fn'. */
#define ANOD_HOST_HAS(ctx, fn)                                                                     \
	((ctx)->host->size >= offsetof(struct anod_host, fn) + sizeof((ctx)->host->fn) &&          \
	 (ctx)->host->fn)

/* ---- the plugin's side ------------------------------------------------------------------ */

enum anod_role { ANOD_SENSOR = 1, ANOD_AGENT = 2, ANOD_ACTUATOR = 4, ANOD_MODEL = 8 };

/* An option of the plugin's block in the configuration, checked before init(). */
struct anod_opt {
	const char *name;
	uint8_t type; /* enum anod_type */
	uint8_t unit;
	uint8_t many;	   /* 1: a list */
	uint8_t required;  /* 1: no default */
	const char *dflt;  /* as it would be written; NULL: not set */
	double min, max;   /* of a number, in the base unit; both 0: no bound */
	const char *words; /* "icmp tcp udp": what a TEXT may be; NULL: any */
	const char *help;
};

/* Kernel access of an actuator; runs in the executor only.  Netlink objects are read and
 * written by the core; an actuator of other objects brings hooks (later versions). */

/* One HTTP dialect of inference; runs in the inference process only.  Pure functions. */
struct anod_chat {
	uint32_t size;
	uint32_t max_tokens;
	const char *model;
	const char *system;  /* instruction, ours */
	const char *user;    /* the framed evidence */
	const char *schema;  /* JSON schema that the answer must follow */
	const char *grammar; /* the same as GBNF without white space, or NULL */
};

struct anod_chat_reply {
	uint32_t size;
	uint32_t tokens_in, tokens_out;
	uint32_t cut;	   /* 1: ended by the token limit */
	double confidence; /* geometric mean probability of the answer's tokens; < 0: unknown */
	char *text;	   /* malloc()ed by decode(); freed by the host */
	char why[ANOD_REASON_SIZE]; /* when decode() fails: the server's own words, bounded */
};

struct anod_dialect {
	const char *name;	 /* "openai": the word behind 'provider' in the configuration */
	const char *path;	 /* appended to the endpoint's url: "/chat/completions" */
	const char *auth_header; /* "Authorization: Bearer %s" with exactly one %s */
	char *(*encode)(const struct anod_chat *); /* malloc()ed JSON body, or NULL: no memory */
	int (*decode)(const char *body, size_t size, long http_status, struct anod_chat_reply *ret);
};

/* init -> start -> (event | sense | reload)* -> stop -> fini.  A failed init or start is
 * followed by fini alone.  Any hook may be NULL. */
struct anod_plugin {
	uint32_t size, roles;
	const char *name, *version, *summary;
	const struct anod_opt *opts;   /* ended by a NULL name */
	const struct anod_kind *kinds; /* sensor: what it publishes; ended by a NULL name */
	/* Agent: "link.carrier", "path.*"; NULL-ended.  Events come of event-driven attributes that
	 * are named in full or by "*", and of sampled ones (max_age_ms > 0) named in full. */
	const char *const *reads;
	const char *const *proposes; /* agent: action kinds; NULL-ended */
	const char *const *senses;   /* agent: sensors it may ask; NULL-ended */
	uint32_t asks;		     /* agent: 1 when it may ask models */
	uint32_t pad;
	const struct anod_action_desc *actions; /* actuator; ended by a NULL kind */
	const struct anod_dialect *dialect;	/* model provider */
	int (*init)(struct anod_ctx *);
	int (*start)(struct anod_ctx *);  /* facts are complete as far as sources are in sync */
	int (*reload)(struct anod_ctx *); /* new options: 1 taken over, 0 restart me */
	void (*stop)(struct anod_ctx *);
	void (*fini)(struct anod_ctx *); /* must cope with a half-done init */
	int (*event)(struct anod_ctx *, const struct anod_event *);	     /* agent */
	int (*sense)(struct anod_ctx *, const struct anod_action *, int on); /* sensor */
	/* Sensor, since 0.2: how often the facts of an entity, or with NULL those of every entity of
	 * the kind, are needed from now on, us; 0: nobody needs them. */
	int (*need)(struct anod_ctx *, const char *kind, const char *entity, uint64_t every_us);

	/* ---- for docs/reference.md, since 0.3 ---- */
	const char *source; /* where it looks: "RTM_GETQDISC (uapi/linux/pkt_sched.h)" */
	const char *
		cost; /* measured, with the condition: "12 us a reading of 64 links (bench sensors)" */
	const char *
		example; /* as an engineer would write it: a block of the configuration or an expression */
};

/* Usage: ANOD_PLUGIN = { .size = sizeof(struct anod_plugin), .name = ... }; */
#define ANOD_PLUGIN                                                                                \
	extern const struct anod_plugin anod_plugin_v1;                                            \
	__attribute__((visibility("default"))) const struct anod_plugin anod_plugin_v1

#endif /* ANOD_PLUGIN_H */
