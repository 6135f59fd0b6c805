/*
 * ledger_cmd - "anodctl ledger ...": verify, keys, checkpoints and witnesses.
 *
 * Design.  "verify" reads the files itself, because a daemon that was tampered with cannot vouch for
 * its own record; it looks at the chain alone, and anod-verify(8) at everything.  The rest is asked
 * of the daemon.  What is meant for a file (key, checkpoint, pubkey) is printed as it is.
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

static int verify(struct cli *c, int argc, char **argv)
{
	struct ledger_fault fault = { 0 };
	const char *expect = NULL, *dir;
	char head[65] = "", buf[512];
	int64_t n;

	if (argc == 2 && strcmp(argv[0], "--head") == 0)
		expect = argv[1];
	else if (argc != 0)
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

/* ---- what the daemon is asked --------------------------------------------------------------- */

static cJSON *doing(const char *word)
{
	cJSON *args = cJSON_CreateObject();

	cJSON_AddStringToObject(args, "do", word);
	return args;
}

static void show_note(const struct cli *c, const cJSON *d)
{
	(void) c;
	(void) fputs(get_text(d, "note"), stdout);
}

static void show_key(const struct cli *c, const cJSON *d)
{
	(void) c;
	(void) fputs(get_text(d, "seed"), stdout);
	(void) fputs("carry this away from the router: it was shown for the only time\n", stderr);
}

static void show_pubkey(const struct cli *c, const cJSON *d)
{
	(void) c;
	(void) puts(get_text(d, "pubkey"));
}

static void show_rotated(const struct cli *c, const cJSON *d)
{
	(void) c;
	(void) printf("checkpoints are signed by %s from now on\n", get_text(d, "pubkey"));
}

static void show_kept(const struct cli *c, const cJSON *d)
{
	(void) c;
	(void) puts(get_bool(d, "kept") ? "kept" : "it was there already");
}

static void show_about(const struct cli *c, const cJSON *d)
{
	const cJSON *seal = get(d, "seal"), *cp = get(d, "checkpoint");
	char age[32];

	(void) printf("%.0f lines in %s, head %.16s...\n", get_number(d, "lines"),
		      get_text(d, "dir"), get_text(d, "head"));
	if (!seal) {
		(void) puts("not sealed");
		return;
	}
	(void) printf("sealed from line %.0f, epoch %.0f%s%s\n", get_number(seal, "since"),
		      get_number(seal, "epoch"), get_text(seal, "why")[0] ? ": " : "",
		      get_text(seal, "why"));
	if (get_bool(seal, "seed_here"))
		(void) printf("%sits seed is still here%s: anodctl ledger key > FILE, and carry it "
			      "away\n",
			      paint(c, "red"), paint(c, "off"));
	(void) printf("public key %s\n", get_text(d, "pubkey"));
	if (cJSON_IsObject(cp))
		(void) printf("last checkpoint of line %.0f, %s ago\n", get_number(cp, "size"),
			      duration_text(get_number(cp, "age_us"), age, sizeof(age)));
}

/* Who keeps ours. */
static void show_given(const struct cli *c, const cJSON *list)
{
	static const char *const heads[] = { "KEEPS OURS", "UP TO LINE", "SINCE", "", NULL };
	struct table *t = table_new(c, heads);
	char size[32], age[48], span[32];
	const cJSON *o;

	cJSON_ArrayForEach(o, list)
	{
		const char *cells[] = { get_text(o, "peer"), size, age, get_text(o, "why") };
		bool any = get_number(o, "size") > 0;

		(void) snprintf(size, sizeof(size), "%.0f", get_number(o, "size"));
		(void) snprintf(age, sizeof(age), "%s ago",
				duration_text(get_number(o, "age_us"), span, sizeof(span)));
		cells[1] = any ? size : "-";
		cells[2] = any ? age : "-";
		table_row(t, cells);
	}
	table_print(t);
}

/* Whose are kept here. */
static void show_theirs(const struct cli *c, const cJSON *list)
{
	static const char *const heads[] = {
		"KEPT HERE", "UP TO LINE", "OF", "FROM", "FILE", NULL
	};
	struct table *t = table_new(c, heads);
	char size[32], age[48], span[32];
	const cJSON *o;

	cJSON_ArrayForEach(o, list)
	{
		const cJSON *cp = get(o, "checkpoint");
		const char *cells[] = { get_text(o, "origin"), size, age, get_text(o, "from"),
					get_text(o, "file") };

		(void) snprintf(size, sizeof(size), "%.0f", get_number(cp, "size"));
		(void) snprintf(age, sizeof(age), "%s ago",
				duration_text(get_number(cp, "age_us"), span, sizeof(span)));
		table_row(t, cells);
	}
	table_print(t);
}

static void show_witnesses(const struct cli *c, const cJSON *d)
{
	if (cJSON_GetArraySize(get(d, "given")))
		show_given(c, get(d, "given"));
	else
		(void) puts("nobody keeps our checkpoints");
	if (cJSON_GetArraySize(get(d, "kept")))
		show_theirs(c, get(d, "kept"));
	else
		(void) puts("nobody's checkpoints are kept here");
}

/* A file of notes, each to the daemon; "# key" of a witness's file is the key of them all. */
static int add_file(struct cli *c, const char *path, const char *pub)
{
	_cleanup_(fclosep) FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char text[16384], vkey[200] = "", *at = text, *end;
	int status = EXIT_NO;
	size_t n = 0;

	if (f)
		n = fread(text, 1, sizeof(text) - 1, f);
	if (n == 0) {
		(void) fprintf(stderr, "anodctl: %s: %s\n", path,
			       f ? "there is nothing in it" : strerror(errno));
		return EXIT_NO;
	}
	text[n] = '\0';
	if (!pub && sscanf(text, "# key %199s", vkey) == 1)
		pub = vkey;
	while (*at == '#') /* lines for people */
		at += strcspn(at, "\n") + (strchr(at, '\n') ? 1 : 0);
	for (at += strspn(at, "\n"); *at; at = end + strspn(end, "\n")) {
		cJSON *args = doing("add");
		char *signs = strstr(at, "\n\n"), keep;

		/* The text, an empty line, signatures until the next empty line. */
		end = signs ? strstr(signs + 2, "\n\n") : NULL;
		end = end ? end + 1 : at + strlen(at);
		keep = *end;
		*end = '\0';
		cJSON_AddStringToObject(args, "note", at);
		*end = keep;
		if (pub)
			cJSON_AddStringToObject(args, "pubkey", pub);
		status = cli_page(c, "ledger", args, show_kept);
		if (status != EXIT_GOOD)
			break;
	}
	return status;
}

static int witness(struct cli *c, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[0], "add") == 0)
		return add_file(c, argv[1], NULL);
	if (argc == 4 && strcmp(argv[0], "add") == 0 && strcmp(argv[2], "--pub") == 0)
		return add_file(c, argv[1], argv[3]);
	return EXIT_USE;
}

int ledger_command(struct cli *c, int argc, char **argv)
{
	static const struct {
		const char *name, *word; /* what the daemon calls it; NULL: nothing */
		void (*show)(const struct cli *, const cJSON *);
	} pages[] = { { "key", "key", show_key },
		      { "pubkey", NULL, show_pubkey },
		      { "checkpoint", "checkpoint", show_note },
		      { "rotate", "rotate", show_rotated },
		      { "witnesses", "witnesses", show_witnesses } };

	if (argc == 0)
		return cli_page(c, "ledger", NULL, show_about);
	if (strcmp(argv[0], "verify") == 0)
		return verify(c, argc - 1, argv + 1);
	if (strcmp(argv[0], "witness") == 0)
		return witness(c, argc - 1, argv + 1);
	for (size_t i = 0; i < ARRAY_SIZE(pages) && argc == 1; i++)
		if (strcmp(pages[i].name, argv[0]) == 0)
			return cli_page(c, "ledger", pages[i].word ? doing(pages[i].word) : NULL,
					pages[i].show);
	return EXIT_USE;
}
