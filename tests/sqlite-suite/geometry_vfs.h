/* The control of the comparison: plain files in our geometry. What fails here too is not the seal's doing. */
#ifndef TESTS_SQLITE_SUITE_GEOMETRY_VFS_H
#define TESTS_SQLITE_SUITE_GEOMETRY_VFS_H

#include <sqlite3.h>

/* On top of the VFS `base`; not registered, never freed; NULL: no memory. */
sqlite3_vfs *geometry_vfs(const char *base);

#endif
