/*
 * txn_name - what states and kinds of reflexes are called, everywhere.
 */
#include "txn/txn.h"

const char *txn_state_name(enum txn_state s)
{
	switch (s) {
	case TXN_DECIDED:
		return "decided";
	case TXN_WAITING:
		return "waiting";
	case TXN_PREPARING:
		return "preparing";
	case TXN_INTENT:
		return "intent";
	case TXN_ARMING:
		return "arming";
	case TXN_APPLYING:
		return "applying";
	case TXN_VERIFYING:
		return "verifying";
	case TXN_SOAK:
		return "soak";
	case TXN_COMMIT:
		return "commit";
	case TXN_DISARMING:
		return "disarming";
	case TXN_ROLLBACK:
		return "rollback";
	case TXN_UNDOING:
		return "undoing";
	case TXN_ARMED:
		return "armed";
	case TXN_DONE:
		return "done";
	case TXN_ROLLED_BACK:
		return "rolled back";
	case TXN_SUPERSEDED:
		return "superseded";
	case TXN_STUCK:
		return "stuck";
	case TXN_ABORTED:
		return "aborted";
	case TXN_DENIED:
		return "denied";
	case TXN_EXPIRED:
		return "expired";
	case TXN_FAILED:
		return "failed";
	case TXN_CLOSED_BY_REBOOT:
		return "closed by reboot";
	}
	return NULL;
}

bool txn_state_final(enum txn_state s)
{
	return s >= TXN_DONE;
}

const char *reflex_kind_name(enum reflex_kind k)
{
	switch (k) {
	case REFLEX_NONE:
		return NULL;
	case REFLEX_KERNEL:
		return "kernel";
	case REFLEX_BRIDGE:
		return "bridge";
	case REFLEX_READY:
		return "ready";
	}
	return NULL;
}
