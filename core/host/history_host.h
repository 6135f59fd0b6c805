/*
 * history_host - which facts the daemon keeps a history of; what is kept of an incident.
 */
#ifndef HOST_HISTORY_HOST_H
#define HOST_HISTORY_HOST_H

#include "history/history.h"
#include "host/host.h"

/* Nobody uses the attribute but the history, by default: nobody misses it where it is unknown. */
bool history_only(const struct host *h, const struct schema_attr *a);

int history_open(struct host *h); /* behind the configuration */
void history_close(struct host *h);
/* Once a second: who is to be kept now. */
void history_beat(struct host *h);
/* Why a series is kept: "configuration", "watch", "default"; NULL: it is not. */
const char *history_why(const struct host *h, const struct schema_attr *a, const char *entity);

/* flights.c: the flight recorder's pace */
int flights_schema(struct schema *s); /* declares host.flight_bytes and others */
int flights_open(struct host *h);
void flights_close(struct host *h);
/* A finding of an incident: its recording begins, unless it has begun or is complete. */
void flights_on_finding(struct host *h, uint64_t incident);
void flights_beat(struct host *h); /* once a second */
struct cJSON *flights_json(const struct host *h);
/* What the doctor says: NULL when all is well. */
const char *flights_trouble(const struct host *h);

#endif
