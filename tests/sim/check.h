// What must hold after every event, whatever happened. Each check aborts with a sentence.

#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include "model/state.h"
#include "store/store.h"

struct sim_host;

void check_start(void);
void check_stop(void);

// After a step of the core: the state's own invariants, as often as its size allows.
void check_state(const struct state *state);
// Nothing is given away twice; part of the above.
void check_books(const struct state *state);
// No service is half there, none has more than it may; part of it, too.
void check_services(const struct state *state);
// A batch that is about to be committed: every change in it is a legal move.
void check_batch(const struct state *state, const struct batch *batch);
// And everything the service scheduler did in it was within the limits; part of the above.
void check_services_batch(const struct state *state, const struct batch *batch);
// A task of the service has ended by itself since that virtual time.
bool check_lost_task_since(uint64_t service_id, int64_t since_ms);
// The last that did asked of its host what it does not have: whoever registered the host lied, or
// something else on it has taken the port.
bool check_lost_misfit(uint64_t service_id);
void check_services_stop(void); // part of check_stop
// The task counts as healthy.
bool check_is_healthy(const struct state *state, const struct rec_task *rec, time_ms now);
// Some probe of an essential container of the task says no.
bool check_is_sick(const struct state *state, const struct rec_task *rec);
// The same batch when the disk has taken it.
void check_committed(const struct batch *batch);
// What the server's disk is about to take: noted, so that check_recovered can compare; no secret
// where none belongs.
void check_written(const struct store_write *writes, size_t n);
// After a restart: all that was committed and nothing else.
void check_recovered(const struct state *state);
// The engine's records only move forward.
void check_host_written(struct sim_host *host, const struct store_write *writes, size_t n);
// No task's container runs twice, or was made twice.
void check_runtime(struct sim_host *const *hosts, size_t n);
void check_log_line(struct str line);

uint64_t check_digest(void); // of everything that was committed
// Of tasks that were ever committed, by the tail of the ARN and by startedBy.
bool check_knows_task(struct str arn);
size_t check_tasks_started_by(struct str started_by);
size_t check_tasks(void);

#endif
