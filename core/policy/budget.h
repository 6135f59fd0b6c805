/*
 * budget - what has been used up, and until when something rests.
 *
 * Four kinds of memory in one list: charges of budgets, cooldowns of permits, caps that stay in
 * force for a while, and amounts of what was done (moved.h).  Asking changes nothing; only decide_charge() and decide_remember() write.
 *
 * Times are boot time; a saved list carries ages, so it survives a reboot.
 */
#ifndef POLICY_BUDGET_H
#define POLICY_BUDGET_H

#include "policy/decide.h"

#define BUDGET_USES_MAX 4096 /* remembered at once; a charge beyond is refused */

/* May the budget be charged once more for this key now?  Else *ret_free_us says when. */
bool budget_allows(const struct budgets *b, const struct policy_budget *p, const char *key,
		   uint64_t now_us, uint64_t *ret_free_us);
int budget_charge(struct budgets *b, const struct policy_budget *p, const char *key,
		  uint64_t now_us);
/* What a budget is counted by, of this decision. */
const char *budget_key(const struct policy_budget *p, const char *resource, const char *agent);

/* Until when the rule rests for this key; 0: it does not. */
uint64_t budget_rest_until(const struct budgets *b, const char *rule, const char *key,
			   uint64_t now_us);
int budget_rest(struct budgets *b, const char *rule, const char *key, uint64_t until_us,
		uint64_t now_us);

/* Until when a cap stays in force though its guard may be false by now; 0: it does not. */
uint64_t budget_cap_until(const struct budgets *b, const char *cap, const char *key,
			  uint64_t now_us);
int budget_hold_cap(struct budgets *b, const char *cap, const char *key, uint64_t until_us,
		    uint64_t now_us);

/* Remember that so much of 'what' was done now, for keep_us; negative: not known how much. */
int budget_note(struct budgets *b, const char *what, double amount, uint64_t keep_us,
		uint64_t now_us);
/* How much of it in the window that ends now; false: some of it is not known. */
bool budget_noted(const struct budgets *b, const char *what, uint64_t window_us, uint64_t now_us,
		  double *ret);

#endif
