// The agent's side of ACS: work comes in, acks go out. Source: agent-protocol 6.

#ifndef AGENT_ACS_H
#define AGENT_ACS_H

#include "agent/api.h"
#include "agent/places.h"
#include "api/acs.h"

struct acs;

struct acs_config {
    struct loop *loop;
    struct api *api;
    const struct agent_config *config;
    struct places *places;
    struct str container_instance;
    struct str docker_version; // "20.10.24"
    void (*message)(void *user, enum acs_message kind, const void *value);
    void (*opened)(void *user);   // a session has begun
    void (*inactive)(void *user); // the instance was deregistered
    void *user;
};

struct acs *acs_new(const struct acs_config *config);
void acs_free(struct acs *acs); // NULL is fine
void acs_dial(struct acs *acs); // the places are known
void acs_send(struct acs *acs, enum acs_message kind, const void *value);

#endif
