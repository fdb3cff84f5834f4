/* Has a device's tables look as if another program version made them: the next opening drops and fills them anew. */
#include <stdio.h>
#include <string.h>

#include "tests/support/opened.h"

#define MARK " -- unmade"

static const char USAGE[] =
    "usage: unmake_tables DIR PASSPHRASE-FILE   writes to the store; fails where nothing made them\n"
    "                                           since it did the same before\n";

static bool
is_marked(struct opened *opened)
{
    struct stmt *stmt;
    bool found;

    opened_demand(db_stmt(opened->db, "SELECT sql LIKE '%" MARK "' FROM journal_made", &stmt), "the tables");
    opened_demand(stmt_step(stmt, &found), "the tables");
    bool marked = !found || stmt_get_int(stmt, 0) != 0;
    stmt_done(stmt);
    return marked;
}

int
main(int argc, char **argv)
{
    struct opened opened;

    if (argc != 3) {
        fputs(USAGE, stderr);
        return 2;
    }
    opened_demand(secret_start(), "guarded memory");
    opened_key(&opened, argv[1], argv[2]);
    opened_db(&opened);
    bool was_marked = is_marked(&opened);
    opened_demand(db_run(opened.db, "UPDATE journal_made SET sql = sql || '" MARK "'"), "the mark");
    opened_close(&opened);
    if (was_marked)
        fputs("the tables were not made since\n", stderr);
    return was_marked;
}
