#include "plugins/probe/icmp.c"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

/* What a host makes of a request: type changed, the rest sent back. */
static void reply_to(uint8_t buf[ICMP_REQUEST_SIZE], bool ipv6)
{
	icmp_request(buf, ipv6, 0x1234, 0xfeedfacecafebeefULL, 70000);
	buf[0] = ipv6 ? ECHO_REPLY_V6 : ECHO_REPLY_V4;
}

Test(icmp, request_has_a_right_checksum)
{
	uint8_t buf[ICMP_REQUEST_SIZE];

	icmp_request(buf, false, 0xabcd, ~0ULL, 0xffffffffULL);
	cr_expect(eq(int, checksum(buf, sizeof(buf)), 0), "sums up to nothing with itself");
	cr_expect(eq(int, buf[0], 8));
	icmp_request(buf, true, 0xabcd, 1, 2);
	cr_expect(eq(int, buf[0], 128));
	cr_expect(eq(int, buf[2] | buf[3], 0), "the kernel's business");
}

Test(icmp, reply_gives_cookie_and_number_back)
{
	uint8_t raw[60 + ICMP_REQUEST_SIZE] = { 0x4f }, *buf = raw + 60;
	uint64_t cookie = 0, number = 0;

	for (int v6 = 0; v6 < 2; v6++) {
		reply_to(buf, v6);
		cr_expect(icmp_reply(buf, ICMP_REQUEST_SIZE, ICMP_BARE, v6, true, 0x1234, &cookie,
				     &number));
		cr_expect(eq(u64, cookie, 0xfeedfacecafebeefULL));
		cr_expect(eq(u64, number, 70000), "beyond 16 bits");
	}
	reply_to(buf, false);
	cr_expect(icmp_reply(raw, sizeof(raw), ICMP_BEHIND_IPV4, false, true, 0x1234, &cookie,
			     &number),
		  "with IP options");
	cr_expect(icmp_reply(buf, ICMP_REQUEST_SIZE, ICMP_BARE, false, false, 7, &cookie, &number),
		  "a ping socket's identifier is the kernel's");
}

Test(icmp, anything_else_is_refused)
{
	uint8_t good[20 + ICMP_REQUEST_SIZE] = { 0x45 }, bad[sizeof(good)];
	uint64_t cookie = 5, number = 6;

	reply_to(good + 20, false);
#define REFUSED(size)                                                                              \
	cr_expect(not(                                                                             \
		icmp_reply(bad, size, ICMP_BEHIND_IPV4, false, true, 0x1234, &cookie, &number)))
	for (size_t n = 0; n < sizeof(good); n++) {
		memcpy(bad, good, sizeof(good));
		REFUSED(n); /* cut */
	}
	/* Version, header length (below 5, beyond the end), type, code, identifier, number. */
	static const struct {
		int at, value;
	} c[] = { { 0, 0x65 }, { 0, 0x44 }, { 0, 0x4f },  { 20, 8 }, { 20, 3 },
		  { 21, 1 },   { 24, 0 },   { 26, 0xff }, { 43, 1 } };
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		memcpy(bad, good, sizeof(good));
		bad[c[i].at] = (uint8_t) c[i].value;
		REFUSED(sizeof(bad));
	}
	cr_expect(eq(u64, cookie, 5), "outputs are left alone");
	cr_expect(eq(u64, number, 6));
}
