/*
 * log_journal - log lines with fields, for the journal.
 *
 * Design.  systemd sets JOURNAL_STREAM to the device and inode of the stream that it connects to
 * a unit's stderr.  The variable is inherited by children whose stderr may be redirected, so it
 * counts only while it names what descriptor 2 really is (systemd.exec(5)).
 */
/* The default adds CODE_FILE and CODE_LINE of this file, which would say nothing. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "base/log.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <systemd/sd-journal.h>

#define FIELDS_MAX 32

static void set_field(struct iovec *field, const char *text, int len)
{
	field->iov_base = (void *) (uintptr_t) text;
	field->iov_len = (size_t) len;
}

/* One field for each word, so that "journalctl ANOD_NOTIFY=noc" finds it. */
static int set_words(struct iovec *field, int n, const char *words, char *buf, size_t size)
{
	size_t used = 0;

	while (n < FIELDS_MAX && *(words += strspn(words, " "))) {
		size_t len = strcspn(words, " ");
		int k = snprintf(buf + used, size - used, "ANOD_NOTIFY=%.*s", (int) len, words);

		if (k < 0 || (size_t) k >= size - used)
			break;
		set_field(&field[n++], buf + used, k);
		used += (size_t) k;
		words += len;
	}
	return n;
}

static void send_line(const char *process, int priority, const struct log_about *about,
		      const char *text)
{
	char number[32], name[64], about_tx[48], about_incident[48], message[2100];
	char severity[64], words[1024];
	struct iovec field[FIELDS_MAX];
	int n = 0;

	set_field(&field[n++], message, snprintf(message, sizeof(message), "MESSAGE=%s", text));
	set_field(&field[n++], number, snprintf(number, sizeof(number), "PRIORITY=%d", priority));
	set_field(&field[n++], name,
		  snprintf(name, sizeof(name), "SYSLOG_IDENTIFIER=%.40s", process));
	if (about->tx > 0)
		set_field(&field[n++], about_tx,
			  snprintf(about_tx, sizeof(about_tx), "ANOD_TX=T%" PRIu64, about->tx));
	if (about->incident > 0)
		set_field(&field[n++], about_incident,
			  snprintf(about_incident, sizeof(about_incident),
				   "ANOD_INCIDENT=I%" PRIu64, about->incident));
	if (about->severity[0])
		set_field(&field[n++], severity,
			  snprintf(severity, sizeof(severity), "SEVERITY=%.40s", about->severity));
	n = set_words(field, n, about->notify, words, sizeof(words));
	/* A journal that is full or gone loses the line; there is no better place to say so. */
	(void) sd_journal_sendv(field, n);
}

bool log_use_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uint64_t device, inode;
	struct stat st;
	char rest;

	if (!stream || sscanf(stream, "%" SCNu64 ":%" SCNu64 "%c", &device, &inode, &rest) != 2)
		return false;
	if (fstat(STDERR_FILENO, &st) < 0 || st.st_dev != device || st.st_ino != inode)
		return false;

	log_set_sink(send_line);
	return true;
}
