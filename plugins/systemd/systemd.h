/*
 * systemd - the state of the sensor of units.
 */
#ifndef SYSTEMD_H
#define SYSTEMD_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include <anod/object.h>
#include <anod/plugin.h>
#include <anod/list.h>

#define UNITS_MAX 64

enum { /* kind unit */
       UNIT_LOAD,
       UNIT_STATE,
       UNIT_SUB,
       UNIT_RESULT,
       UNIT_RESTARTS,
       UNIT_EXIT_STATUS,
       UNIT_PID,
       UNIT_UPTIME,
       UNIT_MEMORY,
       UNIT_ATTRS
};

struct unit {
	struct systemd *s;
	char name[ANOD_UNIT_SIZE];
	char path[256]; /* of its D-Bus object */
	bool read;	/* since the connection was made */
	char load[16], state[16], sub[24], result[24];
	uint32_t restarts, pid;
	int32_t exit_status;
	uint64_t entered_us; /* ActiveEnterTimestampMonotonic, CLOCK_MONOTONIC */
	uint64_t memory;     /* UINT64_MAX: not known */
};

struct systemd {
	struct anod_ctx *ctx;
	char address[ANOD_TEXT_SIZE + 16];
	sd_bus *bus; /* owned */
	uint64_t io, io_timer, retry;
	int io_events;
	uint64_t backoff_us;
	bool in_sync, met, lost;
	int said;
	struct unit unit[UNITS_MAX];
	unsigned n_units;
	struct anod_list rows;
	struct anod_beat beat;
};

/* ---- bus.c: the connection ---------------------------------------------------------------- */

/* Connect, or try again later; calls units_ask() when the connection is made. */
void bus_connect(struct systemd *s);
/* What was queued is sent, what came is handled, as far as that is possible now. */
void bus_pump(struct systemd *s);
void bus_close(struct systemd *s);

/* ---- units.c: what is asked and told ------------------------------------------------------ */

/* Subscribe to changes and ask for all properties of all units. */
int units_ask(struct systemd *s);
/* Ask for the numbers that no signal tells: memory. */
void units_ask_memory(struct systemd *s);
void units_lost(struct systemd *s);

#endif
