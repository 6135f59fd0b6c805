/*
 * cli - what the parts of anodctl share.
 *
 * anodctl asks the daemon over its socket and shows the answer: as text for people (aligned,
 * coloured on a terminal unless NO_COLOR is set) or, with --json, as the daemon's own JSON.
 *
 * Exit status: 0 good; 1 the daemon said no, or a check failed; 2 wrong use; 3 the daemon cannot
 * be reached.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <cjson/cJSON.h>

#include "base/util.h"

enum { EXIT_GOOD = 0, EXIT_NO = 1, EXIT_USE = 2, EXIT_UNREACHABLE = 3 };

struct cli {
	const char *socket;    /* path */
	const char *state_dir; /* for ledger verify without a daemon */
	bool json, color;
	FILE *in, *out; /* the connection */
	double last_id;
	/* What to do with an event of a stream; NULL: nothing. */
	void (*on_event)(struct cli *c, const cJSON *event);
};

/* client.c: ask one thing.  The whole answer ({"ok","data"|"error"}), or NULL after a message. */
cJSON *cli_ask(struct cli *c, const char *command, cJSON *args);
/* As the daemon sent it.  EXIT_GOOD. */
int cli_print(const cJSON *o);
/* One question, one page: shows the data, or says the error.  Exit status.  'args' is taken. */
int cli_page(struct cli *c, const char *command, cJSON *args,
	     void (*show)(const struct cli *, const cJSON *));
/* Hand every event to c->on_event, until the daemon ends: EXIT_UNREACHABLE, after a message. */
int cli_follow(struct cli *c);
void cli_close(struct cli *c);
/* A socket of its own, or negative errno and the reason. */
int cli_connect(const char *path, char *why, size_t why_size);

/* text.c: members of JSON objects, never NULL. */
const char *get_text(const cJSON *o, const char *name);
double get_number(const cJSON *o, const char *name);
bool get_bool(const cJSON *o, const char *name);
const cJSON *get(const cJSON *o, const char *name);
const char *item_text(const cJSON *i); /* of an item of a list */
/* What cannot be printed becomes '?' in every text. */
void clean_json(cJSON *o);
const char *local_time(const char *rfc3339, char *buf, size_t size); /* "17:05:01.123" */
const char *duration_text(double us, char *buf, size_t size);
const char *plural(double n); /* "s" or "" */

/* Colours, "" when off. */
const char *paint(const struct cli *c, const char *what);
const char *state_paint(const struct cli *c, const char *state);

/* A line from column 'indent' on, and further ones under it where a terminal is too narrow. */
void print_wrapped(const char *text, unsigned indent);

/* A table whose columns are as wide as their widest cell; on a terminal the last one is wrapped.
 * Cells are copied. */
struct table;
struct table *table_new(const struct cli *c, const char *const *heads); /* NULL-ended */
void table_row(struct table *t, const char *const *cells);		/* as many as heads */
void table_paint(struct table *t, unsigned column, const char *color);	/* of the last row */
void table_print(struct table *t);					/* and free */

/* show.c */
void show_status(const struct cli *c, const cJSON *data);
void show_schema(const struct cli *c, const cJSON *data);
void show_agents(const struct cli *c, const cJSON *data);
void show_damping(const struct cli *c, const cJSON *data);  /* damping.c */
void show_standing(const struct cli *c, const cJSON *data); /* standing.c */
int show_doctor(const struct cli *c, const cJSON *data);
/* verify.c: the whole of 'doctor --verify'. */
int verify_command(struct cli *c);
void show_objectives(const struct cli *c, const cJSON *d); /* objectives.c */
void show_reflexes(const struct cli *c, const cJSON *d);   /* reflexes.c */
void show_peers(const struct cli *c, const cJSON *d);	   /* peers.c */
/* What peers said of a transaction, when they were asked. */
void show_grants(const struct cli *c, const cJSON *txn);
void show_monitor(const struct cli *c, const cJSON *event);
/* story.c */
void show_incidents(const struct cli *c, const cJSON *data);
void show_incident(const struct cli *c, const cJSON *incident);
void show_transaction(const struct cli *c, const cJSON *txn);
void show_why(const struct cli *c, const cJSON *data);

/* whatif.c */
int whatif_command(struct cli *c, int argc, char **argv);
int snapshot_command(struct cli *c, int argc, char **argv);

/* history.c */
int history_command(struct cli *c, int argc, char **argv);
/* ledger_cmd.c */
int ledger_command(struct cli *c, int argc, char **argv);
/* lock.c */
int unlock_command(struct cli *c, int argc, char **argv);

#endif
