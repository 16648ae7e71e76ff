// Agent sessions on ACS: letting agents in, telling them what to run, hearing what they took on.
// Source: agent-protocol 6.
//
// What an agent must know is never kept in a queue: it follows from the tasks on its instance. A
// payload carries the instance's next sequence number, in its messageId too, and every task in it
// remembers that number; an acknowledgement of it marks the tasks that still bear it as delivered.
// A new session gets the manifest and then every task of which neither an acknowledgement nor a
// report of the agent says that it is known there. Sending a task twice is harmless.
//
// Keys of roles go with the payload and are renewed by messages of their own (core/roles.h). Their
// acknowledgement says nothing that would be acted on: they are sent again in time anyway.

#include "core/sessions.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/id.h"
#include "base/proof.h"
#include "core/attachment.h"
#include "core/exec.h"
#include "core/hello.h"
#include "core/lifecycle.h"
#include "core/payload.h"
#include "core/roles.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task.h"

enum { PAYLOAD_TASKS_MAX = 10 };

static struct str cluster_arn_of(struct step *step, const struct instance *instance)
{
    return cluster_arn(step->state, cluster_get(step->state, instance->cluster_id), step->arena);
}

static void say(struct step *step, const struct instance *instance, enum acs_message kind,
                const void *message)
{
    struct effect *effect = step_effect(step, EFFECT_ACS_SEND, instance->session);

    effect->instance_id = instance->entity.id;
    effect->acs_message = kind;
    effect->value = message;
}

static struct str message_id(struct step *step, const struct instance *instance, int64_t sequence)
{
    return str_fmt(step->arena, "%.*s-%lld", STR_ARGS(instance->uid), (long long)sequence);
}

// --- what should run

static void send_tasks(struct step *step, struct instance *instance, struct task **tasks, size_t n)
{
    struct acs_payload_message *message = arena_new(step->arena, struct acs_payload_message);
    int64_t sequence = instance_next_sequence(step, instance);

    SET(message, container_instance_arn, instance_arn(step->state, instance, step->arena));
    SET(message, cluster_arn, cluster_arn_of(step, instance));
    SET(message, generated_at, step->now);
    SET(message, message_id, message_id(step, instance, sequence));
    SET(message, seq_num, sequence);
    message->has.tasks = true;
    message->tasks.n = n;
    message->tasks.at = arena_array(step->arena, struct acs_task, n);
    for (size_t i = 0; i < n; i++) {
        payload_task(step, tasks[i], &message->tasks.at[i]);
        tasks[i]->sent_sequence = sequence;
        tasks[i]->delivered = false;
        list_remove(&tasks[i]->unacknowledged);
        list_push_back(&instance->unacknowledged, &tasks[i]->unacknowledged);
    }
    say(step, instance, ACS_MESSAGE_PAYLOAD_MESSAGE, message);
}

void session_send_task(struct step *step, struct task *task)
{
    struct instance *instance = instance_get(step->state, (uint64_t)task->rec->instance_id);

    if (instance != NULL && instance_is_connected(instance)) {
        MARK("an agent that is connected is told at once");
        send_tasks(step, instance, &task, 1);
    } else {
        MARK("an agent that is away is told when it comes back");
    }
}

void session_send_update(struct step *step, struct instance *instance)
{
    struct acs_perform_update_message *message =
        arena_new(step->arena, struct acs_perform_update_message);
    int64_t sequence = instance_next_sequence(step, instance);

    SET(message, container_instance_arn, instance_arn(step->state, instance, step->arena));
    SET(message, cluster_arn, cluster_arn_of(step, instance));
    SET(message, message_id, message_id(step, instance, sequence));
    say(step, instance, ACS_MESSAGE_PERFORM_UPDATE_MESSAGE, message);
}

void session_send_keys(struct step *step, struct instance *instance,
                       struct acs_iam_role_credentials_message *message)
{
    SET(message, message_id, id_uuid(step->arena, step->rng));
    say(step, instance, ACS_MESSAGE_IAM_ROLE_CREDENTIALS_MESSAGE, message);
}

static struct acs_task_identifier identify(struct step *step, const struct instance *instance,
                                           const struct task *task)
{
    struct acs_task_identifier identifier = {0};

    SET(&identifier, task_arn, task_arn(step->state, task, step->arena));
    SET(&identifier, task_cluster_arn, cluster_arn_of(step, instance));
    SET(&identifier, desired_status, task_should_run(task) ? STR("RUNNING") : STR("STOPPED"));
    return identifier;
}

static size_t count(const struct list *list)
{
    size_t n = 0;

    LIST_EACH (list, it)
        n++;
    return n;
}

static void send_manifest(struct step *step, struct instance *instance)
{
    struct acs_task_manifest_message *message =
        arena_new(step->arena, struct acs_task_manifest_message);
    int64_t sequence = instance_next_sequence(step, instance);
    size_t n = count(&instance->tasks);

    SET(message, container_instance_arn, instance_arn(step->state, instance, step->arena));
    SET(message, cluster_arn, cluster_arn_of(step, instance));
    SET(message, generated_at, step->now);
    SET(message, message_id, message_id(step, instance, sequence));
    SET(message, timeline, sequence);
    message->has.tasks = true;
    message->tasks.at = arena_array(step->arena, struct acs_task_identifier, n);
    LIST_EACH (&instance->tasks, it)
        message->tasks.at[message->tasks.n++] =
            identify(step, instance, LIST_ENTRY(it, struct task, on_instance));
    say(step, instance, ACS_MESSAGE_TASK_MANIFEST_MESSAGE, message);
}

static bool agent_knows(const struct task *task)
{
    return task->delivered || (task_should_run(task) && !task_is_pending(task));
}

static void send_unknown_tasks(struct step *step, struct instance *instance)
{
    struct task *chunk[PAYLOAD_TASKS_MAX];
    size_t n = 0;

    LIST_EACH (&instance->tasks, it) {
        struct task *task = LIST_ENTRY(it, struct task, on_instance);

        if (agent_knows(task))
            continue;
        MARK("an agent that comes back is told what it missed");
        chunk[n++] = task;
        if (n == PAYLOAD_TASKS_MAX) {
            MARK("a payload carries ten tasks at most");
            send_tasks(step, instance, chunk, n);
            n = 0;
        }
    }
    if (n > 0)
        send_tasks(step, instance, chunk, n);
}

// --- coming and going

static void refuse(struct step *step, session_id session, enum hello_outcome outcome)
{
    static const struct str errors[HELLO_N] = {
        [HELLO_NO_CLUSTER] = STR_INIT("InvalidClusterException"),
        [HELLO_NO_INSTANCE] = STR_INIT("InvalidInstanceException"),
        [HELLO_INACTIVE] = STR_INIT("InactiveInstanceException"),
    };
    struct effect *effect = step_effect(step, EFFECT_ACS_REFUSE, session);

    effect->error = errors[outcome];
    effect->text = hello_text(outcome);
}

static bool has_version(const struct ecs_version_info *info, const struct agent_hello *hello)
{
    return info != NULL && str_eq(info->agent_version, hello->agent_version) &&
           str_eq(info->agent_hash, hello->agent_hash) &&
           str_eq(info->docker_version, hello->docker_version);
}

// An agent that comes back with another version has carried out the update it was asked for; one
// that comes back with the same has not, or never heard of it. True when an update ended.
static bool note_update(struct rec_instance_state *next, const struct ecs_version_info *before,
                        const struct agent_hello *hello)
{
    bool is_updating = next->agent_update_status >= ECS_AGENT_UPDATE_STATUS_PENDING &&
                       next->agent_update_status <= ECS_AGENT_UPDATE_STATUS_UPDATING;
    bool is_same = before != NULL && str_eq(before->agent_version, hello->agent_version);

    if (is_updating) {
        MARK("an update of the agent ends when it comes back");
        SET(next, agent_update_status,
            is_same ? ECS_AGENT_UPDATE_STATUS_FAILED : ECS_AGENT_UPDATE_STATUS_UPDATED);
    }
    return is_updating;
}

// Registration does not tell the versions; the connection does.
static void put_version(struct step *step, struct instance *instance,
                        const struct agent_hello *hello)
{
    struct rec_instance next = *instance->rec;
    struct ecs_version_info *info = arena_new(step->arena, struct ecs_version_info);

    SET(info, agent_version, hello->agent_version);
    SET(info, agent_hash, hello->agent_hash);
    SET(info, docker_version, hello->docker_version);
    SET(&next, version_info, info);
    state_put(step->state, REC_KIND_INSTANCE, instance->entity.id, &next);
}

static void close_session(struct step *step, session_id session, struct str text)
{
    if (session != 0)
        step_effect(step, EFFECT_CLOSE, session)->text = text;
}

static bool has_ability(const struct agent_hello *hello, struct str ability)
{
    struct str rest = hello->abilities;
    struct str head;

    while (rest.len > 0) {
        str_cut(rest, ',', &head, &rest);
        if (str_eq(head, ability))
            return true;
    }
    return false;
}

// Replacing one session by another changes nothing that a caller of the API sees.
static void let_in(struct step *step, session_id session, struct instance *instance,
                   const struct agent_hello *hello)
{
    struct rec_instance_state next = *instance->st;
    bool is_news = instance->session == 0;

    MARK_IF(!is_news, "a newer session of an agent takes over from an older one");
    step_effect(step, EFFECT_ACS_ACCEPT, session)->instance_id = instance->entity.id;
    close_session(step, instance->session, STR("A newer connection of this instance took over."));
    instance_set_session(step->state, instance, session);
    instance->relays_exec = has_ability(hello, EXEC_ABILITY);
    if (is_news)
        SET(&next, connected_at, step->now);
    is_news |= note_update(&next, instance->rec->version_info, hello);
    if (!has_version(instance->rec->version_info, hello)) {
        put_version(step, instance, hello);
        is_news = true;
    }
    if (is_news)
        instance_change(step, instance, &next);
}

void session_acs_open(struct step *step, session_id session, const struct agent_hello *hello)
{
    struct instance *instance;
    enum hello_outcome outcome = hello_find(step, hello, &instance);

    ASSERT(session != 0);
    if (outcome != HELLO_OK) {
        MARK("a session of an instance that is not registered is refused");
        refuse(step, session, outcome);
        return;
    }
    let_in(step, session, instance, hello);
    send_manifest(step, instance);
    if (!PLANTED(PLANT_PAYLOAD_NOT_RESENT))
        send_unknown_tasks(step, instance);
    roles_resend(step, instance, hello->send_credentials);
}

void session_acs_gone(struct step *step, session_id session, uint64_t instance_id)
{
    struct instance *instance = instance_get(step->state, instance_id);
    struct rec_instance_state next;

    if (instance == NULL || instance->session != session) {
        MARK("the end of a session that was replaced changes nothing");
        return;
    }
    MARK("an agent is lost");
    instance_set_session(step->state, instance, 0);
    next = *instance->st;
    SET(&next, disconnected_at, step->now);
    instance_change(step, instance, &next);
}

void sessions_end(struct step *step, struct instance *instance, struct str text)
{
    close_session(step, instance->session, text);
    close_session(step, instance->telemetry_session, text);
    instance_set_session(step->state, instance, 0);
    instance->telemetry_session = 0;
}

// --- what the agent says

static void on_ack(struct step *step, struct instance *instance, const void *message)
{
    const struct acs_ack_request *ack = message;
    struct str uid;
    struct str number;
    int64_t sequence;

    if (!str_cut_last(ack->message_id, '-', &uid, &number) || !str_eq(uid, instance->uid) ||
        !str_to_i64(number, &sequence))
        return;
    LIST_EACH_SAFE (&instance->unacknowledged, it) {
        struct task *task = LIST_ENTRY(it, struct task, unacknowledged);
        if (task->sent_sequence > sequence)
            break;
        if (task->sent_sequence < sequence)
            continue;
        MARK("an acknowledged payload is not sent again");
        task->delivered = true;
        list_remove(&task->unacknowledged);
        if (task_is_wanted(task))
            attachment_begin(step, task);
    }
}

// Only updates are refused this way.
static void on_nack(struct step *step, struct instance *instance, const void *message)
{
    struct rec_instance_state next = *instance->st;
    enum ecs_agent_update_status status = next.agent_update_status;

    (void)message;
    if (status == ECS_AGENT_UPDATE_STATUS_UNSET || status >= ECS_AGENT_UPDATE_STATUS_UPDATED)
        return;
    MARK("an update that the agent refuses has failed");
    SET(&next, agent_update_status, ECS_AGENT_UPDATE_STATUS_FAILED);
    instance_change(step, instance, &next);
}

static bool should_run_here(const struct step *step, const struct instance *instance,
                            struct str arn)
{
    struct str head;
    struct str uid;
    const struct task *task;

    if (!str_cut_last(arn, '/', &head, &uid))
        return false;
    task = task_find_uid(step->state, uid);
    return task != NULL && task_should_run(task) &&
           (uint64_t)task->rec->instance_id == instance->entity.id;
}

// The agent asks whether it may really stop what the manifest did not list: by now a candidate may
// have been placed there.
static void on_stop_verification(struct step *step, struct instance *instance, const void *message)
{
    const struct acs_task_stop_verification_message *asked = message;
    struct acs_task_stop_verification_ack *ack =
        arena_new(step->arena, struct acs_task_stop_verification_ack);

    SET(ack, generated_at, step->now);
    SET(ack, message_id, str_copy(step->arena, asked->message_id));
    ack->has.stop_tasks = true;
    ack->stop_tasks.at =
        arena_array(step->arena, struct acs_task_identifier, asked->stop_candidates.n);
    for (size_t i = 0; i < asked->stop_candidates.n; i++) {
        const struct acs_task_identifier *candidate = &asked->stop_candidates.at[i];
        struct acs_task_identifier *out;

        if (should_run_here(step, instance, candidate->task_arn))
            continue;
        MARK("a stop candidate that should not run here is to stop");
        out = &ack->stop_tasks.at[ack->stop_tasks.n++];
        SET(out, task_arn, str_copy(step->arena, candidate->task_arn));
        SET(out, task_cluster_arn, str_copy(step->arena, candidate->task_cluster_arn));
        SET(out, desired_status, STR("STOPPED"));
    }
    say(step, instance, ACS_MESSAGE_TASK_STOP_VERIFICATION_ACK, ack);
}

typedef void on_message(struct step *step, struct instance *instance, const void *message);

// Anything else that an agent may send (heartbeat acknowledgements) only shows that it lives, which
// is the shell's to watch.
static on_message *const handlers[ACS_MESSAGE_N] = {
    [ACS_MESSAGE_ACK_REQUEST] = on_ack,
    [ACS_MESSAGE_NACK_REQUEST] = on_nack,
    [ACS_MESSAGE_TASK_STOP_VERIFICATION_MESSAGE] = on_stop_verification,
};

void session_acs_message(struct step *step, session_id session, uint64_t instance_id,
                         enum acs_message kind, const void *message)
{
    struct instance *instance = instance_get(step->state, instance_id);

    ASSERT((int)kind > 0 && (int)kind < (int)ACS_MESSAGE_N);
    if (instance == NULL || instance->session != session || handlers[kind] == NULL)
        return;
    handlers[kind](step, instance, message);
}
