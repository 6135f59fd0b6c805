/*
 * history - what the two halves of "anodctl history" share.
 */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "cli/cli.h"

/* Exit status for an answer, after a message when it is a refusal. */
int history_refused(const cJSON *answer);
/* The list of what is kept; of an incident ("I3") when one is named. */
int history_kept(struct cli *c, const char *incident);

#endif
