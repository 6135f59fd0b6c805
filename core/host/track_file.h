/*
 * track_file - the track of outcomes in the state folder, across restarts and reboots.
 *
 * "track.jsonl": a first line that says since when the history is known, then one line for each
 * entry as it was when something became of it; of two lines of one entry the later one counts.
 * Lines carry ages with the time of their writing in both clocks and the boot id, so they mean the
 * same after a reboot.
 *
 * Errors: a file that cannot be believed is moved aside to "track.jsonl.broken", and the history
 * begins anew, known to be unknown before (track_forget()).  When a line cannot be written, the
 * daemon goes on; a failure that could not be kept empties the file, so that the next start
 * promotes nobody.  All of it is said in the log, with the file's name.
 *
 * Threads: one.  Not synced: what a loss of power takes of it, it takes from the kernel, too.
 */
#ifndef HOST_TRACK_FILE_H
#define HOST_TRACK_FILE_H

#include "policy/track.h"

struct track_file;

/* Read it into 't', which is empty.  'fresh': this state folder is new, so that no file means that
 * nothing has ever been done.  -ENOMEM only. */
int track_file_open(const char *state_dir, bool fresh, struct track *t, int64_t now_us,
		    struct track_file **ret);
struct track_file *track_file_close(struct track_file *f);

/* track_read.c: the file into 't'.  -EBADMSG: *ret_line is the first line that cannot be believed;
 * other errors: *ret_line is 0, and 't' may hold a part. */
int track_read(const char *path, struct track *t, int64_t now_us, unsigned *ret_line);

/* Something became of the transaction; with no entry of it left it was dropped. */
void track_file_note(struct track_file *f, const struct track *t, uint64_t tx, int64_t now_us);
/* Write again what could not be written; to be called now and then. */
void track_file_retry(struct track_file *f, const struct track *t, int64_t now_us);

#endif
