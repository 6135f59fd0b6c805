/*
 * tlv - an LLDP data unit as values (IEEE 802.1AB-2016, 8 and 9; annexes D and F).
 *
 * Pure: from the bytes behind the Ethernet type.  Everything in it is a neighbour's word: text is
 * kept as bytes and made fit to be shown by whoever publishes it.
 */
#ifndef LLDP_TLV_H
#define LLDP_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <anod/value.h>

#define TLV_ID_SIZE	256
#define TLV_TEXT_SIZE	64 /* more than a value can show */
#define TLV_FRAME_BYTES 18 /* of an untagged Ethernet frame that are not its payload */

enum { /* enabled capabilities, 8.5.8 */
       TLV_CAP_OTHER = 1,
       TLV_CAP_REPEATER = 2,
       TLV_CAP_BRIDGE = 4,
       TLV_CAP_WLAN = 8,
       TLV_CAP_ROUTER = 16,
       TLV_CAP_PHONE = 32,
       TLV_CAP_DOCSIS = 64,
       TLV_CAP_STATION = 128,
       TLV_CAP_CVLAN = 256,
       TLV_CAP_SVLAN = 512,
       TLV_CAP_TPMR = 1024,
};

struct tlv_text {
	char text[TLV_TEXT_SIZE];
	uint8_t len;
};

struct tlv_id { /* with its subtype in front: what names the neighbour, 9.2.7.7.1 (MSAP) */
	uint8_t bytes[TLV_ID_SIZE];
	uint16_t len;
};

struct tlv_unit {
	struct tlv_id chassis, port;
	uint16_t ttl_s; /* 0: the neighbour says good-bye */
	bool has_caps, has_vlan, has_aggregated;
	struct tlv_text port_description, system_name, system_description;
	uint16_t caps;		    /* enabled ones */
	struct anod_prefix address; /* first of management; family 0: none */
	uint16_t vlan;		    /* port VLAN, 802.1Q; 0: untagged frames are not accepted */
	bool aggregated;	    /* the port is a member of an aggregation */
	uint16_t max_frame;	    /* bytes, 802.3; 0: not told */
	uint16_t mau;		    /* dot3MauType (IANA-MAU-MIB), 0: not told */
};

/* 0, or -EBADMSG: no data unit, as 9.2.7.7.1 says what is to be dropped: the first three TLVs are
 * chassis, port, TTL in this order, and no TLV reaches behind the end. */
int tlv_decode(const uint8_t *data, size_t size, struct tlv_unit *ret);

/* An id for people: "02:00:5e:00:53:01", "192.0.2.1", or the text that it is, ended by a NUL.
 * 'port': subtypes of ports, else of chassis. */
void tlv_id_text(const struct tlv_id *id, bool port, char *ret, size_t size);

/* The enabled capabilities: "bridge router". */
void tlv_caps_text(uint16_t caps, char *ret, size_t size);

#endif
