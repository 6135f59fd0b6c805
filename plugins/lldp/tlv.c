/*
 * tlv - the decoder of LLDP data units.
 *
 * Design.  One pass; each TLV is looked at within its own length, which was compared with the end
 * before.  A TLV that is too short for its type, and one that nobody here knows, is skipped, as the
 * standard asks for what is optional; what is wrong with a mandatory one drops the whole.
 */
#include "tlv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	END = 0,
	CHASSIS = 1,
	PORT = 2,
	TTL = 3,
	PORT_DESCRIPTION = 4,
	SYSTEM_NAME = 5,
	SYSTEM_DESCRIPTION = 6,
	CAPABILITIES = 7,
	MANAGEMENT = 8,
	ORGANISATION = 127,
};
enum { OUI_8021 = 0x0080c2, OUI_8023 = 0x00120f };
/* Address families of the IANA registry, as 802.1AB uses them. */
enum { FAMILY_IPV4 = 1, FAMILY_IPV6 = 2 };

static uint16_t u16(const uint8_t *p)
{
	return (uint16_t) (p[0] << 8 | p[1]);
}

static void take_text(struct tlv_text *t, const uint8_t *p, size_t len)
{
	if (len > sizeof(t->text))
		len = sizeof(t->text);
	memcpy(t->text, p, len);
	t->len = (uint8_t) len;
}

static int take_id(struct tlv_id *id, const uint8_t *p, size_t len)
{
	if (len < 2 || len > sizeof(id->bytes))
		return -EBADMSG;
	memcpy(id->bytes, p, len);
	id->len = (uint16_t) len;
	return 0;
}

/* length, subtype, address, interface numbering (1 + 4), OID: 8.5.9 */
static void take_management(struct tlv_unit *u, const uint8_t *p, size_t len)
{
	struct anod_prefix a = { 0 };

	if (u->address.family || len < 2 || p[0] < 2 || (size_t) p[0] + 1 > len)
		return;
	if (p[1] == FAMILY_IPV4 && p[0] == 1 + 4) {
		a.family = AF_INET;
		a.len = 32;
		memcpy(a.addr, p + 2, 4);
	} else if (p[1] == FAMILY_IPV6 && p[0] == 1 + 16) {
		a.family = AF_INET6;
		a.len = 128;
		memcpy(a.addr, p + 2, 16);
	} else {
		return;
	}
	u->address = a;
}

static void take_organisation(struct tlv_unit *u, const uint8_t *p, size_t len)
{
	uint32_t oui;
	uint8_t type;

	if (len < 4)
		return;
	oui = (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];
	type = p[3];
	p += 4;
	len -= 4;
	if (oui == OUI_8021 && type == 1 && len >= 2) {
		u->has_vlan = true;
		u->vlan = u16(p) & 0xfff;
	} else if ((oui == OUI_8021 && type == 7 && len >= 5) ||
		   (oui == OUI_8023 && type == 3 && len >= 5)) {
		u->has_aggregated = true;
		u->aggregated = (p[0] & 2) != 0;
	} else if (oui == OUI_8023 && type == 4 && len >= 2) {
		u->max_frame = u16(p);
	} else if (oui == OUI_8023 && type == 1 && len >= 5) {
		u->mau = u16(p + 3);
	}
}

static void take_optional(struct tlv_unit *u, unsigned type, const uint8_t *p, size_t len)
{
	switch (type) {
	case PORT_DESCRIPTION:
		take_text(&u->port_description, p, len);
		break;
	case SYSTEM_NAME:
		take_text(&u->system_name, p, len);
		break;
	case SYSTEM_DESCRIPTION:
		take_text(&u->system_description, p, len);
		break;
	case CAPABILITIES:
		if (len < 4)
			break;
		u->has_caps = true;
		u->caps = u16(p + 2) & u16(p);
		break;
	case MANAGEMENT:
		take_management(u, p, len);
		break;
	case ORGANISATION:
		take_organisation(u, p, len);
		break;
	default:
		break;
	}
}

/* The n-th TLV, from 0. */
static int take(struct tlv_unit *u, unsigned n, unsigned type, const uint8_t *p, size_t len)
{
	if (n == 0)
		return type == CHASSIS ? take_id(&u->chassis, p, len) : -EBADMSG;
	if (n == 1)
		return type == PORT ? take_id(&u->port, p, len) : -EBADMSG;
	if (n == 2) {
		if (type != TTL || len < 2)
			return -EBADMSG;
		u->ttl_s = u16(p);
		return 0;
	}
	if (type == CHASSIS || type == PORT || type == TTL)
		return -EBADMSG;
	take_optional(u, type, p, len);
	return 0;
}

int tlv_decode(const uint8_t *data, size_t size, struct tlv_unit *ret)
{
	struct tlv_unit u;
	unsigned n;

	memset(&u, 0, sizeof(u));
	for (n = 0; size >= 2; n++) {
		unsigned type = data[0] >> 1;
		size_t len = (size_t) (u16(data) & 0x1ff);

		if (len > size - 2)
			return -EBADMSG;
		if (type == END) {
			if (len != 0)
				return -EBADMSG;
			break;
		}
		if (take(&u, n, type, data + 2, len) < 0)
			return -EBADMSG;
		data += 2 + len;
		size -= 2 + len;
	}
	if (n < 3)
		return -EBADMSG;
	*ret = u;
	return 0;
}

/* ---- for people --------------------------------------------------------------------------- */

static bool is_mac(const struct tlv_id *id, bool port)
{
	return id->bytes[0] == (port ? 3 : 4) && id->len == 1 + 6;
}

static bool is_address(const struct tlv_id *id, bool port)
{
	return id->bytes[0] == (port ? 4 : 5) &&
	       ((id->len == 2 + 4 && id->bytes[1] == FAMILY_IPV4) ||
		(id->len == 2 + 16 && id->bytes[1] == FAMILY_IPV6));
}

void tlv_id_text(const struct tlv_id *id, bool port, char *ret, size_t size)
{
	const uint8_t *b = id->bytes + 1;
	size_t len = id->len ? id->len - 1u : 0;

	ret[0] = '\0';
	if (is_mac(id, port)) {
		(void) snprintf(ret, size, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
				b[4], b[5]);
	} else if (is_address(id, port)) {
		(void) inet_ntop(b[0] == FAMILY_IPV4 ? AF_INET : AF_INET6, b + 1, ret,
				 (socklen_t) size);
	} else {
		if (len > size - 1)
			len = size - 1;
		memcpy(ret, b, len);
		ret[len] = '\0';
	}
}

void tlv_caps_text(uint16_t caps, char *ret, size_t size)
{
	static const char *const words[] = { "other",  "repeater", "bridge",  "wlan",
					     "router", "phone",	   "docsis",  "station",
					     "c-vlan", "s-vlan",   "two-port" };
	size_t used = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int n;

		if (!(caps & 1u << i))
			continue;
		n = snprintf(ret + used, size - used, "%s%s", used ? " " : "", words[i]);
		if (n < 0 || (size_t) n >= size - used) {
			ret[used] = '\0';
			return;
		}
		used += (size_t) n;
	}
}
