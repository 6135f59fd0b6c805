/*
 * fake_host_int - what the two halves of the fake host share.
 */
#ifndef TESTS_FAKE_HOST_INT_H
#define TESTS_FAKE_HOST_INT_H

#include "unit/fake_host.h"

#define SOURCES_MAX 64
#define FACTS_MAX   256
#define OPTIONS_MAX 32
#define HEALTHS	    (ANOD_HEALTH_PERIOD + 1)

struct source {
	uint64_t id; /* 0: free */
	int fd;	     /* -1: a timer */
	anod_io_fn *io;
	anod_timer_fn *timer;
	void *data;
	uint64_t due_us, every_us;
};

struct entity {
	char kind[ANOD_KIND_SIZE], name[ANOD_NAME_SIZE];
	bool gone, own;
	unsigned round; /* of the last BEGIN after which it was named */
	struct anod_value value[FACTS_MAX];
};

struct slot {
	struct anod_object o;
	unsigned round;
};

struct fake_host {
	struct anod_host table;
	struct anod_ctx ctx;
	const struct anod_plugin *plugin;
	void *so;
	int epoll;
	bool stopped;
	uint64_t pace_us; /* what pace() adds */
	uint64_t last_id;
	struct source source[SOURCES_MAX];
	char option[OPTIONS_MAX][ANOD_KIND_SIZE];
	struct anod_value option_value[OPTIONS_MAX];
	char fact_name[FACTS_MAX][2 * ANOD_KIND_SIZE];
	unsigned n_facts;
	struct entity *entity;
	unsigned n_entities;
	struct slot *slot;
	unsigned n_slots, slots_size;
	unsigned round, lost[ANOD_OBJ_TYPES], done[ANOD_OBJ_TYPES];
	bool in_sync[ANOD_OBJ_TYPES], kind_in_sync[ANOD_OBJ_TYPES];
	unsigned begun[ANOD_OBJ_TYPES], kind_begun[ANOD_OBJ_TYPES]; /* round of the BEGIN */
	unsigned kind_lost[ANOD_OBJ_TYPES], n_puts;
	bool only_samples; /* all attributes of the plugin have a maximum age */
	uint64_t health[HEALTHS];
	void *pool[16];
	unsigned n_pool;
	char log[512];
};

static inline struct fake_host *of(struct anod_ctx *ctx)
{
	return (struct fake_host *) ((char *) ctx - offsetof(struct fake_host, ctx));
}

/* The entries of the host table that hold facts and objects. */
void fake_host_store_table(struct anod_host *table);
/* Make an attribute known: "link", "carrier". */
void fake_host_know(struct fake_host *h, const char *kind, const char *attr);

#endif
