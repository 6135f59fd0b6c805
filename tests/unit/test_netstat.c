/* Counters of the stack: by name, wherever they stand; and the sensor on this kernel. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "unit/fake_host.h"

#include "plugins/netstat/parse.c"

Test(netstat, counters_are_found_by_name_and_added_up)
{
	struct netstat n = { 0 };

	netstat_pairs(&n, "Ip: Forwarding InDiscards New ForwDatagrams\nIp: 1 5 77 9\n"
			  "Tcp: MaxConn RetransSegs CurrEstab\nTcp: -1 10 3\n"
			  "TcpExt: IPReversePathFilter\nTcpExt: 42\n"
			  "Udp: InErrors RcvbufErrors\nUdp: 7\n"
			  "Icmp: OutRateLimitGlobal OutRateLimitHost\nIcmp: 3 4\n");
	netstat_lines(&n, "Icmp6OutRateLimitHost \t5\nIp6InTooBigErrors                  \t8\n"
			  "Udp6InErrors 1\nIp6InDiscards\n");
	cr_expect_eq(n.value[IP_IN_DISCARDS], 5);
	cr_expect_eq(n.value[IP_FORWARDED], 9);
	cr_expect_eq(n.value[TCP_RETRANS], 10);
	cr_expect_eq(n.value[TCP_ESTABLISHED], 3);
	cr_expect_eq(n.value[IP_RP_FILTER], 42);
	cr_expect_eq(n.value[UDP_IN_ERRORS], 8);
	cr_expect_eq(n.value[ICMP_OUT_LIMITED], 12);
	cr_expect_eq(n.value[IP6_TOO_BIG], 8);
	cr_expect(!(n.known >> UDP_RCVBUF_ERRORS & 1), "its value was cut");
	cr_expect(!(n.known >> IP6_IN_DISCARDS & 1));
	cr_expect(!(n.known >> TCP_TIMEOUTS & 1), "this kernel has none");
	cr_expect(n.known >> IP_RP_FILTER & 1);
}

Test(netstat, what_does_not_fit_together_is_left_out)
{
	struct netstat n = { 0 };

	netstat_pairs(&n, "Ip: InDiscards\nTcp: 5\n");
	netstat_pairs(&n, "Ip InDiscards\nIp 5\n");
	netstat_pairs(&n, "Ip: InDiscards\n");
	netstat_pairs(&n, "Ip: InDiscards\nIp: -5\n");
	netstat_pairs(&n, "Ip: InDiscards\nIp: 99999999999999999999\n");
	netstat_pairs(
		&n, "AnExtremelyLongPrefixOfALine: InDiscards\nAnExtremelyLongPrefixOfALine: 5\n");
	netstat_lines(&n, "Ip6InDiscards x\n\n \n");
	cr_expect_eq(n.known, 0);
}

Test(netstat, names_stand_in_the_order_that_is_searched_and_each_fact_has_one)
{
	uint64_t known = 0;

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		cr_expect(i == 0 || strcmp(sources[i - 1].name, sources[i].name) < 0, "%s",
			  sources[i].name);
		known |= UINT64_C(1) << sources[i].fact;
	}
	cr_expect_eq(known, (UINT64_C(1) << FACTS) - 1);
}

static bool is_known(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "netstat", "stack", data);

	return v && v->type == ANOD_INT;
}

Test(netstat, this_kernel_has_them_all, .timeout = 30)
{
	struct fake_host *host = fake_host_new("netstat");

	cr_assert_eq(fake_host_start(host), 0);
	cr_assert(fake_host_wait(host, is_known, (void *) "tcp_retrans", 10000));
	cr_expect(is_known(host, (void *) "ip_rp_filter"));
	cr_expect(is_known(host, (void *) "tcp_listen_overflows"));
	cr_expect(is_known(host, (void *) "udp_rcvbuf_errors"));
	fake_host_free(host);
}
