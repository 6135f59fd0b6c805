/*
 * plugins - finds, checks and opens shared objects.
 *
 * A file is opened only when it is a regular file, owned by root or by our own user, and neither
 * it nor its folder can be written by anybody else: what runs with us must not be easier to
 * change than we are.  Then its descriptor is checked as a whole before anything of it is called.
 */
#ifndef HOST_PLUGINS_H
#define HOST_PLUGINS_H

#include <anod/plugin.h>

#include "base/util.h"

#define PLUGINS_MAX 128

struct loaded_plugin {
	const struct anod_plugin *desc; /* lies in the object */
	void *object;			/* from dlopen() */
	char *path;			/* owned, absolute */
};

struct plugins {
	unsigned n, n_refused;
	struct loaded_plugin *item;
	const struct anod_plugin **list;	 /* NULL-ended: all */
	const struct anod_action_desc **actions; /* NULL-ended: of all actuators */
	char **refused;				 /* n_refused sentences: file, reason and cure */
};

/* Open every *.so of the ':'-separated folders whose role is in 'roles' (0: all).  A file that is
 * refused is logged and left out; a folder that cannot be read is -errno. */
int plugins_open(const char *folders, uint32_t roles, struct plugins **ret);
struct plugins *plugins_close(struct plugins *p);
DEFINE_CLEANUP(struct plugins *, plugins_close);

/* Open one file.  'why' (256 bytes) gets the reason of a refusal. */
int plugin_open(const char *path, struct loaded_plugin *ret, char *why);
void plugin_close(struct loaded_plugin *l);

const struct loaded_plugin *plugins_find(const struct plugins *p, const char *name, uint32_t role);
/* An action_find_fn; data is the struct plugins. */
const struct anod_action_desc *plugins_find_action(const char *kind, void *data);

#endif
