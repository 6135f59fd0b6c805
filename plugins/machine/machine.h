/*
 * machine - what the files of the sensor share.
 *
 * machine.c is the plugin; pressure.c, clock.c and hwmon.c are a kind each; scan.c finds what there
 * is to be measured, worker.c reads it beside the loop.
 */
#ifndef PLUGIN_MACHINE_H
#define PLUGIN_MACHINE_H

#include <anod/reading.h>

#define MAX_AGE_MS 100000

/* ---- pressure ---------------------------------------------------------------------------- */

enum pressure_fact { SOME, FULL, SOME_TIME, FULL_TIME, AVAILABLE, PRESSURE_FACTS };
struct pressure {
	double share[2]; /* some, full: of the last 10 s */
	uint64_t time[2];
	bool has[2];
};
/* A file of /proc/pressure (Documentation/accounting/psi.rst).  Pure.  False: nothing in it. */
bool pressure_parse(const char *text, struct pressure *ret);
/* MemAvailable of /proc/meminfo, bytes; -1: it does not say.  Pure. */
int64_t memory_available(const char *text);

/* ---- clock ------------------------------------------------------------------------------- */

enum clock_fact {
	SYNCHRONIZED,
	OFFSET,
	MAX_ERROR,
	EST_ERROR,
	FREQUENCY,
	CLOCK_NUMBERS,
	LEAP = CLOCK_NUMBERS,
	CLOCK_FACTS
};
struct timex;
/* The facts of what adjtimex(2) gave, and its result.  Pure. */
const char *clock_facts(const struct timex *t, int state, int64_t raw[CLOCK_NUMBERS]);

/* ---- hwmon ------------------------------------------------------------------------------- */

enum hwmon_fact { TEMPERATURE, LIMIT, FAN, POWER, COOLING, THROTTLES, ALARM, HWMON_FACTS };

#define CHANNELS_MAX 512
#define PATH_SIZE    160

struct channel { /* a file that holds one number */
	char entity[ANOD_NAME_SIZE];
	char path[PATH_SIZE];
	enum hwmon_fact fact;
	double scale; /* from the file's unit */
	/* As it was read last. */
	int fd;
	int error;
	int64_t value;
};
/* Fills 'c' with what there is below 'sys' ("/sys"), sorted by entity; how many. */
unsigned hwmon_scan(const char *sys, struct channel *c, unsigned max);

struct worker; /* reads channels in a thread of its own */
/* -errno; '*ret_fd' becomes readable when a job is done. */
int worker_open(struct worker **ret, int *ret_fd);
void worker_start(struct worker *w, struct channel *c,
		  unsigned n); /* they are its own until then */
/* How long the job took, us; 0: it is not done. */
uint64_t worker_done(struct worker *w);
bool worker_busy(const struct worker *w);
/* Waits for the job that is under way.  NULL is fine. */
void worker_close(struct worker *w);

/* ---- the plugin -------------------------------------------------------------------------- */

enum { PRESSURES = 4 };

struct machine {
	struct anod_ctx *ctx;
	struct anod_text text;
	struct anod_rhythm r_pressure, r_clock, r_hwmon;
	struct anod_file pressure[PRESSURES], meminfo;
	uint32_t pressure_entity[PRESSURES], clock_entity;
	int f_pressure, f_clock, f_leap, f_hwmon;
	bool failed_clock; /* said so */

	struct channel *channel; /* owned, CHANNELS_MAX */
	unsigned n_channels;
	uint64_t scanned_us;
	struct worker *worker;
	int worker_fd;
	uint64_t worker_io;
};

extern const struct anod_attr pressure_attrs[], clock_attrs[], hwmon_attrs[];
anod_reading_fn pressure_read, clock_read, hwmon_read;
void pressure_init(struct machine *m);
void pressure_close(struct machine *m);
void hwmon_close(struct machine *m);

#endif
