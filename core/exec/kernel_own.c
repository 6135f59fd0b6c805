/*
 * kernel_own - carries out the requests that have no message of rtnetlink's.
 *
 * Design.  Every request is checked again here (anod_own_sound()), whatever its way, because this is
 * where a name becomes a file.  The file is found below a descriptor of /proc/sys/net, without
 * symbolic links and without a way up (openat2()); its content is one number, or it is refused.
 * Which namespace's file that is goes by the process that asks, not by the mount.
 * CAP_NET_ADMIN is enough to write there (net_ctl_permissions(), net/sysctl_net.c), also for a
 * process that is not root.
 */
#include "exec/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/util.h"

#define PATH_SIZE 128

/* ---- numbers of /proc/sys/net -------------------------------------------------------------- */

static int fail_sysctl(struct kernel *k, const char *name, int error, bool write)
{
	const struct anod_sysctl_rule *rule = anod_sysctl_find(name);
	const char *hint = "";

	if (error == -EROFS)
		hint = "; /proc/sys is read-only here (a container, or ProtectKernelTunables=)";
	else if (error == -EACCES && rule && rule->scope == ANOD_SYSCTL_MACHINE)
		hint = "; only the first network namespace of the machine can write it";
	else if (error == -EINVAL && write)
		hint = "; the kernel does not take this value";
	(void) kernel_fail(k, error, "");
	(void) snprintf(k->why, sizeof(k->why), "%s of %.95s: %s%s", write ? "writing" : "reading",
			name, strerror(-error), hint);
	return error;
}

/* A descriptor or -errno. */
static int open_sysctl(struct kernel *k, const char *name, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	char path[PATH_SIZE];
	int fd, r;

	r = anod_sysctl_path(name, path, sizeof(path));
	if (r < 0)
		return r;
	if (k->proc < 0)
		k->proc = open("/proc/sys/net", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (k->proc < 0)
		return -errno;

	fd = (int) syscall(SYS_openat2, k->proc, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

/* One number and nothing else. */
static int parse_number(const char *text, int64_t *ret)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || end[strspn(end, "\n")])
		return -EBADMSG;
	*ret = n;
	return 0;
}

static int read_sysctl(struct kernel *k, const struct anod_sysctl *key, struct anod_object *ret)
{
	_cleanup_(closep) int fd = open_sysctl(k, key->name, O_RDONLY);
	struct anod_object o = { .type = ANOD_OBJ_SYSCTL };
	char text[64];
	ssize_t n;
	int r;

	if (fd == -ENOENT)
		return -ENOENT;
	n = fd < 0 ? fd : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return fail_sysctl(k, key->name, fd < 0 ? fd : -errno, false);
	text[n] = '\0';

	memcpy(o.u.sysctl.name, key->name, sizeof(o.u.sysctl.name));
	r = parse_number(text, &o.u.sysctl.value);
	if (r < 0)
		return fail_sysctl(k, key->name, r, false);
	*ret = o;
	return 0;
}

static int write_sysctl(struct kernel *k, const struct anod_sysctl *s)
{
	_cleanup_(closep) int fd = open_sysctl(k, s->name, O_WRONLY);
	char text[32];
	int n = snprintf(text, sizeof(text), "%" PRId64 "\n", s->value);

	if (fd < 0)
		return fail_sysctl(k, s->name, fd, true);
	if (write(fd, text, (size_t) n) != n)
		return fail_sysctl(k, s->name, -errno, true);
	return 0;
}

/* ---- units --------------------------------------------------------------------------------- */

static int reach_unit(struct kernel *k, bool start, const char *name, struct anod_sdunit *ret)
{
	if (!k->unit)
		return kernel_fail(k, -EOPNOTSUPP, "units are reached by the executor alone");
	return k->unit(k, start, name, ret);
}

static int read_unit(struct kernel *k, const struct anod_sdunit *key, struct anod_object *ret)
{
	struct anod_object o = { .type = ANOD_OBJ_UNIT };
	int r = reach_unit(k, false, key->name, &o.u.unit);

	if (r < 0)
		return r;
	*ret = o;
	return 0;
}

/* ---- any of them --------------------------------------------------------------------------- */

union payload {
	struct anod_sysctl sysctl;
	struct anod_own_peer peer;
	struct anod_sdunit unit;
};

/* Its type, or -EINVAL. */
static int take(struct kernel *k, const void *msg, size_t len, bool get, union payload *ret)
{
	struct nlmsghdr h;

	if (k->fd < 0)
		return kernel_fail(k, -EBADF, "the kernel is closed");
	if (!anod_own_sound(msg, len, get))
		return kernel_fail(k, -EINVAL, "a request of anod's own that is not sound");
	memcpy(&h, msg, sizeof(h));
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, (const uint8_t *) msg + NLMSG_HDRLEN, MIN_OF(len - NLMSG_HDRLEN, sizeof(*ret)));
	return h.nlmsg_type;
}

int kernel_own_send(struct kernel *k, const void *msg, size_t len)
{
	union payload p = { 0 };

	switch (take(k, msg, len, false, &p)) {
	case ANOD_OWN_SYSCTL_SET:
		return write_sysctl(k, &p.sysctl);
	case ANOD_OWN_WGPEER_SET:
		return kernel_wg_set(k, &p.peer);
	case ANOD_OWN_UNIT_START:
		return reach_unit(k, true, p.unit.name, NULL);
	}
	return k->error;
}

int kernel_own_get(struct kernel *k, const void *msg, size_t len, const struct anod_object *key,
		   struct anod_object *ret)
{
	struct anod_object o;
	union payload p;
	int r;

	switch (take(k, msg, len, true, &p)) {
	case ANOD_OWN_SYSCTL_GET:
		r = read_sysctl(k, &p.sysctl, &o);
		break;
	case ANOD_OWN_WGPEER_GET:
		r = kernel_wg_get(k, &p.peer.peer, &o);
		break;
	case ANOD_OWN_UNIT_GET:
		r = read_unit(k, &p.unit, &o);
		break;
	default:
		return k->error;
	}
	if (r < 0)
		return r;
	/* The request said which; a step whose request asks for another is not believed. */
	if (!anod_object_same_key(&o, key))
		return kernel_fail(k, -EINVAL, "a request that asks for another object");
	*ret = o;
	return 0;
}
