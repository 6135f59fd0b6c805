/*
 * scan - what there is to be measured: sensors, fans, power, cooling.
 *
 * Design.  Files of Documentation/hwmon/sysfs-interface.rst, driver-api/thermal/sysfs-api.rst and
 * the x86 throttle counters.  An entity is "chip/label", with the hwmon's number where two chips
 * have one name; a file that cannot be read once is left out.
 */
#include "machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct scan {
	struct channel *c;
	unsigned n, max;
};

static bool read_word(const char *folder, const char *file, char *ret, size_t size)
{
	char path[PATH_SIZE + 64];
	ssize_t n;
	int fd;

	(void) snprintf(path, sizeof(path), "%s/%s", folder, file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	n = fd >= 0 ? read(fd, ret, size - 1) : -1;
	if (fd >= 0)
		(void) close(fd);
	if (n <= 0)
		return false;
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	for (char *p = ret; *p; p++)
		if (*p < ' ' || *p == '/' || *p == '"' || (unsigned char) *p >= 0x7f)
			*p = '_';
	return ret[0] != '\0';
}

static void add(struct scan *s, const char *folder, const char *file, const char *entity,
		enum hwmon_fact fact, double scale)
{
	struct channel *c = &s->c[s->n];
	int n;

	if (s->n == s->max)
		return;
	*c = (struct channel){ .fact = fact, .scale = scale, .fd = -1 };
	n = snprintf(c->path, sizeof(c->path), "%s/%s", folder, file);
	if (n < 0 || (size_t) n >= sizeof(c->path) || access(c->path, R_OK) < 0)
		return;
	(void) snprintf(c->entity, sizeof(c->entity), "%s", entity);
	s->n++;
}

/* "temp12_input": its number, when the name is one of 'what'. */
static bool is_input(const char *file, const char *what, const char *end, unsigned *ret)
{
	size_t n = strlen(what), size = strlen(file), e = strlen(end);
	uint64_t number;

	if (size <= n + e || strncmp(file, what, n) != 0 || strcmp(file + size - e, end) != 0 ||
	    !anod_word_u64(file + n, size - n - e, 10, &number) || number > 999)
		return false;
	*ret = (unsigned) number;
	return true;
}

static void hwmon_channel(struct scan *s, const char *folder, const char *chip, const char *what,
			  unsigned number, const char *input, enum hwmon_fact fact, double scale)
{
	char file[32], label[24], entity[ANOD_NAME_SIZE];

	(void) snprintf(file, sizeof(file), "%s%u_label", what, number);
	if (!read_word(folder, file, label, sizeof(label)))
		(void) snprintf(label, sizeof(label), "%s%u", what, number);
	(void) snprintf(entity, sizeof(entity), "%s/%s", chip, label);
	add(s, folder, input, entity, fact, scale);
	(void) snprintf(file, sizeof(file), "%s%u_alarm", what, number);
	add(s, folder, file, entity, ALARM, 1);
	if (fact != TEMPERATURE)
		return;
	(void) snprintf(file, sizeof(file), "%s%u_crit", what, number);
	add(s, folder, file, entity, LIMIT, scale);
	(void) snprintf(file, sizeof(file), "%s%u_crit_alarm", what, number);
	add(s, folder, file, entity, ALARM, 1);
}

static void hwmon_chip(struct scan *s, const char *folder, const char *number)
{
	static const struct {
		const char *what, *end;
		enum hwmon_fact fact;
		double scale;
	} inputs[] = {
		{ "temp", "_input", TEMPERATURE, 1e-3 },
		{ "fan", "_input", FAN, 1 },
		{ "power", "_input", POWER, 1e-6 },
		{ "power", "_average", POWER, 1e-6 },
	};
	char chip[32], name[40];
	struct dirent *e;
	unsigned k;
	DIR *d;

	if (!read_word(folder, "name", chip, sizeof(chip)))
		return;
	(void) snprintf(name, sizeof(name), "%s%s%s", chip, number[0] ? "-" : "", number);
	d = opendir(folder);
	while (d && (e = readdir(d)))
		for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
			if (is_input(e->d_name, inputs[i].what, inputs[i].end, &k))
				hwmon_channel(s, folder, name, inputs[i].what, k, e->d_name,
					      inputs[i].fact, inputs[i].scale);
	if (d)
		(void) closedir(d);
}

/* Is there another hwmon with this one's name? */
static bool is_twin(const char *class, const char *own)
{
	char path[PATH_SIZE], name[32], other[32];
	struct dirent *e;
	bool twin = false;
	DIR *d;

	(void) snprintf(path, sizeof(path), "%s/%.32s", class, own);
	if (!read_word(path, "name", name, sizeof(name)))
		return false;
	d = opendir(class);
	while (d && !twin && (e = readdir(d))) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, own) == 0)
			continue;
		(void) snprintf(path, sizeof(path), "%s/%.32s", class, e->d_name);
		twin = read_word(path, "name", other, sizeof(other)) && strcmp(name, other) == 0;
	}
	if (d)
		(void) closedir(d);
	return twin;
}

static void thermal_zone(struct scan *s, const char *folder, const char *number)
{
	char type[32], entity[ANOD_NAME_SIZE], file[40], trip[24];

	if (!read_word(folder, "type", type, sizeof(type)))
		return;
	(void) snprintf(entity, sizeof(entity), "zone%s/%s", number, type);
	add(s, folder, "temp", entity, TEMPERATURE, 1e-3);
	for (unsigned k = 0; k < 16; k++) {
		(void) snprintf(file, sizeof(file), "trip_point_%u_type", k);
		if (!read_word(folder, file, trip, sizeof(trip)))
			break;
		if (strcmp(trip, "critical") != 0)
			continue;
		(void) snprintf(file, sizeof(file), "trip_point_%u_temp", k);
		add(s, folder, file, entity, LIMIT, 1e-3);
		break;
	}
}

static void cooling_device(struct scan *s, const char *folder, const char *number)
{
	char type[32], max[24], entity[ANOD_NAME_SIZE];
	uint64_t n;

	if (!read_word(folder, "type", type, sizeof(type)) ||
	    !read_word(folder, "max_state", max, sizeof(max)) ||
	    !anod_word_u64(max, strlen(max), 10, &n) || n == 0)
		return;
	(void) snprintf(entity, sizeof(entity), "cooling%s/%s", number, type);
	add(s, folder, "cur_state", entity, COOLING, 1.0 / (double) n);
}

static void each(struct scan *s, const char *sys, const char *class, const char *prefix,
		 void (*fn)(struct scan *, const char *folder, const char *number))
{
	char top[96], folder[PATH_SIZE];
	struct dirent *e;
	DIR *d;

	(void) snprintf(top, sizeof(top), "%.60s/%s", sys, class);
	d = opendir(top);
	while (d && (e = readdir(d))) {
		const char *number = e->d_name + strlen(prefix);
		uint64_t n;

		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 ||
		    !anod_word_u64(number, strlen(number), 10, &n) || n > 9999)
			continue;
		(void) snprintf(folder, sizeof(folder), "%s/%.32s", top, e->d_name);
		if (fn == hwmon_chip && !is_twin(top, e->d_name))
			number = "";
		fn(s, folder, number);
	}
	if (d)
		(void) closedir(d);
}

static void throttle(struct scan *s, const char *folder, const char *number)
{
	(void) number;
	add(s, folder, "thermal_throttle/core_throttle_count", "cpu", THROTTLES, 1);
}

static int by_entity(const void *a, const void *b)
{
	const struct channel *x = a, *y = b;
	int r = strcmp(x->entity, y->entity);

	return r ? r : (int) x->fact - (int) y->fact;
}

unsigned hwmon_scan(const char *sys, struct channel *c, unsigned max)
{
	struct scan s = { .c = c, .max = max };

	each(&s, sys, "class/hwmon", "hwmon", hwmon_chip);
	each(&s, sys, "class/thermal", "thermal_zone", thermal_zone);
	each(&s, sys, "class/thermal", "cooling_device", cooling_device);
	each(&s, sys, "devices/system/cpu", "cpu", throttle);
	qsort(c, s.n, sizeof(*c), by_entity);
	return s.n;
}
