/*
 * attrs - the facts that this sensor publishes; docs/facts.md in C.
 *
 * Design.  Thresholds are the module's own, as its maker wrote them: what is too little light for
 * one is plenty for another, so rules compare with them and not with numbers.
 */
#include "module.h"

#define MAX_AGE_MS 200000 /* three readings of the longest period */

#define REAL(n, text)                                                                              \
	{                                                                                          \
		.name = n, .type = ANOD_REAL, .max_age_ms = MAX_AGE_MS, .help = text               \
	}
#define INT(n, text)                                                                               \
	{                                                                                          \
		.name = n, .type = ANOD_INT, .max_age_ms = MAX_AGE_MS, .help = text                \
	}
#define BOOL(n, text)                                                                              \
	{                                                                                          \
		.name = n, .type = ANOD_BOOL, .max_age_ms = MAX_AGE_MS, .help = text               \
	}
#define TEXT(n, f, text)                                                                           \
	{                                                                                          \
		.name = n, .type = ANOD_TEXT, .flags = f, .max_age_ms = MAX_AGE_MS, .help = text   \
	}
#define FOUR(n, what)                                                                              \
	REAL(n "_high_alarm", what ": alarm above"), REAL(n "_low_alarm", what ": alarm below"),   \
		REAL(n "_high_warning", what ": warning above"),                                   \
		REAL(n "_low_warning", what ": warning below")

static const struct anod_attr module_attrs[] = {
	REAL("temperature", "degrees Celsius, inside the module"),
	REAL("voltage", "volts, its supply"),
	FOUR("temp", "degrees Celsius"),
	FOUR("voltage", "volts"),
	FOUR("rx", "received power of a lane, dBm"),
	FOUR("tx", "sent power of a lane, dBm"),
	FOUR("bias", "bias current of a laser, mA"),
	INT("lanes", "lanes that the module has"),
	BOOL("alarm", "temperature or voltage is, or was since the last reading, beyond an alarm"),
	BOOL("warning", "the same of a warning"),
	INT("alarms", "readings that found such an alarm, since the start"),
	TEXT("type", 0, "SFP QSFP+ QSFP28 QSFP-DD OSFP ... (SFF-8024)"),
	TEXT("state", 0, "of CMIS: low-power powering-up ready powering-down fault; else empty"),
	TEXT("vendor", ANOD_VALUE_OUTSIDE, "who made it"),
	TEXT("part", ANOD_VALUE_OUTSIDE, "the vendor's part number"),
	TEXT("serial", ANOD_VALUE_OUTSIDE, "the vendor's serial number"),
	TEXT("revision", ANOD_VALUE_OUTSIDE, "the vendor's revision"),
	{ 0 },
};

static const struct anod_attr optic_attrs[] = {
	REAL("rx_power", "received optical power, dBm; -40: none"),
	REAL("tx_power", "sent optical power, dBm; -40: none"),
	REAL("bias", "bias current of the laser, mA"),
	BOOL("rx_los",
	     "no light arrives; as all flags: now, or at some time since the last reading"),
	BOOL("rx_lol", "the receiver's clock recovery is not locked"),
	BOOL("tx_los", "the host sends no signal to the module"),
	BOOL("tx_lol", "the transmitter's clock recovery is not locked"),
	BOOL("tx_fault", "the laser has failed, or was switched off for safety"),
	BOOL("alarm", "a power or the bias current is beyond an alarm threshold"),
	BOOL("warning", "the same of a warning threshold"),
	INT("los",
	    "readings that found rx_los or tx_los, since the start: the flags are cleared by "
	    "reading, these are not"),
	INT("lol", "the same of rx_lol and tx_lol"),
	INT("faults", "the same of tx_fault"),
	INT("alarms", "the same of alarm"),
	TEXT("flags", 0, "all flags in words: rx-los tx-fault rx-low bias-high-warning ..."),
	{ 0 },
};

const struct anod_kind module_kinds[] = {
	{ "module", "a pluggable module: the name of its link", module_attrs },
	{ "optic", "a lane of a module: DEV/LANE, lanes from 1 as in the standards", optic_attrs },
	{ 0 },
};
