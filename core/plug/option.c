/*
 * option - options of a sensor that are numbers.
 *
 * Design.  The host has checked type and range before init(), so a value that is there is good.
 */
#include <anod/option.h>

int anod_option(struct anod_ctx *ctx, const char *name, uint64_t *ret)
{
	struct anod_value v;
	int r = ctx->host->opt(ctx, name, 0, &v);

	if (r < 0)
		return r;
	*ret = (uint64_t) v.u.i;
	return r;
}
