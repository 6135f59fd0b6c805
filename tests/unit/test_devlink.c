/*
 * Messages of the family "devlink": what plugins/devlink makes of them.
 *
 * tests/fuzz/corpus/devlink was recorded by tests/vm/nic/record.py from Linux 6.1 with netdevsim
 * after an error of its health reporter "dummy"; byte 0 says what was asked.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include <anod/netlink.h>

#include "plugins/devlink/items.c"

struct seen {
	struct item item[64];
	unsigned n;
};

static void keep(const struct item *i, void *data)
{
	struct seen *s = data;

	if (s->n < 64)
		s->item[s->n++] = *i;
}

static void recorded(const char *name, struct seen *s)
{
	static uint8_t file[8192] __attribute__((aligned(8)));
	char path[256];
	size_t at = 0;
	ssize_t size;
	uint8_t what;
	int fd;

	s->n = 0;
	(void) snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/devlink/%s", SOURCE_DIR, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(read(fd, &what, 1), 1);
	size = read(fd, file, sizeof(file));
	(void) close(fd);
	while (at + NLMSG_HDRLEN <= (size_t) size) {
		const struct nlmsghdr *h = (const struct nlmsghdr *) (file + at);

		(void) items_parse(h, what, keep, s);
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
}

static const struct item *named(const struct seen *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->item[i].name, name) == 0)
			return &s->item[i];
	cr_assert_fail("no %s among %u", name, s->n);
	return NULL;
}

#define DEV "netdevsim/netdevsim10"

Test(devlink, recorded_answers_have_their_names_and_numbers)
{
	static struct seen s;
	const struct item *i;

	recorded("devices", &s);
	cr_assert_str_eq(named(&s, DEV)->bus, "netdevsim");
	recorded("info", &s);
	cr_assert_str_eq(named(&s, DEV)->text[0], "netdevsim");
	recorded("reporters", &s);
	i = named(&s, DEV "/dummy");
	cr_assert_str_eq(i->text[0], "healthy");
	cr_assert(i->known == 7 && i->number[0] == 1 && i->number[1] == 1 && i->number[2] > 0);
	i = named(&s, DEV "/empty");
	cr_assert(i->known == 3 && i->number[0] == 0, "it has no dump");
	recorded("traps", &s);
	i = named(&s, DEV "/source_mac_is_multicast");
	cr_assert_str_eq(i->text[0], "drop");
	cr_assert_str_eq(i->text[1], "l2_drops");
	cr_assert(i->known & 1);
	recorded("groups", &s);
	cr_assert_eq(named(&s, DEV "/l3_drops")->known & 3, 3);
	recorded("policers", &s);
	i = named(&s, DEV "/1");
	cr_assert(i->known & 1 && i->number[0] == 1000 && i->number[1] == 128);
	recorded("resources", &s);
	i = named(&s, DEV "/IPv4/fib");
	cr_assert(i->known == 2 && i->number[1] == 3, "its size has no limit, so it is unknown");
	cr_assert_eq(s.n, 7);
}

/* ---- made after uapi/linux/devlink.h ---- */

static void begin(struct anod_nl_put *p, const char *bus, const char *dev)
{
	struct anod_nl_family f = { .id = 21, .version = 1 };

	anod_nl_begin_genl(p, &f, DEVLINK_CMD_RESOURCE_DUMP, 0);
	anod_nl_text(p, DEVLINK_ATTR_BUS_NAME, bus);
	anod_nl_text(p, DEVLINK_ATTR_DEV_NAME, dev);
}

static unsigned resource_in(struct anod_nl_put *p, unsigned depth)
{
	uint32_t list = anod_nl_nest(p, DEVLINK_ATTR_RESOURCE_LIST);
	uint32_t one = anod_nl_nest(p, DEVLINK_ATTR_RESOURCE);
	unsigned n = 1;

	anod_nl_text(p, DEVLINK_ATTR_RESOURCE_NAME, "r");
	anod_nl_u64(p, DEVLINK_ATTR_RESOURCE_SIZE, 1000);
	anod_nl_u64(p, DEVLINK_ATTR_RESOURCE_OCC, 900);
	if (depth)
		n += resource_in(p, depth - 1);
	anod_nl_nest_end(p, one);
	anod_nl_nest_end(p, list);
	return n;
}

Test(devlink, trees_and_names_have_their_limits)
{
	static struct seen s;
	struct anod_nl_put p;
	const struct nlmsghdr *h;

	begin(&p, "pci", "0000:03:00.0");
	(void) resource_in(&p, 20);
	cr_assert_eq(items_parse(anod_nl_end(&p), WHAT_RESOURCE, keep, &s), RESOURCE_DEPTH);
	cr_assert_eq(named(&s, "pci/0000:03:00.0/r/r")->number[1], 900);

	begin(&p, "pci", "a/b"); /* would be taken for another device's */
	cr_assert_eq(items_parse(anod_nl_end(&p), WHAT_DEVICE, keep, &s), 0);
	begin(&p, "pci", "");
	cr_assert_eq(items_parse(anod_nl_end(&p), WHAT_DEVICE, keep, &s), 0);
	begin(&p, "a-bus-with-a-name-as-long-as-an-entity's-may-be", "and-a-device-of-it");
	cr_assert_eq(items_parse(anod_nl_end(&p), WHAT_DEVICE, keep, &s), 0);

	begin(&p, "pci", "x");
	anod_nl_text(&p, DEVLINK_ATTR_INFO_SERIAL_NUMBER, "evil\x1b[0m");
	h = anod_nl_end(&p);
	s.n = 0;
	cr_assert_eq(items_parse(h, WHAT_DEVICE, keep, &s), 1);
	cr_assert_str_eq(s.item[0].text[1], "evil?[0m");
}
