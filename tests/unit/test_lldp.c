/* The decoder of LLDP data units, by frames built after IEEE 802.1AB. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "unit/fake_daemon.h"

#include "plugins/lldp/tlv.c"

static int decode(const char *file, struct tlv_unit *u)
{
	size_t size;
	char name[128], *data;
	int r;

	(void) snprintf(name, sizeof(name), "tests/fuzz/corpus/lldp/%s", file);
	data = fake_daemon_file(name, &size);
	memset(u, 0, sizeof(*u));
	r = tlv_decode((const uint8_t *) data, size, u);
	free(data);
	return r;
}

static bool text_is(const struct tlv_text *t, const char *want)
{
	return t->len == strlen(want) && memcmp(t->text, want, t->len) == 0;
}

Test(lldp, a_whole_unit_is_decoded)
{
	static const uint8_t address[4] = { 192, 0, 2, 1 };
	struct tlv_unit u;
	char buf[TLV_ID_SIZE];

	cr_assert_eq(decode("full", &u), 0, "with padding behind the end");
	tlv_id_text(&u.chassis, false, buf, sizeof(buf));
	cr_expect_str_eq(buf, "02:00:5e:00:53:01");
	tlv_id_text(&u.port, true, buf, sizeof(buf));
	cr_expect_str_eq(buf, "swp1");
	cr_expect_eq(u.ttl_s, 120);
	cr_expect(text_is(&u.system_name, "leaf-1"));
	cr_expect(text_is(&u.port_description, "to the office"));
	tlv_caps_text(u.caps, buf, sizeof(buf));
	cr_expect_str_eq(buf, "bridge router");
	cr_expect(u.address.family == AF_INET && memcmp(u.address.addr, address, 4) == 0);
	cr_expect(u.has_vlan && u.vlan == 100);
	cr_expect(u.has_aggregated && u.aggregated);
	cr_expect_eq(u.max_frame, 1518);

	cr_assert_eq(decode("bye", &u), 0);
	cr_expect_eq(u.ttl_s, 0, "it says good-bye");
	cr_assert_eq(decode("address", &u), 0);
	tlv_id_text(&u.chassis, false, buf, sizeof(buf));
	cr_expect_str_eq(buf, "192.0.2.7");
	tlv_id_text(&u.port, true, buf, sizeof(buf));
	cr_expect_str_eq(buf, "::");
}

Test(lldp, what_the_standard_drops_is_dropped)
{
	static const uint8_t big[] = { 0x02, 0xff, 0x04 };
	struct tlv_unit u;

	cr_assert_eq(decode("base", &u), 0, "an end of its own is not needed");
	cr_expect_eq(decode("order", &u), -EBADMSG, "the first three have an order");
	cr_expect_eq(decode("twice", &u), -EBADMSG, "and come once");
	cr_expect_eq(decode("longid", &u), -EBADMSG);
	cr_expect_eq(decode("short", &u), -EBADMSG, "a TLV reaches behind the end");
	cr_expect_eq(tlv_decode(big, sizeof(big), &u), -EBADMSG);
	cr_expect_eq(tlv_decode(big, 0, &u), -EBADMSG);
}

Test(lldp, words_that_do_not_fit_are_left_out_whole)
{
	char buf[12];

	tlv_caps_text(TLV_CAP_BRIDGE | TLV_CAP_ROUTER, buf, sizeof(buf));
	cr_expect_str_eq(buf, "bridge");
	tlv_caps_text(0, buf, sizeof(buf));
	cr_expect_str_eq(buf, "");
}
