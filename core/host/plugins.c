/*
 * plugins - finds, checks and opens shared objects.
 *
 * Design.  Folder and file are checked through descriptors, and nobody but root and we can change
 * either, so the path still names the file that was checked when dlopen() opens it again.  (Not
 * through /proc/self/fd: glibc takes equal names for equal objects.)  A descriptor that is shorter than ours
 * (built against an older header) is fine: members it lacks are outside its 'size', so
 * the loader copies it into a zeroed one of full size.  Objects are opened RTLD_NOW: a missing symbol
 * shows at the start and not in the middle of a repair.
 */
#include "host/plugins.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"

#define PLUGIN_WHY_SIZE 256

static bool name_ok(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n == 0 || n >= ANOD_NAME_SIZE)
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

/* Only the owner, root or we, may change it. */
static int trusted(int fd, const char *what, mode_t type, char *why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;

	if ((st.st_mode & S_IFMT) != type)
		(void) snprintf(why, PLUGIN_WHY_SIZE, "%s is not of the right type", what);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		(void) snprintf(why, PLUGIN_WHY_SIZE, "%s belongs to uid %u: chown root %s", what,
				st.st_uid, what);
	/* The sticky bit keeps others from replacing what is in a folder; on a file it is nothing. */
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(type == S_IFDIR && (st.st_mode & S_ISVTX)))
		(void) snprintf(why, PLUGIN_WHY_SIZE,
				"%s can be written by others (mode %04o): chmod go-w %s", what,
				st.st_mode & 07777, what);
	else
		return 0;
	return -EPERM;
}

static int check_actions(const struct anod_plugin *p, char *why)
{
	for (const struct anod_action_desc *a = p->actions; a && a->kind; a++) {
		if (strlen(a->kind) >= ANOD_KIND_SIZE || !strchr(a->kind, '.') || !a->plan ||
		    !a->params || !a->help) {
			(void) snprintf(why, PLUGIN_WHY_SIZE, "action '%.40s' is incomplete",
					a->kind);
			return -EBADMSG;
		}
	}
	return 0;
}

static int check_desc(const struct anod_plugin *p, char *why)
{
	uint32_t known = ANOD_SENSOR | ANOD_AGENT | ANOD_ACTUATOR | ANOD_MODEL;
	const char *bad = NULL;

	if (!name_ok(p->name))
		bad = "its name is not of [a-z0-9_-]";
	else if (!p->version || !p->summary)
		bad = "it has no version or summary";
	else if (!p->roles || (p->roles & ~known))
		bad = "its roles are not known to this version";
	else if ((p->roles & ANOD_AGENT) && (p->roles & (ANOD_SENSOR | ANOD_ACTUATOR)))
		bad = "an agent may not be a sensor or an actuator too";
	else if ((p->roles & ANOD_SENSOR) && !p->kinds)
		bad = "a sensor without facts";
	else if ((p->roles & ANOD_ACTUATOR) && !p->actions)
		bad = "an actuator without actions";
	else if ((p->roles & ANOD_MODEL) &&
		 (!p->dialect || !p->dialect->encode || !p->dialect->decode || !p->dialect->path))
		bad = "a model provider without a dialect";
	if (bad) {
		(void) snprintf(why, PLUGIN_WHY_SIZE, "%s", bad);
		return -EBADMSG;
	}
	return check_actions(p, why);
}

static int open_object(const char *path, struct loaded_plugin *l, char *why)
{
	struct anod_plugin *full;
	const uint32_t *desc;

	l->object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!l->object) {
		(void) snprintf(why, PLUGIN_WHY_SIZE, "%s", dlerror());
		return -ENOEXEC;
	}

	desc = dlsym(l->object, "anod_plugin_v1");
	if (!desc || *desc < offsetof(struct anod_plugin, init)) {
		(void) snprintf(why, PLUGIN_WHY_SIZE,
				"it exports no anod_plugin_v1: not a plugin of this ABI");
		return -ENOEXEC;
	}

	full = calloc(1, sizeof(*full));
	if (!full)
		return -ENOMEM;

	memcpy(full, desc, MIN_OF((size_t) *desc, sizeof(*full)));
	l->desc = full;
	return check_desc(full, why);
}

void plugin_close(struct loaded_plugin *l)
{
	free((void *) (uintptr_t) l->desc);
	free(l->path);
	if (l->object)
		(void) dlclose(l->object);
	*l = (struct loaded_plugin){ 0 };
}

int plugin_open(const char *path, struct loaded_plugin *ret, char *why)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct loaded_plugin l = { 0 };
	int r;

	*why = '\0';
	if (fd < 0) {
		r = -errno;
		(void) snprintf(why, PLUGIN_WHY_SIZE, "%s", strerror(-r));
		return r;
	}

	r = trusted(fd, path, S_IFREG, why);
	if (r >= 0)
		r = open_object(path, &l, why);
	if (r >= 0) {
		l.path = strdup(path);
		r = l.path ? 0 : -ENOMEM;
	}
	if (r < 0) {
		plugin_close(&l);
		return r;
	}

	*ret = l;
	return 0;
}

static int add(struct plugins *p, const struct loaded_plugin *l)
{
	struct loaded_plugin *item = reallocarray(p->item, p->n + 1, sizeof(*item));

	if (!item)
		return -ENOMEM;

	p->item = item;
	item[p->n++] = *l;
	return 0;
}

static void refuse(struct plugins *p, const char *path, const char *why)
{
	char **list = reallocarray(p->refused, p->n_refused + 1, sizeof(*list));

	log_error("plugin %s refused: %s", path, why);
	if (!list)
		return;

	p->refused = list;
	if (asprintf(&list[p->n_refused], "%s: %s", path, why) >= 0)
		p->n_refused++;
}

static int is_object(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 3 && d->d_name[0] != '.' && strcmp(d->d_name + n - 3, ".so") == 0;
}

static int open_folder(struct plugins *p, const char *folder, uint32_t roles)
{
	_cleanup_(closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char why[PLUGIN_WHY_SIZE];
	struct dirent **entry;
	int n, r = 0;

	if (fd < 0)
		return -errno;

	r = trusted(fd, folder, S_IFDIR, why);
	if (r < 0) {
		refuse(p, folder, why);
		return r;
	}

	n = scandir(folder, &entry, is_object, alphasort);
	if (n < 0)
		return -errno;

	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *path = NULL;
		struct loaded_plugin l;

		if (r >= 0 && p->n < PLUGINS_MAX &&
		    asprintf(&path, "%s/%s", folder, entry[i]->d_name) >= 0) {
			int k = plugin_open(path, &l, why);

			/* NOLINTNEXTLINE(clang-analyzer-core.*): -errno is never 0 */
			if (k >= 0 && plugins_find(p, l.desc->name, 0)) {
				refuse(p, path, "a plugin of this name is loaded already");
				plugin_close(&l);
			} else if (k >= 0 && roles && !(l.desc->roles & roles)) {
				plugin_close(&l);
			} else if (k >= 0) {
				r = add(p, &l);
			} else {
				refuse(p, path, why);
			}
		}
		free(entry[i]);
	}
	free(entry);
	return r;
}

/* The flat lists that the configuration's checker wants. */
static int index_plugins(struct plugins *p)
{
	unsigned n_actions = 0, k = 0;

	for (unsigned i = 0; i < p->n; i++)
		for (const struct anod_action_desc *a = p->item[i].desc->actions; a && a->kind; a++)
			n_actions++;

	p->list = calloc(p->n + 1, sizeof(*p->list));
	p->actions = calloc(n_actions + 1, sizeof(*p->actions));
	if (!p->list || !p->actions)
		return -ENOMEM;

	for (unsigned i = 0; i < p->n; i++) {
		p->list[i] = p->item[i].desc;
		for (const struct anod_action_desc *a = p->item[i].desc->actions; a && a->kind; a++)
			p->actions[k++] = a;
	}
	return 0;
}

int plugins_open(const char *folders, uint32_t roles, struct plugins **ret)
{
	_cleanup_(plugins_closep) struct plugins *p = calloc(1, sizeof(*p));
	_cleanup_(freep) char *copy = strdup(folders);
	char *save = NULL;
	int r;

	if (!p || !copy)
		return -ENOMEM;

	for (char *f = strtok_r(copy, ":", &save); f; f = strtok_r(NULL, ":", &save)) {
		r = open_folder(p, f, roles);
		if (r < 0) {
			log_error("plugins of %s: %s", f, strerror(-r));
			return r;
		}
	}

	r = index_plugins(p);
	if (r < 0)
		return r;

	*ret = TAKE(p);
	return 0;
}

struct plugins *plugins_close(struct plugins *p)
{
	if (!p)
		return NULL;

	for (unsigned i = 0; i < p->n; i++)
		plugin_close(&p->item[i]);
	for (unsigned i = 0; i < p->n_refused; i++)
		free(p->refused[i]);
	free(p->refused);
	free(p->item);
	free(p->list);
	free(p->actions);
	free(p);
	return NULL;
}

const struct loaded_plugin *plugins_find(const struct plugins *p, const char *name, uint32_t role)
{
	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->item[i].desc->name, name) == 0 &&
		    (!role || (p->item[i].desc->roles & role)))
			return &p->item[i];
	return NULL;
}

const struct anod_action_desc *plugins_find_action(const char *kind, void *data)
{
	const struct plugins *p = data;

	for (const struct anod_action_desc **a = p->actions; *a; a++)
		if (strcmp((*a)->kind, kind) == 0)
			return *a;
	return NULL;
}
