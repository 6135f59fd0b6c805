/*
 * evidence - what a model is shown of a finding.
 *
 * Threads: the host's one.  Memory: the caller's buffer.
 */
#ifndef TRIAGE_EVIDENCE_H
#define TRIAGE_EVIDENCE_H

#include <anod/plugin.h>
#include <stdbool.h>

#define EVIDENCE_SIZE 16384 /* bytes of JSON with the NUL: the bound of struct anod_question */

struct subject { /* a finding of another agent, as its facts tell it */
	uint64_t id;
	char code[ANOD_TEXT_SIZE], kind[ANOD_TEXT_SIZE], entity[ANOD_TEXT_SIZE];
	struct anod_value summary;
	double confidence;
	int64_t rivals, incident;
	bool no_cure;
};

/* Read it; false while something that matters is unknown. */
bool subject_read(struct anod_ctx *ctx, const char *finding, struct subject *ret);

/*
 * {"finding":{...},"facts":[{"fact":"link.wan0.carrier","value":false,"age_ms":40},...],
 *  "left_out":0}: facts of the entity first, then links and paths, then default routes, probes
 * and neighbours, as far as they fit.  Unknown facts are shown as null: that nobody knows is
 * evidence, too.  Returns the number of facts shown.
 */
unsigned evidence_write(struct anod_ctx *ctx, const struct subject *s, char buf[EVIDENCE_SIZE]);

#endif
