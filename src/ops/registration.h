// What an agent registers of its host, checked and brought into the form that is stored.
// Source: agent-protocol 3, ecs-behaviour-api 7.8, 13 and 15.

#ifndef OPS_REGISTRATION_H
#define OPS_REGISTRATION_H

#include "ops/op.h"

struct instance;

struct registration {
    struct ecs_resource_list resources;
    struct ecs_attribute_list attributes;
    struct ecs_tag_list tags;
    struct str ec2_instance_id; // in the identity document; empty: not said
};

// InvalidParameterException for what is malformed. Attributes named twice count once, the last of
// them; GPUs among the platform devices become a resource.
int op_read_registration(struct op_ctx *ctx,
                         const struct ecs_register_container_instance_request *in,
                         struct registration *out) MUST_CHECK;

// What the instance keeps when its agent registers it again (custom attributes, the availability
// zone) is added to the registration. ClientException when the host is another one by now: of
// another instance type, or too small for what runs on it.
int op_join_registration(struct op_ctx *ctx, const struct instance *instance,
                         struct registration *registration) MUST_CHECK;

// The attributes that an instance gets from the server when its agent sends none: the availability
// zone.
void op_complete_registration(struct op_ctx *ctx, struct registration *registration);

#endif
