/* Whether the files of a store are files that this user may read and write, told by name before anything is touched. */
#ifndef CORE_STORE_RIGHTS_H
#define CORE_STORE_RIGHTS_H

#include "core/rc.h"

/* RC_IO, whose sentence names the file or directory and the right that is missing, or says that its disk may only be
 * read. RC_OK also where there is nothing: opening tells that. */
enum rc store_rights_check(const char *directory) MUST_CHECK;

/* RC_IO, whose sentence names it, where something else than a file lies under the name of one: before SQLite or we open it,
 * for the opening of a pipe waits for ever. */
enum rc store_rights_check_kinds(const char *directory) MUST_CHECK;

#endif
