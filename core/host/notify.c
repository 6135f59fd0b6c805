/*
 * notify - tells the people whom a permit names.
 *
 * Design.  Whom and how loud is the permit's; what is told are the events that a person may have
 * to act on, and those that say that nobody has to.  The file is opened for each line: it is told
 * rarely, and whoever follows it may have replaced it.  A line is at most PIPE_BUF bytes, so that
 * it is never torn in a fifo.
 */
#include "host/notify.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"

#define PEOPLE_MAX 64
#define TEXT_MAX   1024

struct waiting { /* a transaction that waits for people */
	uint64_t tx, again_us;
};

struct notify {
	struct waiting waiting[TXNS_MAX];
	unsigned n_lines;
	char *line[NOTIFY_WAITING_MAX]; /* that nobody has taken yet; owned */
	uint64_t n_lost;
};

static struct notify *notify_of(struct host *h)
{
	if (!h->notify)
		h->notify = calloc(1, sizeof(*h->notify));
	return h->notify;
}

void notify_done(struct host *h)
{
	for (unsigned i = 0; h->notify && i < h->notify->n_lines; i++)
		free(h->notify->line[i]);
	free(h->notify);
	h->notify = NULL;
}

/* ---- the file ----------------------------------------------------------------------------- */

/* A file that has grown too long becomes the old one. */
static void rotate(const char *path, int fd)
{
	char old[600];
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < NOTIFY_SIZE)
		return;
	(void) snprintf(old, sizeof(old), "%s.old", path);
	(void) rename(path, old);
}

static int write_line(const struct host *h, const char *line)
{
	_cleanup_(closep) int fd = -1;
	size_t size = strlen(line);
	char path[512];
	struct stat st;
	ssize_t n;

	(void) snprintf(path, sizeof(path), "%s/notify.jsonl", h->run_dir);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return -EINVAL;
	n = write(fd, line, size);
	if (n != (ssize_t) size) {
		int r = n < 0 ? -errno : -ENOSPC;

		/* Half a line would spoil the next one. */
		if (S_ISREG(st.st_mode) && ftruncate(fd, st.st_size) < 0)
			return -errno;
		return r;
	}
	rotate(path, fd);
	return 0;
}

/* What waits goes first, so that the order stays. */
static void flush(struct host *h)
{
	struct notify *x = h->notify;
	unsigned done = 0;

	while (done < x->n_lines && write_line(h, x->line[done]) == 0)
		free(x->line[done++]);
	memmove(x->line, x->line + done, (x->n_lines - done) * sizeof(*x->line));
	x->n_lines -= done;
	if (done && !x->n_lines && x->n_lost) {
		log_warning("%s/notify.jsonl takes lines again; %" PRIu64 " were lost", h->run_dir,
			    x->n_lost);
		x->n_lost = 0;
	}
}

static void spool(struct host *h, const cJSON *event)
{
	struct notify *x = notify_of(h);
	char *text = cJSON_PrintUnformatted(event), *line = NULL;

	if (x && text && asprintf(&line, "%s\n", text) >= 0) {
		if (x->n_lines == NOTIFY_WAITING_MAX) {
			free(x->line[0]);
			memmove(x->line, x->line + 1, (NOTIFY_WAITING_MAX - 1) * sizeof(*x->line));
			x->n_lines--;
			x->n_lost++;
		}
		x->line[x->n_lines++] = line;
		flush(h);
	}
	free(text);
}

/* ---- telling ------------------------------------------------------------------------------ */

/* RFC 5674, table 1; what has no severity is "indeterminate" there. */
static int priority_of(enum severity s)
{
	switch (s) {
	case SEVERITY_CRITICAL:
		return LOG_ALERT;
	case SEVERITY_MAJOR:
		return LOG_CRIT;
	case SEVERITY_MINOR:
		return LOG_ERR;
	case SEVERITY_WARNING:
		return LOG_WARNING;
	case SEVERITY_NONE:
		break;
	}
	return LOG_NOTICE;
}

struct names {
	unsigned n;
	const char *name[PEOPLE_MAX];
};

static void add_name(struct names *l, const char *name)
{
	for (unsigned i = 0; i < l->n; i++)
		if (strcmp(l->name[i], name) == 0)
			return;
	if (l->n < PEOPLE_MAX)
		l->name[l->n++] = name;
}

/* Groups become their members. */
static void find_people(const struct config *c, const struct policy_rule *r, struct names *ret)
{
	ret->n = 0;
	for (unsigned i = 0; i < r->n_notify; i++) {
		bool group = false;

		for (unsigned g = 0; g < c->n_groups; g++) {
			if (strcmp(c->group[g].name, r->notify[i]) != 0)
				continue;
			group = true;
			for (unsigned u = 0; u < c->group[g].n_users; u++)
				add_name(ret, c->group[g].user[u]);
		}
		if (!group)
			add_name(ret, r->notify[i]);
	}
}

static void add_words(cJSON *o, const char *name, const char *const *word, unsigned n)
{
	cJSON *list = cJSON_AddArrayToObject(o, name);

	for (unsigned i = 0; i < n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(word[i]));
}

struct telling {
	const struct policy_rule *permit;
	const char *event, *agent, *text;
	uint64_t tx, incident, until_us; /* until_us: answers are waited for; 0: none are */
};

static cJSON *event_json(const struct host *h, const struct telling *m, const struct names *people)
{
	cJSON *o = cJSON_CreateObject();
	char text[TEXT_MAX];

	cJSON_AddStringToObject(o, "t", format_wall(clock_wall_us(), text, sizeof(text)));
	cJSON_AddStringToObject(o, "kind", "notify");
	cJSON_AddStringToObject(o, "event", m->event);
	if (m->tx)
		cJSON_AddNumberToObject(o, "tx", (double) m->tx);
	if (m->incident)
		cJSON_AddNumberToObject(o, "incident", (double) m->incident);
	cJSON_AddStringToObject(o, "agent", m->agent);
	cJSON_AddStringToObject(o, "permit", m->permit->name);
	if (m->permit->severity)
		cJSON_AddStringToObject(o, "severity", severity_name(m->permit->severity));
	add_words(o, "notify", (const char *const *) m->permit->notify, m->permit->n_notify);
	add_words(o, "people", people->name, people->n);
	if (m->until_us > host_now(h))
		cJSON_AddNumberToObject(o, "left_us", (double) (m->until_us - host_now(h)));
	(void) copy_text(text, sizeof(text), m->text);
	cJSON_AddStringToObject(o, "text", text);
	return o;
}

/* Groups and people, separated by spaces. */
static const char *words_of(const struct policy_rule *r, const struct names *people, char *buf,
			    size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < r->n_notify && n < size; i++)
		n += (size_t) snprintf(buf + n, size - n, "%s%s", n ? " " : "", r->notify[i]);
	for (unsigned i = 0; i < people->n && n < size; i++) {
		bool named = false;

		for (unsigned k = 0; k < r->n_notify; k++)
			named |= strcmp(r->notify[k], people->name[i]) == 0;
		if (!named)
			n += (size_t) snprintf(buf + n, size - n, "%s%s", n ? " " : "",
					       people->name[i]);
	}
	return buf;
}

static void tell(struct host *h, const struct telling *m)
{
	char words[512];
	struct names people;
	cJSON *event;

	find_people(h->config, m->permit, &people);
	(void) words_of(m->permit, &people, words, sizeof(words));
	log_tell(priority_of(m->permit->severity), m->tx, m->incident,
		 severity_name(m->permit->severity), words, "%s", m->text);
	event = event_json(h, m, &people);
	if (!event)
		return;
	if (h->control)
		control_monitor(h->control, event);
	spool(h, event);
	cJSON_DeleteItemFromObjectCaseSensitive(event, "t");
	cJSON_DeleteItemFromObjectCaseSensitive(event, "kind");
	(void) record_event(h, "notify", event);
}

static bool is_told(const struct policy_rule *r)
{
	return r && (r->n_notify || r->severity);
}

void notify_permit(struct host *h, const struct policy_rule *permit, const char *event,
		   const char *agent, const char *text)
{
	struct telling m = { .permit = permit, .event = event, .agent = agent, .text = text };

	if (is_told(permit))
		tell(h, &m);
}

/* ---- transactions ------------------------------------------------------------------------- */

/* After a restart there is no decision: the track knows the permit's name. */
static const struct policy_rule *permit_of(const struct host *h, const struct txn *t)
{
	const struct policy *p = h->config->policy;
	const struct track_entry *e = h->track ? track_find(h->track, t->id) : NULL;

	if (t->decision)
		return t->decision->permit;
	for (unsigned i = 0; e && i < p->n_rules; i++)
		if (p->rule[i].kind == RULE_PERMIT && strcmp(p->rule[i].name, e->permit) == 0)
			return &p->rule[i];
	return NULL;
}

static void tell_txn(struct host *h, const struct txn *t, const char *event, const char *word)
{
	struct telling m = { .permit = permit_of(h, t),
			     .event = event,
			     .agent = t->agent,
			     .tx = t->id,
			     .incident = t->incident };
	const char *why = t->why[0] ? t->why : t->proposal.reason;
	char text[TEXT_MAX];

	if (!is_told(m.permit))
		return;
	/* "waits for 1 of 2 approvals: ..." says its event by itself. */
	if (strncmp(why, word, strlen(word)) == 0)
		(void) snprintf(text, sizeof(text), "T%" PRIu64 " of %s %s", t->id, t->agent, why);
	else
		(void) snprintf(text, sizeof(text), "T%" PRIu64 " of %s %s: %s", t->id, t->agent,
				word, why);
	m.text = text;
	if (!txn_state_final(t->state) && t->deadline_us != US_INFINITY)
		m.until_us = t->deadline_us;
	tell(h, &m);
}

/* For a signature, or for the operator's confirmation; not for a lease or a pause. */
static bool waits_for_people(const struct txn *t)
{
	const struct decision *d = t->decision;

	if (!d || !d->permit)
		return false;
	if (t->state == TXN_SOAK)
		return d->permit->confirm_by_hand;
	return t->state == TXN_WAITING && d->level == LEVEL_APPROVE &&
	       t->n_approvals < MAX_OF(d->permit->approvals, 1u);
}

static struct waiting *find_waiting(struct notify *x, uint64_t tx)
{
	for (unsigned i = 0; i < TXNS_MAX; i++)
		if (x->waiting[i].tx == tx)
			return &x->waiting[i];
	return NULL;
}

static void remember(struct host *h, const struct txn *t)
{
	struct notify *x = notify_of(h);
	struct waiting *w = x ? find_waiting(x, t->id) : NULL;
	uint64_t now = host_now(h);

	if (!x || w || t->deadline_us == US_INFINITY || t->deadline_us <= now)
		return; /* the deadline runs from the first time */
	w = find_waiting(x, 0);
	if (w)
		*w = (struct waiting){ t->id, now + (t->deadline_us - now) / 2 };
}

static void forget(struct host *h, uint64_t tx)
{
	struct waiting *w = h->notify ? find_waiting(h->notify, tx) : NULL;

	if (w)
		*w = (struct waiting){ 0 };
}

void notify_decision(struct host *h, const struct txn *t)
{
	struct telling m = { .permit = t->decision->permit,
			     .event = "decided",
			     .agent = t->agent,
			     .tx = t->id,
			     .incident = t->incident };
	char text[TEXT_MAX];

	if (!is_told(m.permit))
		return;
	(void) snprintf(text, sizeof(text), "T%" PRIu64 " of %s decided %s: %s", t->id, t->agent,
			level_name(t->decision->level),
			t->decision->reason ? t->decision->reason : "");
	m.text = text;
	tell(h, &m);
}

void notify_txn(struct host *h, const struct txn *t, enum txn_state old)
{
	bool waits = waits_for_people(t);

	if (waits)
		remember(h, t);
	else if (old == TXN_WAITING || old == TXN_SOAK)
		forget(h, t->id);

	switch (t->state) {
	case TXN_WAITING:
		if (waits)
			tell_txn(h, t, "waiting", "waits");
		return;
	case TXN_SOAK:
		if (waits)
			tell_txn(h, t, "waiting", "waits for a confirmation");
		return;
	case TXN_VERIFYING:
		tell_txn(h, t, "applied", "applied");
		return;
	case TXN_ROLLED_BACK:
		tell_txn(h, t, "rolled back", "rolled back");
		return;
	case TXN_STUCK:
		tell_txn(h, t, "stuck", "is stuck");
		return;
	case TXN_SUPERSEDED:
		tell_txn(h, t, "superseded", "superseded");
		return;
	case TXN_EXPIRED:
		tell_txn(h, t, "expired", "expired");
		return;
	case TXN_DONE:
		tell_txn(h, t, "kept", "kept");
		return;
	default:
		return;
	}
}

void notify_beat(struct host *h)
{
	struct notify *x = h->notify;
	uint64_t now = host_now(h);

	if (!x)
		return;
	if (x->n_lines)
		flush(h);
	for (unsigned i = 0; i < TXNS_MAX; i++) {
		struct waiting *w = &x->waiting[i];
		const struct txn *t = w->tx ? txns_get(h->txns, w->tx) : NULL;

		if (!w->tx || now < w->again_us)
			continue;
		w->again_us = US_INFINITY;
		if (t && waits_for_people(t))
			tell_txn(h, t, "still waiting", "still waits");
	}
}
