/*
 * request - reads what an agent asks of the sensor.
 *
 * Design.  The host has checked nothing but sizes, so every argument is checked here, and the
 * log names the one that is wrong.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define EVERY_MIN_US   50000
#define EVERY_MAX_US   60000000
#define TIMEOUT_MIN_US 10000
#define SIZE_MIN       68	/* RFC 791: what every link carries whole */
#define TIMEOUT_MAX_US 10000000 /* FLIGHTS_MAX holds it at the shortest 'every' */

static const char *const proto_names[] = { "icmp", "tcp", "udp" };

static int bad(struct anod_ctx *ctx, const char *arg, const char *why)
{
	ctx->host->log(ctx, LOG_WARNING, "request for a probe: %s %s", arg, why);
	return -EINVAL;
}

static int parse_dev(struct anod_ctx *ctx, const struct anod_value *v, struct spec *ret)
{
	size_t len = strnlen(v->u.text, ANOD_TEXT_SIZE);

	if (v->type != ANOD_TEXT || len == 0 || len >= IFNAMSIZ || memchr(v->u.text, '/', len))
		return bad(ctx, "dev", "is not the name of a link");
	memcpy(ret->dev, v->u.text, len);
	return 0;
}

static int parse_target(struct anod_ctx *ctx, const struct anod_value *v, struct spec *ret)
{
	const struct anod_prefix *p = &v->u.prefix;

	if (v->type != ANOD_PREFIX ||
	    !((p->family == AF_INET && p->len == 32) || (p->family == AF_INET6 && p->len == 128)))
		return bad(ctx, "target", "is not an address");
	ret->target = *p;
	return 0;
}

static int parse_proto(struct anod_ctx *ctx, const struct anod_value *v, struct spec *ret)
{
	for (unsigned i = 0; v->type == ANOD_TEXT && i < 3; i++)
		if (!strncmp(v->u.text, proto_names[i], ANOD_TEXT_SIZE)) {
			ret->proto = (enum proto) i;
			return 0;
		}
	return bad(ctx, "proto", "is none of icmp, tcp, udp");
}

static bool in(const struct anod_value *v, int64_t min, int64_t max)
{
	return v->type == ANOD_INT && v->u.i >= min && v->u.i <= max;
}

static int parse_arg(struct anod_ctx *ctx, const struct anod_arg *arg, struct spec *ret)
{
	const struct anod_value *v = &arg->value;

	if (!strncmp(arg->name, "dev", ANOD_KIND_SIZE))
		return parse_dev(ctx, v, ret);
	if (!strncmp(arg->name, "target", ANOD_KIND_SIZE))
		return parse_target(ctx, v, ret);
	if (!strncmp(arg->name, "proto", ANOD_KIND_SIZE))
		return parse_proto(ctx, v, ret);
	if (!strncmp(arg->name, "port", ANOD_KIND_SIZE)) {
		if (!in(v, 1, 65535))
			return bad(ctx, "port", "is not in 1..65535");
		ret->port = (uint16_t) v->u.i;
	} else if (!strncmp(arg->name, "every", ANOD_KIND_SIZE)) {
		if (!in(v, EVERY_MIN_US, EVERY_MAX_US))
			return bad(ctx, "every", "is not in 50ms..60s");
		ret->every_us = (uint64_t) v->u.i;
	} else if (!strncmp(arg->name, "timeout", ANOD_KIND_SIZE)) {
		if (!in(v, TIMEOUT_MIN_US, TIMEOUT_MAX_US))
			return bad(ctx, "timeout", "is not in 10ms..10s");
		ret->timeout_us = (uint64_t) v->u.i;
	} else if (!strncmp(arg->name, "size", ANOD_KIND_SIZE)) {
		if (!in(v, SIZE_MIN, PROBE_SIZE_MAX))
			return bad(ctx, "size", "is not in 68..9216");
		ret->size = (uint16_t) v->u.i;
	} else {
		return bad(ctx, "an argument",
			   "is none of dev, target, proto, port, every, timeout, size");
	}
	return 0;
}

int request_parse(struct anod_ctx *ctx, const struct anod_action *request, struct spec *ret)
{
	struct spec s = { .every_us = 200000, .timeout_us = 1000000 };

	if (strncmp(request->kind, "probe", ANOD_KIND_SIZE) != 0)
		return bad(ctx, "kind", "is not probe");
	if (request->n_args > ANOD_ARGS_MAX)
		return bad(ctx, "the list of arguments", "is too long");
	for (uint32_t i = 0; i < request->n_args; i++) {
		int r = parse_arg(ctx, &request->arg[i], &s);

		if (r < 0)
			return r;
	}
	if (!s.target.family)
		return bad(ctx, "target", "is missing");
	if ((s.proto == PROTO_ICMP) != (s.port == 0))
		return bad(ctx, "port", "goes with tcp and udp, and must");
	if (s.size && s.proto != PROTO_ICMP)
		return bad(ctx, "size", "goes with icmp only");

	*ret = s;
	return 0;
}

int request_name(const struct spec *s, char ret[ANOD_NAME_SIZE])
{
	char text[INET6_ADDRSTRLEN];
	int n;

	if (!inet_ntop(s->target.family, s->target.addr, text, sizeof(text)))
		return -errno;
	if (s->port)
		n = snprintf(ret, ANOD_NAME_SIZE, "%s%s%s/%s/%u", s->dev, s->dev[0] ? "/" : "",
			     text, proto_names[s->proto], s->port);
	else if (s->size)
		n = snprintf(ret, ANOD_NAME_SIZE, "%s%s%s/size/%u", s->dev, s->dev[0] ? "/" : "",
			     text, s->size);
	else
		n = snprintf(ret, ANOD_NAME_SIZE, "%s%s%s", s->dev, s->dev[0] ? "/" : "", text);
	return n < ANOD_NAME_SIZE ? 0 : -ENAMETOOLONG;
}
