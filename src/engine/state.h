// The engine's own view of its host; private to this room.
//
// A task owns its containers and volumes; all of it lives from acceptance until cleanup. Texts that
// are set once live in the task's arena. Between steps nothing points into an input or an output.
//
// Who writes what: container.c alone changes a container's `known`, task.c alone a task's `known`
// and both `desired`; submit.c alone the `sent` ones. Each marks the entity dirty, and the step's
// end turns dirty entities into records.

#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "base/idtable.h"
#include "base/list.h"
#include "base/map.h"
#include "base/proof.h"
#include "base/rng.h"
#include "engine/engine.h"
#include "engine/upkeep.h"

#define TIME_NEVER INT64_MAX

// On every container and volume that this agent makes; its value is settings.owner.
#define ENGINE_OWNER_LABEL "gantry.agent"

// Constants that no setting changes (ecs-behaviour-agent B). Milliseconds.
enum {
    ENGINE_INSPECT_MS = 30 * 1000,
    ENGINE_TAG_MS = 30 * 1000,
    ENGINE_REMOVE_MS = 5 * 60 * 1000,
    ENGINE_VOLUME_MS = 5 * 60 * 1000,
    ENGINE_PING_MS = 5 * 1000,
    ENGINE_PULL_BEGIN_MS = 5 * 60 * 1000,
    ENGINE_STOP_EXTRA_MS = 2 * 60 * 1000, // on top of the container's own stopTimeout
    ENGINE_PORTS_MS = 30 * 1000,
    ENGINE_NETWORK_UP_MS = 60 * 1000,
    ENGINE_NETWORK_DOWN_MS = 30 * 1000,
    ENGINE_RESOURCE_MS = 60 * 1000,
    ENGINE_CREDENTIALS_MS = 60 * 1000, // how long the execution role's are waited for
    ENGINE_ROUTER_MS = 60 * 1000,      // likewise the address of a log router
    ENGINE_CALL_GRACE_MS = 10 * 1000,  // how late a result may be before the engine makes one up
    ENGINE_POLL_MS = 5 * 60 * 1000,    // every container is looked at this often
    ENGINE_POLL_SPREAD_MS = 30 * 1000, // plus up to this
    ENGINE_FLUSH_MIN_MS = 10 * 1000,   // container changes wait this long for company
    ENGINE_FLUSH_MAX_MS = 30 * 1000,
    ENGINE_DOWN_RETRY_MS = 10 * 1000, // a runtime that does not answer is asked again
    ENGINE_REPORT_WAIT_MS = 30 * 1000,
    ENGINE_SUBMITS_MAX = 10,
};
#define ENGINE_REPORT_GIVE_UP_MS (72 * (int64_t)TIME_HOUR_MS)

// What a container has in flight. IDLE is the only step without a call or a retry time.
enum step {
    STEP_IDLE,
    STEP_MANIFEST_LOCAL, // is the image here? its digest will do
    STEP_MANIFEST,
    STEP_PULL_CHECK, // may the pull be skipped?
    STEP_PULL,
    STEP_TAG,
    STEP_PULL_INSPECT,
    STEP_PAUSE_LOOK, // is the pause image here?
    STEP_PAUSE_LOAD,
    STEP_PORTS,
    STEP_CREATE,
    STEP_ADOPT, // the name is in use: is it ours?
    STEP_START,
    STEP_START_INSPECT,
    STEP_STOP,
    STEP_STOP_INSPECT,
    STEP_STOP_PING,
    STEP_RECOVER, // after a restart, before anything else
    STEP_REMOVE,
    STEP_N,
};

enum condition {
    CONDITION_CREATE,
    CONDITION_START,
    CONDITION_HEALTHY,
    CONDITION_COMPLETE,
    CONDITION_SUCCESS,
};

struct edge {
    size_t on; // index of the container that is waited for
    enum condition condition;
};

enum container_role {
    CONTAINER_OF_TASK,         // in the task definition
    CONTAINER_NETWORK_PAUSE,   // pause.c
    CONTAINER_NAMESPACE_PAUSE, // likewise
};

struct container {
    struct task *task;
    enum container_role role;
    const struct acs_container *spec; // in the task's arena
    int64_t id;
    size_t index;

    struct edge *edges; // what this one waits for
    size_t edges_n;

    enum host_container_status known;
    enum host_container_status desired;
    enum host_container_status sent;

    struct str runtime_name; // reserved before the create call
    struct str runtime_id;
    struct str endpoint_id;
    int32_t pid;           // of its process, as last seen; 0: not seen running since this start
    struct str hosts_path; // likewise: its /etc/hosts, as a file of the host
    struct str image_digest;
    struct str image_id;
    bool image_sets_region;
    struct str pull_error; // of a pull that may yet turn out not to matter
    struct str reason;     // "<ErrorName>: <text>", the first one
    bool has_exit_code;
    int32_t exit_code;
    struct host_host_port_list host_ports;
    struct ecs_network_binding_list bindings;
    struct str address;      // on Docker's bridge, as of the last look at it running
    time_ms router_wait_end; // when its router's address is waited for no longer; 0: it was not
    time_ms created_at, started_at, finished_at; // as the runtime says, on its clock
    time_ms running_since; // on the engine's, which what is decided goes by; 0: it did not run
    int32_t restart_count;
    time_ms last_restart_at;

    enum step step;
    int64_t token;      // of the step's call, 0 while waiting for retry_at
    time_ms retry_at;   // TIME_NEVER unless the step waits
    int32_t attempt;    // of the step's call, from 0
    time_ms wake_at;    // when an ordering condition may give up; TIME_NEVER
    bool blocked;       // an ordering condition holds it
    bool pull_begun;    // a pull call was made
    bool maybe_started; // the start call failed, but the engine may have done it
    bool restopped;     // was found running after it had stopped, and stopped again
    bool recovering;    // STEP_RECOVER has not answered yet
    bool removed;       // gone from the runtime, at cleanup
    bool to_kill;       // it could not be removed, perhaps because it runs
    bool by_name;       // there was none of its id to remove, but perhaps one of its name

    // A look at the container outside of any step: after an event, or from time to time.
    int64_t look_token;
    bool look_again; // something happened while a step or a look was under way
    bool died;       // an event said so; `died_code` stands in if no look succeeds
    int32_t died_code;

    enum engine_health health;
    time_ms health_since;
    struct docker_container *seen; // frozen: parts of the last inspection, for the views

    bool dirty;
};

enum volume_kind {
    VOLUME_BIND,   // a path of the host: nothing to do
    VOLUME_TASK,   // made for the task, removed with it
    VOLUME_SHARED, // named by the task definition; outlives the task
};

enum volume_status {
    VOLUME_WANTED,
    VOLUME_READY,
    VOLUME_FAILED,
    VOLUME_REMOVED,
};

struct volume {
    const struct acs_volume *spec;
    enum volume_kind kind;
    enum volume_status status;
    struct str source; // of binds
    int64_t token;
    time_ms retry_at; // of a removal that failed; 0: none did
    int32_t attempt;
    bool looked; // a shared volume was found not to exist
};

enum resource_status {
    RESOURCE_WANTED, // nothing is known of it on the host; made as soon as a container needs it
    RESOURCE_READY,
    RESOURCE_FAILED,  // and the task with it
    RESOURCE_REMOVED, // at cleanup
};

// Something of the host that a task needs beside containers and volumes. No row holds it: what a
// task needs follows from its spec, and after a restart it is made again if it is still needed.
struct resource {
    enum host_resource_kind kind;
    enum resource_status status;
    int64_t token;
    time_ms retry_at; // of a try that failed; 0: none did
    time_ms wait_end; // for the execution role's credentials; 0: not waited for
    int32_t attempt;
    struct arena arena; // of `values`, which are given up as soon as nobody needs them
    struct host_resource_value_list values;
};

// The network namespace of a task (network.c).
struct network {
    enum host_network_state state;    // UNSET: it has none
    const struct host_network *found; // while it is UP
    bool told;                        // the server knows that it is attached
    int64_t token;
    time_ms retry_at; // 0: nothing is waited for
    int32_t attempt;
};

// One thing to tell the server: a container's status, the task's, or that its network is there.
enum { CHANGE_TASK = -1, CHANGE_ATTACHED = -2 };
struct change {
    int32_t container; // index, or one of the above
    int32_t status;    // enum host_container_status or host_task_status
};

struct task {
    int64_t id;
    struct arena arena;
    struct str arn;
    UT_hash_handle by_arn;
    const struct acs_task *spec;

    struct container *containers;
    size_t containers_n;
    struct volume *volumes;
    size_t volumes_n;
    struct network network;
    struct resource *resources;
    size_t resources_n;

    enum host_task_status known;
    enum host_task_status desired;
    enum host_task_status sent;
    bool admitted; // past the queue; its needs are booked while known < STOPPED
    bool booked;
    bool ordered;      // its dependencies can be resolved
    struct str reason; // terminal; the first one
    struct str role_credentials;
    struct str execution_credentials;
    bool has_execution_credentials; // the shell has them: since this start

    time_ms pull_started_at, pull_stopped_at, execution_stopped_at, stopped_at;
    time_ms cleanup_at; // TIME_NEVER: given up
    bool cleaning;
    time_ms poll_at;

    struct change *changes; // heap; in order
    size_t changes_n, changes_cap;
    size_t submitting; // how many of them the call in flight carries; 0: none in flight
    time_ms flush_at;  // for changes without one of the task's
    time_ms submit_at; // not before, after a failed try
    int32_t submit_attempt;

    bool dirty;
};

// A call in flight: where its result belongs.
struct pending {
    int64_t token;
    int64_t task;
    int32_t container; // index, or -1
    int32_t volume;    // index, or -1
    int32_t resource;  // index, or -1
    bool look;         // the container's look, not its step
    bool is_chore;     // of no task: upkeep's
    bool network;      // the task's network's
    enum host_call_kind kind;
    time_ms deadline_ms; // of the call
};

struct image {
    int64_t id;
    struct str name;   // heap
    struct str digest; // heap; of what the last pull by this name brought; empty: not known
    UT_hash_handle by_name;
    time_ms pulled_at;
    time_ms last_used_at; // when the last task that referred to it was removed; 0: none was yet
    uint64_t tried;       // number of the cycle that last tried to remove it
};

struct stop_check {
    struct stop_check *next;
    struct str message_id; // heap
};

// A host port that a task holds, by protocol.
struct ports {
    int32_t *at; // heap
    size_t n, cap;
};

struct engine {
    struct arena arena; // settings
    struct engine_settings settings;
    struct rng rng;

    struct idtable tasks;
    struct task *by_arn;
    struct idtable pendings;
    struct image *images;

    int64_t last_id;       // of records
    int64_t last_token;    // of calls
    int64_t last_sequence; // of manifests
    bool dirty;
    bool shut_down;
    bool runtime_up;
    int32_t submits_in_flight;
    int64_t ports_token; // one search at a time, so that two cannot find the same port
    int32_t port_cursor;
    int64_t load_token; // of the pause image, one at a time

    int64_t cpu_used, memory_used;
    struct ports tcp, udp;
    struct upkeep upkeep;
    struct stop_check *stop_checks; // manifests whose stop candidates were sent, newest first
    struct gone_task *gone_by_arn;
    struct list gone_by_age; // the oldest first

    // Valid during a step.
    time_ms now;
    struct engine_out *out;
};

// ---- engine.c: outputs

// Starts a call: fills in token and deadline, remembers where the result goes, returns the token.
struct call_target {
    struct container *container;
    struct volume *volume;
    struct resource *resource;
    struct task *task;
    bool look;
    bool is_chore;
    bool network;
};
int64_t engine_call(struct engine *engine, struct call_target target, struct host_call *call,
                    time_ms timeout_ms);
void engine_cancel(struct engine *engine, int64_t token); // 0 is fine
struct host_call *engine_new_call(struct engine *engine, enum host_call_kind kind);
struct engine_effect *engine_effect(struct engine *engine, enum engine_effect_kind kind);
void engine_log(struct engine *engine, enum log_level level, const char *event,
                const struct task *task, const struct container *container, struct str text);

// min + [0, max - min) from the engine's generator.
time_ms engine_between(struct engine *engine, time_ms min, time_ms max);
// base * factor^attempt, at most `max`, plus or minus a fifth.
time_ms engine_backoff(struct engine *engine, time_ms base, double factor, time_ms max,
                       int32_t attempt);

// ---- gone.c

void gone_note(struct engine *engine, struct str arn); // no task that is noted is noted again
bool gone_has(struct engine *engine, struct str arn);
void gone_free(struct engine *engine);

// ---- record.c

void record_emit_dirty(struct engine *engine);
void record_remove_task(struct engine *engine, const struct task *task);
void record_put_image(struct engine *engine, struct image *image);
void record_remove_image(struct engine *engine, const struct image *image);
void record_load(struct engine *engine, const struct engine_record *at, size_t n);

// ---- acs.c

void acs_take(struct engine *engine, const struct engine_message *message);
void acs_forget_stop_checks(struct engine *engine);

// ---- accept.c

// The task of a payload, made and put into the engine: with a reason and desired STOPPED when this
// engine cannot run it. NULL with *out_error when it is no task at all.
struct task *accept_task(struct engine *engine, const struct acs_task *spec, struct str *out_error);
// Builds the containers and volumes of task->spec, without what chance or the runtime gives them.
// False when the ordering cannot be resolved; then there is none.
bool accept_build(struct task *task);

// ---- task.c

struct task *task_new(struct engine *engine, const struct acs_task *spec, int64_t id);
void task_free(struct engine *engine, struct task *task);
struct task *task_find(const struct engine *engine, struct str arn);
struct str task_short_id(const struct task *task); // last part of the ARN
void task_want_stopped(struct task *task);
void task_fail(struct task *task, struct str reason); // first reason wins; desired STOPPED
void task_update_known(struct engine *engine, struct task *task);
bool task_progress(struct engine *engine, struct task *task); // true when something changed
time_ms task_next_timer(const struct engine *engine, const struct task *task);
struct container *task_container(const struct task *task, struct str name);
struct task *task_next(const struct engine *engine, const struct task *after); // NULL: first, last

// ---- container.c

bool container_progress(struct engine *engine, struct container *c);
void container_set_known(struct engine *engine, struct container *c,
                         enum host_container_status known);
void container_set_reason(struct container *c, struct str reason); // the first wins
void container_note(struct container *c, const char *name, struct str text);
// As the runtime shows it: it never ran, and is not dead either.
bool container_never_started(const struct docker_container *found);
void container_begin(struct engine *engine, struct container *c, enum step step);
void container_idle(struct container *c);
void container_look(struct engine *engine, struct container *c);
void container_observe(struct engine *engine, struct container *c,
                       const struct docker_container *found);
void container_missing(struct engine *engine, struct container *c);
bool container_is_steady(const struct container *c);
bool container_has_started(const struct container *c); // or may have
bool container_is_tracked(const struct container *c);  // its health is reported
void container_set_health(struct engine *engine, struct container *c, struct str status);
void container_event(struct engine *engine, const struct host_event *event);

// ---- step.c: the calls of a container's steps and what their results mean

void step_send(struct engine *engine, struct container *c);
void step_result(struct engine *engine, struct container *c, const struct host_result *result);
void step_look_result(struct engine *engine, struct container *c, const struct host_result *result);

// ---- image.c: the two stages of getting an image

void image_begin_manifest(struct engine *engine, struct container *c);
void image_begin_pull(struct engine *engine, struct container *c);
void image_send(struct engine *engine, struct container *c);
void image_result(struct engine *engine, struct container *c, const struct host_result *result);
const struct docker_registry_auth *image_auth(const struct engine *engine, struct arena *scratch,
                                              struct str reference);
struct str image_repository(struct str reference); // without tag and digest
struct str image_digest(struct str reference);     // "sha256:..." behind '@', or empty
struct image *image_find(const struct engine *engine, struct str name);
struct image *image_add(struct engine *engine, struct str name, time_ms pulled_at, int64_t id);
void image_set_digest(struct image *image, struct str digest);
void image_forget(struct engine *engine, struct image *image); // it was removed; frees it
void image_free(struct engine *engine, struct image *image);   // without a word about its row
// It is what the container asks for, or "repository@digest" of what that is.
bool image_is_of(const struct container *c, struct str name);

// ---- create.c, environment.c, ports.c, bind.c: the body of the create call

// Fills a create call. Returns false with the container's reason set when it cannot be built.
bool create_build(struct engine *engine, struct container *c, struct host_call *call);
struct str create_runtime_name(struct engine *engine, const struct container *c);
struct str create_suffix(struct arena *arena, struct rng *rng); // 20 hex digits
struct str create_network_mode(const struct container *c);
struct str create_cgroup_parent(const struct engine *engine, const struct task *task,
                                struct arena *arena);

struct str_list environment_build(struct engine *engine, const struct container *c);

bool ports_needed(const struct container *c); // dynamic ones that are not chosen yet
void ports_begin(struct engine *engine, struct container *c);
void ports_result(struct engine *engine, struct container *c, const struct host_result *result);
void ports_fill(struct engine *engine, const struct container *c, struct docker_config *config,
                struct docker_host_config *host);
// "80-90" or "80": false when it is neither.
bool ports_range(struct str text, int32_t *out_first, int32_t *out_count);
struct ecs_network_binding_list ports_bindings(const struct engine *engine, struct arena *arena,
                                               const struct container *c,
                                               const struct docker_container *found);

// efs.c: the body of a volume that is a file system of the network. False: this host cannot give
// what it asks for; *out_why says so.
bool efs_can(const struct engine *engine, const struct acs_efs_volume_configuration *efs,
             const char **out_why);
// Until the task's own network is there to mount from.
bool efs_waits(const struct engine *engine, const struct task *task);
void efs_fill(const struct engine *engine, const struct task *task,
              const struct acs_efs_volume_configuration *efs, struct arena *arena,
              struct docker_volume_create *body);

bool bind_fill(struct engine *engine, struct container *c, struct docker_host_config *host);

// ---- volume.c

void volume_init(struct task *task, struct volume *volume, const struct acs_volume *spec,
                 struct rng *rng);
bool volume_check(const struct engine *engine, const struct task *task, struct str *out_error);
bool volume_progress(struct engine *engine, struct task *task);
bool volume_all_ready(const struct task *task);
void volume_result(struct engine *engine, struct task *task, struct volume *volume,
                   const struct host_result *result);
void volume_remove(struct engine *engine, struct task *task, struct volume *volume);

// ---- pause.c: containers that hold namespaces

size_t pause_count(const struct acs_task *spec);
const struct acs_container *pause_spec(struct task *task, size_t nth,
                                       enum container_role *out_role);
struct container *pause_of(const struct task *task, enum container_role role); // NULL: none
bool pause_is(const struct container *c);
// Whether the namespaces that `c` enters are there, so that it may become `next`.
bool pause_allows(const struct container *c, enum host_container_status next);
bool pause_outlives(const struct container *c, const struct container *other);
void pause_failed(struct container *c); // it has got a reason
void pause_begin_image(struct engine *engine, struct container *c);
void pause_send(struct engine *engine, struct container *c);
void pause_result(struct engine *engine, struct container *c, const struct host_result *result);

// ---- network.c: of an awsvpc task

void network_build(struct task *task);
bool network_progress(struct engine *engine, struct task *task);
void network_result(struct engine *engine, struct task *task, const struct host_result *result);
bool network_is_gone(const struct task *task); // or never was: nothing of it is on the host
bool network_is_busy(const struct task *task);
time_ms network_next_timer(const struct task *task);
struct str_list network_groups(const struct task *task, struct arena *arena); // security groups
struct str network_hostname(const struct task *task);
int32_t network_process(const struct task *task); // one in its namespace; 0: not known
// ---- resource.c

void resource_build(const struct engine *engine, struct task *task);
bool resource_check(const struct engine *engine, const struct task *task, struct str *out_error);
bool resource_progress(struct engine *engine, struct task *task);
// Whether all that `c` needs of the host before it may become `next` is there.
bool resource_allows(const struct container *c, enum host_container_status next);
bool resource_is_busy(const struct task *task);
time_ms resource_next_timer(const struct engine *engine, const struct task *task);
void resource_result(struct engine *engine, struct task *task, struct resource *resource,
                     const struct host_result *result);
// At cleanup: true when nothing is left on the host.
bool resource_remove_all(struct engine *engine, struct task *task);
void resource_forget(struct task *task); // every value
// What a secret, a login or a file holds; false when it is not known (any more).
bool resource_value(const struct task *task, enum host_resource_kind kind, struct str name,
                    struct str region, struct str *out);

// ---- router.c: FireLens

bool router_is(const struct container *c);                  // a log router
const struct container *router_of(const struct task *task); // NULL: the task has none
bool router_sends_to_it(const struct container *c);         // its log driver is awsfirelens
// Before it is made: it is to be told where its router is, which nobody knows yet but will. A
// router that waits for others is waited for no other way (depend.c).
bool router_is_awaited(const struct container *c);
// The router's configuration file; false, and why in *out_error, when there is none.
bool router_config(const struct engine *engine, const struct task *task, struct arena *arena,
                   struct str *out_text, struct str *out_error);
struct str router_external(const struct container *router); // ARN of a file to fetch; or empty
int32_t router_socket_uid(const struct container *router);
void router_fill_binds(const struct engine *engine, const struct container *router,
                       struct arena *arena, struct docker_host_config *host);
void router_fill_log(const struct engine *engine, const struct container *sender,
                     struct arena *arena, struct docker_log_config *log);
struct str_map router_environment(const struct container *c, struct arena *arena);
struct str_map router_secrets(const struct container *router, struct arena *arena);

// ---- depend.c

enum depend { DEPEND_READY, DEPEND_WAIT, DEPEND_NEVER };

// Builds the edges of every container. False, and no edges, when a name is unknown or there is a
// cycle.
bool depend_build(struct task *task);
// May `c` move to `target`? On DEPEND_NEVER *out_why says so (in the task's arena); *out_wake is
// when to ask again without an event.
enum depend depend_check(const struct engine *engine, const struct container *c,
                         enum host_container_status target, struct str *out_why, time_ms *out_wake);
bool depend_reaches(const struct container *from,
                    const struct container *to); // `from` waits for it
bool depend_may_stop(const struct container *c); // all that wait for it have stopped

// ---- admission.c

struct needs {
    int64_t cpu_units;
    int64_t memory_mib;
};
struct needs admission_needs(const struct task *task);
bool admission_run(
    struct engine *engine); // lets in what fits, oldest first; true when something was
void admission_book(struct engine *engine, struct task *task);
void admission_release(struct engine *engine, struct task *task);

// ---- submit.c

void submit_container(struct engine *engine, struct container *c);
void submit_task(struct task *task);
void submit_attachment(struct engine *engine, struct task *task); // its network is there
void submit_all_unsent(struct engine *engine, struct task *task); // after a restart
void submit_run(struct engine *engine);
void submit_done(struct engine *engine, int64_t task, enum engine_submitted outcome);
void submit_refused(struct engine *engine, struct str arn, struct str reason); // a task never kept
time_ms submit_next_timer(const struct engine *engine, const struct task *task);

// ---- recover.c

void recover_start(struct engine *engine, const struct engine_record *at, size_t n);
void recover_resync(struct engine *engine); // the runtime is back

// ---- cleanup.c

bool cleanup_progress(struct engine *engine, struct task *task); // true when the task is gone
void cleanup_removed(struct engine *engine, struct container *c, const struct host_result *result);
bool cleanup_is_left(const struct host_result *result);
bool cleanup_is_tried_again(const struct host_result *result, int32_t *attempt);
void cleanup_volume_removed(struct engine *engine, struct task *task, struct volume *volume,
                            const struct host_result *result);
time_ms cleanup_next_timer(const struct engine *engine, const struct task *task);

// ---- reason.c: what people and tools read (ecs-behaviour-agent 2.10)

// "<name>: <text>" of a failed call; a timeout gets the name and the sentence of its own.
struct str reason_of_call(struct arena *arena, const char *name, const char *transition,
                          time_ms timeout_ms, const struct host_result *result);
struct str reason_duration(struct arena *arena, time_ms duration); // "3m0s"
struct str reason_pull_hint(struct arena *arena, const struct host_result *result);

#endif
