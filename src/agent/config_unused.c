// See config_unused.h. Sorted by what they are about, as docs/operations.md lists them.

#include "agent/config_unused.h"

const struct config_unused config_unused[] = {
    {"ECS_CHECKPOINT", "state is always kept"},
    {"ECS_HOST_DATA_DIR", "the agent runs on the host itself: --data is the folder"},
    {"ECS_LOGLEVEL", "--log-level says it"},
    {"ECS_LOG_OUTPUT_FORMAT", "--log-format says it"},
    {"ECS_LOGFILE", "the log goes to standard error"},
    {"ECS_LOG_DRIVER", "the log goes to standard error"},
    {"ECS_LOG_OPTS", "the log goes to standard error"},
    {"ECS_LOGLEVEL_ON_INSTANCE", "the log goes to standard error"},
    {"ECS_LOG_ROLLOVER_TYPE", "the log goes to standard error, and whoever keeps it rolls it over"},
    {"ECS_LOG_MAX_FILE_SIZE_MB",
     "the log goes to standard error, and whoever keeps it rolls it over"},
    {"ECS_LOG_MAX_ROLL_COUNT",
     "the log goes to standard error, and whoever keeps it rolls it over"},
    {"ECS_POLL_METRICS", "Docker's streams of samples are always read"},
    {"ECS_POLLING_METRICS_WAIT_DURATION", "nothing is polled"},
    {"ECS_ENABLE_TASK_ENI", "--awsvpc-pool gives tasks networks of their own"},
    {"ECS_ENABLE_HIGH_DENSITY_ENI", "a host has no limit of interfaces"},
    {"ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES",
     "tasks use the routes of their host; see --awsvpc-direct"},
    {"ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM", "there is no EC2 to ask for tags"},
    {"ECS_ENABLE_SPOT_INSTANCE_DRAINING",
     "there is no EC2 to announce an end; UpdateContainerInstancesState drains"},
    {"ECS_WARM_POOLS_CHECK", "there are no Auto Scaling groups"},
    {"ECS_UPDATES_ENABLED", "the agent is updated with its package"},
    {"ECS_UPDATE_DOWNLOAD_DIR", "the agent is updated with its package"},
    {"ECS_ENABLE_RUNTIME_STATS", "there is no runtime of Go to look into"},
    {"ECS_AGENT_LABELS", "the agent is no container"},
    {"ECS_ENABLE_INF_SUPPORT", "Inferentia devices are not known"},
    {"HTTP_PROXY", "the agent speaks to its server without a proxy"},
    {"HTTPS_PROXY", "the agent speaks to its server without a proxy"},
};

const size_t config_unused_n = sizeof config_unused / sizeof *config_unused;
