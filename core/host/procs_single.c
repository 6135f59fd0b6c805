/*
 * procs_single - the other processes inside our own, as "anod run --single" has them.
 *
 * Design.  Each is the other end of the same channel, served by the host's loop; so nothing but
 * this file knows the difference.
 */
#include <dlfcn.h>
#include <errno.h>

#include "base/log.h"
#include "host/host.h"

static int on_inside_guardian(sd_event_source *s, int fd, uint32_t events, void *data)
{
	(void) s, (void) fd, (void) events;
	(void) guardian_run(data);
	return 0;
}

static int open_infer_inside(struct proc *p, int fd)
{
	typedef int open_fn(sd_event *, int, const struct anod_dialect *const *,
			    const struct anod_action_desc *const *, struct infer **);
	static const struct anod_dialect *dialects[PLUGINS_MAX + 1];
	char path[600];
	open_fn *open_infer;
	unsigned n = 0;
	void *so;

	(void) installed_file("anod-infer.so", path, sizeof(path));
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	open_infer = so ? (open_fn *) (uintptr_t) dlsym(so, "anod_infer_open") : NULL;
	if (!open_infer) {
		log_error("%s", dlerror());
		(void) close(fd);
		return -ENOEXEC;
	}
	for (unsigned i = 0; i < p->host->plugins->n; i++)
		if (p->host->plugins->item[i].desc->dialect)
			dialects[n++] = p->host->plugins->item[i].desc->dialect;
	dialects[n] = NULL;
	return open_infer(p->host->loop, fd, dialects,
			  (const struct anod_action_desc *const *) p->host->plugins->actions,
			  (struct infer **) &p->inside);
}

int single_open(struct proc *p, int fd)
{
	struct host *h = p->host;
	int r;

	switch (p->kind) {
	case PROC_EXEC:
		return exec_open(h->loop, fd,
				 (const struct anod_action_desc *const *) h->plugins->actions,
				 (struct exec **) &p->inside);
	case PROC_GUARDIAN:
		r = guardian_open(fd, -1, h->state_dir, (struct guardian **) &p->inside);
		if (r < 0)
			return r;
		return sd_event_add_io(h->loop, &p->inside_source, guardian_fd(p->inside), EPOLLIN,
				       on_inside_guardian, p->inside);
	case PROC_CELL:
		return cell_open(h->loop, fd, store_fd(h->store), false,
				 (struct cell **) &p->inside);
	case PROC_INFER:
		return open_infer_inside(p, fd);
	}
	return 0;
}

void single_close(struct proc *p)
{
	p->inside_source = sd_event_source_disable_unref(p->inside_source);
	if (!p->inside)
		return;

	switch (p->kind) {
	case PROC_EXEC:
		exec_free(p->inside);
		break;
	case PROC_GUARDIAN:
		guardian_free(p->inside);
		break;
	case PROC_CELL:
		cell_free(p->inside);
		break;
	case PROC_INFER: /* its code lives in an object that stays loaded; see --single */
		break;
	}
	p->inside = NULL;
}
