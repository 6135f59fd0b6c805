/*
 * people - commands by which a person says something.
 */
#ifndef CLI_PEOPLE_H
#define CLI_PEOPLE_H

#include "cli/cli.h"

int approve_command(struct cli *c, int argc, char **argv);
int override_command(struct cli *c, int argc, char **argv);
int code_command(struct cli *c, int argc, char **argv);
void show_overrides(const struct cli *c, const cJSON *data);
/* "hash" and "code" of what may be signed, one a line. */
void show_code(const struct cli *c, const cJSON *o, const char *indent);

#endif
