/*
 * sockets - what the files of the sensor share.
 *
 * sockets.c is the plugin: it reads the file and publishes a row for each daemon and protocol;
 * owner.c says whose a socket is; parse.c takes the kernel's text apart.
 */
#ifndef PLUGIN_SOCKETS_H
#define PLUGIN_SOCKETS_H

#include <sys/types.h>

#include "parse.h"

#define SOCKETS_MAX 1024 /* that are followed; further ones are not looked at */
#define DAEMONS_MAX 64	 /* entities */
#define LOOKUPS_MAX 32	 /* of processes in one reading */
#define COMM_SIZE   16	 /* TASK_COMM_LEN */

struct owner {
	char name[COMM_SIZE]; /* of the process; "": nobody can tell */
	pid_t pid;	      /* 0: not known */
	bool own;	      /* of this daemon */
};

/* A socket is known by its inode, which is not used again while it is open. */
struct known {
	uint64_t inode;
	uint64_t round;
	uint64_t drops; /* at the last reading */
	uint8_t daemon; /* index */
	bool looked_up;
	struct owner owner;
};

/* The name that stands for a process in the name of an entity: '/' and blanks become '_', and one
 * that cannot be told is "unknown". */
void owner_clean(char *name);
/* Whose it is; reads /proc, three small files at most. */
void owner_find(const struct nl_line *l, struct owner *ret);
/* Does the daemon keep routes, links, leases or filters of its own by what the kernel tells? */
bool owner_is_daemon(const char *name);

#endif
