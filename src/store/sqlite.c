// The store in SQLite, and the only file that knows it.
//
// One table a kind, `id INTEGER PRIMARY KEY, value`: with ids in creation order new records are
// appended and recent ones share pages, which is worth more than anything else that can be tuned. A
// batch is one transaction into the write-ahead log, synced before it is acknowledged
// (synchronous=FULL). The checkpoint that moves the log into the file runs every 10,000 pages, on
// the thread that commits; its failure is not the batch's, the log just keeps growing. A commit
// that finds the disk full makes one first and is tried again. On a small file system the log is
// kept to a small part of it: were it to take all the room, none would be left to move it to.
//
// locking_mode=exclusive does two things: no shared-memory file, and a second process is refused
// for as long as we are open.
//
// A commit that fails is rolled back and leaves the connection usable. Its bytes may stand behind
// the end of the log, where the next commit overwrites them.
//
// Refused: a file of another application, one of a newer version, one that fails quick_check.
// Nothing is ever repaired here: a damaged store is for a person with a backup.

#include "store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "io/file.h"
#include "io/space.h"
#include "store/backend.h"

enum {
    PAGE_BYTES = 8192,
    PROBE_BYTES = 8 * PAGE_BYTES,
    GROWTH_BYTES = 256 * 1024, // what the file grows by
    LOG_PAGES = 10000,         // a checkpoint is made when the log has so many
    LOG_PAGES_LEAST = 32,
    LOG_PART = 16, // of the file system, at most
};

struct sqlite_store {
    struct store store;
    sqlite3 *db;
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
    sqlite3_stmt *rollback;
    sqlite3_stmt **put;    // by kind; made on first use
    sqlite3_stmt **remove; // likewise
    sqlite3_stmt *append;  // to the log; likewise the next two
    sqlite3_stmt *cut;
    sqlite3_stmt *walk;
};

static struct sqlite_store *sqlite_of(struct store *store)
{
    return (struct sqlite_store *)store; // `store` is its first member
}

static int outcome_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return 0;
    case SQLITE_FULL: return STORE_E_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return STORE_E_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return STORE_E_CORRUPT;
    default: return STORE_E_IO;
    }
}

// The outcome of a call to the library, with its reason noted.
static int judge(struct sqlite_store *s, int rc)
{
    int outcome = outcome_of(rc);

    if (outcome != 0)
        store_set_detail(&s->store, "%s", sqlite3_errmsg(s->db));
    return outcome;
}

static int prepare(struct sqlite_store *s, const char *sql, sqlite3_stmt **out)
{
    return judge(s, sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL));
}

// Runs a statement that gives no rows and makes it ready for the next time.
static int run(struct sqlite_store *s, sqlite3_stmt *statement)
{
    int outcome = judge(s, sqlite3_step(statement));

    sqlite3_reset(statement);
    return outcome;
}

static int run_sql(struct sqlite_store *s, const char *sql)
{
    return judge(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

// The first column of the first row: as a number, and as text when `out_text` is there (cut to its
// size).
static int query(struct sqlite_store *s, const char *sql, int64_t *out_number, char *out_text,
                 size_t text_size)
{
    sqlite3_stmt *statement = NULL;
    int outcome = prepare(s, sql, &statement);

    if (outcome != 0)
        return outcome;
    outcome = judge(s, sqlite3_step(statement));
    if (outcome == 0 && out_number != NULL)
        *out_number = sqlite3_column_int64(statement, 0);
    if (outcome == 0 && out_text != NULL) {
        const unsigned char *text = sqlite3_column_text(statement, 0);
        snprintf(out_text, text_size, "%s", text != NULL ? (const char *)text : "");
    }
    sqlite3_finalize(statement);
    return outcome;
}

// ---- opening

// SQLite would make the file with the mode that the umask leaves; ours must be private from the
// start. Its log takes the mode of the file.
static int make_file(const char *path)
{
    struct str folder;
    struct str name;
    MEM_AUTO char *folder_path = NULL;
    FD_AUTO int folder_fd = -1;
    FD_AUTO int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno == EEXIST ? 0 : -errno;
    if (!str_cut_last(str_of(path), '/', &folder, &name))
        folder = STR(".");
    else if (folder.len == 0)
        folder = STR("/");
    folder_path = mem_alloc(folder.len + 1);
    snprintf(folder_path, folder.len + 1, "%.*s", STR_ARGS(folder));
    folder_fd = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0 || fsync(folder_fd) != 0)
        return -errno;
    return 0;
}

static int make_folder_of(const char *path)
{
    struct str folder;
    struct str name;
    MEM_AUTO char *folder_path = NULL;

    if (!str_cut_last(str_of(path), '/', &folder, &name) || folder.len == 0)
        return 0;
    folder_path = mem_alloc(folder.len + 1);
    snprintf(folder_path, folder.len + 1, "%.*s", STR_ARGS(folder));
    return file_make_folders(folder_path);
}

static int64_t log_pages(const struct sqlite_store *s)
{
    int64_t room;
    int64_t total;
    int64_t pages = LOG_PAGES;

    if (space_free(sqlite3_db_filename(s->db, "main"), &room, &total) == 0)
        pages = total / LOG_PART / PAGE_BYTES;
    if (pages < LOG_PAGES_LEAST)
        return LOG_PAGES_LEAST;
    return pages < LOG_PAGES ? pages : LOG_PAGES;
}

// The order matters: the page size before the first page, the locking before the log.
static int set_up(struct sqlite_store *s)
{
    static const char pragmas[] = "PRAGMA page_size=8192;"
                                  "PRAGMA locking_mode=EXCLUSIVE;"
                                  "PRAGMA synchronous=FULL;"
                                  "PRAGMA cache_size=-8192;"
                                  "PRAGMA temp_store=MEMORY;"
                                  "PRAGMA trusted_schema=OFF;";
    char mode[16] = "";
    int chunk = GROWTH_BYTES;
    int outcome;

    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
    outcome = run_sql(s, pragmas);
    if (outcome == 0)
        outcome = query(s, "PRAGMA journal_mode=WAL", NULL, mode, sizeof mode);
    if (outcome == 0)
        sqlite3_wal_autocheckpoint(s->db, (int)log_pages(s));
    if (outcome == 0 && strcmp(mode, "wal") != 0) {
        store_set_detail(&s->store, "this file system cannot keep a write-ahead log");
        return STORE_E_IO;
    }
    return outcome;
}

static int check_owner(struct sqlite_store *s, bool *out_is_new, bool *out_is_old)
{
    const struct store_schema *schema = s->store.schema;
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;
    int outcome = query(s, "PRAGMA application_id", &application, NULL, 0);

    if (outcome == 0)
        outcome = query(s, "PRAGMA user_version", &version, NULL, 0);
    if (outcome == 0)
        outcome = query(s, "SELECT count(*) FROM sqlite_master", &tables, NULL, 0);
    if (outcome != 0)
        return outcome;
    *out_is_new = application == 0 && version == 0 && tables == 0;
    *out_is_old = version < schema->version;
    if (!*out_is_new && application != schema->application_id) {
        store_set_detail(&s->store, "it is not a store of this program");
        return STORE_E_CORRUPT;
    }
    if (version > schema->version) {
        store_set_detail(&s->store, "it has version %lld, this program knows up to %u",
                         (long long)version, schema->version);
        return STORE_E_VERSION;
    }
    return 0;
}

// Writes nothing when nothing is missing: a store must open, and be read, on a full disk too.
static int make_tables(struct sqlite_store *s, bool is_old)
{
    const struct store_schema *schema = s->store.schema;
    BUF_AUTO struct buf sql = BUF_INIT;

    if (is_old)
        buf_printf(&sql, "PRAGMA application_id=%u;PRAGMA user_version=%u;", schema->application_id,
                   schema->version);
    buf_add_str(&sql, STR("CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value);"));
    for (size_t i = 1; i < schema->kinds_n; i++)
        buf_printf(&sql, "CREATE TABLE IF NOT EXISTS \"%s\"(id INTEGER PRIMARY KEY, value);",
                   schema->kinds[i].name.ptr);
    if (schema->log.len > 0)
        buf_printf(&sql, "CREATE TABLE IF NOT EXISTS \"%s\"(id INTEGER PRIMARY KEY, value);",
                   schema->log.ptr);
    buf_add_char(&sql, '\0');
    return run_sql(s, sql.ptr);
}

static int check_pages(struct sqlite_store *s, const char *pragma)
{
    char verdict[256] = "";
    int outcome = query(s, pragma, NULL, verdict, sizeof verdict);

    if (outcome == 0 && strcmp(verdict, "ok") != 0) {
        store_set_detail(&s->store, "%s", verdict);
        return STORE_E_CORRUPT;
    }
    return outcome;
}

// It may be our own log that fills the disk. Whatever room there is goes first to moving it into
// the file, which gives the log's own room back.
static bool give_log_back(struct sqlite_store *s)
{
    return sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
           SQLITE_OK;
}

static int open_tables(struct sqlite_store *s)
{
    bool is_new = false;
    bool is_old = false;
    int outcome = set_up(s);

    if (outcome == 0)
        outcome = run_sql(s, "BEGIN EXCLUSIVE");
    if (outcome == 0)
        outcome = check_owner(s, &is_new, &is_old);
    if (outcome == 0 && !is_new)
        outcome = check_pages(s, "PRAGMA quick_check(1)");
    if (outcome == 0)
        outcome = make_tables(s, is_old);
    if (outcome == 0)
        outcome = run_sql(s, "COMMIT");
    if (outcome == 0 && is_new)
        give_log_back(s); // the file gets its first room; on a full disk it goes without
    if (outcome == 0)
        outcome = prepare(s, "BEGIN IMMEDIATE", &s->begin);
    if (outcome == 0)
        outcome = prepare(s, "COMMIT", &s->commit);
    if (outcome == 0)
        outcome = prepare(s, "ROLLBACK", &s->rollback);
    return outcome;
}

// ---- writing

static int statement_of(struct sqlite_store *s, const struct store_write *write, sqlite3_stmt **out)
{
    sqlite3_stmt **slot = write->remove ? &s->remove[write->kind] : &s->put[write->kind];
    const char *table = s->store.schema->kinds[write->kind].name.ptr;
    char sql[160];
    int outcome = 0;

    if (*slot == NULL) {
        snprintf(sql, sizeof sql,
                 write->remove ? "DELETE FROM \"%s\" WHERE id=?1"
                               : "INSERT INTO \"%s\"(id,value) VALUES(?1,?2) "
                                 "ON CONFLICT(id) DO UPDATE SET value=excluded.value",
                 table);
        outcome = prepare(s, sql, slot);
    }
    *out = *slot;
    return outcome;
}

static int write_one(struct sqlite_store *s, const struct store_write *write)
{
    sqlite3_stmt *statement;
    int outcome = statement_of(s, write, &statement);

    if (outcome != 0)
        return outcome;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)write->id);
    if (!write->remove)
        sqlite3_bind_text64(statement, 2, write->json.ptr, write->json.len, SQLITE_STATIC,
                            SQLITE_UTF8);
    return run(s, statement);
}

// Ends the transaction that `outcome` came out of: kept when it is 0, else nothing of it stays.
static int end_transaction(struct sqlite_store *s, int outcome)
{
    if (outcome == 0)
        outcome = run(s, s->commit);
    if (outcome != 0 && !sqlite3_get_autocommit(s->db)) {
        sqlite3_step(s->rollback); // cannot fail in a way that matters: nothing was committed
        sqlite3_reset(s->rollback);
    }
    ASSERT(sqlite3_get_autocommit(s->db));
    return outcome;
}

// `sql` has the log's name for "%s" wherever it needs it, twice at most.
static int log_statement(struct sqlite_store *s, const char *sql, sqlite3_stmt **slot)
{
    const char *log = s->store.schema->log.ptr;
    char text[256];

    if (*slot != NULL)
        return 0;
    snprintf(text, sizeof text, sql, log, log);
    return prepare(s, text, slot);
}

static int append(struct sqlite_store *s, const struct store_block *block)
{
    int outcome =
        log_statement(s, "INSERT OR REPLACE INTO \"%s\"(id,value) VALUES(?1,?2)", &s->append);

    if (outcome != 0)
        return outcome;
    sqlite3_bind_int64(s->append, 1, (sqlite3_int64)block->number);
    sqlite3_bind_text64(s->append, 2, block->text.ptr, block->text.len, SQLITE_STATIC, SQLITE_UTF8);
    return run(s, s->append);
}

static int cut(struct sqlite_store *s, uint64_t before)
{
    int outcome = log_statement(
        s, "DELETE FROM \"%s\" WHERE id<(SELECT max(id) FROM \"%s\" WHERE id<=?1)", &s->cut);

    if (outcome != 0)
        return outcome;
    sqlite3_bind_int64(s->cut, 1, (sqlite3_int64)before);
    return run(s, s->cut);
}

static int write_log(struct sqlite_store *s, const struct store_log *log)
{
    int outcome = 0;

    for (size_t i = 0; i < log->n && outcome == 0; i++)
        outcome = append(s, &log->blocks[i]);
    if (outcome == 0 && log->drop_before > 0)
        outcome = cut(s, log->drop_before);
    return outcome;
}

static int commit_once(struct sqlite_store *s, const struct store_write *writes, size_t n,
                       const struct store_log *log)
{
    int outcome = run(s, s->begin);

    if (outcome != 0)
        return outcome;
    for (size_t i = 0; i < n && outcome == 0; i++)
        outcome = write_one(s, &writes[i]);
    if (outcome == 0 && log != NULL)
        outcome = write_log(s, log);
    return end_transaction(s, outcome);
}

static int commit(struct store *store, const struct store_write *writes, size_t n,
                  const struct store_log *log)
{
    struct sqlite_store *s = sqlite_of(store);
    int outcome = commit_once(s, writes, n, log);

    if (outcome == STORE_E_FULL && give_log_back(s))
        outcome = commit_once(s, writes, n, log);
    return outcome;
}

static int meta_put(struct sqlite_store *s, struct str key, struct str value)
{
    sqlite3_stmt *statement = NULL;
    int outcome = prepare(s, "INSERT OR REPLACE INTO meta(key,value) VALUES(?1,?2)", &statement);

    if (outcome != 0)
        return outcome;
    sqlite3_bind_text64(statement, 1, key.ptr, key.len, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_text64(statement, 2, value.ptr, value.len, SQLITE_STATIC, SQLITE_UTF8);
    outcome = run(s, statement);
    sqlite3_finalize(statement);
    return outcome;
}

static int meta_set(struct store *store, struct str key, struct str value)
{
    return meta_put(sqlite_of(store), key, value);
}

// A single page might still fit on a full disk where the next batch does not, so the probe takes
// several; and it leaves nothing behind.
static int probe_once(struct sqlite_store *s)
{
    MEM_AUTO char *bytes = mem_alloc(PROBE_BYTES);
    int outcome;

    memset(bytes, '.', PROBE_BYTES);
    outcome = meta_put(s, STR("probe"), str_span(bytes, PROBE_BYTES));
    if (outcome == 0)
        outcome = run_sql(s, "DELETE FROM meta WHERE key='probe'");
    return outcome;
}

static int probe(struct store *store)
{
    struct sqlite_store *s = sqlite_of(store);

    give_log_back(s); // that this fails is no news
    return probe_once(s);
}

// ---- reading

static int load_table(struct sqlite_store *s, size_t kind, store_load_fn *fn, void *user)
{
    sqlite3_stmt *rows = NULL;
    char sql[160];
    int result;
    int rc = SQLITE_DONE;

    snprintf(sql, sizeof sql, "SELECT id,value FROM \"%s\" ORDER BY id",
             s->store.schema->kinds[kind].name.ptr);
    result = prepare(s, sql, &rows);
    while (result == 0 && (rc = sqlite3_step(rows)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(rows, 0);
        const void *value = sqlite3_column_blob(rows, 1);
        int len = sqlite3_column_bytes(rows, 1);
        if (id <= 0) {
            store_set_detail(&s->store, "a record of \"%s\" has the id %lld",
                             s->store.schema->kinds[kind].name.ptr, (long long)id);
            result = STORE_E_CORRUPT;
            break;
        }
        result = fn(user, kind, (uint64_t)id, str_span(value, (size_t)len));
    }
    if (result == 0)
        result = judge(s, rc);
    sqlite3_finalize(rows);
    return result;
}

static int log_read(struct store *store, uint64_t from, store_block_fn *fn, void *user)
{
    struct sqlite_store *s = sqlite_of(store);
    int rc = SQLITE_DONE;
    int result = log_statement(s,
                               "SELECT id,value FROM \"%s\" WHERE id>=coalesce((SELECT max(id) "
                               "FROM \"%s\" WHERE id<=?1),0) ORDER BY id",
                               &s->walk);

    if (result != 0)
        return result;
    sqlite3_bind_int64(s->walk, 1, (sqlite3_int64)from);
    while (result == 0 && (rc = sqlite3_step(s->walk)) == SQLITE_ROW)
        result =
            fn(user, (uint64_t)sqlite3_column_int64(s->walk, 0),
               str_span(sqlite3_column_blob(s->walk, 1), (size_t)sqlite3_column_bytes(s->walk, 1)));
    if (result == 0)
        result = judge(s, rc);
    sqlite3_reset(s->walk);
    return result;
}

static int load(struct store *store, store_load_fn *fn, void *user)
{
    int result = 0;

    for (size_t kind = 1; kind < store->schema->kinds_n && result == 0; kind++)
        result = load_table(sqlite_of(store), kind, fn, user);
    return result;
}

static int meta_get(struct store *store, struct arena *arena, struct str key, struct str *out)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3_stmt *statement = NULL;
    int outcome = prepare(s, "SELECT value FROM meta WHERE key=?1", &statement);
    int rc;

    if (outcome != 0)
        return outcome;
    sqlite3_bind_text64(statement, 1, key.ptr, key.len, SQLITE_STATIC, SQLITE_UTF8);
    rc = sqlite3_step(statement);
    outcome = judge(s, rc);
    if (outcome == 0)
        *out = rc != SQLITE_ROW
                   ? STR_NONE
                   : str_copy(arena, str_span((const char *)sqlite3_column_text(statement, 0),
                                              (size_t)sqlite3_column_bytes(statement, 0)));
    sqlite3_finalize(statement);
    return outcome;
}

static int check(struct store *store)
{
    return check_pages(sqlite_of(store), "PRAGMA integrity_check(1)");
}

static int copy_into(struct sqlite_store *s, sqlite3 *copy)
{
    sqlite3_backup *backup = sqlite3_backup_init(copy, "main", s->db, "main");
    int rc;

    if (backup != NULL) {
        sqlite3_backup_step(backup, -1);
        rc = sqlite3_backup_finish(backup);
    } else {
        rc = sqlite3_errcode(copy);
    }
    if (rc == SQLITE_OK)
        return 0;
    store_set_detail(&s->store, "%s", sqlite3_errmsg(copy));
    return outcome_of(rc);
}

static int backup(struct store *store, const char *path)
{
    struct sqlite_store *s = sqlite_of(store);
    sqlite3 *copy = NULL;
    int result;
    int fd;

    TRY(make_folder_of(path));
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    fd_close(&fd);
    if (sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
        result = copy_into(s, copy);
    else
        result = STORE_E_IO;
    sqlite3_close(copy);
    if (result != 0)
        unlink(path); // half a copy is worse than none
    return result;
}

// ---- life

static void close_statements(struct sqlite_store *s)
{
    sqlite3_finalize(s->begin);
    sqlite3_finalize(s->commit);
    sqlite3_finalize(s->rollback);
    sqlite3_finalize(s->append);
    sqlite3_finalize(s->cut);
    sqlite3_finalize(s->walk);
    for (size_t i = 0; i < s->store.schema->kinds_n; i++) {
        sqlite3_finalize(s->put[i]);
        sqlite3_finalize(s->remove[i]);
    }
    mem_free(s->put);
    mem_free(s->remove);
}

static void close_store(struct store *store)
{
    struct sqlite_store *s = sqlite_of(store);
    int rc;

    close_statements(s);
    rc = sqlite3_close(s->db);
    ASSERT(rc == SQLITE_OK); // else a statement was forgotten
    store_deinit(store);
    mem_free(s);
}

static const struct store_backend sqlite_backend = {
    .load = load,
    .commit = commit,
    .log_read = log_read,
    .probe = probe,
    .meta_get = meta_get,
    .meta_set = meta_set,
    .check = check,
    .backup = backup,
    .close = close_store,
};

int store_open_sqlite(const char *path, const struct store_schema *schema, struct arena *arena,
                      struct str *out_detail, struct store **out)
{
    struct sqlite_store *s;
    int outcome;

    *out_detail = STR_NONE;
    TRY(make_folder_of(path));
    TRY(make_file(path));
    s = mem_zalloc(sizeof *s);
    store_init(&s->store, &sqlite_backend, schema);
    s->put = mem_zalloc(schema->kinds_n * sizeof(sqlite3_stmt *));
    s->remove = mem_zalloc(schema->kinds_n * sizeof(sqlite3_stmt *));
    // One thread at a time uses a store, so SQLite's own locking is not needed.
    outcome =
        judge(s, sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    if (outcome == 0)
        outcome = open_tables(s);
    if (outcome != 0) {
        *out_detail = str_copy(arena, store_detail(&s->store));
        close_store(&s->store);
        return outcome;
    }
    *out = &s->store;
    return 0;
}

int store_sqlite_limit(struct store *store, int64_t bytes)
{
    struct sqlite_store *s = sqlite_of(store);
    char sql[80];

    ASSERT(store->backend == &sqlite_backend);
    snprintf(sql, sizeof sql, "PRAGMA max_page_count=%lld",
             bytes > 0 ? (long long)(bytes / PAGE_BYTES) : 4294967294LL);
    return run_sql(s, sql);
}
