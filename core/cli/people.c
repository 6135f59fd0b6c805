/*
 * people - what a person says: approve, override, and the code of who has a key.
 *
 * Design.  A signature is for what was seen.  On a terminal "approve T12" therefore shows the plan
 * and lets its code be typed; without one the code has to be given, and is not looked up here, or
 * a script would sign what nobody has read.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/ocra.h"
#include "cli/people.h"

/* ---- the code ----------------------------------------------------------------------------- */

void show_code(const struct cli *c, const cJSON *o, const char *indent)
{
	if (get_bool(o, "key"))
		(void) printf("%shash     %s\n%scode     from your key: anodctl code --key FILE "
			      "HASH\n",
			      indent, get_text(o, "hash"), indent);
	else if (get_text(o, "code")[0])
		(void) printf("%scode     %s%s%s, for %s\n", indent, paint(c, "bold"),
			      get_text(o, "code"), paint(c, "off"),
			      get_text(o, "user")[0] ? get_text(o, "user") : "you");
}

/* A line that was typed, without its end.  False: nothing. */
static bool read_typed(char *buf, size_t size)
{
	if (!fgets(buf, (int) size, stdin))
		return false;
	buf[strcspn(buf, "\r\n")] = '\0';
	return buf[0] != '\0';
}

static bool on_terminal(const struct cli *c)
{
	return !c->json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static bool ask_code(const char *question, char *ret, size_t size)
{
	(void) printf("%s", question);
	(void) fflush(stdout);
	if (read_typed(ret, size))
		return true;
	(void) puts("nothing was typed: it is left as it is");
	return false;
}

/* ---- approve ------------------------------------------------------------------------------ */

static void show_result(const struct cli *c, const cJSON *d)
{
	show_transaction(c, get(d, "transaction"));
}

static int send_approval(struct cli *c, const char *id, const char *code)
{
	cJSON *args = cJSON_CreateObject();

	cJSON_AddStringToObject(args, "id", id);
	cJSON_AddStringToObject(args, "code", code);
	return cli_page(c, "approve", args, show_result);
}

/* Show the plan; 1: it may be signed. */
static int show_plan(struct cli *c, const char *id)
{
	cJSON *args = cJSON_CreateObject(), *answer;
	const cJSON *t;
	int r;

	cJSON_AddStringToObject(args, "id", id);
	answer = cli_ask(c, "show", args);
	if (!answer)
		return -EXIT_UNREACHABLE;

	t = get(get(answer, "data"), "transaction");
	if (get_bool(answer, "ok") && t) {
		show_transaction(c, t);
		r = get_bool(get(t, "plan"), "may_sign") ? 1 : -EXIT_NO;
		if (r < 0)
			(void) fprintf(stderr,
				       "anodctl: %s asks for no approval that you could give\n",
				       id);
	} else {
		(void) fprintf(stderr, "anodctl: %s\n",
			       t || !get_bool(answer, "ok") ? get_text(answer, "error")
							    : "that is no transaction");
		r = -EXIT_NO;
	}
	cJSON_Delete(answer);
	return r;
}

int approve_command(struct cli *c, int argc, char **argv)
{
	char code[64];
	int r;

	if (argc == 2)
		return send_approval(c, argv[0], argv[1]);
	if (argc != 1)
		return EXIT_USE;
	if (!on_terminal(c)) {
		/* The daemon says why, and whether there is such a transaction at all. */
		return send_approval(c, argv[0], "");
	}
	r = show_plan(c, argv[0]);
	if (r < 0)
		return -r;
	if (!ask_code("type the code to approve exactly this, or nothing: ", code, sizeof(code)))
		return EXIT_NO;
	return send_approval(c, argv[0], code);
}

/* ---- overrides ---------------------------------------------------------------------------- */

static const char *list_text(const cJSON *list, const char *between, char *buf, size_t size)
{
	const cJSON *i;
	size_t n = 0;

	buf[0] = '\0';
	cJSON_ArrayForEach(i, list) if (n < size) n +=
		(size_t) snprintf(buf + n, size - n, "%s%s", n ? between : "", item_text(i));
	return buf;
}

static void show_override(const struct cli *c, const cJSON *o)
{
	char text[600], span[32], until[32];
	const cJSON *i;

	(void) printf("%s%s%s", paint(c, "bold"), get_text(o, "invariant"), paint(c, "off"));
	if (get_bool(o, "in_force"))
		(void) printf("  %soverridden%s by %s for another %s, until %s\n",
			      paint(c, "yellow"), paint(c, "off"), get_text(o, "people"),
			      duration_text(get_number(o, "left_us"), span, sizeof(span)),
			      local_time(get_text(o, "until"), until, sizeof(until)));
	else if (get_text(o, "people")[0])
		(void) printf("  asked for by %s; %.0f more must ask within %s\n",
			      get_text(o, "people"), get_number(o, "needs"),
			      duration_text(get_number(o, "left_us"), span, sizeof(span)));
	else
		(void) printf("  in force as written\n");
	cJSON_ArrayForEach(i, get(o, "requires"))(void) printf("  require  %s\n", item_text(i));
	(void) printf("  may be overridden by %.0f of %s for %s\n", get_number(o, "by"),
		      list_text(get(o, "groups"), ", ", text, sizeof(text)),
		      duration_text(get_number(o, "max_us"), span, sizeof(span)));
}

void show_overrides(const struct cli *c, const cJSON *d)
{
	const cJSON *o;

	if (cJSON_GetArraySize(get(d, "overrides")) == 0)
		(void) puts("no invariant has 'override by N of GROUP for DURATION'");
	cJSON_ArrayForEach(o, get(d, "overrides")) show_override(c, o);
}

static void show_asked(const struct cli *c, const cJSON *d)
{
	const cJSON *o = get(d, "override");
	char span[32];

	show_override(c, o);
	if (get_bool(o, "asked"))
		return;
	(void) printf("  %sto override%s for %s\n", paint(c, "bold"), paint(c, "off"),
		      duration_text(get_number(o, "for_us"), span, sizeof(span)));
	show_code(c, o, "  ");
}

struct override_options {
	const char *invariant, *reason, *code;
	double for_us;
	bool end;
};

/* "20m", "90s", "1h30m"; 0: it is none. */
static double parse_span(const char *text)
{
	double us = 0;

	while (*text) {
		char *end;
		double n = strtod(text, &end);
		double unit = *end == 's' ? 1e6 : *end == 'm' ? 60e6 : *end == 'h' ? 3600e6 : 0;

		if (end == text || unit == 0 || !(n > 0) || n > 1e6)
			return 0;
		us += n * unit;
		text = end + 1;
	}
	return us;
}

static bool override_options(int argc, char **argv, struct override_options *ret)
{
	for (int k = 0; k < argc; k++) {
		bool has = k + 1 < argc;

		if (strcmp(argv[k], "--end") == 0) {
			ret->end = true;
		} else if (strcmp(argv[k], "--for") == 0 && has) {
			ret->for_us = parse_span(argv[++k]);
			if (ret->for_us <= 0) {
				(void) fprintf(stderr, "anodctl: --for wants a time such as 20m\n");
				return false;
			}
		} else if (strcmp(argv[k], "--reason") == 0 && has) {
			ret->reason = argv[++k];
		} else if (strcmp(argv[k], "--code") == 0 && has) {
			ret->code = argv[++k];
		} else if (argv[k][0] != '-' && !ret->invariant) {
			ret->invariant = argv[k];
		} else {
			return false;
		}
	}
	return ret->invariant && (ret->end ? !ret->code && !ret->reason : true);
}

static cJSON *override_args(const struct override_options *o, const char *code)
{
	cJSON *args = cJSON_CreateObject();

	cJSON_AddStringToObject(args, "invariant", o->invariant);
	if (o->for_us > 0)
		cJSON_AddNumberToObject(args, "for_us", o->for_us);
	if (o->reason)
		cJSON_AddStringToObject(args, "reason", o->reason);
	if (code)
		cJSON_AddStringToObject(args, "code", code);
	if (o->end)
		cJSON_AddTrueToObject(args, "end");
	return args;
}

int override_command(struct cli *c, int argc, char **argv)
{
	struct override_options o = { 0 };
	char code[64];
	int status;

	if (!override_options(argc, argv, &o))
		return EXIT_USE;
	if (o.end)
		return cli_page(c, "override", override_args(&o, NULL), show_overrides);
	if (!o.reason) {
		(void) fprintf(stderr, "anodctl: an override wants --reason \"...\", for the "
				       "record\n");
		return EXIT_USE;
	}
	if (o.code)
		return cli_page(c, "override", override_args(&o, o.code), show_asked);

	status = cli_page(c, "override", override_args(&o, NULL), show_asked);
	if (status != EXIT_GOOD || c->json)
		return status;
	if (!on_terminal(c)) {
		(void) fprintf(stderr, "anodctl: nothing was asked for yet: give the code of it, "
				       "--code CODE\n");
		return EXIT_NO;
	}
	if (!ask_code("type the code to ask for exactly this, or nothing: ", code, sizeof(code)))
		return EXIT_NO;
	return cli_page(c, "override", override_args(&o, code), show_asked);
}

/* ---- code --------------------------------------------------------------------------------- */

int code_command(struct cli *c, int argc, char **argv)
{
	_cleanup_(ocra_key_wipe) struct ocra_key key = { 0 };
	uint8_t challenge[OCRA_CHALLENGE];
	char why[160], code[OCRA_CODE_SIZE];
	size_t n = 0;

	(void) c;
	if (argc != 3 || strcmp(argv[0], "--key") != 0)
		return EXIT_USE;
	if (sodium_hex2bin(challenge, sizeof(challenge), argv[2], strlen(argv[2]), NULL, &n,
			   NULL) ||
	    n != sizeof(challenge)) {
		(void) fprintf(stderr, "anodctl: a hash has 64 hexadecimal digits; 'anodctl show' "
				       "tells it\n");
		return EXIT_USE;
	}
	if (ocra_key_read(argv[1], geteuid(), &key, why, sizeof(why)) < 0) {
		(void) fprintf(stderr, "anodctl: %s: %s\n", argv[1], why);
		return EXIT_NO;
	}
	ocra_code(&key, challenge, code);
	(void) puts(code);
	sodium_memzero(code, sizeof(code));
	return EXIT_GOOD;
}
