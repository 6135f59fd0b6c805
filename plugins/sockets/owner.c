/*
 * owner - whose a netlink socket is.
 *
 * Design.  The kernel does not tell.  Its address is the pid when it is the first socket that the
 * process has bound to an address of the kernel's choice; libnl makes addresses of the pid and a
 * number in the upper 10 bits.  The folder /proc/PID/fd would tell for certain, but may be read
 * by nobody else without CAP_SYS_PTRACE, which anod does not have for the sake of a name.  So a
 * second socket of a daemon that does not use libnl is of an unknown owner; its drops are told
 * all the same.  Own sockets are found by their inode.
 *
 * A process gives itself its name, so it is text from outside.
 */
#include "sockets.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBNL_BITS 22 /* of an address that are the pid; lib/socket.c, generate_local_port() */

void owner_clean(char *name)
{
	for (char *p = name; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '/' || *p == '"')
			*p = '_';
	if (!name[0])
		(void) snprintf(name, COMM_SIZE, "unknown");
}

bool owner_is_daemon(const char *name)
{
	static const char *const daemons[] = {
		"bird",		  "bird6",	     "charon",	       "conntrackd",
		"dhclient",	  "dhcpcd",	     "dnsmasq",	       "frr",
		"hostapd",	  "keepalived",	     "lldpd",	       "mstpd",
		"odhcp6c",	  "ospfd",	     "ovs-vswitchd",   "pimd",
		"radvd",	  "staticd",	     "teamd",	       "ulogd",
		"NetworkManager", "systemd-network", "wpa_supplicant", "watchfrr",
		"zebra",
	};

	for (size_t i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++)
		if (strcmp(daemons[i], name) == 0)
			return true;
	return false;
}

static bool read_comm(uint32_t pid, char name[COMM_SIZE])
{
	char path[40];
	ssize_t n;
	int fd;

	(void) snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, name, COMM_SIZE - 1) : -1;
	if (fd >= 0)
		(void) close(fd);
	if (n <= 0)
		return false;
	name[n] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return true;
}

static bool is_own(uint64_t inode)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d))) {
		struct stat st;

		found = e->d_name[0] != '.' && fstat(atoi(e->d_name), &st) == 0 &&
			S_ISSOCK(st.st_mode) && st.st_ino == inode;
	}
	if (d)
		(void) closedir(d);
	return found;
}

void owner_find(const struct nl_line *l, struct owner *ret)
{
	uint32_t pid = l->port;

	*ret = (struct owner){ 0 };
	if (is_own(l->inode)) {
		ret->own = true;
		ret->pid = getpid();
		(void) read_comm((uint32_t) ret->pid, ret->name);
		return;
	}
	/* Those above are the kernel's own choice for a second socket, from -4096 downwards. */
	if (pid == 0 || pid > INT32_MAX)
		return;
	if (pid >> LIBNL_BITS)
		pid &= (1u << LIBNL_BITS) - 1;
	if (!read_comm(pid, ret->name))
		return;
	ret->pid = (pid_t) pid;
	/* The executor, the guardian and so on. */
	ret->own = strncmp(ret->name, "anod", 4) == 0;
}
