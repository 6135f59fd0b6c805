/*
 * ledger_cmd - "anodctl ledger verify": reads the files itself, because a daemon that was tampered
 * with cannot vouch for its own record.
 */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "record/ledger.h"

static const char *folder(struct cli *c, char *buf, size_t size)
{
	cJSON *answer;

	if (c->state_dir)
		return c->state_dir;

	answer = cli_ask(c, "ledger", NULL);
	if (answer && get_bool(answer, "ok"))
		(void) snprintf(buf, size, "%s", get_text(get(answer, "data"), "dir"));
	else
		(void) snprintf(buf, size, "/var/lib/anod");
	cJSON_Delete(answer);
	return buf;
}

static int report(const struct cli *c, int64_t n, const char *head, const struct ledger_fault *f)
{
	if (c->json) {
		cJSON *o = cJSON_CreateObject();
		char *text;

		cJSON_AddBoolToObject(o, "good", n >= 0);
		if (n >= 0) {
			cJSON_AddNumberToObject(o, "lines", (double) n);
			cJSON_AddStringToObject(o, "head", head);
		} else {
			cJSON_AddStringToObject(o, "file", f->file);
			cJSON_AddNumberToObject(o, "line", (double) f->line);
			cJSON_AddStringToObject(o, "why", f->why);
		}
		text = cJSON_PrintUnformatted(o);
		(void) puts(text ? text : "{}");
		free(text);
		cJSON_Delete(o);
	} else if (n >= 0) {
		(void) printf("%sledger good%s: %lld lines, head %s\n", paint(c, "green"),
			      paint(c, "off"), (long long) n, head);
	} else {
		(void) printf("%sledger broken%s: %s line %llu: %s\n", paint(c, "red"),
			      paint(c, "off"), f->file, (unsigned long long) f->line, f->why);
	}
	return n >= 0 ? EXIT_GOOD : EXIT_NO;
}

int ledger_command(struct cli *c, int argc, char **argv)
{
	struct ledger_fault fault = { 0 };
	const char *expect = NULL, *dir;
	char head[65] = "", buf[512];
	int64_t n;

	if (argc < 1 || strcmp(argv[0], "verify") != 0)
		return EXIT_USE;
	if (argc == 3 && strcmp(argv[1], "--head") == 0)
		expect = argv[2];
	else if (argc != 1)
		return EXIT_USE;

	dir = folder(c, buf, sizeof(buf));
	n = ledger_verify(dir, head, &fault);
	if (n < 0 && n != -EBADMSG) {
		(void) fprintf(stderr, "anodctl: ledger in %s: %s\n", dir, strerror((int) -n));
		return EXIT_NO;
	}
	if (n >= 0 && expect && strncmp(expect, head, strlen(expect)) != 0) {
		(void) snprintf(fault.why, sizeof(fault.why),
				"the head is %.16s..., not %.16s...: lines are missing at the end",
				head, expect);
		(void) snprintf(fault.file, sizeof(fault.file), "%s", LEDGER_FILE);
		fault.line = (uint64_t) n;
		n = -EBADMSG;
	}
	return report(c, n, head, &fault);
}
