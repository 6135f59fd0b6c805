/*
 * probe - what the files of this sensor share.
 *
 *   icmp.c     bytes                     window.c   statistics          flight.c  outcomes
 *   lane.c     ICMP sockets, one for a link and family
 *   conn.c     TCP and UDP sockets, one for a probe on its way
 *   request.c  what is asked of us       publish.c  what we tell        probe.c   the clockwork
 *
 * Threads: the host's one.  Memory: probes, lanes and paths come and go with requests, so they
 * are malloc()ed; the sensor itself is from host->alloc.
 */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include <anod/plugin.h>
#include <net/if.h>

#include "flight.h"
#include "window.h"

#define PROBES_MAX     256
#define PROBE_SIZE_MAX 9216 /* bytes of an IP packet; jumbo frames */
#define ASKS_MAX       8    /* requests for one probe */

enum proto { PROTO_ICMP, PROTO_TCP, PROTO_UDP };

struct spec {		    /* what a request says */
	char dev[IFNAMSIZ]; /* "": the link that the kernel would use */
	struct anod_prefix target;
	enum proto proto;
	uint16_t port;
	uint64_t every_us, timeout_us;
	uint16_t size; /* of the IP packet, which then must not be fragmented; 0: a small one */
};

struct lane {
	struct lane *next;
	struct sensor *s;
	char dev[IFNAMSIZ];
	uint8_t family;
	bool raw;   /* SOCK_RAW: we choose and check the identifier */
	bool whole; /* its packets must not be fragmented */
	uint16_t ident;
	unsigned refs;	  /* probes */
	int fd;		  /* -1: closed */
	unsigned ifindex; /* that the socket is bound to */
	uint64_t io;
	uint32_t drops; /* of the socket so far (SO_RXQ_OVFL) */
};

struct path {
	struct path *next;
	char dev[IFNAMSIZ];
	uint32_t entity;
	unsigned refs;
};

struct probe {
	struct probe *next;
	struct sensor *s;
	char name[ANOD_NAME_SIZE];
	struct spec spec; /* as it is run: the fastest of the asks */
	struct {
		uint64_t every_us, timeout_us;
	} ask[ASKS_MAX];
	unsigned n_asks;
	struct lane *lane; /* ICMP; else NULL */
	struct path *path; /* NULL: the kernel chooses the link, or it asks for a size */
	uint32_t entity;
	uint64_t cookie;
	uint64_t timer, wake_us, send_us; /* host's clock: planned wake-up, next send */
	int64_t sent, lost, voided, overdue;
	enum anod_tri up;
	bool complained; /* of a local failure */
	struct flights flights;
	struct window window;
};

enum fact_of_probe {
	FACT_DEV,
	FACT_TARGET,
	FACT_SENT,
	FACT_LOST,
	FACT_VOID,
	FACT_OVERDUE,
	FACT_LOSS,
	FACT_RTT,
	FACT_JITTER,
	FACT_UP,
	FACT_LATE,
	FACT_LAST,
	PATH_TARGETS,
	PATH_UP,
	PATH_LOSS,
	PATH_RTT,
	PATH_JITTER,
	FACTS
};

struct sensor {
	struct anod_ctx *ctx;
	unsigned window, down_after;
	struct probe *probes;
	struct lane *lanes;
	struct path *paths;
	unsigned n_probes;
	int fact[FACTS];
};

/* ---- clocks: arrivals and sends are stamped when they happen, not when the loop woke ---- */

uint64_t boot_us(void);
int64_t wall_ns(void);
int64_t wall_offset_ns(void); /* CLOCK_REALTIME - CLOCK_BOOTTIME */

/* ---- request.c ---- */

/* 0, or -EINVAL: logged, with what is wrong. */
int request_parse(struct anod_ctx *ctx, const struct anod_action *request, struct spec *ret);
/* "DEV/TARGET", "DEV/TARGET/tcp/PORT" or "DEV/TARGET/size/BYTES", without "DEV/" where the kernel
 * chooses; -ENAMETOOLONG. */
int request_name(const struct spec *s, char ret[ANOD_NAME_SIZE]);

/* ---- lane.c ---- */

int lane_get(struct sensor *s, const struct spec *spec, struct lane **ret);
void lane_put(struct lane *l);
/* Send one; opens the socket again when the link came back as another.  0 or -errno. */
int lane_send(struct lane *l, struct probe *p, struct flight *f);
/* Read all that has arrived. */
void lane_drain(struct lane *l);

/* ---- conn.c ---- */

int conn_send(struct probe *p, struct flight *f);
/* See whether an answer is there, and settle the flight if so. */
void conn_check(struct probe *p, struct flight *f);
void conn_close(struct probe *p, struct flight *f);

/* Stamp the moment of sending. */
void flight_stamp(struct flight *f);
/* A socket address of the target; returns its size. */
struct sockaddr_storage;
unsigned target_address(const struct spec *s, unsigned ifindex, struct sockaddr_storage *ret);

/* ---- publish.c ---- */

int publish_init(struct sensor *s);
int publish_new(struct probe *p); /* entities, and counters at 0 */
void publish_outcome(struct probe *p);
void publish_gone(struct probe *p);
extern const struct anod_kind probe_kinds[];

/* ---- probe.c ---- */

/* An answer to a flight has arrived. */
void probe_answer(struct probe *p, struct flight *f, const struct arrival *a);
/* A flight is over: count, tell, clean up. */
void probe_settle(struct probe *p, struct flight *f, enum flight_state state, uint32_t rtt_us);

#endif
