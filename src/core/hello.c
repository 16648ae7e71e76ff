// Finds the instance behind the query of a websocket's URL. The cluster comes as the agent was
// configured, so it may be a name or an ARN. Source: agent-protocol 6.1 and 9.

#include "core/hello.h"

#include "base/proof.h"
#include "model/cluster.h"
#include "model/instance.h"

static struct scope scope_of(const struct step *step, const struct agent_hello *hello)
{
    return (struct scope){
        .partition = step->state->config.partition,
        .region = hello->region,
        .account = step->state->config.account,
    };
}

// The tail of an ARN of this kind in this place; anything else is taken as it is.
static struct str tail_of(const struct scope *here, const char *kind, struct str reference)
{
    struct arn arn;

    if (!arn_parse(reference, &arn))
        return reference;
    if (!scope_eq(&arn.scope, here) || !str_eq(arn.kind, str_of(kind)))
        return reference;
    return arn.tail;
}

static struct str last_part(struct str path)
{
    struct str head;
    struct str last;

    return str_cut_last(path, '/', &head, &last) ? last : path;
}

enum hello_outcome hello_find(const struct step *step, const struct agent_hello *hello,
                              struct instance **out)
{
    struct scope here = scope_of(step, hello);
    struct str name = tail_of(&here, "cluster", hello->cluster);
    struct str tail = tail_of(&here, "container-instance", hello->container_instance);
    const struct cluster *cluster =
        cluster_find(step->state, hello->region, name.len > 0 ? name : STR("default"));
    struct instance *instance;

    if (cluster == NULL)
        return HELLO_NO_CLUSTER;
    instance = instance_find_uid(step->state, last_part(tail));
    if (instance == NULL || arn_looks_like_one(tail))
        return HELLO_NO_INSTANCE;
    if (!str_eq(cluster_get(step->state, instance->cluster_id)->key, cluster->key))
        return HELLO_NO_INSTANCE;
    if (!instance_is_registered(instance)) {
        MARK("an agent whose instance was deregistered is told so");
        return HELLO_INACTIVE;
    }
    *out = instance;
    return HELLO_OK;
}

struct str hello_text(enum hello_outcome outcome)
{
    static const struct str texts[HELLO_N] = {
        [HELLO_NO_CLUSTER] = STR_INIT("Cluster not found."),
        [HELLO_NO_INSTANCE] = STR_INIT("The container instance is not registered in this cluster."),
        [HELLO_INACTIVE] = STR_INIT("The container instance was deregistered."),
    };

    return texts[outcome];
}
