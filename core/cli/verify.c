/*
 * verify - "anodctl doctor --verify": is what anod knows what the kernel says?
 *
 * Design.  The daemon compares in a process beside, so the answer is asked for until it comes.
 * What changes just then differs without a fault: only what differs twice is told.
 */
#include <time.h>

#include "cli/cli.h"

#define TRIES	 500 /* for one answer, WAIT_MS apart: 25 s */
#define WAIT_MS	 50
#define AGAIN_MS 300

static void wait_ms(long ms)
{
	(void) nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

/* The whole answer, or NULL after a message. */
static cJSON *ask(struct cli *c, int *ret_status)
{
	for (unsigned i = 0; i < TRIES; i++) {
		cJSON *answer = cli_ask(c, "verify", NULL);
		const cJSON *data = get(answer, "data");

		*ret_status = answer ? EXIT_NO : EXIT_UNREACHABLE;
		if (!answer)
			return NULL;
		if (!get_bool(answer, "ok")) {
			cJSON_Delete(answer);
			return NULL;
		}
		if (!get_bool(data, "running"))
			return answer;
		cJSON_Delete(answer);
		wait_ms(WAIT_MS);
	}
	(void) fprintf(stderr, "anodctl: no answer in time\n");
	return NULL;
}

static int show(const struct cli *c, const cJSON *data)
{
	bool same = get_bool(data, "same");
	const cJSON *o, *line;

	if (get(data, "error")) {
		(void) printf("cannot read the kernel's state: %s\n", get_text(data, "error"));
		return EXIT_NO;
	}
	cJSON_ArrayForEach(o, data)
	{
		const cJSON *kernel = get(o, "kernel");
		double n = get_number(o, "n_differences");

		if (!cJSON_IsObject(o))
			continue;
		if (kernel)
			(void) printf("%s%-9s%s %7.0f  kernel %.16s  anod %.16s\n",
				      paint(c, "bold"), o->string, paint(c, "off"),
				      get_number(kernel, "objects"), get_text(kernel, "digest"),
				      get_text(get(o, "anod"), "digest"));
		else
			(void) printf("%s%-9s%s %7.0f  compared\n", paint(c, "bold"), o->string,
				      paint(c, "off"), get_number(o, "checked"));
		cJSON_ArrayForEach(line, get(o, "differences"))(void)
			printf("  %s%s%s\n", paint(c, "red"), line->valuestring, paint(c, "off"));
		if (n > cJSON_GetArraySize(get(o, "differences")))
			(void) printf("  ... %.0f differences in all\n", n);
	}
	(void) puts(same ? "the same, byte for byte" : "NOT the same");
	if (!same && !get_bool(data, "in_sync"))
		(void) puts("anod knows that it is out of sync and is reading it again");
	return same ? EXIT_GOOD : EXIT_NO;
}

int verify_command(struct cli *c)
{
	int status = EXIT_NO;
	cJSON *answer = ask(c, &status);

	if (answer && !get_bool(get(answer, "data"), "same")) {
		cJSON_Delete(answer);
		wait_ms(AGAIN_MS);
		answer = ask(c, &status);
	}
	if (!answer)
		return status;
	if (c->json) {
		char *text = cJSON_Print(get(answer, "data"));

		(void) puts(text ? text : "");
		free(text);
		status = get_bool(get(answer, "data"), "same") ? EXIT_GOOD : EXIT_NO;
	} else {
		status = show(c, get(answer, "data"));
	}
	cJSON_Delete(answer);
	return status;
}
