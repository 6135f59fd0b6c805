/* What the kernel says of packets, time and interrupts of each CPU; and the sensor on this kernel. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "unit/fake_host.h"

#include "plugins/softnet/parse.c"

/* Of Linux 6.1 with two CPUs, the first one offline before it. */
static const char stat_6_1[] =
	"01621b0d 00000002 00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000007 "
	"00000003 00000004 00000001\n"
	"ffffffff 00000000 00000005 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
	"00000000 00000000 00000002\n";

Test(softnet, columns_are_those_of_the_kernel_old_and_new)
{
	const char *at = stat_6_1;
	struct softnet_line l;

	cr_assert(softnet_next(&at, 0, &l));
	cr_expect(l.processed == 0x1621b0d && l.dropped == 2 && l.squeezed == 1 && l.rps == 7);
	cr_expect(l.flow_limit == 3 && l.backlog == 4 && l.cpu == 1 && l.has_backlog);
	cr_assert(softnet_next(&at, 1, &l));
	cr_expect(l.processed == UINT32_MAX && l.squeezed == 5 && l.cpu == 2);
	cr_expect(!softnet_next(&at, 2, &l));

	/* 6.18 has 15; 2.6 had 9, and no number of the CPU. */
	at = "1 2 3 0 0 0 0 0 0 a b c d e f\n1 2 3 0 0 0 0 0 0\n";
	cr_assert(softnet_next(&at, 0, &l) && l.cpu == 13 && l.backlog == 12);
	cr_assert(softnet_next(&at, 4, &l) && l.cpu == 4 && !l.has_backlog && l.rps == 0);

	/* Cut, or something else. */
	at = "1 2 3\nhello\n1 2 x 0 0 0 0 0 0\n\n123456789 2 3 0 0 0 0 0 0\n";
	cr_expect(!softnet_next(&at, 0, &l));
}

Test(softnet, the_time_of_a_cpu_goes_to_six_places)
{
	const char *at = "cpu  10 1 5 100 2 3 4 6 7 8\ncpu0 1 2 3 4\nintr 5 6\ncpu12 1 2\n"
			 "cpux 1 2 3 4\ncpu 1 2 3 99999999999999999999\n";
	struct cpu_line l;

	cr_assert(cpu_next(&at, &l));
	cr_expect(l.cpu == -1 && l.time[CPU_USER] == 11 && l.time[CPU_SYSTEM] == 5);
	cr_expect(l.time[CPU_IDLE] == 102 && l.time[CPU_IRQ] == 3 && l.time[CPU_SOFTIRQ] == 4);
	cr_expect(l.time[CPU_STEAL] == 6);
	cr_assert(cpu_next(&at, &l));
	cr_expect(l.cpu == 0 && l.time[CPU_USER] == 3 && l.time[CPU_IDLE] == 4);
	cr_expect(!cpu_next(&at, &l), "the others are cut, or no CPUs");
}

Test(softnet, interrupts_add_up_by_device)
{
	static const char text[] =
		"           CPU0       CPU1\n"
		" 24:          1          2  IO-APIC   5-edge      ACPI:Ged\n"
		" 41:      23021          5 PCI-MSIX-0000:00:04.0   1-edge  virtio3-rx\n"
		" 42:          7      81345 PCI-MSIX-0000:00:04.0   2-edge  virtio3-tx\n"
		" 43:          7\n"
		"NMI:          1          1   Non-maskable interrupts\n"
		"99999: 1 1\n";
	struct irq_table *t = calloc(1, sizeof(*t));
	uint64_t per_cpu[DEVS_MAX * 2] = { 0 };

	for (unsigned i = 0; i < IRQ_MAX; i++)
		t->dev[i] = DEV_NONE;
	t->dev[41] = t->dev[42] = 3;
	t->dev[43] = 4;
	t->per_cpu = per_cpu;
	t->n_cpus = irq_columns(text);
	cr_assert_eq(t->n_cpus, 2);
	irq_add(t, text);
	cr_expect(t->sum[3].lines == 2 && t->sum[3].total == 23021 + 5 + 7 + 81345);
	cr_expect(per_cpu[6] == 23028 && per_cpu[7] == 81350);
	cr_expect(t->sum[4].lines == 1 && t->sum[4].total == 7, "a line that was cut");
	cr_expect_eq(irq_columns("hello\n"), 0);
	cr_expect_eq(irq_columns(""), 0);
	free(t);
}

static struct fake_host *host;

static bool is_known(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "cpu", "all", "busy");

	(void) data;
	return v && v->type == ANOD_REAL;
}

Test(softnet, this_kernel_tells_what_its_cpus_do, .timeout = 30)
{
	const struct anod_value *all, *one;

	host = fake_host_new("softnet");
	cr_assert_eq(fake_host_start(host), 0);
	cr_assert(fake_host_wait(host, is_known, NULL, 10000));
	all = fake_host_fact(host, "softnet", "all", "processed");
	one = fake_host_fact(host, "softnet", "cpu0", "processed");
	cr_assert(all && one && all->type == ANOD_INT && one->type == ANOD_INT);
	cr_expect(all->u.i >= one->u.i && one->u.i >= 0);
	all = fake_host_fact(host, "softnet", "all", "busiest");
	cr_assert(all && all->type == ANOD_INT);
	one = fake_host_fact(host, "softnet", "cpu0", "busiest");
	cr_assert(one && one->type == ANOD_UNKNOWN, "that is what tells \"all\" from the others");
	one = fake_host_fact(host, "cpu", "cpu0", "softirq");
	cr_assert(one && one->type == ANOD_REAL && one->u.r >= 0 && one->u.r <= 1);
	fake_host_free(host);
}
