/*
 * fuzz_lldp - frames of any kind into the decoder of LLDP data units.
 *
 * Copied to memory of their very size.  What comes out has lengths within its own arrays, and its
 * texts end.
 */
#include <stdlib.h>

#include "plugins/lldp/tlv.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct tlv_unit u;
	char buf[TLV_ID_SIZE], caps[16];

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	if (tlv_decode(copy, size, &u) == 0) {
		if (u.chassis.len < 2 || u.chassis.len > TLV_ID_SIZE || u.port.len < 2 ||
		    u.port.len > TLV_ID_SIZE || u.system_name.len > TLV_TEXT_SIZE ||
		    u.port_description.len > TLV_TEXT_SIZE || u.vlan > 4095)
			abort();
		tlv_id_text(&u.chassis, false, buf, sizeof(buf));
		tlv_id_text(&u.port, true, buf, sizeof(buf));
		tlv_caps_text(u.caps, caps, sizeof(caps));
		if (strlen(buf) >= sizeof(buf) || strlen(caps) >= sizeof(caps))
			abort();
	}
	free(copy);
	return 0;
}
