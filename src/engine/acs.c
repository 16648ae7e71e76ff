// Messages from the server: what each changes, and what is answered (agent-protocol 6.3, 6.5).
//
// A message that lacks what it must have gets no answer of any kind. An AckRequest means that the
// message has been taken on durably: it leaves with the records of the same step.

#include "engine/state.h"

#include "shape/walk.h"

enum { STOP_CHECKS_MAX = 8 }; // manifests that the server has not answered for

static void reply(struct engine *engine, enum acs_message kind, const void *value)
{
    struct engine_effect *effect = engine_effect(engine, ENGINE_EFFECT_MESSAGE);

    effect->message.kind = kind;
    effect->message.value = shape_copy(engine->out->arena, acs_messages[kind].shape, value);
}

static void reply_ack(struct engine *engine, struct str cluster, struct str instance,
                      struct str message_id)
{
    struct acs_ack_request ack = {0};

    SET(&ack, cluster, cluster);
    SET(&ack, container_instance, instance);
    SET(&ack, message_id, message_id);
    reply(engine, ACS_MESSAGE_ACK_REQUEST, &ack);
}

// ---- credentials

static void take_credentials(struct engine *engine, struct task *task, enum acs_role_type role,
                             const struct acs_iam_role_credentials *value, struct str message_id)
{
    struct acs_iam_role_credentials_ack_request ack = {0};
    struct engine_effect *effect;
    struct str *own = role == ACS_ROLE_TYPE_TASKAPPLICATION ? &task->role_credentials
                                                            : &task->execution_credentials;

    if (role == ACS_ROLE_TYPE_TASKEXECUTION && value->access_key_id.len > 0)
        task->has_execution_credentials = true; // a server that has none yet sends them later
    if (!str_eq(*own, value->credentials_id)) {
        *own = str_copy(&task->arena, value->credentials_id);
        task->dirty = true;
    }
    if (role == ACS_ROLE_TYPE_TASKEXECUTION || task->known != HOST_TASK_STATUS_STOPPED) {
        effect = engine_effect(engine, ENGINE_EFFECT_CREDENTIALS);
        effect->credentials.task_arn = str_copy(engine->out->arena, task->arn);
        effect->credentials.role = role;
        effect->credentials.value =
            shape_copy(engine->out->arena, &acs_iam_role_credentials_shape, value);
    }
    SET(&ack, message_id, message_id);
    SET(&ack, expiration, value->expiration);
    SET(&ack, credentials_id, value->credentials_id);
    reply(engine, ACS_MESSAGE_IAM_ROLE_CREDENTIALS_ACK_REQUEST, &ack);
}

static void take_refresh(struct engine *engine, const struct acs_iam_role_credentials_message *m)
{
    struct task *task = task_find(engine, m->task_arn);

    if (task == NULL || m->message_id.len == 0 || m->role_type == ACS_ROLE_TYPE_UNSET ||
        m->role_credentials == NULL || m->role_credentials->credentials_id.len == 0)
        return;
    take_credentials(engine, task, m->role_type, m->role_credentials, m->message_id);
}

// ---- payloads

static void refuse_task(struct engine *engine, const struct acs_task *spec, struct str error)
{
    struct str reason = str_fmt(engine->out->arena,
                                "UnrecogniedTaskError: Error loading task - %.*s", STR_ARGS(error));

    engine_log(engine, LOG_LEVEL_WARN, "task.unreadable", NULL, NULL, reason);
    submit_refused(engine, spec->arn, reason);
}

static void take_roles(struct engine *engine, struct task *task, const struct acs_task *spec,
                       struct str message_id)
{
    if (spec->role_credentials != NULL)
        take_credentials(engine, task, ACS_ROLE_TYPE_TASKAPPLICATION, spec->role_credentials,
                         message_id);
    if (spec->execution_role_credentials != NULL)
        take_credentials(engine, task, ACS_ROLE_TYPE_TASKEXECUTION,
                         spec->execution_role_credentials, message_id);
}

static bool take_task(struct engine *engine, const struct acs_task *spec, struct str message_id)
{
    struct task *task = task_find(engine, spec->arn);
    struct str error;

    if (task == NULL) {
        if (PLANTED(PLANT_STOP_FORGOTTEN) && str_eq(spec->desired_status, STR("STOPPED")))
            return true;
        if (gone_has(engine, spec->arn))
            return true; // sent before the server knew of its end
        task = accept_task(engine, spec, &error);
        if (task == NULL) {
            refuse_task(engine, spec, error);
            return false;
        }
    } else if (str_eq(spec->desired_status, STR("STOPPED"))) {
        MARK("a payload stops a task that is here");
        task_want_stopped(task);
    } else {
        MARK("a task sent twice is taken on once");
    }
    take_roles(engine, task, spec, message_id);
    return true;
}

// Tasks to stop come first: they may free what the new ones need.
static void take_payload(struct engine *engine, const struct acs_payload_message *m)
{
    bool all = true;

    if (m->message_id.len == 0 || m->cluster_arn.len == 0 || m->container_instance_arn.len == 0)
        return;
    if (m->seq_num > engine->last_sequence)
        engine->last_sequence = m->seq_num;
    MARK_IF(m->tasks.n > 1, "a payload brings several tasks");
    for (int stopping = 1; stopping >= 0; stopping--) {
        for (size_t i = 0; i < m->tasks.n; i++) {
            const struct acs_task *spec = &m->tasks.at[i];

            if (str_eq(spec->desired_status, STR("STOPPED")) == (stopping == 1))
                all &= take_task(engine, spec, m->message_id);
        }
    }
    if (all) {
        MARK("a payload is acknowledged when all its tasks were taken on");
        reply_ack(engine, m->cluster_arn, m->container_instance_arn, m->message_id);
    }
}

// ---- manifest and stop verification

static void forget_check(struct stop_check **at)
{
    struct stop_check *check = *at;

    *at = check->next;
    mem_free((char *)check->message_id.ptr);
    mem_free(check);
}

void acs_forget_stop_checks(struct engine *engine)
{
    while (engine->stop_checks != NULL)
        forget_check(&engine->stop_checks);
}

static void remember_check(struct engine *engine, struct str message_id)
{
    struct stop_check *check = mem_zalloc(sizeof(*check));
    char *copy = mem_alloc(message_id.len + 1);
    struct stop_check **at = &engine->stop_checks;

    memcpy(copy, message_id.ptr, message_id.len);
    check->message_id = str_span(copy, message_id.len);
    check->next = engine->stop_checks;
    engine->stop_checks = check;
    for (int i = 0; i < STOP_CHECKS_MAX && *at != NULL; i++)
        at = &(*at)->next;
    if (*at != NULL)
        forget_check(at);
}

static bool manifest_wants(const struct acs_task_manifest_message *m, struct str arn)
{
    for (size_t i = 0; i < m->tasks.n; i++) {
        if (str_eq(m->tasks.at[i].task_arn, arn) &&
            str_eq(m->tasks.at[i].desired_status, STR("RUNNING")))
            return true;
    }
    return false;
}

static struct acs_task_identifier_list stop_candidates(struct engine *engine,
                                                       const struct acs_task_manifest_message *m)
{
    struct acs_task_identifier_list list = {
        .at = arena_array(engine->out->arena, struct acs_task_identifier, engine->tasks.count)};

    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        struct acs_task_identifier *one = &list.at[list.n];

        if (t->desired == HOST_TASK_STATUS_STOPPED || manifest_wants(m, t->arn))
            continue;
        MARK("a task that the manifest does not list is asked about before it is stopped");
        SET(one, task_arn, t->arn);
        SET(one, task_cluster_arn, m->cluster_arn);
        SET(one, desired_status, STR("STOPPED"));
        list.n++;
    }
    return list;
}

static void take_manifest(struct engine *engine, const struct acs_task_manifest_message *m)
{
    struct acs_task_stop_verification_message ask = {0};
    struct acs_task_identifier_list list;

    if (m->message_id.len == 0)
        return;
    if (m->timeline <= engine->last_sequence)
        return; // stale
    engine->last_sequence = m->timeline;
    engine->dirty = true;
    list = stop_candidates(engine, m);
    reply_ack(engine, m->cluster_arn, m->container_instance_arn, m->message_id);
    if (PLANTED(PLANT_MANIFEST_IGNORED))
        return;
    if (list.n == 0) {
        MARK("a manifest agrees with what is here");
        return;
    }
    remember_check(engine, m->message_id);
    SET(&ask, message_id, m->message_id);
    SET(&ask, stop_candidates, list);
    reply(engine, ACS_MESSAGE_TASK_STOP_VERIFICATION_MESSAGE, &ask);
}

static void take_verification(struct engine *engine, const struct acs_task_stop_verification_ack *m)
{
    struct stop_check **at = &engine->stop_checks;

    while (*at != NULL && !str_eq((*at)->message_id, m->message_id))
        at = &(*at)->next;
    if (*at == NULL)
        return; // not asked for, or answered already
    forget_check(at);
    for (size_t i = 0; i < m->stop_tasks.n; i++) {
        struct task *task = task_find(engine, m->stop_tasks.at[i].task_arn);

        if (task == NULL)
            continue;
        MARK("a verified stop candidate is stopped");
        task_want_stopped(task);
    }
}

// ---- the rest

static void take_heartbeat(struct engine *engine, const struct acs_heartbeat_message *m)
{
    struct acs_heartbeat_ack_request ack = {0};

    if (m->message_id.len == 0)
        return;
    SET(&ack, message_id, m->message_id);
    reply(engine, ACS_MESSAGE_HEARTBEAT_ACK_REQUEST, &ack);
}

static void refuse_update(struct engine *engine, struct str cluster, struct str instance,
                          struct str message_id)
{
    struct acs_nack_request nack = {0};

    if (message_id.len == 0)
        return;
    MARK("an update of the agent is refused");
    SET(&nack, cluster, cluster);
    SET(&nack, container_instance, instance);
    SET(&nack, message_id, message_id);
    SET(&nack, reason, STR("Updates are disabled"));
    reply(engine, ACS_MESSAGE_NACK_REQUEST, &nack);
}

// Network interfaces and volumes cannot be attached here. The message is acknowledged, because it
// was understood; the attachment is never reported as attached, so the server lets it time out.
static void take_task_interfaces(struct engine *engine,
                                 const struct acs_attach_task_network_interfaces_message *m)
{
    if (m->message_id.len == 0 || m->cluster_arn.len == 0 || m->container_instance_arn.len == 0 ||
        m->task_arn.len == 0 || m->wait_timeout_ms <= 0 || m->elastic_network_interfaces.n == 0)
        return;
    reply_ack(engine, m->cluster_arn, m->container_instance_arn, m->message_id);
    engine_log(engine, LOG_LEVEL_WARN, "attachment.not_available", NULL, NULL, m->task_arn);
}

static void take_instance_interfaces(struct engine *engine,
                                     const struct acs_attach_instance_network_interfaces_message *m)
{
    if (m->message_id.len == 0 || m->cluster_arn.len == 0 || m->container_instance_arn.len == 0 ||
        m->wait_timeout_ms <= 0 || m->elastic_network_interfaces.n == 0)
        return;
    reply_ack(engine, m->cluster_arn, m->container_instance_arn, m->message_id);
    engine_log(engine, LOG_LEVEL_WARN, "attachment.not_available", NULL, NULL, STR_NONE);
}

static void take_attachment(struct engine *engine, const struct acs_confirm_attachment_message *m)
{
    if (m->message_id.len == 0 || m->attachment == NULL || m->attachment->attachment_arn.len == 0 ||
        !str_starts(m->cluster_arn, STR("arn:")) ||
        !str_starts(m->container_instance_arn, STR("arn:")))
        return;
    reply_ack(engine, m->cluster_arn, m->container_instance_arn, m->message_id);
    engine_log(engine, LOG_LEVEL_WARN, "attachment.not_available", NULL, NULL,
               m->attachment->attachment_arn);
}

static void take_stage(struct engine *engine, const struct acs_stage_update_message *m)
{
    refuse_update(engine, m->cluster_arn, m->container_instance_arn, m->message_id);
}

static void take_perform(struct engine *engine, const struct acs_perform_update_message *m)
{
    refuse_update(engine, m->cluster_arn, m->container_instance_arn, m->message_id);
}

void acs_take(struct engine *engine, const struct engine_message *message)
{
    const void *m = message->value;

    switch (message->kind) {
    case ACS_MESSAGE_HEARTBEAT_MESSAGE: take_heartbeat(engine, m); return;
    case ACS_MESSAGE_PAYLOAD_MESSAGE: take_payload(engine, m); return;
    case ACS_MESSAGE_IAM_ROLE_CREDENTIALS_MESSAGE: take_refresh(engine, m); return;
    case ACS_MESSAGE_TASK_MANIFEST_MESSAGE: take_manifest(engine, m); return;
    case ACS_MESSAGE_TASK_STOP_VERIFICATION_ACK: take_verification(engine, m); return;
    case ACS_MESSAGE_ATTACH_TASK_NETWORK_INTERFACES_MESSAGE:
        take_task_interfaces(engine, m);
        return;
    case ACS_MESSAGE_ATTACH_INSTANCE_NETWORK_INTERFACES_MESSAGE:
        take_instance_interfaces(engine, m);
        return;
    case ACS_MESSAGE_CONFIRM_ATTACHMENT_MESSAGE: take_attachment(engine, m); return;
    case ACS_MESSAGE_STAGE_UPDATE_MESSAGE: take_stage(engine, m); return;
    case ACS_MESSAGE_PERFORM_UPDATE_MESSAGE: take_perform(engine, m); return;
    case ACS_MESSAGE_NONE: // what follows has no handler: it only shows that the server is alive
    case ACS_MESSAGE_HEARTBEAT_ACK_REQUEST:
    case ACS_MESSAGE_ACK_REQUEST:
    case ACS_MESSAGE_NACK_REQUEST:
    case ACS_MESSAGE_IAM_ROLE_CREDENTIALS_ACK_REQUEST:
    case ACS_MESSAGE_TASK_STOP_VERIFICATION_MESSAGE:
    case ACS_MESSAGE_CLOSE_MESSAGE:
    case ACS_MESSAGE_ERROR_MESSAGE:
    case ACS_MESSAGE_GANTRY_EXEC_MESSAGE: // the shell's own
    case ACS_MESSAGE_SERVER_EXCEPTION:
    case ACS_MESSAGE_BAD_REQUEST_EXCEPTION:
    case ACS_MESSAGE_INVALID_CLUSTER_EXCEPTION:
    case ACS_MESSAGE_INVALID_INSTANCE_EXCEPTION:
    case ACS_MESSAGE_ACCESS_DENIED_EXCEPTION:
    case ACS_MESSAGE_INACTIVE_INSTANCE_EXCEPTION:
    case ACS_MESSAGE_N: return;
    }
    UNREACHABLE();
}
