/*
 * fuzz_bridge - kernel messages of any shape into the reader of bridges.
 *
 * Names and lists have to end, a port has no more VLANs than there are in each entry, and a move
 * is from a port that was told before.
 */
#include "plugins/bridge/decode.c"
#include "plugins/bridge/kinds.c"
#include "plugins/bridge/moves.c"

#include "fuzz/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct moves *moves;
static struct port_vlans vlans;
static struct bridge_seen bridge_seen;
static struct port_seen port_seen;

static void take(const struct nlmsghdr *m)
{
	int64_t raw[BR_NUMBERS + PORT_NUMBERS];
	struct bridge_port port;
	struct fdb_entry fdb;
	struct bridge b;
	uint32_t ifindex;
	char text[24];

	if (decode_bridge(m, &b) > 0) {
		if (!b.name[0] || strnlen(b.name, sizeof(b.name)) == sizeof(b.name))
			abort();
		(void) bridge_fill(&b, &bridge_seen, false, raw);
		bridge_id_text(b.root, text);
	}
	if (decode_port(m, &port) > 0) {
		if (!port.master || !port_state_word(port.state) ||
		    strnlen(port.name, sizeof(port.name)) == sizeof(port.name))
			abort();
		(void) port_fill(&port, &vlans, &port_seen, false, raw);
	}
	(void) decode_vlans(m, &ifindex, &vlans);
	if (vlans.pvid > 4094 || strnlen(vlans.list, sizeof(vlans.list)) == sizeof(vlans.list))
		abort();
	if (decode_fdb(m, &fdb) > 0 && moves_take(moves, &fdb) == fdb.port && fdb.port)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	moves = moves ? moves : moves_new();
	if (!moves)
		return 0;
	memset(&vlans, 0, sizeof(vlans));
	memset(&bridge_seen, 0, sizeof(bridge_seen));
	memset(&port_seen, 0, sizeof(port_seen));
	fuzz_messages(data, size, take);
	return 0;
}
