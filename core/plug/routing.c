/*
 * routing - the kinds that sensors of routing daemons share.
 *
 * Design.  Tables of attributes, and the one thing that is the same of every daemon: its process.
 * The kernel tells who listens on a socket, which is the number that it had when it began to
 * listen; a daemon that went to the background later has another one now, so the name is compared.
 */
#include <anod/routing.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_AGE_MS 100000

#define FACT(n, t, u, f, text)                                                                     \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .flags = ANOD_ATTR_SHARED | (f),                  \
		.max_age_ms = MAX_AGE_MS, .help = text                                             \
	}
#define COUNT(n, text) FACT(n, ANOD_INT, ANOD_UNIT_NONE, 0, text)
#define SPAN(n, text)  FACT(n, ANOD_INT, ANOD_UNIT_TIME, 0, text)

const struct anod_attr anod_daemon_attrs[ANOD_DAEMON_ATTRS + 1] = {
	[ANOD_DAEMON_UP] = FACT("up", ANOD_BOOL, ANOD_UNIT_NONE, 0, "its control socket answers"),
	[ANOD_DAEMON_VERSION] = FACT("version", ANOD_TEXT, ANOD_UNIT_NONE, 0, "as it says"),
	[ANOD_DAEMON_PID] = COUNT("pid", "of the process that listens (SO_PEERCRED)"),
	[ANOD_DAEMON_AGE] = SPAN("age", "how long the process runs (/proc/PID/stat)"),
	[ANOD_DAEMON_MEMORY] = FACT("memory", ANOD_INT, ANOD_UNIT_BYTES, 0,
				    "resident memory of the process (/proc/PID/statm)"),
	[ANOD_DAEMON_RECONFIGURED] = SPAN("reconfigured", "time since it read its configuration"),
	[ANOD_DAEMON_LATENCY] = SPAN("latency", "how long it took to answer the last question"),
};

const struct anod_attr anod_bgp_attrs[ANOD_BGP_ATTRS + 1] = {
	[ANOD_BGP_STATE] = FACT("state", ANOD_TEXT, ANOD_UNIT_NONE, 0,
				"idle connect active opensent openconfirm established (RFC 4271, "
				"8.2.2)"),
	[ANOD_BGP_ENABLED] = FACT("enabled", ANOD_BOOL, ANOD_UNIT_NONE, 0,
				  "false: shut down by its configuration or by a command"),
	[ANOD_BGP_AGE] = SPAN("age", "how long it is established, or not established"),
	[ANOD_BGP_DROPS] = COUNT("drops", "times that the session was lost, since the daemon's "
					  "start (bird: since anod's)"),
	[ANOD_BGP_RECEIVED] = COUNT("received", "prefixes accepted from the peer"),
	[ANOD_BGP_FILTERED] = COUNT("filtered", "prefixes that the import filter refused (bird; "
						"frr: unknown)"),
	[ANOD_BGP_SENT] = COUNT("sent", "prefixes announced to the peer"),
	[ANOD_BGP_QUEUED] = COUNT("queued", "messages that wait to be sent or handled (frr; bird: "
					    "unknown)"),
	[ANOD_BGP_PEER_AS] = COUNT("peer_as", "its AS number, as it is configured"),
	[ANOD_BGP_NAME] = FACT("name", ANOD_TEXT, ANOD_UNIT_NONE, ANOD_VALUE_OUTSIDE,
			       "description, else the protocol's name (bird)"),
	[ANOD_BGP_REASON] = FACT("reason", ANOD_TEXT, ANOD_UNIT_NONE, ANOD_VALUE_OUTSIDE,
				 "why the session was lost last; may quote the peer (RFC 9003)"),
};

const struct anod_attr anod_rib_attrs[ANOD_RIB_ATTRS + 1] = {
	[ANOD_RIB_ROUTES] = COUNT("routes", "routes that the daemon knows"),
	[ANOD_RIB_PREFIXES] = COUNT("prefixes", "prefixes that they are for (bird; frr: unknown)"),
	[ANOD_RIB_STEADY] = COUNT("steady", "routes when they were last steady, within 1 % for the "
					    "option 'steady'; outlives the daemon's end"),
	[ANOD_RIB_INSTALLED] = COUNT("installed", "routes that are in the kernel (frr; bird: "
						  "unknown)"),
};

int64_t anod_steady(struct anod_steady *s, int64_t count, int64_t now_us, int64_t window_us)
{
	int64_t slack = s->count / 100;

	if (count < 0) {
		s->count = -1;
	} else if (s->count < 0 || count > s->count + slack || count < s->count - slack) {
		s->count = count;
		s->since_us = now_us;
	} else if (now_us - s->since_us >= window_us) {
		s->steady = s->count = count;
	}
	return s->steady;
}

/* The file, NUL-ended, or -errno. */
static int read_proc(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	(void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	n = read(fd, buf, size - 1);
	(void) close(fd);
	if (n <= 0)
		return -ESRCH;
	buf[n] = '\0';
	return 0;
}

/* Field 22 of /proc/PID/stat, clock ticks since boot; counted behind the name, which may hold
 * anything. */
static int start_ticks(const char *stat, unsigned long long *ret)
{
	const char *p = strrchr(stat, ')');

	for (unsigned field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p && sscanf(p, "%llu", ret) == 1 ? 0 : -EBADMSG;
}

int anod_daemon_process(pid_t pid, const char *comm, int64_t *ret_memory, int64_t *ret_age_us)
{
	char buf[1024];
	unsigned long long pages, ticks;
	struct timespec now;
	int r;

	if (pid <= 0)
		return -ESRCH;
	r = read_proc(pid, "comm", buf, sizeof(buf));
	if (r < 0)
		return r;
	buf[strcspn(buf, "\n")] = '\0';
	if (strcmp(buf, comm) != 0)
		return -ESRCH;

	r = read_proc(pid, "statm", buf, sizeof(buf));
	if (r < 0 || sscanf(buf, "%*u %llu", &pages) != 1)
		return -ESRCH;
	r = read_proc(pid, "stat", buf, sizeof(buf));
	if (r < 0 || start_ticks(buf, &ticks) < 0)
		return -ESRCH;
	(void) clock_gettime(CLOCK_BOOTTIME, &now);
	*ret_memory = (int64_t) pages * sysconf(_SC_PAGESIZE);
	*ret_age_us = (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000 -
		      (int64_t) (ticks * 1000000 / (unsigned long long) sysconf(_SC_CLK_TCK));
	if (*ret_age_us < 0)
		*ret_age_us = 0;
	return 0;
}
