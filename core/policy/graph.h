/*
 * graph - who may do what to what, and what limits it: a drawing of a policy.
 *
 * As text, at most 80 columns wide, or as DOT for graphviz.  Pure but for the stream.
 */
#ifndef POLICY_GRAPH_H
#define POLICY_GRAPH_H

#include "policy/config.h"

void graph_text(const struct config *c, FILE *f);
void graph_dot(const struct config *c, FILE *f);

#endif
