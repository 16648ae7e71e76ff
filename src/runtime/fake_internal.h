// The fake runtime from the inside: fake.c, what it knows of in a file each, and fake_look.c, which
// has what is only looked at.

#ifndef RUNTIME_FAKE_INTERNAL_H
#define RUNTIME_FAKE_INTERNAL_H

#include "base/arena.h"
#include "base/rng.h"
#include "runtime/fake.h"
#include "runtime/fake_host.h"

enum thing_kind {
    THING_NOTHING,
    THING_CALL,
    THING_EXIT,
    THING_HEALTH,
    THING_STATS, // the next sample of a stats call
};

struct thing {
    struct thing *next; // in time order
    enum thing_kind kind;
    time_ms at;
    struct connection *from; // of a call; NULL when its connection has gone
    const struct host_call *call;
    struct fake_container *container; // of an exit or a verdict
    int32_t run;                      // its number of starts then: a later run is not concerned
    int32_t code;
    const char *health;
    enum fake_fault fault;
    bool faulty;
    bool is_put_off;
    uint64_t number; // of its arrival, when it was put off for the first time
    struct str fault_text;
    enum host_error_class fault_class;
};

struct connection {
    struct runtime runtime;
    struct fake *fake;
    struct connection *next;
    runtime_post_fn *post;
    void *user;
    int64_t events; // token of the events call, 0: none
};

struct planned {
    struct planned *next;
    enum host_call_kind kind;
    int times;
    enum fake_fault fault;
    enum host_error_class class;
    struct str text;
};

struct volume {
    struct volume *next;
    struct str name;
    bool removed;
    const struct docker_volume_create *made;
};

struct network {
    struct network *next;
    struct str task;
    struct str address;
    bool removed;
};

struct node {
    struct node *next;
    struct fake_image image;
};

struct fake {
    struct arena arena;
    struct rng rng;
    time_ms now;
    struct thing *things;
    struct connection *connections;
    struct node *images;
    struct volume *volumes;
    struct network *networks;
    uint32_t networks_n; // ever
    struct planned *planned;
    struct fake_container **containers; // heap
    size_t containers_n, containers_cap;
    uint32_t one_in;
    struct str last_user;
    int calls[HOST_CALL_KIND_N];
    uint64_t starts;
    int64_t ahead_ms; // of the host's wall clock before `now`
    int64_t cpus;
    int64_t memory_mib;
    uint32_t deaf_one_in;
    bool is_down;
    bool is_hung;
    uint64_t put_off_n; // ever
    struct fake_host host;
};

struct thing *fake_push(struct fake *fake, enum thing_kind kind, time_ms at);
void fake_answer(const struct thing *thing, struct host_result *result);
void fake_answer_error(const struct thing *thing, enum host_error_class class, struct str text);

time_ms fake_wall(const struct fake *fake); // the host's clock
void fake_post_event(struct fake *fake, enum host_event_kind kind,
                     const struct fake_container *container, int32_t code, const char *health);
struct fake_image *fake_find_image(const struct fake *fake, struct str reference); // or NULL

// ---- fake_container.c

void fake_create_container(struct fake *fake, const struct thing *thing);
void fake_do_on_container(struct fake *fake, struct thing *thing);
void fake_end_container(struct fake *fake, struct fake_container *c, int32_t code);
void fake_container_lives(struct fake *fake, const struct thing *thing); // its end or a verdict
struct fake_container *fake_by_reference(const struct fake *fake, struct str reference);
int32_t fake_pid_of(const struct fake_container *c);

// ---- fake_volume.c

void fake_do_on_volume(struct fake *fake, const struct thing *thing);

// ---- fake_network.c

void fake_do_on_network(struct fake *fake, const struct thing *thing);

// ---- fake_look.c

void fake_list_containers(const struct fake *fake, const struct thing *thing);
void fake_list_images(const struct fake *fake, const struct thing *thing);
void fake_list_volumes(const struct fake *fake, const struct thing *thing);
void fake_remove_image(const struct fake *fake, const struct thing *thing,
                       struct fake_image *image); // NULL: there is none
void fake_begin_stats(struct fake *fake, const struct thing *thing);
void fake_post_stats(struct fake *fake, const struct thing *thing);

#endif
