/* kinds - the facts that this sensor publishes, in the order of the manifest. */
#ifndef TABLES_KINDS_H
#define TABLES_KINDS_H

#include <anod/plugin.h>

enum { KIND_NEIGH, KIND_FIB, KIND_GROUP, KINDS };

enum {
	NEIGH_ENTRIES,
	NEIGH_THRESH1,
	NEIGH_THRESH2,
	NEIGH_THRESH3,
	NEIGH_USED,
	NEIGH_LOOKUPS,
	NEIGH_HITS,
	NEIGH_FAILED,
	NEIGH_FORCED,
	NEIGH_FULLS,
	NEIGH_FACTS
};

enum { FIB_ROUTES, FIB_NODES, FIB_BYTES, FIB_CACHE, FIB_FACTS };

enum { GROUP_MEMBERS, GROUP_MEMBERS_UP, GROUP_BUCKETS, GROUP_UNBALANCED, GROUP_FACTS };

extern const struct anod_kind tables_kinds[];

#endif
