/*
 * devices - which interrupts are of which link.
 *
 * Design.  /sys/class/net/LINK/device is the link's device; the interrupts of a PCI device are named
 * in its msi_irqs, or in its "irq".  The device of a virtio link is below the one with the
 * interrupts, so the parent is asked as well.  Names of interrupts are no guide: drivers make
 * them up.  Several links of one device share its interrupts, which count for the first one.
 */
#include "softnet.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NET "/sys/class/net"

static bool is_ours(struct softnet *s, uint64_t irq, unsigned dev)
{
	if (irq >= IRQ_MAX || s->table->dev[irq] != DEV_NONE)
		return false;
	s->table->dev[irq] = (uint16_t) dev;
	return true;
}

/* How many interrupts were found in the folder 'path' of 'base'. */
static unsigned scan_msi(struct softnet *s, int base, const char *path, unsigned dev)
{
	int fd = openat(base, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	unsigned n = 0;

	if (!d) {
		if (fd >= 0)
			(void) close(fd);
		return 0;
	}
	while ((e = readdir(d))) {
		uint64_t irq;

		if (anod_word_u64(e->d_name, strlen(e->d_name), 10, &irq))
			n += is_ours(s, irq, dev);
	}
	(void) closedir(d);
	return n;
}

static unsigned scan_single(struct softnet *s, int base, const char *path, unsigned dev)
{
	char text[16];
	int fd = openat(base, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	uint64_t irq;

	if (fd >= 0)
		(void) close(fd);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	return n > 0 && anod_word_u64(text, (size_t) n, 10, &irq) && irq > 0 &&
	       is_ours(s, irq, dev);
}

static unsigned scan_link(struct softnet *s, int net, const char *name, unsigned dev)
{
	int base = openat(net, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned n = 0;

	if (base < 0)
		return 0;
	n = scan_msi(s, base, "device/msi_irqs", dev);
	if (!n)
		n = scan_msi(s, base, "device/../msi_irqs", dev);
	if (!n)
		n = scan_single(s, base, "device/irq", dev);
	(void) close(base);
	return n;
}

/* The place of the link of this name, an old one or a free one; DEV_NONE: there is no more room. */
static unsigned place_of(const struct softnet *s, const char *name)
{
	unsigned place = DEV_NONE;

	for (unsigned i = DEVS_MAX; i-- > 0;) {
		if (strcmp(s->device[i].name, name) == 0)
			return i;
		if (!s->device[i].name[0])
			place = i;
	}
	return place;
}

void device_free(struct device *d)
{
	free(d->per_cpu);
	*d = (struct device){ 0 };
}

void devices_scan(struct softnet *s)
{
	DIR *net = opendir(NET);
	struct dirent *e;

	for (unsigned i = 0; i < IRQ_MAX; i++)
		s->table->dev[i] = DEV_NONE;
	for (unsigned i = 0; i < DEVS_MAX; i++)
		s->device[i].seen = false;

	while (net && (e = readdir(net))) {
		unsigned i = DEV_NONE;

		if (e->d_name[0] != '.' && strlen(e->d_name) < ANOD_IFNAME_SIZE)
			i = place_of(s, e->d_name);
		if (i == DEV_NONE || !scan_link(s, dirfd(net), e->d_name, i))
			continue;
		memcpy(s->device[i].name, e->d_name, strlen(e->d_name) + 1);
		s->device[i].seen = true;
	}
	if (net)
		(void) closedir(net);
	for (unsigned i = 0; i < DEVS_MAX; i++) {
		if (s->device[i].seen || !s->device[i].name[0])
			continue;
		if (s->device[i].entity)
			(void) s->ctx->host->entity_gone(s->ctx, s->device[i].entity);
		device_free(&s->device[i]);
	}
}
