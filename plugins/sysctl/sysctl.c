/*
 * sysctl - the sensor of the numbers of /proc/sys/net that anod may write.
 *
 * Design.  What may be written is known to the core (anod/rtnl.h).  Numbers that no link is named in
 * are facts and objects of the model; their files stay open and are read in every round.  Those of a
 * link are objects only, because there are many and rtnetlink tells of the interesting ones; they are
 * read every LINK_ROUNDS rounds, LINKS_A_ROUND links at a time.  The model drops what has not
 * changed, so everything is handed to it as it is read.
 *
 * The kernel tells nobody of a change, so each is seen with the next reading.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <anod/rtnl.h>

#include "number.h"

#define BASE	      "/proc/sys/net/"
#define MAX_AGE_MS    60000
#define NUMBERS_MAX   128 /* rules without a link */
#define LINKS_MAX     4096
#define LINKS_A_ROUND 64
#define LINK_ROUNDS   12 /* then links are begun with again */
#define PATH_SIZE     (ANOD_SYSCTL_SIZE + sizeof(BASE))

enum fact { VALUE, WRITABLE, FACTS };

struct number {
	const struct anod_sysctl_rule *rule;
	char path[PATH_SIZE];
	struct anod_file file;
	uint32_t entity;
	bool there, writable;
};

struct sensor {
	struct anod_ctx *ctx;
	struct anod_text text;
	struct anod_rhythm rhythm;
	int first_fact;
	unsigned n_numbers;
	struct number number[NUMBERS_MAX];

	/* Links: who was there in the last round, and where this one stands. */
	unsigned n_links, at, rounds;
	char (*link)[ANOD_IFNAME_SIZE]; /* in the order of names; of the host's memory */
	bool begun, complete;
};

/* ---- numbers without a link --------------------------------------------------------------- */

static void put_object(struct sensor *s, const char *name, int64_t value, int gone)
{
	struct anod_object o = { .type = ANOD_OBJ_SYSCTL, .u.sysctl.value = value };

	(void) snprintf(o.u.sysctl.name, sizeof(o.u.sysctl.name), "%s", name);
	(void) s->ctx->host->object(s->ctx, &o, gone);
}

/* By its mode: whether we may is the executor's affair. */
static bool is_writable(int fd)
{
	struct statvfs fs;
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IWUSR) && fstatvfs(fd, &fs) == 0 &&
	       !(fs.f_flag & ST_RDONLY);
}

static void gone(struct sensor *s, struct number *n)
{
	if (n->entity)
		(void) s->ctx->host->entity_gone(s->ctx, n->entity);
	if (n->there)
		put_object(s, n->rule->name, 0, 1);
	n->entity = 0;
	n->there = false;
}

static void read_number(struct sensor *s, struct number *n)
{
	bool open = n->file.fd >= 0;
	int r = anod_file_read(&n->file, &s->text);
	int64_t raw[FACTS];

	if (r < 0 || !sysctl_number(s->text.data, &raw[VALUE])) {
		gone(s, n);
		return;
	}
	if (!open)
		n->writable = is_writable(n->file.fd);
	raw[WRITABLE] = n->writable;
	n->there = true;
	put_object(s, n->rule->name, raw[VALUE], 0);
	if (!n->entity && s->ctx->host->entity(s->ctx, "sysctl", n->rule->name, &n->entity) < 0)
		return;
	if (s->ctx->host->put(s->ctx, n->entity, s->first_fact, FACTS, raw, (1u << FACTS) - 1) < 0)
		n->entity = 0;
}

/* ---- numbers of links --------------------------------------------------------------------- */

/* "net.ipv4.conf.*.rp_filter" with a link for the star. */
static bool name_of(const struct anod_sysctl_rule *rule, const char *link,
		    char ret[ANOD_SYSCTL_SIZE])
{
	const char *star = strchr(rule->name, '*');
	int n = snprintf(ret, ANOD_SYSCTL_SIZE, "%.*s%s%s", (int) (star - rule->name), rule->name,
			 link, star + 1);

	return n > 0 && n < ANOD_SYSCTL_SIZE;
}

static bool read_once(const char *name, int64_t *ret)
{
	char path[PATH_SIZE], text[64];
	size_t n = sizeof(BASE) - 1;
	ssize_t got;
	int fd;

	memcpy(path, BASE, n);
	if (anod_sysctl_path(name, path + n, sizeof(path) - n) < 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (fd >= 0)
		(void) close(fd);
	if (got <= 0)
		return false;
	text[got] = '\0';
	return sysctl_number(text, ret);
}

static void link_numbers(struct sensor *s, const char *link, bool there)
{
	const struct anod_sysctl_rule *rule;
	char name[ANOD_SYSCTL_SIZE];
	int64_t value;

	for (unsigned k = 0; (rule = anod_sysctl_nth(k)); k++) {
		if (!strchr(rule->name, '*') || !name_of(rule, link, name))
			continue;
		if (there && read_once(name, &value))
			put_object(s, name, value, 0);
		else
			put_object(s, name, 0, 1);
	}
}

static bool is_link(struct sensor *s, const char *name)
{
	struct anod_value v;

	return s->ctx->host->get(s->ctx, "link", name, "ifindex", &v, NULL) == 0;
}

/* A new list; those that are gone are taken out of the model. */
static void list_links(struct sensor *s)
{
	const char *name;

	for (unsigned i = 0; i < s->n_links; i++)
		if (!is_link(s, s->link[i]))
			link_numbers(s, s->link[i], false);
	s->n_links = 0;
	while (s->n_links < LINKS_MAX && (name = s->ctx->host->each(s->ctx, "link", s->n_links))) {
		char *to = s->link[s->n_links++];

		(void) snprintf(to, ANOD_IFNAME_SIZE, "%s", name);
	}
	s->at = 0;
	s->rounds = 0;
}

static void read_links(struct sensor *s)
{
	unsigned end = s->at + LINKS_A_ROUND;

	if (s->rounds++ >= LINK_ROUNDS && s->at == s->n_links) {
		list_links(s);
		end = LINKS_A_ROUND;
	}
	for (; s->at < s->n_links && s->at < end; s->at++)
		link_numbers(s, s->link[s->at], true);
	if (s->at == s->n_links && !s->complete) {
		s->complete = true;
		(void) s->ctx->host->object_sync(s->ctx, ANOD_OBJ_SYSCTL, ANOD_SYNC_DONE);
	}
}

static void on_read(struct anod_ctx *ctx, void *data)
{
	struct sensor *s = data;

	(void) ctx;
	if (!s->begun) { /* before anything is handed over */
		(void) s->ctx->host->object_sync(s->ctx, ANOD_OBJ_SYSCTL, ANOD_SYNC_BEGIN);
		list_links(s);
		s->begun = true;
	}
	for (unsigned i = 0; i < s->n_numbers; i++)
		read_number(s, &s->number[i]);
	read_links(s);
	anod_rhythm_next(&s->rhythm, 0);
}

/* ---- life --------------------------------------------------------------------------------- */

static int sysctl_need(struct anod_ctx *ctx, const char *kind, const char *entity,
		       uint64_t every_us)
{
	struct sensor *s = ctx->state;

	(void) kind;
	return entity ? 0 : anod_rhythm_need(&s->rhythm, every_us);
}

static int sysctl_init(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->host->alloc(ctx, sizeof(*s));
	const struct anod_sysctl_rule *rule;

	if (!s)
		return -ENOMEM;
	s->link = ctx->host->alloc(ctx, LINKS_MAX * sizeof(*s->link));
	if (!s->link)
		return -ENOMEM;
	s->ctx = ctx;
	ctx->state = s;
	for (unsigned k = 0; (rule = anod_sysctl_nth(k)); k++) {
		struct number *n = &s->number[s->n_numbers];
		size_t at = sizeof(BASE) - 1;

		/* An entity's name is shorter than a name may be. */
		if (strchr(rule->name, '*') || strlen(rule->name) >= ANOD_NAME_SIZE ||
		    s->n_numbers == NUMBERS_MAX)
			continue;
		memcpy(n->path, BASE, at);
		if (anod_sysctl_path(rule->name, n->path + at, sizeof(n->path) - at) < 0)
			continue;
		n->rule = rule;
		n->file = (struct anod_file) ANOD_FILE(n->path);
		s->n_numbers++;
	}
	return 0;
}

static int sysctl_start(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (!ANOD_HOST_HAS(ctx, put))
		return -ENOSYS;
	s->first_fact = ctx->host->fact_id(ctx, "sysctl.value");
	if (s->first_fact < 0)
		return s->first_fact;
	s->rhythm = (struct anod_rhythm){ .ctx = ctx,
					  .read = on_read,
					  .data = s,
					  .idle_us = anod_option_u64(ctx, "idle-period"),
					  .health = true };
	/* When the sensor rtnl has named the links. */
	return anod_rhythm_start(&s->rhythm, 200000);
}

static void sysctl_stop(struct anod_ctx *ctx)
{
	anod_rhythm_stop(&((struct sensor *) ctx->state)->rhythm);
}

static void sysctl_fini(struct anod_ctx *ctx)
{
	struct sensor *s = ctx->state;

	if (!s)
		return;
	anod_rhythm_stop(&s->rhythm);
	for (unsigned i = 0; i < s->n_numbers; i++)
		anod_file_close(&s->number[i].file);
	anod_text_free(&s->text);
}

static const struct anod_attr sysctl_attrs[] = {
	{ .name = "value",
	  .type = ANOD_INT,
	  .max_age_ms = MAX_AGE_MS,
	  .help = "as the file says; unit and range as the kernel's documentation has them" },
	{ .name = "writable",
	  .type = ANOD_BOOL,
	  .max_age_ms = MAX_AGE_MS,
	  .help = "may be written at all: numbers of the machine only in its first network "
		  "namespace, and none where /proc/sys is mounted read-only" },
	{ 0 },
};

static const struct anod_kind kinds[] = {
	{ "sysctl",
	  "a number of /proc/sys/net that sysctl.set may write: \"net.core.rmem_max\"; those of "
	  "links are in the model only",
	  sysctl_attrs },
	{ 0 },
};

static const struct anod_opt opts[] = {
	{ .name = "period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "1s",
	  .min = 100e3,
	  .max = 20e6,
	  .help = "time between two readings while anybody uses the values" },
	{ .name = "idle-period",
	  .type = ANOD_INT,
	  .unit = ANOD_UNIT_TIME,
	  .dflt = "5s",
	  .min = 1e6,
	  .max = 20e6,
	  .help = "the same while nobody does; those of links are read every twelfth time" },
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "sysctl",
	.version = "1",
	.summary = "numbers of /proc/sys/net",
	.opts = opts,
	.kinds = kinds,
	.init = sysctl_init,
	.start = sysctl_start,
	.stop = sysctl_stop,
	.fini = sysctl_fini,
	.need = sysctl_need,
	.source = "/proc/sys/net (Documentation/networking/ip-sysctl.rst, nf_conntrack-sysctl.rst, "
		  "admin-guide/sysctl/net.rst)",
	.cost = "0.16 ms a reading of 48 numbers (sensor.share at 1 s, a busy machine with two "
		"cores of an AMD EPYC)",
	.example = "sysctl.\"net.core.rmem_max\".value < 1MiB",
};
