// The task engine: everything one host decides about its tasks, and nothing that it does.
//
// engine_step takes one input (an agent message, an answer of the runtime, a timer) and says what
// is to be done about it. It reads no clock, owns no file or socket and does not log: the shell
// (src/agent) does what the outputs say and feeds the answers back.
//
// What the shell promises:
//   - records of a step are committed, all or none, before any other output of that step is acted
//     on;
//   - every call gets exactly one result (runtime/runtime.h), unless it was cancelled;
//   - every submit gets exactly one ENGINE_INPUT_SUBMITTED, unless its task id is 0;
//   - at out->next_timer_ms it sends ENGINE_INPUT_TIMER (early or late does no harm);
//   - after a start the first input is ENGINE_INPUT_START with every record; then it opens the
//     runtime's event stream and sends RUNTIME_UP once that stream is open, and again after each
//     reconnect; RUNTIME_DOWN when it breaks.
//
// Source of the behaviour: ecs-behaviour-agent 1 to 3, agent-protocol 6 to 8.

#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "api/acs.h"
#include "api/ecs.h"
#include "api/host.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"
#include "base/timefmt.h"

struct engine;

// The image of pause containers; a runtime that does not have it is given it (load-image).
#define ENGINE_PAUSE_IMAGE "gantry/pause:" GANTRY_VERSION

// ---- settings (ecs-behaviour-agent A); every text is copied

enum engine_pull {
    ENGINE_PULL_DEFAULT,
    ENGINE_PULL_ALWAYS,
    ENGINE_PULL_ONCE,
    ENGINE_PULL_PREFER_CACHED,
};

struct engine_registry {
    struct str prefix; // "registry.example:5000", "docker.io", "https://index.docker.io/v1/"
    struct docker_registry_auth auth;
};

struct engine_settings {
    struct str cluster;            // as configured: a name or an ARN
    struct str container_instance; // ARN, for acks
    struct str region;             // empty: no AWS_REGION is injected

    enum engine_pull pull;
    bool pull_dependents_upfront;
    struct engine_registry *registries;
    size_t registries_n;

    time_ms stop_timeout_ms; // of containers that say nothing
    time_ms start_timeout_ms;
    time_ms create_timeout_ms;
    time_ms manifest_timeout_ms;
    time_ms pull_timeout_ms;
    time_ms pull_idle_ms;
    time_ms cleanup_wait_ms;
    time_ms cleanup_jitter_ms;

    int32_t port_first; // dynamic host ports
    int32_t port_last;
    bool report_ipv6_bindings;
    bool shared_volume_match;
    bool metadata_endpoints; // the agent serves 169.254.170.2, so containers are told about it
    struct str metadata_dir; // of the host, holds a file for each container; empty: none are made
    bool selinux;            // of that file's mount
    bool task_cgroups;       // the shell makes a cgroup for each task: containers go below it
    bool cgroup_v2;
    bool cgroup_slices; // Docker's driver is systemd: parents are named as slices, not as paths
    bool propagate_task_memory; // cgroup v2 only: a container without a limit gets the task's
    bool storage_limits;        // the runtime can limit what a container writes into its own layer
    bool exec;                  // the shell can run commands in containers
    int32_t cgroup_period_us;
    int32_t task_pids_limit; // 0: none
    struct str data_dir;     // of the agent, absolute: files of log routers are below it
    bool firelens_async;
    struct str efs_server; // exports file systems as "/<id>"; empty: each has Amazon's own name
    bool efs_plugin;       // volumes of file systems are the plugin's, with all they ask for
    struct str awslogs_endpoint; // of the service that keeps logs; empty: the log driver knows
    bool task_networks;          // the shell makes networks of awsvpc tasks
    struct str_list network_dns; // servers and domains of such tasks; empty: the runtime's choice
    struct str_list network_search;
    struct str_map pause_labels; // of pause containers, beside the usual ones
    bool external;               // GPUs by device request, not by a runtime's name
    struct str gpu_runtime;

    // Cleaning up (ecs-behaviour-agent 1.7.5).
    struct str owner;  // names this agent on what it makes; empty: no orphans are looked for
    bool keeps_images; // images are never removed
    time_ms image_interval_ms;   // between two cycles
    time_ms image_min_age_ms;    // since the pull
    int32_t images_per_cycle;    // removed at most
    struct str_list images_kept; // never removed
    bool cleans_strangers;       // what is not ours goes, too
    int32_t strangers_per_cycle; // containers, at most
    time_ms strange_image_min_age_ms;

    // What the host has to give (ecs-behaviour-agent 5.1).
    int32_t cpu_units;
    int32_t memory_mib;
    struct int_list reserved_tcp;
    struct int_list reserved_udp;
};

// The documented defaults; names, region and capacity are left empty.
struct engine_settings engine_settings_default(void);

// What this engine can honestly advertise at registration, beyond the attributes that describe the
// host. `api_version` is the newest the runtime speaks ("1.41").
struct engine_abilities {
    struct str api_version;
    struct str_list log_drivers;
    struct str_list volume_plugins;
    bool privileged;
    bool selinux;
    bool apparmor;
    bool task_roles;
    bool task_roles_of_host; // also in network mode host
    bool log_roles;          // awslogs drivers are given execution roles
    bool faults;             // network faults can be injected
    bool task_networks;
    bool task_cgroups;
    bool parameters; // secrets can be had from a store of parameters,
    bool secrets;    // and from one of secrets: registry logins too
    bool env_files;
    bool exec;
    bool efs;
    bool efs_auth;         // by the plugin
    struct str gpu_driver; // version; empty: there are no GPUs
};
struct str_list engine_capabilities(struct arena *arena, const struct engine_abilities *abilities);

// ---- inputs

enum engine_input_kind {
    ENGINE_INPUT_START,
    ENGINE_INPUT_MESSAGE,
    ENGINE_INPUT_RESULT,
    ENGINE_INPUT_EVENT,
    ENGINE_INPUT_RUNTIME_UP,
    ENGINE_INPUT_RUNTIME_DOWN,
    ENGINE_INPUT_DISK, // room on the host's disk got scarce, or is there again
    ENGINE_INPUT_SUBMITTED,
    ENGINE_INPUT_TIMER,
    ENGINE_INPUT_SHUTDOWN, // nothing is asked for any more; containers are left alone
};

// A row of the agent's store. `value` is the structure of host_kinds[kind], NULL when it is
// removed.
struct engine_record {
    enum host_kind kind;
    int64_t id;
    const void *value;
};

// `value` is the structure of acs_messages[kind].
struct engine_message {
    enum acs_message kind;
    const void *value;
};

enum engine_submitted {
    ENGINE_SUBMITTED_ACCEPTED,
    ENGINE_SUBMITTED_RETRY,   // anything that may pass
    ENGINE_SUBMITTED_DROPPED, // InvalidParameterException: counts as sent
};

struct engine_input {
    enum engine_input_kind kind;
    time_ms now_ms; // wall clock that never goes back (base/steady.h)
    // How much of the time since the last step passed on the clock only. Calls under way have that
    // much longer.
    int64_t skipped_ms;
    union {
        struct {
            const struct engine_record *at;
            size_t n;
        } records;
        struct engine_message message;
        const struct host_result *result;
        const struct host_event *event;
        bool disk_is_low;
        struct {
            int64_t task;
            enum engine_submitted outcome;
        } submitted;
    };
};

// ---- outputs

enum engine_effect_kind {
    ENGINE_EFFECT_CALL,             // to the runtime
    ENGINE_EFFECT_CANCEL,           // a call nobody waits for any more
    ENGINE_EFFECT_SUBMIT,           // SubmitTaskStateChange
    ENGINE_EFFECT_MESSAGE,          // to the server, on the agent connection
    ENGINE_EFFECT_CREDENTIALS,      // keep and serve; never stored
    ENGINE_EFFECT_CREDENTIALS_DROP, // forget this credentials id
    ENGINE_EFFECT_LOG,
};

struct engine_log {
    enum log_level level;
    const char *event;
    const struct log_field *fields;
    size_t fields_n;
};

struct engine_effect {
    enum engine_effect_kind kind;
    union {
        const struct host_call *call;
        int64_t cancel;
        struct {
            int64_t task; // 0: about a task that is not kept; the shell retries by itself
            const struct ecs_submit_task_state_change_request *request;
        } submit;
        struct engine_message message;
        struct {
            struct str task_arn;
            enum acs_role_type role;
            const struct acs_iam_role_credentials *value;
        } credentials;
        struct str credentials_id;
        struct engine_log log;
    };
};

// Filled by engine_step. Effects and what they point at live in `arena`, which the caller resets
// when they have been dealt with. Values of records are the engine's own, valid until its next
// step: the shell encodes them at once.
struct engine_out {
    struct arena *arena;
    struct engine_record *records;
    size_t records_n, records_cap;
    struct engine_effect *effects;
    size_t effects_n, effects_cap;
    time_ms next_timer_ms; // INT64_MAX: none
};

// Where a container finds its metadata file: in a folder of its own below the one, named as the
// other. On the host the folder is `metadata_dir`/<task>/<container>.
#define ENGINE_METADATA_MOUNT "/opt/ecs/metadata/"
#define ENGINE_METADATA_FILE  "ecs-container-metadata.json"

struct engine *engine_new(const struct engine_settings *settings, uint64_t seed);
void engine_free(struct engine *engine); // NULL is fine

// After registration, when the shell knows it.
void engine_set_container_instance(struct engine *engine, struct str arn);

// `out` starts zeroed but for `arena`. Nothing of `input` is kept.
void engine_step(struct engine *engine, const struct engine_input *input, struct engine_out *out);

// Aborts when an invariant is broken: for tests and simulators, after each step.
void engine_check(const struct engine *engine);

// ---- views, for telemetry, metadata, logs and `gantry ps`

// What a container is; the last two are the engine's own and never reported.
enum engine_container_type {
    ENGINE_CONTAINER_NORMAL,
    ENGINE_CONTAINER_CNI_PAUSE,
    ENGINE_CONTAINER_NAMESPACE_PAUSE,
};

enum engine_health { ENGINE_HEALTH_UNKNOWN, ENGINE_HEALTH_HEALTHY, ENGINE_HEALTH_UNHEALTHY };

struct engine_view {
    struct str task_arn;
    struct str family;
    struct str version;
    struct str container;
    struct str container_arn;
    struct str runtime_id;   // empty before it was created
    struct str runtime_name; // likewise
    struct str network_mode;
    enum engine_container_type type;
    const struct host_network *network; // of an awsvpc task that has it; else NULL
    int32_t network_pid;                // of a process in that network; 0: none is known
    enum host_task_status task_status;
    enum host_task_status task_desired;
    enum host_container_status status;
    bool essential;
    bool has_exit_code;
    int32_t exit_code;
    struct str reason;
    bool health_tracked; // reported by PublishHealth while it has not stopped
    enum engine_health health;
    time_ms health_since; // 0: it was unknown from the start
    time_ms started_at;
    int32_t restart_count;

    // Likewise as long as the engine is not stepped; times are 0 until they are known.
    const struct acs_task *task;
    const struct acs_container *spec;
    const struct docker_container *seen; // what the last inspection told; NULL: none yet
    enum host_container_status desired;
    struct str endpoint_id;           // names the container to the agent's local server
    struct str image_id;              // of the image it was made from
    struct str role_credentials;      // id of the task's; empty: it has no role
    struct str execution_credentials; // likewise
    time_ms created_at, finished_at;
    time_ms pull_started_at, pull_stopped_at, execution_stopped_at; // of the task
};

// All containers of all tasks that are kept, oldest task first, in `arena`. Texts live as long as
// the engine is not stepped.
struct engine_view_list {
    size_t n;
    struct engine_view *at;
};
struct engine_view_list engine_view_all(const struct engine *engine, struct arena *arena);

// The networks of awsvpc tasks that may be on the host, in `arena`.
struct engine_network_view {
    struct str task;                    // short id, by which they are named there
    const struct host_network *network; // NULL: not known to be up
    struct str_list groups;
};
struct engine_network_list {
    size_t n;
    struct engine_network_view *at;
};
struct engine_network_list engine_networks(const struct engine *engine, struct arena *arena);

#endif
