/*
 * dhcp - the sensor of leases: how long the addresses of this router are its own.
 *
 * Design.  Clients write down what they were given; the files are read again every period, which is
 * seldom, because leases live for hours.  A file's time says when it was renewed where its text does
 * not.  Ages are by the wall clock, as in the files; a clock that was set makes them wrong until
 * the next renewal.  Only the end of a long file is read, where the last leases are.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <anod/list.h>
#include <anod/plugin.h>

#include "lease.h"

#define FILE_MAX_SIZE 65536
#define FILES_MAX     256
#define LEASES_MAX    256

enum { /* kind dhcp_lease */
       LEASE_ADDRESS,
       LEASE_SERVER,
       LEASE_CLIENT,
       LEASE_LIFETIME,
       LEASE_LEFT,
       LEASE_AGE,
       LEASE_ATTRS
};

struct dhcp {
	struct anod_ctx *ctx;
	struct anod_list leases;
	struct anod_beat beat;
	char networkd[ANOD_TEXT_SIZE], dhclient[ANOD_TEXT_SIZE], dhcpcd[ANOD_TEXT_SIZE];
	const char *client; /* whose file is read now */
	int64_t written_s;  /* and when it was written */
};

#define FACT(n, t, u, text)                                                                        \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = 200000, .help = text                \
	}

static const struct anod_attr lease_attrs[LEASE_ATTRS + 1] = {
	[LEASE_ADDRESS] = FACT("address", ANOD_PREFIX, ANOD_UNIT_NONE, "what was leased"),
	[LEASE_SERVER] = FACT("server", ANOD_PREFIX, ANOD_UNIT_NONE, "who leased it (option 54)"),
	[LEASE_CLIENT] = FACT("client", ANOD_TEXT, ANOD_UNIT_NONE, "networkd dhclient dhcpcd"),
	[LEASE_LIFETIME] = FACT("lifetime", ANOD_INT, ANOD_UNIT_TIME,
				"for how long (option 51); unknown: for ever, or not said"),
	[LEASE_LEFT] = FACT("left", ANOD_INT, ANOD_UNIT_TIME, "until it ends; 0: it is over"),
	[LEASE_AGE] = FACT("age", ANOD_INT, ANOD_UNIT_TIME, "since it was leased or renewed"),
};

static const struct anod_kind kinds[] = {
	{ "dhcp_lease", "an address of this router that is leased; the name is the link's",
	  lease_attrs },
	{ 0 },
};

/* ---- facts -------------------------------------------------------------------------------- */

static struct anod_value span(int64_t s)
{
	static const struct anod_value unknown;

	if (s < 0)
		s = 0;
	return s > INT64_MAX / 1000000 ? unknown : anod_int(s * 1000000, ANOD_UNIT_TIME);
}

static struct anod_value address(const struct anod_prefix *p)
{
	struct anod_value v = { .type = ANOD_PREFIX };

	if (!p->family)
		return (struct anod_value){ 0 };
	v.u.prefix = *p;
	return v;
}

static void put(const struct lease *l, void *data)
{
	struct dhcp *d = data;
	struct anod_value v[LEASE_ATTRS] = { 0 };
	int64_t now = time(NULL), begin = d->written_s;
	bool limited = l->lifetime_s >= 0 && l->lifetime_s <= UINT32_MAX;

	v[LEASE_ADDRESS] = address(&l->address);
	v[LEASE_SERVER] = address(&l->server);
	v[LEASE_CLIENT] = anod_text(d->client, strlen(d->client));
	if (limited) {
		if (l->expires_s != LEASE_NOT)
			begin = l->expires_s - l->lifetime_s;
		v[LEASE_LIFETIME] = span(l->lifetime_s);
		v[LEASE_LEFT] = span(begin + l->lifetime_s - now);
	} else if (l->expires_s != LEASE_NOT) {
		v[LEASE_LEFT] = span(l->expires_s - now);
	}
	v[LEASE_AGE] = span(now - begin);
	/* A link that went has no lease, whatever the file says. */
	if (if_nametoindex(l->dev))
		(void) anod_list_put(&d->leases, l->dev, v);
}

/* ---- files -------------------------------------------------------------------------------- */

/* The last FILE_MAX_SIZE bytes of a regular file; -errno.  'buf' has room for a NUL. */
static ssize_t read_end(struct dhcp *d, const char *path, char *buf)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	ssize_t n = -EINVAL;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		off_t from = st.st_size > FILE_MAX_SIZE ? st.st_size - FILE_MAX_SIZE : 0;

		n = pread(fd, buf, FILE_MAX_SIZE, from);
		if (n < 0)
			n = -errno;
		d->written_s = st.st_mtim.tv_sec;
	}
	(void) close(fd);
	if (n >= 0)
		buf[n] = '\0';
	return n;
}

static void take_networkd(struct dhcp *d, const char *name, const char *buf, size_t size)
{
	struct lease l;

	/* The file is called after the interface's number. */
	if (lease_networkd(buf, size, &l) < 0 || !if_indextoname((unsigned) atoi(name), l.dev))
		return;
	put(&l, d);
}

static void take_dhclient(struct dhcp *d, const char *name, const char *buf, size_t size)
{
	if (strstr(name, ".leases"))
		(void) lease_dhclient(buf, size, put, d);
}

static void take_dhcpcd(struct dhcp *d, const char *name, const char *buf, size_t size)
{
	size_t n = strcspn(name, ".-"); /* "eth0.lease", "wlan0-SSID.lease" */
	struct lease l;

	if (!strstr(name, ".lease") || strstr(name, ".lease6") || n == 0 || n >= sizeof(l.dev) ||
	    lease_dhcpcd((const uint8_t *) buf, size, &l) < 0)
		return;
	memcpy(l.dev, name, n);
	put(&l, d);
}

static void read_folder(struct dhcp *d, const char *client, const char *folder,
			void (*take)(struct dhcp *, const char *, const char *, size_t))
{
	static char buf[FILE_MAX_SIZE + 1];
	const struct dirent *e;
	unsigned n = 0;
	DIR *dir = folder[0] ? opendir(folder) : NULL;

	d->client = client;
	while (dir && n++ < FILES_MAX && (e = readdir(dir))) {
		char path[512];
		ssize_t size;

		if (e->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >= (int) sizeof(path))
			continue;
		size = read_end(d, path, buf);
		if (size > 0)
			take(d, e->d_name, buf, (size_t) size);
	}
	if (dir)
		(void) closedir(dir);
}

static void read_now(struct anod_ctx *ctx)
{
	struct dhcp *d = ctx->state;

	anod_list_begin(&d->leases);
	read_folder(d, "networkd", d->networkd, take_networkd);
	read_folder(d, "dhclient", d->dhclient, take_dhclient);
	read_folder(d, "dhcpcd", d->dhcpcd, take_dhcpcd);
	anod_list_end(&d->leases);
	anod_beat_next(&d->beat, 0);
}

/* ---- life --------------------------------------------------------------------------------- */

static int dhcp_init(struct anod_ctx *ctx)
{
	struct dhcp *d = ctx->host->alloc(ctx, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->ctx = ctx;
	ctx->state = d;
	return 0;
}

static int dhcp_start(struct anod_ctx *ctx)
{
	struct dhcp *d = ctx->state;
	struct {
		const char *name;
		char *to;
	} folders[] = { { "networkd", d->networkd },
			{ "dhclient", d->dhclient },
			{ "dhcpcd", d->dhcpcd } };
	struct anod_value v;
	int r = anod_list_init(&d->leases, ctx, &kinds[0], LEASES_MAX);

	for (unsigned i = 0; r >= 0 && i < 3; i++) {
		r = ctx->host->opt(ctx, folders[i].name, 0, &v);
		if (r >= 0)
			memcpy(folders[i].to, v.u.text, ANOD_TEXT_SIZE);
	}
	return r < 0 ? r : anod_beat_start(&d->beat, ctx, read_now, 500000);
}

static int dhcp_need(struct anod_ctx *ctx, const char *kind, const char *entity, uint64_t every_us)
{
	struct dhcp *d = ctx->state;

	(void) kind;
	if (!entity)
		anod_beat_need(&d->beat, every_us);
	return 0;
}

static void dhcp_stop(struct anod_ctx *ctx)
{
	struct dhcp *d = ctx->state;

	anod_beat_stop(&d->beat);
}

static void dhcp_fini(struct anod_ctx *ctx)
{
	struct dhcp *d = ctx->state;

	if (d)
		anod_list_done(&d->leases);
}

#define FOLDER(n, dir, text)                                                                       \
	{                                                                                          \
		.name = n, .type = ANOD_TEXT, .dflt = dir, .help = text                            \
	}
#define PERIOD(n, time, text)                                                                      \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .unit = ANOD_UNIT_TIME, .dflt = time, .min = 100e3,   \
		.max = 60e6, .help = text                                                          \
	}

static const struct anod_opt opts[] = {
	FOLDER("networkd", "\"/run/systemd/netif/leases\"", "folder of systemd-networkd's leases"),
	FOLDER("dhclient", "\"/var/lib/dhcp\"", "folder of dhclient's leases"),
	FOLDER("dhcpcd", "\"/var/lib/dhcpcd\"", "folder of dhcpcd's leases"),
	PERIOD("period", "10s", "time between two readings while anybody uses the facts"),
	PERIOD("idle-period", "60s", "the same while nobody does; not less than 'period'"),
	{ 0 },
};

ANOD_PLUGIN = {
	.size = sizeof(struct anod_plugin),
	.roles = ANOD_SENSOR,
	.name = "dhcp",
	.version = "1",
	.summary = "leases of this router's own addresses",
	.opts = opts,
	.kinds = kinds,
	.init = dhcp_init,
	.start = dhcp_start,
	.stop = dhcp_stop,
	.fini = dhcp_fini,
	.need = dhcp_need,
	.source = "lease files of systemd-networkd, dhclient and dhcpcd",
	.cost = "0.09 ms a reading of three folders without leases (sensor.share 0.05 % at 200ms)",
	.example = "dhcp_lease.wan0.left < 0.4 x dhcp_lease.wan0.lifetime",
};
