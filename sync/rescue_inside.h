/* What the files of the rescue share. */
#ifndef SYNC_RESCUE_INSIDE_H
#define SYNC_RESCUE_INSIDE_H

#include "sync/replica_own.h"
#include "sync/rescue.h"

/* What waits in the new store, whose log, feeds and outbox were copied: own saves that could not be read are made good from what the
 * tables in `from` show of them, tables are made, and what is lost is told. */
enum rc rescue_waiting(struct replica *replica, struct db *from, rescue_lost_fn visit, void *context,
                       struct rescue *rescue) MUST_CHECK;

#endif
