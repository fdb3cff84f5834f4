/* Writes what this program's schema knows and no command writes, dumps what a store shows, and is killed in its upgrade. One for each
 * flavour. */
#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/change_set.h"
#include "core/contact.h"
#include "sync/replica.h"
#include "tests/support/opened.h"

static const char USAGE[] =
    "usage: skew put DIR PASSPHRASE-FILE FAMILY ENTITY RECORD UNIT NUMBER=VALUE ...\n"
    "       skew dump DIR PASSPHRASE-FILE\n"
    "       skew upgrade DIR PASSPHRASE-FILE WRITE\n"
    "FAMILY  its code name\n"
    "RECORD  an id or its end; `new`: a new one, whose id is printed\n"
    "VALUE   a text; :n an integer; @n a date; #HEX the bytes of a type that no program knows\n"
    "The fields are put into the value that is shown; in a set they are an element.\n"
    "`upgrade` opens the store and is killed, as by kill -9, at that write on the way; 0: at none. Then it says how many there were,\n"
    "and how many streams an opening that was killed before had left to be made anew.\n";

enum { TYPE_OF_NOBODY = 9 };

struct shown {
    struct buf value;
};

static void
demand(enum rc rc, const char *what)
{
    if (rc == RC_OK)
        return;
    fprintf(stderr, "%s: %s (%s)\n", what, rc_name(rc), rc_sentence());
    exit(1);
}

static void
open_store(const char *directory, const char *passphrase_file, struct store **store)
{
    struct opened opened;
    struct store_options options = {.directory = directory, .clock = clock_system()};

    opened_key(&opened, directory, passphrase_file);
    options.key = &opened.key;
    demand(store_open(&options, store), "store_open");
    secret_wipe(&opened.key);
}

/* ---- put -------------------------------------------------------------------------------------------- */

static enum rc
take_shown(void *context, const struct current *current)
{
    struct shown *shown = context;

    return current->is_shown ? buf_put(&shown->value, current->value, current->value_len) : RC_OK;
}

static void
put_hex(struct buf *value, uint32_t number, const char *digits)
{
    uint8_t bytes[256];
    struct field field = {.number = number, .type = (enum field_type)TYPE_OF_NOBODY, .bytes = bytes};

    for (; digits[0] != '\0' && digits[1] != '\0' && field.len < sizeof bytes; digits += 2) {
        char pair[3] = {digits[0], digits[1], '\0'};
        bytes[field.len++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    demand(value_put_field(value, &field), "a field");
}

static void
put_field(struct buf *value, uint32_t number, const char *text)
{
    if (text[0] == ':')
        demand(value_put_int(value, number, strtoll(text + 1, NULL, 10)), text);
    else if (text[0] == '@')
        demand(value_put_date(value, number, (uint32_t)strtoul(text + 1, NULL, 10)), text);
    else if (text[0] == '#')
        put_hex(value, number, text + 1);
    else
        demand(value_put_text(value, number, text), text);
}

/* The fields that are shown, but those that the words name, in ascending order with them. */
static void
merge(const struct buf *shown, char *const *words, int count, struct buf *value)
{
    struct field fields[CHANGE_FIELDS];
    size_t field_count = 0;

    if (shown->len > 0)
        demand(value_read(shown->data, shown->len, fields, &field_count), "what is shown");
    for (uint32_t number = 1; number <= CHANGE_FIELDS; number++) {
        const struct field *old = value_find(fields, field_count, number);
        const char *text = NULL;
        for (int i = 0; i < count; i++)
            if (strtoul(words[i], NULL, 10) == number && strchr(words[i], '=') != NULL)
                text = strchr(words[i], '=') + 1;
        if (text != NULL)
            put_field(value, number, text);
        else if (old != NULL)
            demand(value_put_field(value, old), "a field");
    }
}

static struct id
find_record(struct journal *journal, uint32_t entity, const char *word)
{
    struct facts facts;
    char text[ID_TEXT_CHARS + 1];

    if (strcmp(word, "new") != 0) {
        demand(record_find(journal, entity, word, &facts), word);
        return facts.id;
    }
    struct id made = id_new(journal_now_ms(journal));
    id_to_text(made, text);
    puts(text);
    return made;
}

static void
put(struct replica *replica, char *const *words, int count)
{
    struct journal *journal = replica_journal(replica);
    uint32_t entity = (uint32_t)strtoul(words[1], NULL, 10), unit = (uint32_t)strtoul(words[3], NULL, 10);
    struct shown shown = {BUF_EMPTY(CHANGE_VALUE_BYTES)};
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    struct change_set set = CHANGE_SET_EMPTY;
    struct id family, stream;

    demand(family_find(journal, words[0], &family), words[0]);
    struct id record = find_record(journal, entity, words[2]);
    demand(journal_find_stream(journal, family, schema_entity(entity)->home, &stream), "the stream");
    if (schema_policy(entity, unit) != POLICY_SET)
        demand(journal_current(journal, stream, entity, record, unit, take_shown, &shown), "the unit");
    merge(&shown.value, words + 4, count - 4, &value);
    demand(change_set_put(journal, &set, family, entity, record, unit, &value, NULL, 0), "put");
    demand(replica_save(replica, set.changes, set.count), "save");
    change_set_wipe(&set);
    buf_wipe(&value);
    buf_wipe(&shown.value);
}

/* ---- dump ------------------------------------------------------------------------------------------- */

static void
dump_stream(struct replica *replica, struct id family, enum stream_kind kind)
{
    struct buf out = BUF_EMPTY((size_t)64 << 20);
    struct id stream;

    enum rc rc = journal_find_stream(replica_journal(replica), family, kind, &stream);
    if (rc == RC_ABSENT)
        return;
    demand(rc, "a stream");
    demand(journal_dump(replica_journal(replica), stream, &out), "dump");
    printf("stream %s\n%s", schema_kind_name(kind), buf_text(&out));
    buf_wipe(&out);
}

static enum rc
print_participant(void *context, const struct participant *participant)
{
    (void)context;
    printf("participant %s\n", participant->text != NULL ? participant->text : "-");
    return RC_OK;
}

static enum rc
dump_participants(void *context, const struct contact *contact)
{
    return contact_list_participants(context, contact->facts.id, print_participant, NULL);
}

static enum rc
dump_family(void *context, const struct family *family)
{
    struct replica *replica = context;

    dump_stream(replica, family->facts.id, STREAM_INDEX);
    dump_stream(replica, family->facts.id, STREAM_FILE);
    struct record_filter contacts = {.family = family->facts.id};
    if (schema_unit(schema_entity(ENTITY_CONTACT), 2) == NULL) /* the last program has no table for them */
        return RC_OK;
    return contact_list(replica_journal(replica), &contacts, dump_participants, replica_journal(replica));
}

/* ---- upgrade ---------------------------------------------------------------------------------------- */

/* The writes of SQLite to its files, since they are counted, and the one at which the program is killed; 0: none. */
static struct {
    unsigned long count, deadly;
    bool are_counted;
} writes;

static ssize_t
write_or_die(int fd, const void *bytes, size_t len, off_t at)
{
    writes.count += writes.are_counted;
    if (writes.are_counted && writes.count == writes.deadly)
        (void)raise(SIGKILL);
    return pwrite(fd, bytes, len, at);
}

static void
watch_writes(void)
{
    sqlite3_vfs *disk = sqlite3_vfs_find("unix");
    const char *names[] = {"pwrite", "pwrite64"};

    for (size_t i = 0; i < 2; i++)
        if (disk->xGetSystemCall(disk, names[i]) != NULL)
            (void)disk->xSetSystemCall(disk, names[i], (sqlite3_syscall_ptr)write_or_die);
}

static void
upgrade(const char *directory, const char *passphrase_file, const char *deadly)
{
    struct store *store;
    struct replica *replica;
    int64_t marked;

    writes.deadly = strtoul(deadly, NULL, 10);
    watch_writes();
    open_store(directory, passphrase_file, &store);
    demand(db_get_int(store_db(store), "SELECT count(*) FROM sync_stream WHERE needs_rebuild", &marked), "what is marked");
    writes.are_counted = true;
    demand(replica_open(store, &replica), "replica_open");
    writes.are_counted = false;
    printf("%lu %" PRId64 "\n", writes.count, marked);
    replica_close(replica);
    store_close(store);
}

int
main(int argc, char **argv)
{
    struct store *store;
    struct replica *replica;
    bool is_put = argc > 8 && strcmp(argv[1], "put") == 0;
    bool is_upgrade = argc == 5 && strcmp(argv[1], "upgrade") == 0;
    struct record_filter all = {.with_hidden = true};

    if (!is_put && !is_upgrade && (argc != 4 || strcmp(argv[1], "dump") != 0)) {
        fputs(USAGE, stderr);
        return 2;
    }
    demand(secret_start(), "secret_start");
    if (is_upgrade) {
        upgrade(argv[2], argv[3], argv[4]);
        return 0;
    }
    open_store(argv[2], argv[3], &store);
    demand(replica_open(store, &replica), "replica_open");
    if (is_put)
        put(replica, argv + 4, argc - 4);
    else
        demand(family_list(replica_journal(replica), &all, dump_family, replica), "families");
    replica_close(replica);
    store_close(store);
    return 0;
}
