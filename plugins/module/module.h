/*
 * module - what the files of the sensor share.
 *
 * module.c decides when to read and asks, port.c knows the ports and what of their modules was
 * read, store.c publishes, attrs.c is what is published, eeprom.c and the decoders of the three
 * standards take the memory apart.
 *
 * Thread: the host's loop.  Memory: 'struct sensor' is the host's; ports are malloc()ed and freed
 * in fini().
 */
#ifndef PLUGIN_MODULE_H
#define PLUGIN_MODULE_H

#include <anod/netlink.h>
#include <anod/plugin.h>

#include "eeprom.h"

#define PORTS_MAX 1024

/* What is read of a module, in pieces of at most 128 bytes. */
enum part { PART_LOWER, PART_PAGE0, PART_PAGE1, PART_LIMITS, PART_LANES, PART_A2, PARTS };

struct chunk {
	uint8_t part, i2c, page, offset, len; /* offset as in the standards: upper pages from 128 */
	bool once;			      /* does not change while the module is there */
	uint8_t flags, n_flags;		      /* bytes that reading clears, from this offset on */
};

struct port {
	uint32_t ifindex;
	char name[ANOD_IFNAME_SIZE];
	uint32_t round; /* that found it */
	uint32_t entity, lane[LANES_MAX];
	uint32_t wait;	/* rounds until it is asked again */
	uint32_t reads; /* rounds since all was read */
	int64_t downs;	/* carrier_down at that time */
	bool complete;	/* what does not change is known */
	uint8_t untold; /* bit k: flags in page[k] that were not published yet */
	bool has[PARTS];
	uint8_t page[PARTS][PAGE_SIZE_];
	int64_t lane_count[LANES_MAX][4], count; /* readings with LOS, LOL, fault, alarm; alarm */
	char words[LANES_MAX][ANOD_TEXT_SIZE];	 /* that were published */
};

struct sensor {
	struct anod_ctx *ctx;
	struct anod_nl *nl;
	struct anod_nl_family family;
	int first_module, first_optic;
	uint64_t timer;
	uint64_t period_us, idle_us; /* options */
	uint64_t every_us[2];	     /* what others want of modules, of optics; 0: nothing */
	uint64_t held_us;
	bool missing, refused; /* said so */

	uint32_t round;
	struct port **port;
	uint32_t n_ports, ports_size;
	uint32_t at;   /* port that is being read */
	unsigned step; /* and which of its pieces */
	const struct chunk *asked;
	bool arrived;
};

/* ---- port.c ------------------------------------------------------------------------------ */

/* Find the ports: links of no kind, which are hardware. */
void ports_find(struct sensor *s);
void ports_free(struct sensor *s);
/* Begin to read a port: is all of it to be read? */
void port_begin(struct sensor *s, struct port *p);
/* The next piece, or NULL: all were read.  'step' is counted on. */
const struct chunk *port_next(const struct port *p, unsigned *step);
/* A piece has come. */
void port_take(struct port *p, const struct chunk *c, const uint8_t *data);
/* There is no module, or it does not answer. */
void port_lost(struct sensor *s, struct port *p);

/* ---- store.c ----------------------------------------------------------------------------- */

enum { MODULE_NUMBERS = 26, OPTIC_NUMBERS = 14 };
extern const struct anod_kind module_kinds[];
/* Publish what was read of a port. */
void port_publish(struct sensor *s, struct port *p);
/* The attribute DATA of an answer to MODULE_EEPROM_GET for a port, 'len' bytes; NULL: it is not
 * one.  Pure. */
struct nlmsghdr;
const uint8_t *eeprom_data(const struct nlmsghdr *m, uint32_t ifindex, size_t len);

#endif
