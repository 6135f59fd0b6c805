/*
 * flight_int - the form of a flight file, for its writer and its reader.
 *
 *   header   "anodflt1"  u32 version  u32 bytes of the header  u64 incident  u64 opened
 *            u64 from  u64 to  i64 wall offset  u32 series  u32 left out  u32 complete  u32 0
 *            title (160)  u32 crc of what is before it  u32 0
 *   record   u32 bytes of the body  u32 crc of the body  body
 *   body     u8 type  u8 unit  u8 counter  u8 0  u32 samples  u32 first step  u32 0
 *            i64 base  kind (24)  entity (64)  attr (64)  then the coder's bytes
 */
#ifndef RECORD_FLIGHT_INT_H
#define RECORD_FLIGHT_INT_H

#include <endian.h>
#include <string.h>

#include "record/flight.h"

#define FLIGHT_MAGIC	   "anodflt1"
#define FLIGHT_HEAD_SIZE   (8 + 4 + 4 + 5 * 8 + 4 * 4 + ANOD_REASON_SIZE + 8)
#define FLIGHT_RECORD_SIZE 8
#define FLIGHT_BODY_SIZE   (4 + 2 + 2 + 4 + 4 + 8 + ANOD_KIND_SIZE + 2 * ANOD_NAME_SIZE)

static inline void put32(uint8_t **at, uint32_t v)
{
	v = htole32(v);
	memcpy(*at, &v, sizeof(v));
	*at += sizeof(v);
}

static inline void put64(uint8_t **at, uint64_t v)
{
	v = htole64(v);
	memcpy(*at, &v, sizeof(v));
	*at += sizeof(v);
}

static inline uint32_t get32(const uint8_t **at)
{
	uint32_t v;

	memcpy(&v, *at, sizeof(v));
	*at += sizeof(v);
	return le32toh(v);
}

static inline uint64_t get64(const uint8_t **at)
{
	uint64_t v;

	memcpy(&v, *at, sizeof(v));
	*at += sizeof(v);
	return le64toh(v);
}

#endif
