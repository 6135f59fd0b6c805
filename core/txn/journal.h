/*
 * journal - the only truth about transactions across crashes.
 *
 * A preallocated, zeroed file of 512-byte slots.  A record takes as many slots as it needs and
 * carries CRC-32C, a sequence number and the CRC of the record before it; a torn tail fails its
 * CRC and counts as never written, which is safe because INTENT is durable before the first
 * effect (policy.md 5.1 R1, R8).  When the file is full, the records of open transactions are
 * copied to a new file that replaces it (write, fsync, rename, fsync of the folder).
 *
 * The file header names format, boot id and the next transaction number.  One writer, which
 * holds an OFD write lock; the guardian takes the same lock while it undoes.
 *
 * Errors: negative errno.  A failed fdatasync is final (R7): the journal then refuses every
 * further append with -EIO, and its owner caps everything to observe.
 */
#ifndef TXN_JOURNAL_H
#define TXN_JOURNAL_H

#include "exec/proto.h"

#define JOURNAL_FILE "journal"
#define JOURNAL_SIZE (4u << 20)
#define JOURNAL_SLOT 512

enum journal_type {
	JOURNAL_INTENT = 1, /* steps and proposal: all that an undo needs */
	JOURNAL_APPLIED,    /* the kernel took all steps */
	JOURNAL_VERIFIED,   /* entering SOAK */
	JOURNAL_COMMIT,
	JOURNAL_ROLLBACK,
	JOURNAL_UNLOCKED, /* behind STUCK: its resource may be changed again */
	/* terminal: exactly one per transaction */
	JOURNAL_DONE = 16, /* after COMMIT */
	JOURNAL_ROLLED_BACK,
	JOURNAL_ABORTED, /* nothing had been applied */
	JOURNAL_SUPERSEDED,
	JOURNAL_STUCK,
	JOURNAL_CLOSED_BY_REBOOT,
};
const char *journal_type_name(enum journal_type t);
bool journal_type_terminal(enum journal_type t);

struct journal_record {
	uint32_t type; /* enum journal_type */
	uint32_t n_steps;
	uint64_t tx;
	uint64_t boot_us, wall_us;
	/* CLOCK_BOOTTIME.  INTENT, APPLIED, VERIFIED: until then the guardian waits (INTENT of a
	 * reflex: UINT64_MAX).  COMMIT: then it is undone again ("undo after"; 0: it stays). */
	uint64_t deadline_us;
	uint32_t flags;	 /* GUARD_HOLD_ON_CRASH, GUARD_REFLEX */
	uint32_t reflex; /* enum reflex_kind (txn.h) */
	char boot_id[40];
	char agent[ANOD_NAME_SIZE];
	char rule[ANOD_NAME_SIZE];     /* the permit that allowed it */
	char resource[ANOD_NAME_SIZE]; /* "link wan0": the lease, also of one found open */
	char why[ANOD_REASON_SIZE];
	struct exec_step *step; /* INTENT: n_steps; owned by the reader's record list */
};

struct journal;

/* Open or create in 'dir', take the lock (waits up to 'lock_wait_us' for a guardian at work,
 * then -EBUSY), read all records that are whole.  A file that is not a journal: -EBADMSG; of
 * another format version: -EPROTONOSUPPORT; it is left alone. */
int journal_open(const char *dir, uint64_t lock_wait_us, struct journal **ret);
/* Which anod wrote the journal in 'dir' last, as "0.2.0", of any format; "" when it does not say.
 * Returns buf. */
const char *journal_writer(const char *dir, char *buf, size_t size);
struct journal *journal_close(struct journal *j);
DEFINE_CLEANUP(struct journal *, journal_close);

/* Number for a new transaction; unique in this state folder for ever.  Reserved in blocks, so a
 * crash leaves a gap; 0: the block could not be reserved (full disk, failed fsync). */
uint64_t journal_next_tx(struct journal *j);

/* Durable on return when 'sync', else in the page cache (survives our death, not the power's).
 * An empty r->boot_id is filled in.  -ENOSPC, -EIO (final); what was written of a record that
 * failed is blanked, so that the guardian does not read a COMMIT that the owner gave up. */
int journal_append(struct journal *j, const struct journal_record *r, bool sync);

/* Reserve numbers now, so that the next transaction does not wait for the disk. */
int journal_reserve(struct journal *j);

/* Transactions without a terminal record, oldest first; each with its INTENT and the last record
 * type.  Borrowed until the next append. */
struct journal_open_tx {
	uint64_t tx;
	enum journal_type last;
	uint64_t deadline_us;		     /* of the last record */
	const struct journal_record *intent; /* NULL: its INTENT cannot be read */
};
unsigned journal_open_count(const struct journal *j);
const struct journal_open_tx *journal_open_at(const struct journal *j, unsigned n);

/* STUCK records without UNLOCKED, oldest first; borrowed until the next append. */
unsigned journal_stuck_count(const struct journal *j);
const struct journal_record *journal_stuck_at(const struct journal *j, unsigned n);

/* Records in order, as far as they are whole ('r' and its steps die on return); non-zero stops
 * and is returned.  Needs no lock: for 'anodctl' and tests. */
typedef int journal_fn(void *data, const struct journal_record *r);
int journal_read(const char *dir, journal_fn *fn, void *data);

/* How writes reach the file; the crash tests put their own disk between.  0 or -errno. */
struct journal_io {
	int (*write)(void *data, int fd, const void *buf, size_t size, uint64_t offset);
	int (*sync)(void *data, int fd);
};
/* Before the first append; 'io' borrowed until close. */
void journal_set_io(struct journal *j, const struct journal_io *io, void *data);

/* For the guardian: read-only look for the last whole record of a transaction, without a lock.
 * Its type, 0: none, -errno. */
int journal_last_type(const char *dir, uint64_t tx);

#endif
