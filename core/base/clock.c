/*
 * clock - time, read in one place and written in one form.
 *
 * Design.  CLOCK_BOOTTIME counts through suspend, unlike CLOCK_MONOTONIC, so ages are true after
 * a laptop or a virtual machine slept.  Durations are cut, never rounded up: an age that is
 * shown as 30s has been 30 s.
 */
#include "base/clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BOOT_ID_LEN 36

static uint64_t clock_read(clockid_t id)
{
	struct timespec ts = { 0 };

	/* Fails only for a clock that the kernel lacks; both are older than our oldest kernel. */
	(void) clock_gettime(id, &ts);
	return (uint64_t) ts.tv_sec * US_PER_S + (uint64_t) ts.tv_nsec / 1000;
}

uint64_t clock_boot_us(void)
{
	return clock_read(CLOCK_BOOTTIME);
}

uint64_t clock_wall_us(void)
{
	return clock_read(CLOCK_REALTIME);
}

const char *clock_boot_id(void)
{
	static char id[BOOT_ID_LEN + 1];
	int fd;

	if (id[0] != '\0')
		return id;

	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return id;
	if (read(fd, id, BOOT_ID_LEN) != BOOT_ID_LEN)
		id[0] = '\0';
	(void) close(fd);
	return id;
}

/* "1.5" below ten and where the digit says something, else whole. */
static const char *format_decimal(uint64_t us, uint64_t unit, const char *name, char *buf,
				  size_t size)
{
	uint64_t whole = us / unit, tenth = us % unit * 10 / unit;

	if (whole < 10 && tenth > 0)
		(void) snprintf(buf, size, "%" PRIu64 ".%" PRIu64 "%s", whole, tenth, name);
	else
		(void) snprintf(buf, size, "%" PRIu64 "%s", whole, name);
	return buf;
}

const char *format_duration(uint64_t us, char *buf, size_t size)
{
	static const struct {
		uint64_t us;
		const char *name;
	} unit[] = { { 86400 * US_PER_S, "d" },
		     { 3600 * US_PER_S, "h" },
		     { 60 * US_PER_S, "m" },
		     { US_PER_S, "s" } };
	unsigned i = 0;
	uint64_t rest;

	if (us == US_INFINITY) {
		(void) snprintf(buf, size, "forever");
		return buf;
	}
	if (us < US_PER_MS)
		return format_decimal(us, 1, "us", buf, size);
	if (us < US_PER_S)
		return format_decimal(us, US_PER_MS, "ms", buf, size);
	if (us < 60 * US_PER_S)
		return format_decimal(us, US_PER_S, "s", buf, size);

	while (us < unit[i].us)
		i++;
	rest = us % unit[i].us / unit[i + 1].us;
	if (rest > 0)
		(void) snprintf(buf, size, "%" PRIu64 "%s%" PRIu64 "%s", us / unit[i].us,
				unit[i].name, rest, unit[i + 1].name);
	else
		(void) snprintf(buf, size, "%" PRIu64 "%s", us / unit[i].us, unit[i].name);
	return buf;
}

const char *format_wall(uint64_t wall_us, char *buf, size_t size)
{
	time_t seconds = (time_t) (wall_us / US_PER_S);
	char date[64];
	struct tm tm;

	/* Fails only where the year does not fit into an int. */
	if (!gmtime_r(&seconds, &tm) || strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		(void) snprintf(buf, size, "never");
	else
		(void) snprintf(buf, size, "%s.%03" PRIu64 "Z", date,
				wall_us % US_PER_S / US_PER_MS);
	return buf;
}
