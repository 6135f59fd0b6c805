/*
 * doctor - what anod cannot see or do here, why, and what would cure it.
 *
 * Design.  Each check looks at this machine now: a capability by asking the kernel for it, a
 * kernel feature by using it harmlessly, a sensor by what it says of itself and publishes.  "ok":
 * null means that the check itself could not be made, which is said and never passed.
 */
#include <errno.h>
#include <linux/landlock.h>
#include <stdarg.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "host/doctor.h"
#include "host/history_host.h"
#include "host/neighbours.h"
#include "host/observe.h"
#include "host/people.h"
#include "host/vouch.h"

#define STARTING_US (2 * US_PER_S)

void doctor_add(cJSON *list, const char *name, enum verdict v, const char *cure, const char *fmt,
		...)
{
	cJSON *o = cJSON_CreateObject();
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void) vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cJSON_AddStringToObject(o, "name", name);
	if (v == NOT_KNOWN)
		cJSON_AddNullToObject(o, "ok");
	else
		cJSON_AddBoolToObject(o, "ok", v != BAD);
	if (v == NOTE)
		cJSON_AddTrueToObject(o, "note");
	cJSON_AddStringToObject(o, "text", text);
	if (cure && v != GOOD)
		cJSON_AddStringToObject(o, "cure", cure);
	cJSON_AddItemToArray(list, o);
}

static void check_caps(cJSON *list)
{
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1 /* IPPROTO_ICMP */);
	cap_flag_value_t admin = CAP_CLEAR;
	cap_t c = cap_get_proc();

	if (fd >= 0)
		doctor_add(list, "probes", GOOD, NULL, "ICMP probes can be sent");
	else
		doctor_add(list, "probes", BAD, "give CAP_NET_RAW, or use proto tcp or udp",
			   "no ICMP probes: %s", strerror(errno));
	if (c)
		(void) cap_get_flag(c, CAP_NET_ADMIN, CAP_PERMITTED, &admin);
	(void) cap_free(c);
	doctor_add(
		list, "executor", admin == CAP_SET ? GOOD : BAD,
		"start anod with CAP_NET_ADMIN; without it every change is refused by the kernel",
		admin == CAP_SET ? "the executor can be given CAP_NET_ADMIN"
				 : "no CAP_NET_ADMIN: anod observes, but no repair can be applied");
}

static void check_sandbox(cJSON *list)
{
	int abi = (int) syscall(SYS_landlock_create_ruleset, NULL, 0,
				LANDLOCK_CREATE_RULESET_VERSION);

	if (abi >= 1)
		doctor_add(list, "sandbox", GOOD, NULL,
			   "agents run under seccomp and Landlock ABI %d", abi);
	else
		doctor_add(list, "sandbox", BAD, "a kernel with CONFIG_SECURITY_LANDLOCK in lsm=",
			   "no Landlock here: agents are confined by seccomp alone");
}

static void check_process(cJSON *list, const struct host *h, enum proc_kind kind, const char *name,
			  const char *cure)
{
	const char *why = proof_missing(h, kind);
	const struct proc *p = &h->proc[kind];

	if (why && !p->why[0] && clock_boot_us() - p->started_us < STARTING_US)
		doctor_add(list, name, NOT_KNOWN, "ask again", "the %s is being started", name);
	else if (why)
		doctor_add(list, name, BAD, cure,
			   "the %s does not run: %s; proposals wait, nothing is changed", name,
			   why);
}

static void check_storage(cJSON *list, struct host *h)
{
	struct statvfs fs;

	if (statvfs(h->state_dir, &fs) < 0) {
		doctor_add(list, "state", BAD, "make the folder, owned by root, mode 0700",
			   "%s: %s", h->state_dir, strerror(errno));
		return;
	}
	if ((uint64_t) fs.f_bavail * fs.f_frsize < (64u << 20))
		doctor_add(list, "state", BAD, "free some space: a full disk stops every repair",
			   "%s: only %llu MiB left", h->state_dir,
			   (unsigned long long) ((uint64_t) fs.f_bavail * fs.f_frsize >> 20));
	else
		doctor_add(list, "state", GOOD, NULL, "journal and ledger in %s", h->state_dir);
	if (flights_trouble(h))
		doctor_add(list, "flight", BAD,
			   "free some space, or see to the folder's owner and mode", "%s",
			   flights_trouble(h));
	if (h->capped)
		doctor_add(list, "journal", BAD, "see the log, mend the disk, restart anod",
			   "journal or ledger failed: everything is capped to observe");
}

static void check_policy(cJSON *list, struct host *h)
{
	const struct policy *p = h->config->policy;
	unsigned permits = 0;

	for (unsigned k = 0; k < p->n_rules; k++)
		permits += p->rule[k].kind == RULE_PERMIT;
	if (permits == 0)
		doctor_add(list, "policy", NOTE,
			   "write a permit: each finding in 'anodctl incidents' shows the line it "
			   "would "
			   "need",
			   "no permit: anod watches and says what it would do, and does nothing");
	else
		doctor_add(list, "policy", GOOD, NULL, "%u permit%s, %u invariant%s", permits,
			   permits == 1 ? "" : "s", p->n_invariants,
			   p->n_invariants == 1 ? "" : "s");
	if (h->config->n_endpoints == 0)
		doctor_add(list, "models", NOTE, "endpoint NAME { provider openai  url \"...\" }",
			   "no model endpoint is configured: native agents work alone");
}

static void check_lateness(cJSON *list, struct host *h)
{
	char text[32];

	format_duration(h->lateness_us, text, sizeof(text));
	if (h->lateness_us > 50 * US_PER_MS)
		doctor_add(list, "lateness", BAD, "more CPU for anod, or fewer probes",
			   "the daemon was late by %s in the last minute: probes of that time "
			   "count as "
			   "void",
			   text);
	else
		doctor_add(list, "lateness", GOOD, NULL, "the loop was late by at most %s", text);
}

cJSON *doctor_json(struct host *h)
{
	cJSON *data = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(data, "checks");

	check_caps(list);
	check_process(list, h, PROC_EXEC, "executor", "see the log of anod");
	check_process(list, h, PROC_GUARDIAN, "guardian",
		      "install anod-guardian beside anod or in lib/anod, and let it be executed");
	check_sandbox(list);
	doctor_kernel(list);
	doctor_facts(list, h);
	observe_doctor(list, h);
	check_policy(list, h);
	people_doctor(list, h);
	neighbours_doctor(list, h);
	vouch_doctor(list, h);
	check_storage(list, h);
	check_lateness(list, h);
	for (unsigned k = 0; k < h->n_sensors_failed; k++)
		doctor_add(list, "sensor", BAD, "see the log of the start; restart anod",
			   "%s could not start: what it would tell stays unknown",
			   h->sensor_failed[k]);
	for (unsigned k = 0; k < h->plugins->n_refused; k++)
		doctor_add(list, "plugin", BAD, "see the reason", "%s", h->plugins->refused[k]);
	return data;
}
