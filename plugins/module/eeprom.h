/*
 * eeprom - the memory of a pluggable module, taken apart: SFF-8472, SFF-8636 and CMIS.
 *
 * Pure.  Threads: any.  Memory: plain data; words are constants.  Pages are 128 bytes each and may
 * be missing; nothing outside of them is read.  What a module does not measure, or a page that is
 * not there would say, is unknown.
 *
 * Units are those of data sheets: degrees Celsius, volts, milliamperes, and for optical power dBm
 * (10 log10 of milliwatts); below 0.1 uW, the last bit of all three standards, it is -40 dBm.
 */
#ifndef MODULE_EEPROM_H
#define MODULE_EEPROM_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SIZE_ 128
#define LANES_MAX  8
#define TEXT_MAX   17 /* 16 characters and a NUL */
#define DBM_MIN	   (-40.0)

enum family {
	FAMILY_NONE,	/* no memory map that is known here */
	FAMILY_SFF8472, /* SFP to SFP28 */
	FAMILY_SFF8636, /* QSFP+, QSFP28 */
	FAMILY_CMIS,	/* QSFP-DD, OSFP, SFP-DD, QSFP with CMIS */
};

/* Pages of the memory, as far as they were read; each PAGE_SIZE_ bytes or NULL. */
struct image {
	const uint8_t *lower;  /* A0h 0-127 */
	const uint8_t *page0;  /* A0h 128-255, page 00h */
	const uint8_t *page1;  /* CMIS 01h: what is implemented */
	const uint8_t *limits; /* SFF-8636 03h, CMIS 02h */
	const uint8_t *lanes;  /* CMIS 11h */
	const uint8_t *a2;     /* SFF-8472 A2h 0-127 */
};

/* High alarm, low alarm, high warning, low warning: the order of all three standards. */
enum limit { HIGH_ALARM, LOW_ALARM, HIGH_WARNING, LOW_WARNING, LIMITS };

struct limits {
	bool known;
	double at[LIMITS];
};

/* Flags of a lane. */
enum {
	LANE_RX_LOS = 1 << 0,	/* no light arrives */
	LANE_RX_LOL = 1 << 1,	/* the receiver's clock recovery is not locked */
	LANE_TX_LOS = 1 << 2,	/* no signal of the host arrives */
	LANE_TX_LOL = 1 << 3,	/* the transmitter's clock recovery is not locked */
	LANE_TX_FAULT = 1 << 4, /* the laser has failed, or was switched off for safety */
	LANE_RX = 1 << 8,	/* << enum limit: received power is beyond it */
	LANE_TX = 1 << 12,	/* sent power */
	LANE_BIAS = 1 << 16,	/* bias current */
};
#define LANE_ALARMS   ((LANE_RX | LANE_TX | LANE_BIAS) * 3u)
#define LANE_WARNINGS ((LANE_RX | LANE_TX | LANE_BIAS) * 12u)

/* Flags of a module: << enum limit. */
enum {
	MODULE_TEMPERATURE = 1 << 0,
	MODULE_VOLTAGE = 1 << 4,
};
#define MODULE_ALARMS	((MODULE_TEMPERATURE | MODULE_VOLTAGE) * 3u)
#define MODULE_WARNINGS ((MODULE_TEMPERATURE | MODULE_VOLTAGE) * 12u)

struct optic { /* one lane */
	bool present;
	bool rx_known, tx_known, bias_known;
	double rx_dbm, tx_dbm, bias_ma;
	uint32_t flags, flags_known; /* LANE_* */
};

struct module_info {
	enum family family;
	const char *type;  /* "QSFP28"; NULL: not known */
	const char *state; /* of CMIS: "ready", "low-power" ...; NULL: not told */
	char vendor[TEXT_MAX], part[TEXT_MAX], serial[TEXT_MAX], revision[5];
	bool has_text;
	bool temperature_known, voltage_known;
	double temperature, voltage;
	uint32_t flags, flags_known; /* MODULE_* */
	struct limits temperature_limits, voltage_limits, rx_limits, tx_limits, bias_limits;
	struct optic lane[LANES_MAX];
};

/* From byte 0 of the memory (SFF-8024 table 4-1). */
enum family module_family(uint8_t identifier);
const char *module_type(uint8_t identifier);
/* SFF-8472: does the module answer at A2h without a change of address? */
bool module_has_a2(const uint8_t *lower);
/* SFF-8636 and CMIS: are there pages beside 00h? */
bool module_has_pages(const uint8_t *lower);

/* What the pages of 'in' say. */
void module_decode(const struct image *in, struct module_info *ret);

/* ---- for the three decoders -------------------------------------------------------------- */

void decode_sff8472(const struct image *in, struct module_info *m);
void decode_sff8636(const struct image *in, struct module_info *m);
void decode_cmis(const struct image *in, struct module_info *m);

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t) (p[0] << 8 | p[1]);
}
/* Four numbers in the order of enum limit. */
void limits_set(struct limits *l, const uint8_t *p, double scale, bool is_signed);
/* The same of optical power in units of 0.1 uW. */
void limits_set_power(struct limits *l, const uint8_t *p);
/* 'mw' milliwatts as dBm. */
double dbm(double mw);
/* 'size' characters, padded with blanks; what cannot be printed becomes '?'. */
void text_set(char *ret, const uint8_t *p, unsigned size);

#endif
