// The agent's side of TCS: health, instance status and metrics, every twenty seconds.
// Source: agent-protocol 9, ecs-behaviour-agent 6.

#ifndef AGENT_TCS_H
#define AGENT_TCS_H

#include "agent/api.h"
#include "agent/disk.h"
#include "agent/drive.h"
#include "agent/places.h"

struct tcs;

struct tcs_config {
    struct loop *loop;
    struct api *api;
    const struct agent_config *config;
    struct places *places;
    struct drive *drive;
    const struct disk *disk; // NULL: nobody looks
    struct str container_instance;
    struct str docker_version;
};

struct tcs *tcs_new(const struct tcs_config *config);
void tcs_free(struct tcs *tcs); // NULL is fine
void tcs_dial(struct tcs *tcs); // the places are known
void tcs_hang_up(struct tcs *tcs);

#endif
