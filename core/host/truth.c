/*
 * truth - facts about the daemon's own eyes: how well its sensors see, and how late it is itself.
 *
 * Design.  Sensors count what went wrong (health()); what they say of sync is counted here.  Once
 * a second the counts become facts of kind "sensor", together with the kernel's word on how long
 * we had to wait for a CPU and on the pressure of the whole machine.  The files in /proc stay
 * open and are read again from their beginning.  What cannot be read is unknown, not zero.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "host/host.h"

enum { OVERRUNS, RESYNCS, INTERRUPTED, GAPS, MISSED, ERRORS, BEHIND, PERIOD, COUNTS };
static const char *const attr_name[COUNTS] = { "overruns", "resyncs", "interrupted", "gaps",
					       "missed",   "errors",  "behind",	     "period" };

enum { PSI_CPU, PSI_MEMORY, PSI_IO, PSIS };
static const struct {
	const char *path, *attr;
} psi[PSIS] = {
	[PSI_CPU] = { "/proc/pressure/cpu", "psi_cpu" },
	[PSI_MEMORY] = { "/proc/pressure/memory", "psi_memory" },
	[PSI_IO] = { "/proc/pressure/io", "psi_io" },
};

struct eye { /* a sensor */
	const struct anod_plugin *plugin;
	uint32_t entity;
	bool lost; /* between LOST and DONE, of any kind */
	int64_t count[COUNTS];
};

struct truth {
	uint16_t kind;
	uint16_t slot; /* of the first of attr_name[]: they follow one another */
	unsigned n;
	struct eye *eye; /* one for each plugin that is a sensor */
	int schedstat, psi[PSIS];
	uint64_t waited_ns; /* in all, at the last beat */
};

/* ---- what sensors say ---------------------------------------------------------------------- */

static struct eye *eye_of(struct host *h, const struct instance *sensor)
{
	for (unsigned i = 0; h->truth && i < h->truth->n; i++)
		if (h->truth->eye[i].plugin == sensor->plugin)
			return &h->truth->eye[i];
	return NULL;
}

int truth_health(struct host *h, const struct instance *sensor, enum anod_health what, uint64_t n)
{
	static const int8_t counts[] = {
		[ANOD_HEALTH_OVERRUN] = OVERRUNS, [ANOD_HEALTH_INTERRUPTED] = INTERRUPTED,
		[ANOD_HEALTH_GAP] = GAPS,	  [ANOD_HEALTH_ERROR] = ERRORS,
		[ANOD_HEALTH_MISSED] = MISSED,	  [ANOD_HEALTH_BEHIND] = BEHIND,
		[ANOD_HEALTH_PERIOD] = PERIOD,
	};
	struct eye *e = eye_of(h, sensor);
	int64_t *c;

	if (what < ANOD_HEALTH_OVERRUN || what > ANOD_HEALTH_PERIOD || n > INT64_MAX)
		return -EINVAL;
	if (!e)
		return -ENOENT;

	c = &e->count[counts[what]];
	if (what == ANOD_HEALTH_PERIOD)
		*c = (int64_t) n;
	else if (what == ANOD_HEALTH_BEHIND)
		*c = MAX_OF(*c, (int64_t) n);
	else
		*c += (int64_t) n;
	return 0;
}

void truth_sync(struct host *h, const struct instance *sensor, enum anod_sync what)
{
	struct eye *e = eye_of(h, sensor);

	if (!e)
		return;
	if (what == ANOD_SYNC_LOST)
		e->lost = true;
	if (what == ANOD_SYNC_DONE && e->lost) {
		e->count[RESYNCS]++;
		e->lost = false;
	}
}

void truth_forget(struct host *h)
{
	for (unsigned i = 0; h->truth && i < h->truth->n; i++) {
		struct eye *e = &h->truth->eye[i];

		if (e->entity)
			(void) store_remove(h->store, e->entity, host_now(h));
		e->entity = 0;
	}
}

/* ---- what the kernel says ------------------------------------------------------------------ */

static ssize_t read_again(int fd, char *buf, size_t size)
{
	ssize_t n = fd >= 0 ? pread(fd, buf, size - 1, 0) : -1;

	buf[n > 0 ? n : 0] = '\0';
	return n;
}

static void publish(struct host *h, const char *attr, const struct anod_value *v)
{
	const struct schema_attr *a = schema_attr(h->schema, "host", attr);

	(void) store_publish(h->store, h->host_entity, a->slot, v, host_now(h));
}

/* "RUN_NS WAIT_NS SLICES" */
static bool read_waited(int fd, uint64_t *ret_ns)
{
	char buf[128];

	return read_again(fd, buf, sizeof(buf)) > 0 && sscanf(buf, "%*u %" SCNu64, ret_ns) == 1;
}

static void publish_delay(struct host *h)
{
	struct truth *t = h->truth;
	struct anod_value v;
	uint64_t waited_ns;

	if (!read_waited(t->schedstat, &waited_ns)) {
		publish(h, "sched_delay", NULL);
		return;
	}
	v = value_int((int64_t) ((waited_ns - t->waited_ns) / 1000), ANOD_UNIT_TIME);
	t->waited_ns = waited_ns;
	publish(h, "sched_delay", &v);
}

/* "some avg10=1.19 avg60=..." */
static void publish_psi(struct host *h, unsigned i)
{
	struct anod_value v;
	char buf[256];
	double avg10;

	if (read_again(h->truth->psi[i], buf, sizeof(buf)) <= 0 ||
	    sscanf(buf, "some avg10=%lf", &avg10) != 1) {
		publish(h, psi[i].attr, NULL);
		return;
	}
	v = value_real(avg10 / 100, ANOD_UNIT_RATIO);
	publish(h, psi[i].attr, &v);
}

/* ---- beats --------------------------------------------------------------------------------- */

static void publish_eye(struct host *h, const struct instance *sensor)
{
	struct truth *t = h->truth;
	struct eye *e = eye_of(h, sensor);
	uint64_t now = host_now(h);

	if (!e || (!e->entity &&
		   store_entity(h->store, t->kind, sensor->plugin->name, now, &e->entity) < 0))
		return;
	(void) store_put(h->store, e->entity, t->slot, COUNTS, e->count, (1u << COUNTS) - 1, now);
	e->count[BEHIND] = 0;
}

void truth_beat(struct host *h)
{
	for (unsigned i = 0; i < h->n_sensors; i++)
		publish_eye(h, h->sensor[i]);
	publish_delay(h);
	for (unsigned i = 0; i < PSIS; i++)
		publish_psi(h, i);
}

/* The attributes are neighbours in the schema, as put() wants them. */
static int find_slots(const struct host *h, struct truth *t)
{
	for (unsigned i = 0; i < COUNTS; i++) {
		const struct schema_attr *a = schema_attr(h->schema, "sensor", attr_name[i]);

		if (!a || (i > 0 && a->slot != t->slot + i))
			return -EPROTO;
		if (i == 0)
			t->slot = a->slot;
	}
	t->kind = schema_kind_id(h->schema, "sensor");
	return 0;
}

int truth_open(struct host *h)
{
	struct truth *t = h->truth = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->eye = calloc(h->plugins->n + 1, sizeof(*t->eye));
	if (!t->eye)
		return -ENOMEM;
	r = find_slots(h, t);
	if (r < 0)
		return r;

	for (unsigned i = 0; i < h->plugins->n; i++)
		if (h->plugins->item[i].desc->roles & ANOD_SENSOR)
			t->eye[t->n++].plugin = h->plugins->item[i].desc;
	t->schedstat = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	(void) read_waited(t->schedstat, &t->waited_ns);
	for (unsigned i = 0; i < PSIS; i++)
		t->psi[i] = open(psi[i].path, O_RDONLY | O_CLOEXEC);
	return 0;
}

void truth_close(struct host *h)
{
	struct truth *t = h->truth;

	if (!t)
		return;
	if (t->schedstat >= 0)
		(void) close(t->schedstat);
	for (unsigned i = 0; i < PSIS; i++)
		if (t->psi[i] >= 0)
			(void) close(t->psi[i]);
	free(t->eye);
	free(t);
	h->truth = NULL;
}
