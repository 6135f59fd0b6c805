/*
 * host - starts the daemon and stops it.
 *
 * Design.  Order of a start: plugins and schema, configuration, ledger and journal (waiting for a
 * guardian that is still at work), sensors, executor and guardian, recovery of what the last run
 * left open, agents, control socket, READY.  A stop goes the other way.  Open transactions are
 * handed over to the next daemon (handover.h), or end by the guardian: the daemon's end of file is
 * its trigger.
 */
#include "host/host.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"
#include "facts/table.h"
#include "host/handover.h"
#include "host/history_host.h"
#include "host/objectives.h"
#include "host/observe.h"
#include "host/people.h"
#include "host/recover.h"
#include "host/neighbours.h"
#include "host/notify.h"
#include "host/reflexes.h"
#include "host/sandbox.h"
#include "host/brakes.h"
#include "host/standing.h"
#include "host/top.h"
#include "host/vouch.h"
#include "txn/fence.h"

#define LOCK_WAIT_US (5 * US_PER_S)
#define FOLDER_MAX   400

uint64_t host_now(const struct host *h)
{
	uint64_t now;

	return sd_event_now(h->loop, CLOCK_BOOTTIME, &now) < 0 ? clock_boot_us() : now;
}

static void on_fact(void *data, const struct store_change *c)
{
	struct host *h = data;

	if (h->control)
		control_fact(h->control, c); /* before what it makes us publish */
	if (c->slot < 0 && !c->gone && c->kind == h->link_kind)
		links_on_entity(h, c->entity);
}

static int on_stop(sd_event_source *s, const struct signalfd_siginfo *si, void *data)
{
	(void) s;
	log_notice("stopping on signal %u", si->ssi_signo);
	/* Ctrl-C is a person who wants an end; SIGTERM may be a restart. */
	if (si->ssi_signo != SIGTERM || !handover_begin(data))
		host_stop(data);
	return 0;
}

static int on_hup(sd_event_source *s, const struct signalfd_siginfo *si, void *data)
{
	struct diag_list diags = { 0 };

	(void) s, (void) si;
	(void) sd_notify(0, "RELOADING=1");
	if (host_reload(data, &diags) < 0)
		for (unsigned k = 0; k < diags.n; k++)
			log_error("%s:%u:%u: %s", diags.item[k].place.file,
				  diags.item[k].place.line, diags.item[k].place.column,
				  diags.item[k].text);
	diag_done(&diags);
	(void) sd_notify(0, "READY=1");
	return 0;
}

void host_stop(struct host *h)
{
	h->stopping = true;
	(void) sd_notify(0, "STOPPING=1");
	(void) sd_event_exit(h->loop, 0);
}

/* ---- start ------------------------------------------------------------------------------------ */

static int make_folder(const char *path, mode_t mode)
{
	struct stat st;

	/* Room for the names of the files in it, everywhere. */
	if (strlen(path) > FOLDER_MAX) {
		log_error("%.40s...: longer than %d bytes", path, FOLDER_MAX);
		return -ENAMETOOLONG;
	}
	if (mkdir(path, mode) < 0 && errno != EEXIST) {
		int r = -errno;

		log_error("cannot make %s: %s", path, strerror(-r));
		return r;
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		log_error("%s is not a folder", path);
		return -ENOTDIR;
	}
	/* Who can rename the journal or the socket could decide instead of the policy. */
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))) {
		log_error("%s belongs to uid %u, mode %04o: it must be ours (uid %u) and not be "
			  "writable by others",
			  path, st.st_uid, st.st_mode & 07777, geteuid());
		return -EPERM;
	}
	return 0;
}

static const char *pick(const char *option, const char *configured, const char *dflt)
{
	return option ? option : configured ? configured : dflt;
}

static int open_folders(struct host *h)
{
	int r;

	h->state_dir = strdup(pick(h->options.state_dir, h->config->state_dir, "/var/lib/anod"));
	h->run_dir = strdup(pick(h->options.run_dir, h->config->run_dir, "/run/anod"));
	if (!h->state_dir || !h->run_dir)
		return -ENOMEM;
	r = make_folder(h->state_dir, 0700);
	if (r < 0)
		return r;
	return make_folder(h->run_dir, 0755);
}

static int open_loop(struct host *h)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	(void) sigprocmask(SIG_BLOCK, &set, NULL);
	(void) signal(SIGPIPE, SIG_IGN);
	(void) signal(SIGXFSZ,
		      SIG_IGN); /* a limit on files is one on the facts, too: an error will do */
	r = sd_event_new(&h->loop);
	if (r >= 0)
		r = sd_event_add_signal(h->loop, &h->term, SIGTERM, on_stop, h);
	if (r >= 0)
		r = sd_event_add_signal(h->loop, &h->intr, SIGINT, on_stop, h);
	if (r >= 0)
		r = sd_event_add_signal(h->loop, &h->hup, SIGHUP, on_hup, h);
	if (r >= 0)
		r = host_beat(h);
	if (r >= 0)
		r = sd_event_set_watchdog(h->loop, true);
	return r;
}

static int open_facts(struct host *h)
{
	int r;

	h->schema = schema_new();
	h->store = h->schema ? store_new(h->schema) : NULL;
	h->stats = h->store ? stats_new(h->schema, h->store) : NULL;
	h->watches = h->stats ? watches_new(h->store) : NULL;
	h->model = model_new();
	h->budgets = budgets_new();
	h->decisions = decisions_new();
	h->track = track_new();
	if (!h->watches || !h->model || !h->budgets || !h->decisions || !h->track)
		return -ENOMEM;

	h->link_kind = schema_kind_id(h->schema, "link");
	r = plugins_open(h->plugin_dir, 0, &h->plugins);
	if (r >= 0)
		r = sensors_declare(h);
	return r < 0 ? r : store_listen(h->store, on_fact, h);
}

static int open_config(struct host *h)
{
	struct diag_list diags = { 0 };
	struct expr_env env;
	int r = config_open(h, &diags);

	diag_print(&diags, stderr);
	if (r < 0 && !diags.n_errors)
		log_error("configuration: %s", strerror(-r));
	diag_done(&diags);
	if (r < 0)
		return r;

	host_expr_env(h, &env);
	watches_set_env(h->watches, &env);
	return store_entity(h->store, schema_kind_id(h->schema, "host"), "self", host_now(h),
			    &h->host_entity);
}

static int recover(struct host *h)
{
	struct guardian_entry *fired = NULL;
	const struct guard_held *held;
	unsigned n = 0, n_held;
	int r = guardian_read(h->state_dir, &fired, &n);

	if (r < 0 && r != -ENOENT)
		log_warning("guardian's notes: %s", strerror(-r));
	n_held = handover_held(h, &held);
	r = txns_take_over(h->txns, h->journal, fired, n, held, n_held);
	free(fired);
	return r;
}

/* What is left to us afterwards: raw sockets for probes; more is kept aside for new children. */
static void drop(void)
{
	static const int effective[] = { CAP_NET_RAW, CAP_KILL, -1 };
	static const int permitted[] = { CAP_NET_ADMIN,	   CAP_SETUID,
					 CAP_SETGID,	   CAP_SYS_NICE,
					 CAP_SYS_RESOURCE, CAP_SYS_ADMIN,
					 CAP_IPC_LOCK,	   -1 };
	int r = sandbox_keep(effective, permitted);

	if (r < 0)
		log_warning("cannot drop capabilities: %s", strerror(-r));
}

/* What went wrong with the journal, and the cure. */
static void tell_journal(const struct host *h, int error)
{
	char by[40];

	if (error == -EPROTONOSUPPORT) {
		(void) journal_writer(h->state_dir, by, sizeof(by));
		log_error("journal in %s: of another format, written by anod %s; this is anod %s. "
			  "Install that version again; it alone can end what may be open there",
			  h->state_dir, by[0] ? by : "of an unknown version", ANOD_VERSION);
		return;
	}
	log_error("journal in %s: %s%s", h->state_dir, strerror(-error),
		  error == -EBUSY    ? ": another anod runs here, or its guardian is at work"
		  : error == -ENOSPC ? ": it needs 4 MiB there; free some space"
		  : error == -EBADMSG
			  ? ": its head cannot be read; what was open is in the ledger, look "
			    "whether the router is as it was, then move it away"
			  : "");
}

/* The journal comes first, because its lock keeps a second daemon from the ledger, too. */
static int open_records(struct host *h)
{
	int r = journal_open(h->state_dir, LOCK_WAIT_US, &h->journal);

	if (r >= 0)
		r = journal_reserve(h->journal);
	if (r >= 0)
		r = h->fence = fence_open(h->state_dir);
	if (r >= 0)
		r = disk_open(h, &h->disk);
	if (r < 0) {
		tell_journal(h, r);
		return r;
	}
	r = record_open(h);
	if (r >= 0)
		r = engine_open(h);
	return r;
}

/* Loop, facts, configuration and folders: nothing of the router is looked at yet. */
static int open_core(struct host *h)
{
	int r = open_loop(h);

	if (r >= 0)
		r = open_facts(h);
	if (r >= 0)
		r = record_schema(h->schema);
	if (r >= 0)
		r = flights_schema(h->schema);
	if (r >= 0)
		r = open_config(h);
	if (r >= 0)
		r = history_open(h);
	if (r >= 0)
		r = open_folders(h);
	if (r >= 0)
		r = flights_open(h);
	return r;
}

/* What was promised before, what is seen now, and who acts. */
static int start_parts(struct host *h)
{
	int r = reflexes_open(h);

	if (r >= 0)
		r = overrides_open(h);
	if (r >= 0)
		r = standing_open(h);
	if (r >= 0)
		r = truth_open(h);
	if (r >= 0)
		r = observe_open(h);
	if (r >= 0)
		r = sensors_start(h);
	if (r >= 0)
		r = objectives_open(h);
	if (r >= 0)
		r = proc_start(h, PROC_EXEC);
	if (r >= 0 && !handover_adopt(h))
		r = proc_start(h, PROC_GUARDIAN);
	return r;
}

static int start(struct host *h)
{
	int r = open_core(h);

	if (r < 0)
		return r;
	handover_find(h);
	r = open_records(h);
	if (r < 0)
		return r;

	budgets_restore(h);
	r = start_parts(h);
	if (r >= 0)
		r = recover(h);
	if (r < 0)
		return r;

	standing_settle(h);
	brakes_open(h);
	reflexes_configure(h);
	r = neighbours_open(h);
	if (r >= 0)
		r = cells_configure(h);
	if (r < 0)
		return r;

	r = control_open(h);
	if (r < 0)
		log_error("control socket in %s: %s", h->run_dir, strerror(-r));
	return r;
}

int host_new(const struct host_options *o, struct host **ret)
{
	_cleanup_(host_freep) struct host *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;

	h->options = *o;
	h->plugin_dir = strdup(o->plugin_dir);
	h->fence = -1;
	h->started_us = h->lateness_since_us = clock_boot_us();
	h->started_wall_us = clock_wall_us();
	for (int k = 0; k < PROC_SINGLES; k++)
		h->proc[k].pidfd = -1;
	if (!h->plugin_dir)
		return -ENOMEM;

	r = start(h);
	if (r < 0)
		return r;
	if (!o->single)
		drop();
	*ret = TAKE(h);
	return 0;
}

int host_run(struct host *h)
{
	log_notice("anod %s watches: policy \"%s\" revision %llu, %u agents, state in %s",
		   ANOD_VERSION, h->config->policy->name ?: "",
		   (unsigned long long) h->config->policy->revision, h->n_agents, h->state_dir);
	if (h->built_in)
		log_notice("no configuration: observing only; 'anodctl incidents' and "
			   "'anodctl doctor' tell what was found");
	handover_done(h);
	(void) sd_notify(0, "READY=1");
	return host_turns(h);
}

struct host *host_free(struct host *h)
{
	if (!h)
		return NULL;

	h->stopping = true;
	h->control = control_close(h->control);
	top_done(h);
	advice_done(h);
	procs_done(h);
	handover_close(h);
	verify_done(h);
	objectives_close(h);
	recover_close(h);
	reflexes_close(h);
	sensors_stop(h);
	truth_close(h);
	observe_close(h);
	txns_free(h->txns);
	h->txns = NULL;
	h->neighbours = neighbours_close(h->neighbours);
	configs_sweep(h);
	cells_forget(h);
	flights_close(h);
	history_close(h);
	watches_free(h->watches);
	incidents_free(h->incidents);
	vouch_close(h);
	ledger_close(h->ledger);
	journal_close(h->journal); /* it still writes */
	closep(&h->fence);
	disk_close(h->disk);
	standing_close(h);
	notify_done(h);
	track_free(h->track);
	budgets_free(h->budgets);
	decisions_free(h->decisions);
	overrides_free(h->overrides);
	config_free(h->config);
	model_free(h->model);
	stats_free(h->stats);
	store_free(h->store);
	schema_free(h->schema);
	plugins_close(h->plugins);
	sd_event_source_disable_unref(h->beat);
	sd_event_source_disable_unref(h->term);
	sd_event_source_disable_unref(h->intr);
	sd_event_source_disable_unref(h->hup);
	sd_event_unref(h->loop);
	free(h->state_dir);
	free(h->run_dir);
	free(h->plugin_dir);
	free(h);
	return NULL;
}
