/*
 * fuzz_track - any bytes as the file of the track.
 *
 * Holds: no crash; never more entries than TRACK_MAX; what was read is written so that the next
 * start reads the same; and a file that was not believed promotes nobody.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "host/track_file.h"

#define NOW_US INT64_C(4000000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64], path[96];

static void be_quiet(const char *process, int priority, const struct log_about *about,
		     const char *text)
{
	(void) process, (void) priority, (void) about, (void) text;
}

static void done(void)
{
	char aside[112];

	(void) snprintf(aside, sizeof(aside), "%s.broken", path);
	(void) unlink(aside);
	(void) unlink(path);
	(void) rmdir(dir);
}

static void setup(void)
{
	(void) snprintf(dir, sizeof(dir), "/tmp/anod-fuzz-track-%d", (int) getpid());
	if (mkdir(dir, 0700) < 0)
		abort();
	(void) snprintf(path, sizeof(path), "%s/track.jsonl", dir);
	log_set_sink(be_quiet);
	(void) atexit(done);
}

static struct track *load(void)
{
	struct track *t = track_new();
	struct track_file *f;

	if (!t || track_file_open(dir, false, t, NOW_US, &f) < 0 || track_count(t) > TRACK_MAX)
		abort();
	track_file_close(f);
	return t;
}

/* Asking must be as safe as reading. */
static void ask(const struct track *t)
{
	for (unsigned i = 0; i < track_count(t) && i < 16; i++) {
		const struct track_entry *e = track_nth(t, i);
		char name[ANOD_NAME_SIZE];
		struct policy_rule r = { .name = name,
					 .level = LEVEL_APPROVE,
					 .promote = { LEVEL_AUTO, 1, 0, 0 },
					 .demote = { true, LEVEL_OBSERVE, 1000 } };
		struct track_standing s;
		int64_t low, high;

		(void) copy_text(name, sizeof(name), e->permit);
		track_standing(t, &r, e->agent, e->action, e->role, NOW_US, &s);
		(void) track_formerly(t, e->action, e->resource, 1000000, NOW_US);
		track_reversals(t, e->resource, 1000000, NOW_US, &low, &high);
		if (low > high)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct track *a, *b;
	int fd;

	if (!dir[0])
		setup();
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t) size)
		abort();
	(void) close(fd);

	a = load();
	ask(a);
	b = load();
	if (track_count(a) != track_count(b))
		abort();
	for (unsigned i = 0; i < track_count(a); i++)
		if (track_nth(a, i)->outcome != track_nth(b, i)->outcome ||
		    strcmp(track_nth(a, i)->agent, track_nth(b, i)->agent) != 0)
			abort();
	track_free(a);
	track_free(b);
	return 0;
}
