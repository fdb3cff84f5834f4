/* Whether this user may read and write the files of a store, told by name before anything is touched. */
#ifndef CORE_STORE_RIGHTS_H
#define CORE_STORE_RIGHTS_H

#include "core/rc.h"

/* RC_IO, whose sentence names the file or directory and the right that is missing, or says that its disk may only be
 * read. RC_OK also where there is nothing: opening tells that. */
enum rc store_rights_check(const char *directory) MUST_CHECK;

#endif
