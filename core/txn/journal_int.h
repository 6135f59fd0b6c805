/*
 * journal_int - what the files of the journal share: journal.c reads, journal_write.c writes,
 * journal_track.c knows what is open.
 */
#ifndef TXN_JOURNAL_INT_H
#define TXN_JOURNAL_INT_H

#include "txn/journal.h"

#define HEADER_MAGIC   "anodjrnl"
#define HEADER_VERSION 1u
#define HEADER_BYTES   (2 * (uint64_t) JOURNAL_SLOT) /* two headers, written by turns */
#define CHUNK	       (64u << 10)
#define STOP_BYTES     (2 * CHUNK) /* of zeros end the records; longer than any record */

/* Behind the header in its slot, at the same place in every format: the version of the program. */
#define HEADER_WRITER	   256
#define HEADER_WRITER_SIZE 32

struct file_header {
	char magic[8];
	uint32_t version;
	uint32_t crc; /* of what follows */
	uint64_t generation, next_tx;
	char boot_id[40]; /* of the boot that wrote it */
};
uint32_t journal_header_crc(const struct file_header *h);

/* The file up to the end of its records; malloc()ed. */
int journal_read_fd(int fd, uint8_t **ret, size_t *ret_size);
/* The newer whole header.  -EBADMSG: not a journal, -EPROTONOSUPPORT: of another version. */
int journal_read_header(const uint8_t *buf, size_t size, struct file_header *ret);

struct open_tx {
	struct journal_open_tx pub;
	struct journal_record *intent; /* owned, with its steps; or NULL */
	struct journal_record last;    /* without steps */
};

struct open_list {
	unsigned n, n_alloc;
	uint64_t max_tx; /* the highest number seen */
	unsigned n_stuck;
	struct journal_record *stuck; /* owned; without steps */
	struct open_tx *tx;
};
void open_list_done(struct open_list *l);
struct open_tx *open_list_find(const struct open_list *l, uint64_t tx);
/* Take a record in; 0 or -ENOMEM.  'data' is a struct open_list: fits slot_scan(). */
int open_list_track(void *data, const struct journal_record *r);

#endif
