/*
 * verify - is the picture that anod has of the kernel right?
 *
 * Design.  A child process has what we know as it was at the fork, reads everything from the
 * kernel once more, and compares byte for byte, both ways; its answer comes through a pipe, and
 * the daemon goes on meanwhile.  The child keeps no descriptor of ours but the pipe, so nobody
 * takes it for us.  What changes between fork and dump differs without a fault: who asks, asks
 * again.  Neighbours are left out, because their states change all the time without an event.
 *
 * Facts of links are compared too; they are in shared memory, so they are copied before the fork.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <sodium.h>

#include <anod/rtnl.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host.h"

#define SECONDS_MAX 20 /* for the child */
#define STALE_US    (5 * US_PER_S)
#define ANSWER_MAX  (256u << 10)
#define LISTED_MAX  20 /* differences that are named */

static const char *const type_name_of[ANOD_OBJ_TYPES] = {
	[ANOD_OBJ_LINK] = "links",	 [ANOD_OBJ_ADDR] = "addresses", [ANOD_OBJ_ROUTE] = "routes",
	[ANOD_OBJ_NEXTHOP] = "nexthops", [ANOD_OBJ_RULE] = "rules",
};

struct verify {
	pid_t pid;
	int fd;
	sd_event_source *io;
	char *answer; /* owned */
	size_t n;
	bool done;
	uint64_t done_us;
};

/* ---- in the child: the comparison ------------------------------------------------------------ */

struct compare {
	const struct model *other;
	const char *missing; /* what it is called when the other has no such object */
	cJSON *list;
	unsigned n, n_different;
	uint64_t digest[2]; /* sum over all objects: no order */
};

static void add_line(struct compare *c, const struct anod_object *o, const char *what)
{
	char text[256], line[320];

	if (c->n_different++ >= LISTED_MAX)
		return;
	(void) snprintf(line, sizeof(line), "%s: %s", what,
			anod_object_text(o, text, sizeof(text)));
	cJSON_AddItemToArray(c->list, cJSON_CreateString(line));
}

static int compare_one(const struct anod_object *o, void *data)
{
	struct compare *c = data;
	struct anod_object other = { 0 };
	uint64_t sum[2];

	(void) crypto_generichash((uint8_t *) sum, sizeof(sum), (const uint8_t *) o, sizeof(*o),
				  NULL, 0);
	c->digest[0] += sum[0];
	c->digest[1] += sum[1];
	c->n++;
	if (model_get(c->other, o, &other) < 0)
		add_line(c, o, c->missing);
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): the codec clears all of it first */
	else if (c->list && memcmp(&other, o, sizeof(other)) != 0)
		add_line(c, o, "not as in the kernel");
	return 0;
}

static void add_side(cJSON *o, const char *name, const struct compare *c)
{
	cJSON *side = cJSON_AddObjectToObject(o, name);
	char hex[33];

	(void) snprintf(hex, sizeof(hex), "%016llx%016llx", (unsigned long long) c->digest[0],
			(unsigned long long) c->digest[1]);
	cJSON_AddNumberToObject(side, "objects", c->n);
	cJSON_AddStringToObject(side, "digest", hex);
}

static unsigned compare_type(cJSON *data, const struct model *ours, const struct model *kernel,
			     uint32_t type)
{
	cJSON *o = cJSON_AddObjectToObject(data, type_name_of[type]);
	cJSON *list = cJSON_CreateArray();
	struct compare mine = { .other = kernel, .missing = "not in the kernel", .list = list };
	struct compare theirs = { .other = ours, .missing = "not known to anod" };

	(void) model_each(ours, type, compare_one, &mine);
	theirs.list = list;
	theirs.n_different = mine.n_different;
	(void) model_each(kernel, type, compare_one, &theirs);
	add_side(o, "anod", &mine);
	add_side(o, "kernel", &theirs);
	cJSON_AddItemToObject(o, "differences", list);
	cJSON_AddNumberToObject(o, "n_differences", theirs.n_different);
	return theirs.n_different;
}

struct link_facts { /* of the store, copied */
	char name[ANOD_IFNAME_SIZE];
	int64_t value[4];
	uint32_t known;
};
static const char *const link_attrs[4] = { "ifindex", "admin_up", "carrier", "mtu" };

struct facts_check {
	const struct link_facts *facts;
	unsigned n;
	cJSON *list;
	unsigned n_checked, n_different;
};

static int check_link(const struct anod_object *o, void *data)
{
	const struct anod_link *l = &o->u.link;
	int64_t want[4] = { l->ifindex, (l->flags & IFF_UP) != 0, l->carrier, l->mtu };
	const struct link_facts *f = NULL;
	struct facts_check *c = data;
	char line[128];

	for (unsigned i = 0; i < c->n && !f; i++)
		if (strcmp(c->facts[i].name, l->name) == 0)
			f = &c->facts[i];
	for (unsigned k = 0; k < 4; k++) {
		bool known = f && (f->known >> k & 1);

		c->n_checked++;
		if (known && f->value[k] == want[k])
			continue;
		if (c->n_different++ >= LISTED_MAX)
			continue;
		(void) snprintf(line, sizeof(line), "link/%s.%s: %s%lld, the kernel has %lld",
				l->name, link_attrs[k], known ? "" : "unknown, was ",
				(long long) (f ? f->value[k] : 0), (long long) want[k]);
		cJSON_AddItemToArray(c->list, cJSON_CreateString(line));
	}
	return 0;
}

static cJSON *compare(const struct model *ours, const struct link_facts *facts, unsigned n_facts)
{
	struct model *kernel = model_new();
	cJSON *data = cJSON_CreateObject(), *o;
	struct facts_check c = { .facts = facts, .n = n_facts };
	unsigned different = 0;
	int e = kernel ? verify_read(kernel) : -ENOMEM;

	if (e < 0) {
		cJSON_AddStringToObject(data, "error", strerror(-e));
		return data;
	}
	for (uint32_t t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES; t++)
		if (type_name_of[t])
			different += compare_type(data, ours, kernel, t);
	c.list = cJSON_CreateArray();
	(void) model_each(kernel, ANOD_OBJ_LINK, check_link, &c);
	o = cJSON_AddObjectToObject(data, "facts");
	cJSON_AddNumberToObject(o, "checked", c.n_checked);
	cJSON_AddItemToObject(o, "differences", c.list);
	cJSON_AddNumberToObject(o, "n_differences", c.n_different);
	cJSON_AddBoolToObject(data, "same", different + c.n_different == 0);
	cJSON_AddBoolToObject(data, "in_sync", model_in_sync(ours));
	return data;
}

static void __attribute__((noreturn))
child(const struct host *h, int fd, const struct link_facts *facts, unsigned n_facts)
{
	sigset_t none;
	cJSON *data;
	char *text;

	(void) dup2(fd, 3);
	(void) close_range(4, ~0u, 0);
	(void) sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void) alarm(SECONDS_MAX);
	data = compare(h->model, facts, n_facts);
	text = cJSON_PrintUnformatted(data);
	for (size_t at = 0, n = text ? strlen(text) : 0; at < n;) {
		ssize_t done = write(3, text + at, n - at);

		if (done <= 0)
			break;
		at += (size_t) done;
	}
	_exit(0);
}

/* ---- in the daemon --------------------------------------------------------------------------- */

static unsigned copy_facts(struct host *h, struct link_facts **ret)
{
	unsigned n = store_count(h->store, h->link_kind);
	struct link_facts *f = calloc(n + 1, sizeof(*f));

	for (unsigned i = 0; f && i < n; i++) {
		uint32_t e = store_nth(h->store, h->link_kind, i);
		const char *name = store_entity_name(h->store, e);

		(void) copy_text(f[i].name, sizeof(f[i].name), name ? name : "");
		for (unsigned k = 0; k < 4; k++) {
			const struct schema_attr *a = schema_attr(h->schema, "link", link_attrs[k]);
			struct fact fact;

			if (!a || store_get(h->store, e, a->slot, host_now(h), &fact) < 0)
				continue;
			f[i].value[k] = fact.value.u.i;
			f[i].known |= (uint32_t) (fact.value.type != ANOD_UNKNOWN) << k;
		}
	}
	*ret = f;
	return f ? n : 0;
}

static void end(struct verify *v)
{
	v->io = sd_event_source_disable_unref(v->io);
	if (v->fd >= 0)
		(void) close(v->fd);
	v->fd = -1;
	if (v->pid > 0)
		(void) waitpid(v->pid, NULL, 0); /* it ends now, or was killed */
	v->pid = 0;
	v->done = true;
	v->done_us = clock_boot_us();
}

static int on_answer(sd_event_source *s, int fd, uint32_t events, void *data)
{
	struct verify *v = data;
	ssize_t n = read(fd, v->answer + v->n, ANSWER_MAX - 1 - v->n);

	(void) s, (void) events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0)
		v->n += (size_t) n;
	if (n <= 0 || v->n == ANSWER_MAX - 1) {
		v->answer[v->n] = '\0';
		end(v);
	}
	return 0;
}

static int begin(struct host *h)
{
	_cleanup_(freep) struct link_facts *facts = NULL;
	unsigned n = copy_facts(h, &facts);
	struct verify *v = h->verify;
	int fd[2], r;

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	v->n = 0;
	v->done = false;
	v->pid = fork();
	if (v->pid == 0) {
		(void) fcntl(fd[1], F_SETFL, 0);
		child(h, fd[1], facts, n);
	}
	r = v->pid < 0 ? -errno : 0;
	(void) close(fd[1]);
	v->fd = fd[0];
	if (r >= 0)
		r = sd_event_add_io(h->loop, &v->io, fd[0], EPOLLIN, on_answer, v);
	if (r < 0) {
		if (v->pid > 0)
			(void) kill(v->pid, SIGKILL);
		end(v);
	}
	return r;
}

cJSON *verify_json(struct host *h, int *ret_error)
{
	struct verify *v = h->verify;
	cJSON *data;

	*ret_error = 0;
	if (!v) {
		v = h->verify = calloc(1, sizeof(*v));
		if (v)
			v->answer = malloc(ANSWER_MAX);
		if (!v || !v->answer) {
			*ret_error = ENOMEM;
			return NULL;
		}
		v->fd = -1;
	}
	/* Who asked has gone without it: whoever asks now wants to know how it is now. */
	if (v->done && clock_boot_us() - v->done_us > STALE_US)
		v->done = false;
	if (v->done) {
		v->done = false;
		data = cJSON_Parse(v->answer);
		if (data)
			return data;
		*ret_error = EIO;
		return NULL;
	}
	if (!v->pid)
		*ret_error = -begin(h);
	if (*ret_error)
		return NULL;
	data = cJSON_CreateObject();
	cJSON_AddTrueToObject(data, "running");
	return data;
}

void verify_done(struct host *h)
{
	struct verify *v = h->verify;

	if (!v)
		return;
	if (v->pid > 0)
		(void) kill(v->pid, SIGKILL);
	end(v);
	free(v->answer);
	free(v);
	h->verify = NULL;
}
