/*
 * anod.pml - one transaction between host, executor, guardian and journal, with crashes anywhere.
 *
 * A process here is a process of the daemon, a statement is what no crash can divide there:
 *
 *   Host      core/txn: txn_flow.c (intend, flow_armed, flow_applied, flow_checked, commit),
 *             txn_undo.c, txn_recover.c; started again for ever, as by systemd
 *   Exec      core/exec/serve.c (apply_all, on_steps), step.c (step_undo)
 *   Guardian  core/exec/guardian.c; two, because that of a dead host outlives it
 *   Disk      core/host/disk.c: what was written becomes durable beside the loop (-DLAZY)
 *   Clock     the guardian's deadline
 *   World     kills, power, a failing disk, somebody else's hands, the trigger of a reflex
 *
 * The journal is what readers of its file see ('seen': survives every kill) and what a power loss
 * leaves of it at least ('disk').  The kernel has two objects.  Reading an object and changing it
 * is one statement: that somebody else may come in between is the kernel's own gap.
 *
 * PREPARE, verification and signatures touch nothing and are left out; whatever the daemon waits
 * for with a deadline may be late at any time.  STUCK is left out: it needs a kernel that refuses
 * to go back.
 *
 * Kinds:  -DREADY  a reflex of ready bytes: the guardian applies, when the trigger comes
 *         -DHELD   COMMIT, and later a planned undo ("undo after", the armed kernel)
 *         -DHOLD   "on crash hold"
 * With:   -DLAZY   runtime state: records are synced beside the loop
 *         -DDISK   syncs may fail   -DFOREIGN  somebody else changes an object
 *         -DHANDOVER  the host ends on purpose   -DKILLS=N  of any process, or the power
 * -DMUT_... are mistakes that must be found (tests/spin/run).
 *
 * Promised: the assertions of record(), apply() and undo(), no deadlock, and 'ends'.
 */
#ifndef KILLS
#define KILLS 2
#endif

mtype:obj = { PRE, POST, OTHER, MIXED };
mtype:rec = { NONE, INTENT, APPLIED, COMMIT, ROLLBACK,
	      DONE, ROLLED_BACK, ABORTED, SUPERSEDED, CLOSED };
mtype:msg = { m_apply, m_applied, m_check, m_checked, m_undo, m_undone,
	      m_arm, m_ready, m_armed, m_disarm, m_unfired, m_disarmed, m_fired, m_reflexed, m_handover };
mtype:state = { NEW, ARMING, ARMED, APPLYING, SOAK, HELD_, UNDOING, DISARMING, LEAVING, ENDED };

/* ---- kernel, journal, fence ------------------------------------------------------------------ */

mtype:obj kernel[2] = { PRE, PRE };

#define ANY(s)	(kernel[0] == s || kernel[1] == s)
#define BOTH(s) (kernel[0] == s && kernel[1] == s)

mtype:rec seen = NONE, disk = NONE;
bool proposed, committed, was_committed, rebooted, bad_disk;

#define TERMINAL(r) (r == DONE || r == ROLLED_BACK || r == ABORTED || r == SUPERSEDED || r == CLOSED)
#define OPEN	    (seen == INTENT || seen == APPLIED || seen == COMMIT || seen == ROLLBACK)

/* Who may end the transaction or undo it against the host: an OFD lock, lost with its holder. */
#define NOBODY 9
#define HOST   8
byte fence = NOBODY; /* or the number of a guardian */

/* ---- lives and channels ---------------------------------------------------------------------- */

chan to_exec = [4] of { mtype:msg };
chan from_exec = [4] of { mtype:msg, mtype:obj };
chan to_guard[2] = [4] of { mtype:msg };
chan from_guard[2] = [4] of { mtype:msg, mtype:obj };

bool kill_host, host_alive;
bool kill_exec, exec_alive, exec_orphan;
bool kill_guard[2], guard_alive[2], guard_orphan[2];
bool holds[2];	/* an undo */
bool waits[2];	/* a reflex that has not fired: no undo yet */
bool own[2];	/* one that it has fired itself */
bool kept[2];  /* handed over: waits for the next host */
#define NO_GUARD 2
byte mine = NO_GUARD; /* the host's */
bool was_armed; /* a guardian has had the undo: R1 */
bool due;	/* the guardian's deadline */
bool trigger;
bool capped;	/* the host's: its journal has failed */

#ifdef READY
#define IS_REFLEX true
#else
#define IS_REFLEX false
#endif

/* ---- what is promised ------------------------------------------------------------------------ */

/* Exactly one terminal record, and a true one; COMMIT is not taken back. */
inline record(r)
{
	d_step {
		assert(!TERMINAL(seen));
		assert(r == INTENT || OPEN);
		if
		:: r == COMMIT -> assert(BOTH(POST) || ANY(OTHER)); committed = true; was_committed = true
#ifdef HELD
		/* Whoever settles it knows where the kernel stands. */
		:: r == DONE -> assert(was_committed)
#else
		:: r == DONE -> assert(committed && !ANY(PRE))
#endif
		:: r == ROLLBACK ->
#ifdef HELD
			committed = false
#else
			assert(!committed)
#endif
		:: r == ROLLED_BACK || r == ABORTED || r == SUPERSEDED ->
			/* A guardian that was stopped for a while may fire just now. */
			assert(!ANY(POST) || (IS_REFLEX && (holds[0] || holds[1])))
		:: else
		fi;
		seen = r
	}
}

/* INTENT durable, then the guardian armed, then the first effect; none once it has ended. */
inline apply(i)
{
	d_step {
		assert(was_armed && (IS_REFLEX || (OPEN && seen != COMMIT)));
#ifndef LAZY
		assert(disk != NONE);
#endif
		if
		:: kernel[i] == PRE -> kernel[i] = POST
		:: else
		fi
	}
}

/* Never COMMIT and undone; never over somebody else's change (R4).  "s": how it was found. */
inline undo(i, s)
{
	d_step {
		if
#ifdef MUT_UNDO_BLINDLY
		:: kernel[i] != PRE ->
#else
		:: kernel[i] == POST ->
#endif
			assert(!committed && kernel[i] != OTHER);
			kernel[i] = PRE
		:: else
		fi;
		if
		:: kernel[i] == OTHER -> s = OTHER
		:: else
		fi
	}
}

/* An INTENT always ends; on a disk that has failed, in the next run. */
#define is_open (OPEN && !capped)
#ifndef READY
ltl ends { [] (is_open -> <> !is_open) }
#else
/* And a guardian that was stopped, and fires behind its end, takes that back. */
#define untrue ((seen == ABORTED || seen == ROLLED_BACK || seen == SUPERSEDED) && ANY(POST))
ltl ends { ([] (is_open -> <> !is_open)) && ([] (untrue -> <> !untrue)) }
#endif

/* ---- executor -------------------------------------------------------------------------------- */

inline look(s)
{
	d_step {
		if
		:: BOTH(PRE) -> s = PRE
		:: BOTH(POST) -> s = POST
		:: !ANY(POST) && !BOTH(PRE) -> s = OTHER
		:: else -> s = MIXED
		fi
	}
}

#define FLUSH1(c) do :: c?_ :: empty(c) -> break od
#define FLUSH2(c) do :: c?_, _ :: empty(c) -> break od

active proctype Exec()
{
	mtype:obj s = PRE;

end:	do
	:: exec_alive -> {
end_idle:	do
		:: to_exec?m_apply ->
			apply(0);
			if
			:: apply(1)
			:: skip /* the kernel refuses it */
			fi;
			look(s);
			from_exec!m_applied, s; s = PRE
		:: to_exec?m_check ->
			look(s);
			from_exec!m_checked, s; s = PRE
		:: to_exec?m_undo ->
			undo(1, s);
			undo(0, s);
			from_exec!m_undone, s; s = PRE
		od
	   } unless {
		atomic {
			kill_exec ->
			kill_exec = false;
			exec_alive = false;
			exec_orphan = false;
			FLUSH1(to_exec);
			FLUSH2(from_exec);
			s = PRE
		}
	   }
	od
}

/* Its host is dead: SIGKILL (PR_SET_PDEATHSIG), but what is under way may be finished. */
active proctype Reaper()
{
end:	do
	:: atomic { exec_orphan && !kill_exec -> kill_exec = true }
	od
}

/* ---- guardian -------------------------------------------------------------------------------- */

#ifdef HOLD
#define HOST_DIED(g) false
#else
#define HOST_DIED(g) (guard_orphan[g] && !kept[g])
#endif
/* Messages that the host sent before its death are read before it counts. */
#define DUE(g) (holds[g] && empty(to_guard[g]) && (due || HOST_DIED(g)))

/* has_ended(): the journal says that there is nothing to undo. */
#ifndef MUT_END_IS_BELIEVED
#define HAS_ENDED(g) (seen == COMMIT || seen == DONE || (TERMINAL(seen) && !own[g]))
#else
#define HAS_ENDED(g) (seen == COMMIT || TERMINAL(seen))
#endif

inline answer(m, s)
{
	atomic {
		if
		:: !guard_orphan[g] -> from_guard[g]!m, s
		:: else
		fi
	}
}

inline let_go()
{
	holds[g] = false;
	waits[g] = false;
	own[g] = false;
	kept[g] = false;
	if
	:: fence == g -> fence = NOBODY
	:: else
	fi
}

proctype Guardian(byte g)
{
	mtype:obj s = PRE;

end:	do
	:: guard_alive[g] -> {
end_idle:	do
		:: to_guard[g]?m_arm ->
			d_step { holds[g] = true; waits[g] = false; own[g] = false; was_armed = true };
			answer(m_armed, PRE)
#ifdef READY
		:: to_guard[g]?m_ready ->
			d_step {
				holds[g] = true;
				waits[g] = true;
				was_armed = true
			};
			answer(m_armed, PRE)
		/* on_disarm(), GUARD_UNFIRED: what has fired is kept. */
		:: to_guard[g]?m_unfired ->
			if
			:: holds[g] && !waits[g] ->
				answer(m_reflexed, PRE)
			:: else ->
				d_step { let_go() };
				answer(m_disarmed, PRE)
			fi
#endif
		:: to_guard[g]?m_disarm ->
			d_step {
				/* R2: COMMIT is durable before it lets go, or nothing is left to undo. */
				assert(was_committed || !ANY(POST) || IS_REFLEX);
				let_go()
			};
			answer(m_disarmed, PRE)
#ifdef HANDOVER
		/* What it answers goes to the old host's socket. */
		:: atomic { to_guard[g]?m_handover -> kept[g] = holds[g]; answer(m_disarmed, PRE) }
		/* No host came in time: the same as its death. */
		:: atomic { kept[g] && guard_orphan[g] -> kept[g] = false }
#endif
#ifdef READY
		/* fire(): one send() for all */
		:: atomic { holds[g] && waits[g] && trigger && !HOST_DIED(g) ->
				waits[g] = false;
				own[g] = true;
				apply(0);
				if
				:: apply(1)
				:: skip
				fi
			};
			answer(m_reflexed, PRE)
		:: atomic { DUE(g) && waits[g] -> let_go() };
			answer(m_fired, PRE)
#endif
#ifdef MUT_NO_FENCE
		:: atomic { DUE(g) && !waits[g] -> skip };
#else
		:: atomic { DUE(g) && !waits[g] && (fence == NOBODY || fence == g) -> fence = g };
#endif
			if
#ifndef MUT_JOURNAL_NOT_READ
			:: atomic { HAS_ENDED(g) -> let_go() }
			:: atomic { !HAS_ENDED(g) -> skip };
#else
			:: true ->
#endif
				undo(1, s);
				undo(0, s);
				/* The fence stays with it until its host has heard. */
				d_step {
					holds[g] = false;
					kept[g] = false;
					if
					:: guard_orphan[g] && fence == g -> fence = NOBODY
					:: else
					fi
				};
				answer(m_fired, s);
				s = PRE
			fi
		/* Host dead and nothing held: it ends. */
		:: atomic { guard_orphan[g] && !holds[g] && empty(to_guard[g]) ->
			    kill_guard[g] = true }
		od
	   } unless {
		atomic {
			kill_guard[g] ->
			kill_guard[g] = false;
			guard_alive[g] = false;
			guard_orphan[g] = false;
			let_go();
			FLUSH1(to_guard[g]);
			FLUSH2(from_guard[g]);
			s = PRE
		}
	   }
	od
}

/* ---- host ------------------------------------------------------------------------------------ */

mtype:state st = NEW;
byte leaves = 2; /* how often it may still end on purpose */
mtype:rec end_as = NONE; /* the terminal record */
bool armed, closed, doomed, checking, leaving, reflexed, ok;
bool quick; /* the executor has answered APPLY before the guardian's deadline */

/* entry_record(): nothing once the journal has failed. */
inline note(r)
{
	atomic {
		if
		:: capped
		:: else -> record(r)
		fi
	}
}

/* With sync.  What could not be made durable is blanked (journal_write.c). */
inline note_sync(r)
{
	atomic {
		ok = false;
		if
		:: capped
		:: else -> before = seen; record(r); ok = true
		fi
	};
	if
	:: atomic { ok && !bad_disk ->
#ifndef LAZY
		disk = seen
#endif
	   }
	:: atomic { ok && bad_disk ->
#ifndef MUT_FAILED_COMMIT_STAYS
		seen = before;
#endif
		ok = false;
		capped = true;
#ifndef MUT_FAILED_COMMIT_STAYS
		if
		:: r == COMMIT -> committed = false
		:: else
		fi
#else
		skip
#endif
	   }
	:: atomic { !ok -> skip }
	fi
}

inline release()
{
	if
	:: fence == HOST -> fence = NOBODY
	:: else
	fi
}

/* What was sent to a dead one is lost. */
inline new_guardian()
{
	FLUSH1(to_guard[mine]);
	guard_alive[mine] = true
}

#define KEPT(g) (guard_alive[g] && guard_orphan[g] && kept[g] && holds[g])
#define MY_GUARD_DEAD (mine != NO_GUARD && !guard_alive[mine] && !kill_guard[mine])
#define EXEC_DEAD (!exec_alive && !exec_orphan && !kill_exec)
#define FROM_GUARD(m) (st != ENDED && mine != NO_GUARD && from_guard[mine]?[m])

active proctype Host()
{
	mtype:rec before = NONE;
	mtype:obj s = PRE;

	run Guardian(0);
	run Guardian(1);
end:	do
	:: {
	/* The executor of the last host is dead by then. */
	atomic { EXEC_DEAD -> FLUSH1(to_exec); host_alive = true; exec_alive = true };
	if
	/* txns_take_over(): an earlier host has left on purpose, and its guardian goes on. */
	:: atomic { OPEN && !rebooted && KEPT(0) -> mine = 0 }; goto take_over
	:: atomic { OPEN && !rebooted && KEPT(1) -> mine = 1 }; goto take_over
	:: atomic { !(OPEN && !rebooted && (KEPT(0) || KEPT(1))) && !guard_alive[0] && !kill_guard[0] ->
		    mine = 0; new_guardian() }
	:: atomic { !(OPEN && !rebooted && (KEPT(0) || KEPT(1))) && !guard_alive[1] && !kill_guard[1] ->
		    mine = 1; new_guardian() }
	fi;
	if
	:: OPEN && rebooted -> end_as = CLOSED; goto undo_end
	:: OPEN && !rebooted -> goto recover
	:: seen == NONE && !proposed -> goto intend
	:: TERMINAL(seen) || (seen == NONE && proposed) -> st = ENDED; goto loop
	fi;

take_over:
	atomic {
		if
		:: KEPT(mine) -> guard_orphan[mine] = false; kept[mine] = false; armed = true
		:: else -> mine = NO_GUARD; kill_host = true; false /* too late; the next run recovers */
		fi;
		if
		:: seen == COMMIT || seen == ROLLBACK
		:: else ->
			if
			:: waits[mine] -> st = ARMED
			:: else -> quick = true; st = SOAK
			fi
		fi
	};
	if
	:: seen == COMMIT -> end_as = DONE; goto undo_end
	:: seen == ROLLBACK -> goto send_undo
	:: seen != COMMIT && seen != ROLLBACK -> goto loop
	fi;

recover: /* txns_recover(); a guardian of an earlier host may be at work, too */
	if
#ifdef HELD
	:: seen == COMMIT -> st = HELD_; goto loop
#else
	:: seen == COMMIT -> end_as = DONE; goto undo_end
#endif
#ifdef HOLD
	:: seen == APPLIED && !due -> quick = true; st = SOAK; goto send_arm
	:: seen == INTENT || seen == ROLLBACK || (seen == APPLIED && due) -> goto send_undo
#else
	:: seen == INTENT || seen == ROLLBACK || seen == APPLIED -> goto send_undo
#endif
	fi;

intend: proposed = true;
#ifdef MUT_APPLY_BEFORE_INTENT
	to_exec!m_apply;
#endif
	note_sync(INTENT);
	if
	:: !ok -> st = ENDED; goto loop /* nothing was changed */
	:: ok -> st = ARMING
	fi;
#ifdef MUT_APPLY_BEFORE_ARMED
	to_exec!m_apply;
#endif

send_arm:
	atomic {
		armed = true;
		if
		:: IS_REFLEX && st == ARMING -> to_guard[mine]!m_ready
		:: else -> to_guard[mine]!m_arm
		fi
	};
	goto loop;

undo_begin: /* when the record fails, INTENT alone says so */
	note_sync(ROLLBACK);

send_undo:
	atomic {
		st = UNDOING;
		checking = false;
		if
		:: exec_alive -> to_exec!m_undo
		:: else /* the next one gets it */
		fi
	};
	goto loop;

undone: /* everything is back that was to be put back; 's' as it was found */
	atomic {
		if
		:: s == OTHER -> end_as = SUPERSEDED
		:: s == PRE && seen == INTENT -> end_as = ABORTED
		:: s == PRE && seen != INTENT -> end_as = ROLLED_BACK
		fi;
		s = PRE
	};

undo_end: /* its record, then the guardian lets go */
	atomic {
		if
		:: !closed -> closed = true; note(end_as)
		:: else
		fi
	};

disarm: atomic {
		if
		:: armed -> to_guard[mine]!m_disarm; st = DISARMING
		:: else -> st = ENDED
		fi
	};
	goto loop;

commit:
#ifndef MUT_NO_FENCE
	if
	:: atomic { fence != NOBODY -> goto loop } /* the guardian is undoing it, and will say so */
	:: atomic { fence == NOBODY -> fence = HOST }
	fi;
#endif
	if
	:: due -> release(); goto undo_begin
	:: !due
	fi;
#ifdef MUT_DISARM_BEFORE_COMMIT
	to_guard[mine]!m_disarm;
	from_guard[mine]?m_disarmed, _;
	armed = false;
#endif
	note_sync(COMMIT);
	release();
	if
	:: !ok -> goto undo_begin
	:: ok
	fi;
#ifdef HELD
	atomic {
		st = HELD_;
		if
		:: armed -> to_guard[mine]!m_disarm
		:: else
		fi
	};
	goto loop;
#else
	end_as = DONE;
	goto disarm;
#endif

disarmed: /* or nobody holds it any more */
	armed = false;
	if
	:: st == DISARMING && reflexed -> leaving = false; goto undo_begin
	:: st == DISARMING && !reflexed -> leaving = false; goto undo_end
	:: st == ARMING && !IS_REFLEX -> end_as = ABORTED; goto undo_end
	/* One that waited may have fired. */
	:: st == SOAK || st == ARMED || (st == ARMING && IS_REFLEX) -> goto undo_begin
	:: st == LEAVING -> kill_host = true; false
	:: st == APPLYING -> doomed = true; goto loop
	:: st == HELD_ || st == UNDOING || st == ENDED -> goto loop
	fi;

loop:	do
	:: atomic { st == ENDED -> release() };
end_idle:	false
	/* ---- deaths of the others ---- */
	:: atomic { st != ENDED && MY_GUARD_DEAD -> mine = NO_GUARD };
		atomic {
			if
			:: !guard_alive[0] && !kill_guard[0] -> mine = 0
			:: !guard_alive[1] && !kill_guard[1] -> mine = 1
			fi;
			new_guardian()
		};
		if
		:: armed && ((st == ARMING && !IS_REFLEX) || st == APPLYING || st == SOAK || st == UNDOING) ->
			goto send_arm
		:: st == ENDED || (!armed && st != DISARMING && st != LEAVING)
		/* Who held it is gone, a reflex may have fired, or a new one cannot be had. */
		:: armed || st == DISARMING || st == LEAVING -> reflexed = leaving;
			goto disarmed
		fi
	:: atomic { st != ENDED && EXEC_DEAD -> FLUSH1(to_exec); exec_alive = true;
		    checking = false };
		if
		:: st == ARMING && !IS_REFLEX -> end_as = ABORTED; goto undo_end
		:: st == APPLYING -> goto undo_begin
#ifndef MUT_UNDO_NOT_SENT_AGAIN
		:: st == UNDOING -> goto send_undo
#endif
		:: else
		fi
	/* ---- txns_on_guard() ---- */
	:: atomic { FROM_GUARD(m_armed) -> from_guard[mine]?m_armed, _ };
		if
		:: st == ARMING && !IS_REFLEX ->
			atomic { st = APPLYING; to_exec!m_apply }
		:: st == ARMING && IS_REFLEX -> st = ARMED
		:: else
		fi
	:: atomic { FROM_GUARD(m_disarmed) -> from_guard[mine]?m_disarmed, _ };
		goto disarmed
	:: atomic { FROM_GUARD(m_reflexed) -> from_guard[mine]?m_reflexed, _ };
		if
		:: st == ARMED || st == ARMING -> quick = true; note(APPLIED); st = SOAK
		/* It was quicker than our DISARM, and holds the undo. */
		:: st == DISARMING && leaving -> leaving = false; quick = true; goto undo_begin
		:: st == DISARMING && !leaving
		:: else
		fi
	:: atomic { FROM_GUARD(m_fired) -> from_guard[mine]?m_fired, s };
		assert(!(st == DISARMING && end_as == DONE && !closed));
		armed = false;
		if
		:: st == LEAVING -> kill_host = true; false
		:: st != LEAVING && closed -> st = ENDED
#ifdef MUT_FIRED_IS_BELIEVED
		:: st != LEAVING && !closed -> goto undone
#else
		/* All may have been frozen for a while, and the executor have applied behind the
		 * guardian's back: then it has the last word, or the next one has. */
		:: st != LEAVING && !closed && quick -> goto undone
		:: st != LEAVING && !closed && !quick && st != UNDOING -> goto undo_begin
		:: st != LEAVING && !closed && !quick && st == UNDOING
#endif
		fi;
		s = PRE
	/* ---- txns_on_exec() ---- */
	:: atomic { from_exec?m_applied, s -> quick = st == APPLYING && !due };
		if
		:: st == APPLYING && s == POST && !doomed -> note(APPLIED); st = SOAK
		:: st == APPLYING && s == PRE -> end_as = ABORTED; goto undo_end
		:: st == APPLYING && s != PRE && !(s == POST && !doomed) -> goto undo_begin
		:: st != APPLYING
		fi;
		s = PRE
	:: from_exec?m_checked, s ->
		if
		:: st == SOAK && checking && s == POST -> checking = false; s = PRE; goto commit
		:: st == SOAK && checking && s == MIXED -> s = PRE; goto undo_begin
		:: st == SOAK && checking && s != POST && s != MIXED ->
			end_as = SUPERSEDED; goto undo_end
		:: !(st == SOAK && checking)
		fi;
		s = PRE
	:: from_exec?m_undone, s ->
		if
		:: st == UNDOING -> goto undone
		:: st != UNDOING
		fi;
		s = PRE
	/* ---- time: what takes too long, what is not verified, what is verified ---- */
	:: st == ARMING && !IS_REFLEX -> end_as = ABORTED; goto undo_end
	:: st == APPLYING -> goto undo_begin
	:: st == DISARMING && !leaving -> goto disarmed
	:: st == SOAK -> goto undo_begin
	:: atomic { st == SOAK && !checking && exec_alive && mine != NO_GUARD &&
		    empty(from_guard[mine]) -> checking = true; to_exec!m_check }
	/* ---- what people and the policy want ---- */
	/* A reflex is not wanted any more: the guardian lets go first, then it has ended. */
	:: IS_REFLEX && (st == ARMED || st == ARMING) -> end_as = ABORTED;
#ifdef MUT_ABORTED_BEFORE_DISARMED
		goto undo_end
#else
		atomic { to_guard[mine]!m_unfired; leaving = true; st = DISARMING }
#endif
	/* A guardian that does not answer may still fire: it is ended. */
	:: atomic { IS_REFLEX && (st == ARMING || (st == DISARMING && leaving)) && mine != NO_GUARD &&
		    guard_alive[mine] && !kill_guard[mine] -> kill_guard[mine] = true }
#ifdef MUT_HUNG_GUARDIAN_LIVES
	:: st == DISARMING && leaving -> armed = false; leaving = false; goto undo_begin
#endif
	:: st == HELD_ -> goto undo_begin /* as planned */
	:: st == HELD_ -> end_as = DONE; goto undo_end
#ifdef HANDOVER
	:: atomic { (st == SOAK || st == ARMED) && armed && mine != NO_GUARD && leaves > 0 ->
		    leaves--; to_guard[mine]!m_handover; st = LEAVING }
#endif
	od
	   } unless {
		atomic {
			kill_host ->
			kill_host = false;
			host_alive = false;
			capped = false;
			bad_disk = false; /* the next run has a better one */
			release();
			exec_orphan = exec_alive;
			FLUSH2(from_exec);
			if
			:: mine != NO_GUARD ->
				guard_orphan[mine] = guard_alive[mine];
				FLUSH2(from_guard[mine]);
				mine = NO_GUARD
			:: else
			fi;
			st = NEW;
			armed = false;
			closed = false;
			doomed = false;
			checking = false;
			quick = false;
			reflexed = false;
			leaving = false;
			ok = false;
			end_as = NONE;
			before = NONE;
			s = PRE
		}
	   }
	od
}

/* ---- what comes from outside ----------------------------------------------------------------- */

active proctype Clock()
{
	due = true
}

#ifdef LAZY
active proctype Disk()
{
end:	do
	:: atomic { disk != seen && !bad_disk -> disk = seen }
	od
}
#endif

active proctype World()
{
	byte kills = KILLS;
	bool changed, failed;

end:	do
	:: atomic { kills > 0 && host_alive && !kill_host -> kills--; kill_host = true }
	:: atomic { kills > 0 && exec_alive && !kill_exec -> kills--; kill_exec = true }
	:: atomic { kills > 0 && guard_alive[0] && !kill_guard[0] -> kills--; kill_guard[0] = true }
	:: atomic { kills > 0 && guard_alive[1] && !kill_guard[1] -> kills--; kill_guard[1] = true }
	:: atomic { kills > 0 -> /* power */
		kills--;
		kill_host = host_alive;
		kill_exec = exec_alive;
		kill_guard[0] = guard_alive[0];
		kill_guard[1] = guard_alive[1];
		if
		:: seen = disk
		:: skip
		fi;
		kernel[0] = PRE;
		kernel[1] = PRE;
		rebooted = OPEN;
		committed = false
	   }
#ifdef FOREIGN
	:: atomic { !changed && ANY(POST) -> changed = true; kernel[0] = OTHER }
#endif
#ifdef DISK
	:: atomic { !failed && !bad_disk -> failed = true; bad_disk = true }
#endif
#ifdef READY
	:: atomic { !trigger -> trigger = true }
#endif
	:: break
	od
}
