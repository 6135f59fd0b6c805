/*
 * bridge - a shadow and its table in the kernel; see bridge.h.
 *
 * Design.  The executor writes no tables yet, so none can be opened, and the reflex says so.
 */
#include "host/bridge.h"

#include <errno.h>

int bridge_new(struct host *h, const struct shadow_in *in, uint32_t table, uint64_t tx,
	       struct bridge **ret)
{
	(void) h, (void) in, (void) table, (void) tx, (void) ret;
	return -ENOSYS;
}

struct bridge *bridge_free(struct bridge *b)
{
	(void) b;
	return NULL;
}

void bridge_object(struct bridge *b, const struct anod_object *o, bool gone)
{
	(void) b, (void) o, (void) gone;
}

void bridge_sync(struct bridge *b)
{
	(void) b;
}

enum bridge_state bridge_run(struct bridge *b, uint64_t now_us, uint64_t *ret_next)
{
	(void) b, (void) now_us, (void) ret_next;
	return BRIDGE_FAILED;
}

void bridge_stand(struct bridge *b, uint64_t now_us)
{
	(void) b, (void) now_us;
}

void bridge_rest(struct bridge *b)
{
	(void) b;
}

int bridge_tabled(struct bridge *b, const struct exec_tabled *m)
{
	(void) b, (void) m;
	return 0;
}

void bridge_exec_restarted(struct bridge *b)
{
	(void) b;
}

const char *bridge_why(const struct bridge *b)
{
	(void) b;
	return "";
}

void bridge_stats(const struct bridge *b, struct bridge_stats *ret)
{
	(void) b, (void) ret;
}
