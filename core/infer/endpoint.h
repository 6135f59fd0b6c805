/*
 * endpoint - where a model is asked, and the key that opens it.
 *
 * A key is read from its file for each try, so a changed key needs no restart, and wiped from our
 * memory after it; it is never logged and never leaves over plain http to another machine.
 */
#ifndef INFER_ENDPOINT_H
#define INFER_ENDPOINT_H

#include <anod/plugin.h>

#include "base/util.h"

#define ENDPOINT_KEY_MAX 4096 /* bytes of a key file */
#define ENDPOINT_URL_MAX 1024

struct endpoint {
	const struct anod_dialect *dialect; /* borrowed */
	const char *name, *url, *model;	    /* borrowed from the question */
	const char *key_file;		    /* NULL: none */
	uint32_t timeout_ms;		    /* of one try; 0: only the question's deadline */
	bool large;
	bool grammar; /* takes GBNF */
};

/* Content of a key file without the white space around it, owned; free with key_free().
 * -EACCES (not regular, a link, another's, others may read it, not one line of printable
 * characters), -ENOENT, -EFBIG ... and one sentence with the cure. */
int key_read(const char *path, char **ret, char *why, size_t why_size);
char *key_free(char *key); /* wipes */
DEFINE_CLEANUP(char *, key_free);

/* Is the host of this http(s) URL this machine by its very name (127.0.0.0/8, ::1, localhost)? */
bool host_is_loopback(const char *host);

/* The full URL (owned) and the header with the key (owned; key_free(); NULL: none) of a try.
 * -EINVAL: the URL; -EACCES: the key may not be used. */
int endpoint_prepare(const struct endpoint *e, char **ret_url, char **ret_header, char *why,
		     size_t why_size);

#endif
