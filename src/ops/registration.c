// Of the identity document that an agent may send only the instance's id is taken, as a name that
// tools know the host by: it is signed by another's key, and nothing else follows from it. What is
// known of a host is what its agent says in attributes; facts
// that are missing are not made up, but for the availability zone, which agents want to read back.
//
// Sentences for refused input are not known from the live service.

#include "ops/registration.h"

#include "base/arena.h"
#include "base/proof.h"
#include "base/regex.h"
#include "model/instance.h"
#include "model/provider.h"
#include "model/task.h"
#include "ops/attribute_rules.h"
#include "ops/find.h"
#include "ops/tag_rules.h"

enum { RESOURCES_MAX = 32, ATTRIBUTES_MAX = 1000, PORTS_MAX = 100, GPUS_MAX = 64 };

#define ZONE "ecs.availability-zone"

// --- resources

static int bad_resource(struct op_ctx *ctx, struct str name, const char *rule)
{
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Resource '%.*s' must be %s.",
                   STR_ARGS(name), rule);
}

static const struct ecs_resource *find_resource(const struct ecs_resource_list *list,
                                                struct str name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->at[i].name, name))
            return &list->at[i];
    }
    return NULL;
}

static bool is_port(struct str text)
{
    int64_t port;

    return str_to_i64(text, &port) && port > 0 && port <= UINT16_MAX;
}

static int check_ports(struct op_ctx *ctx, const struct ecs_resource *resource)
{
    const struct str_list *ports = &resource->string_set_value;

    if (!str_eq(resource->type, STR("STRINGSET")) || ports->n > PORTS_MAX)
        return bad_resource(ctx, resource->name, "a STRINGSET of at most 100 ports");
    for (size_t i = 0; i < ports->n; i++) {
        if (!is_port(ports->at[i]))
            return bad_resource(ctx, resource->name, "a STRINGSET of port numbers");
    }
    return OP_OK;
}

// A device is taken and given back by its id.
static int check_gpus(struct op_ctx *ctx, const struct ecs_resource *resource)
{
    const struct str_list *ids = &resource->string_set_value;

    if (!str_eq(resource->type, STR("STRINGSET")) || ids->n > GPUS_MAX)
        return bad_resource(ctx, resource->name, "a STRINGSET of at most 64 ids");
    for (size_t i = 0; i < ids->n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (str_eq(ids->at[k], ids->at[i]))
                return bad_resource(ctx, resource->name, "a STRINGSET of different ids");
        }
    }
    return OP_OK;
}

static bool is_size(struct str name)
{
    return str_eq(name, STR("CPU")) || str_eq(name, STR("MEMORY"));
}

static int check_resource(struct op_ctx *ctx, const struct ecs_resource *resource)
{
    struct str name = resource->name;

    if (is_size(name)) {
        if (!str_eq(resource->type, STR("INTEGER")) || resource->integer_value < 0)
            return bad_resource(ctx, name, "an INTEGER of at least 0");
        return OP_OK;
    }
    if (str_eq(name, STR("PORTS")) || str_eq(name, STR("PORTS_UDP")))
        return check_ports(ctx, resource);
    if (str_eq(name, STR("GPU")))
        return check_gpus(ctx, resource);
    return op_need_text(ctx, name, "Resource name");
}

static int add_gpus(struct op_ctx *ctx, const struct ecs_platform_device_list *devices,
                    struct ecs_resource_list *list)
{
    struct str_list ids = {.at = arena_array(ctx->arena, struct str, devices->n)};
    struct ecs_resource *gpu;

    for (size_t i = 0; i < devices->n; i++) {
        if (devices->at[i].type == ECS_PLATFORM_DEVICE_TYPE_GPU)
            ids.at[ids.n++] = devices->at[i].id;
    }
    if (ids.n == 0 || find_resource(list, STR("GPU")) != NULL)
        return OP_OK;
    gpu = &list->at[list->n++];
    SET(gpu, name, STR("GPU"));
    SET(gpu, type, STR("STRINGSET"));
    SET(gpu, string_set_value, ids);
    return check_gpus(ctx, gpu);
}

static int read_resources(struct op_ctx *ctx,
                          const struct ecs_register_container_instance_request *in,
                          struct ecs_resource_list *out)
{
    const struct ecs_resource_list *asked = &in->total_resources;

    if (op_check_count(ctx, asked->n, RESOURCES_MAX, "totalResources") != OP_OK)
        return OP_FAILED;
    *out = (struct ecs_resource_list){
        .at = arena_array(ctx->arena, struct ecs_resource, asked->n + 1),
    };
    for (size_t i = 0; i < asked->n; i++) {
        if (check_resource(ctx, &asked->at[i]) != OP_OK)
            return OP_FAILED;
        if (find_resource(out, asked->at[i].name) != NULL)
            return bad_resource(ctx, asked->at[i].name, "given once");
        out->at[out->n++] = asked->at[i];
    }
    return add_gpus(ctx, &in->platform_devices, out);
}

// --- attributes

// An agent leaves when an attribute does not come back as it was sent, so those of the system are
// taken as they are.
static int read_attributes(struct op_ctx *ctx, const struct ecs_attribute_list *asked,
                           struct ecs_attribute_list *out)
{
    if (op_check_count(ctx, asked->n, ATTRIBUTES_MAX, "attributes") != OP_OK)
        return OP_FAILED;
    *out = (struct ecs_attribute_list){
        .at = arena_array(ctx->arena, struct ecs_attribute, asked->n),
    };
    for (size_t i = 0; i < asked->n; i++) {
        const struct ecs_attribute *attribute = &asked->at[i];

        if (op_need_text(ctx, attribute->name, "Attribute name") != OP_OK)
            return OP_FAILED;
        if (attribute_is_custom(attribute) && op_check_custom_attribute(ctx, attribute) != OP_OK)
            return OP_FAILED;
        attributes_put(out, attribute);
    }
    return OP_OK;
}

static int check_custom_n(struct op_ctx *ctx, const struct ecs_attribute_list *attributes)
{
    return op_check_count(ctx, attributes_custom_n(attributes), CUSTOM_ATTRIBUTES_MAX,
                          "Custom attributes");
}

// --- identity

// The text behind "instanceId" in the document, which is not otherwise understood; empty when it is
// no such name.
static struct str instance_id_in(struct str document)
{
    static const char key[] = "\"instanceId\"";
    const char *found = NULL;
    struct str head;
    struct str rest;

    if (document.len > 0)
        found = memmem(document.ptr, document.len, key, sizeof key - 1);
    if (found == NULL)
        return STR_NONE;
    rest = str_from(document, (size_t)(found - document.ptr) + sizeof key - 1);
    if (!str_cut(rest, ':', &head, &rest) || str_trim(head).len > 0 ||
        !str_cut(rest, '"', &head, &rest) || str_trim(head).len > 0 ||
        !str_cut(rest, '"', &head, &rest))
        return STR_NONE;
    return regex_literal_matches("[a-z]{1,4}-[0-9a-f]{1,40}", head) ? head : STR_NONE;
}

int op_read_registration(struct op_ctx *ctx,
                         const struct ecs_register_container_instance_request *in,
                         struct registration *out)
{
    if (op_validate(ctx) != OP_OK || read_resources(ctx, in, &out->resources) != OP_OK ||
        read_attributes(ctx, &in->attributes, &out->attributes) != OP_OK ||
        check_custom_n(ctx, &out->attributes) != OP_OK)
        return OP_FAILED;
    out->ec2_instance_id = instance_id_in(in->instance_identity_document);
    return op_take_tags(ctx, &in->tags, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, &out->tags);
}

void op_complete_registration(struct op_ctx *ctx, struct registration *registration)
{
    struct ecs_attribute zone = {0};

    if (attributes_find(&registration->attributes, STR(ZONE)) != NULL)
        return;
    registration->attributes = attributes_copy(ctx->arena, &registration->attributes, 1);
    SET(&zone, name, STR(ZONE));
    if (ctx->state->config.zone.len > 0)
        SET(&zone, value, ctx->state->config.zone);
    else
        SET(&zone, value, str_fmt(ctx->arena, "%.*sa", STR_ARGS(ctx->caller.region)));
    attributes_put(&registration->attributes, &zone);
}

// --- the same host once more

static int64_t registered(const struct registration *registration, struct str name)
{
    const struct ecs_resource *resource = find_resource(&registration->resources, name);

    return resource != NULL ? resource->integer_value : 0;
}

static bool has_gpu(const struct registration *registration, struct str id)
{
    const struct ecs_resource *gpus = find_resource(&registration->resources, STR("GPU"));

    for (size_t i = 0; gpus != NULL && i < gpus->string_set_value.n; i++) {
        if (str_eq(gpus->string_set_value.at[i], id))
            return true;
    }
    return false;
}

static bool has_gpus_of(const struct registration *registration, const struct task *task)
{
    const struct str_list *ids = &task->reservation.gpu_ids;

    for (size_t i = 0; i < ids->n; i++) {
        if (!has_gpu(registration, ids->at[i]))
            return false;
    }
    return true;
}

static int check_resources_in_use(struct op_ctx *ctx, const struct instance *instance,
                                  const struct registration *registration)
{
    const struct books *books = &instance->books;
    bool fits = books->cpu_units - books->cpu_left <= registered(registration, STR("CPU")) &&
                books->memory_mib - books->memory_left <= registered(registration, STR("MEMORY"));

    LIST_EACH (&instance->tasks, it)
        fits = fits && has_gpus_of(registration, LIST_ENTRY(it, struct task, on_instance));
    if (!fits) {
        MARK("an instance does not shrink below what its tasks use");
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION,
                       "Container instance resources can not be less than what its tasks use.");
    }
    return OP_OK;
}

static int check_type(struct op_ctx *ctx, const struct instance *instance,
                      const struct registration *registration)
{
    const struct ecs_attribute *was = instance_attribute(instance, STR("ecs.instance-type"));
    const struct ecs_attribute *is =
        attributes_find(&registration->attributes, STR("ecs.instance-type"));

    if (was != NULL && is != NULL && !str_eq(was->value, is->value)) {
        MARK("an instance does not change its type");
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION,
                       "Container instance type changes are not supported. It was registered as "
                       "%.*s.",
                       STR_ARGS(was->value));
    }
    was = instance_attribute(instance, STR(PROVIDER_FARGATE_ATTRIBUTE));
    is = attributes_find(&registration->attributes, STR(PROVIDER_FARGATE_ATTRIBUTE));
    if ((was != NULL) != (is != NULL) || (was != NULL && !str_eq(was->value, is->value)))
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION,
                       "What a container instance serves (%s) does not change. Deregister it and "
                       "register a new one.",
                       PROVIDER_FARGATE_ATTRIBUTE);
    return OP_OK;
}

static bool is_kept(const struct ecs_attribute *attribute)
{
    return attribute_is_custom(attribute) || str_eq(attribute->name, STR(ZONE));
}

int op_join_registration(struct op_ctx *ctx, const struct instance *instance,
                         struct registration *registration)
{
    const struct ecs_attribute_list *old = &instance->rec->attributes;
    struct ecs_attribute_list *attributes = &registration->attributes;

    if (check_type(ctx, instance, registration) != OP_OK ||
        check_resources_in_use(ctx, instance, registration) != OP_OK)
        return OP_FAILED;
    *attributes = attributes_copy(ctx->arena, attributes, old->n);
    for (size_t i = 0; i < old->n; i++) {
        if (is_kept(&old->at[i]) && attributes_find(attributes, old->at[i].name) == NULL)
            attributes_put(attributes, &old->at[i]);
    }
    return check_custom_n(ctx, attributes);
}
