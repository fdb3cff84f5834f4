/* What may happen to a team's ledger, one line of every kind. For golden files and corpora. */
#ifndef TESTS_SUPPORT_STORY_H
#define TESTS_SUPPORT_STORY_H

#include "tests/support/team.h"

/* The members that the story adds to a team of one. */
enum { STORY_OWNER = 1, STORY_COACH, STORY_COVER, STORY_MEMBERS };

/* Ends with a family whose file has two epochs, a reserve of two, and the server's next key named in the last line. */
void story_play(struct team *team);
/* The file stream of the story's family. */
struct id story_file(const struct team *team);

#endif
