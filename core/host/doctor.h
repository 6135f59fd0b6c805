/*
 * doctor - what the files of the doctor share.
 */
#ifndef HOST_DOCTOR_H
#define HOST_DOCTOR_H

#include "host/host.h"

enum verdict { BAD, GOOD, NOT_KNOWN, NOTE /* good, and could be better */ };

/* A line of the answer.  'cure' (NULL: none) is left out when all is well. */
void doctor_add(struct cJSON *list, const char *name, enum verdict v, const char *cure,
		const char *fmt, ...) _printf_(5, 6);

/* doctor_kernel.c: what this kernel lacks, and files that cannot be read */
void doctor_kernel(struct cJSON *list);
/* doctor_facts.c: sensors, and facts that somebody uses and nobody knows */
void doctor_facts(struct cJSON *list, struct host *h);

#endif
