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

static void set_field(struct iovec *field, const char *text, int len)
{
	field->iov_base = (void *) (uintptr_t) text;
	field->iov_len = (size_t) len;
}

static void send_line(const char *process, int priority, uint64_t tx, uint64_t incident,
		      const char *text)
{
	char number[32], name[64], about_tx[48], about_incident[48], message[2100];
	struct iovec field[5];
	int n = 0;

	set_field(&field[n++], message, snprintf(message, sizeof(message), "MESSAGE=%s", text));
	set_field(&field[n++], number, snprintf(number, sizeof(number), "PRIORITY=%d", priority));
	set_field(&field[n++], name,
		  snprintf(name, sizeof(name), "SYSLOG_IDENTIFIER=%.40s", process));
	if (tx > 0)
		set_field(&field[n++], about_tx,
			  snprintf(about_tx, sizeof(about_tx), "ANOD_TX=T%" PRIu64, tx));
	if (incident > 0)
		set_field(&field[n++], about_incident,
			  snprintf(about_incident, sizeof(about_incident),
				   "ANOD_INCIDENT=I%" PRIu64, incident));
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
