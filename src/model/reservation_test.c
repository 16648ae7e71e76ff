#include "model/reservation.h"

#include "base/test.h"

enum { CONTAINERS_MAX = 4 };

// A definition under construction, of containers "c0", "c1", ...
struct plan {
    struct ecs_task_definition definition;
    struct ecs_container_definition containers[CONTAINERS_MAX];
    struct ecs_port_mapping ports[CONTAINERS_MAX];
    struct need need;
};

static const char *const names[CONTAINERS_MAX] = {"c0", "c1", "c2", "c3"};

static void plan_fill(struct plan *p, size_t containers, int cpu, int memory)
{
    *p = (struct plan){0};
    for (size_t i = 0; i < containers; i++) {
        SET(&p->containers[i], name, str_of(names[i]));
        SET(&p->containers[i], cpu, cpu);
        SET(&p->containers[i], memory, memory);
    }
    SET(&p->definition, container_definitions,
        (struct ecs_container_definition_list){.n = containers, .at = p->containers});
}

static void plan_port(struct plan *p, size_t container, int container_port, int host_port,
                      enum ecs_transport_protocol protocol)
{
    struct ecs_port_mapping *mapping = &p->ports[container];

    SET(mapping, container_port, container_port);
    SET(mapping, host_port, host_port);
    SET(mapping, protocol, protocol);
    SET(&p->containers[container], port_mappings,
        (struct ecs_port_mapping_list){.n = 1, .at = mapping});
}

static void expect_need(struct plan *p, const struct ecs_task_override *overrides, int cpu,
                        int memory)
{
    need_init(&p->need, &p->definition, overrides);
    assert_int_equal(p->need.cpu_units, cpu);
    assert_int_equal(p->need.memory_mib, memory);
    need_deinit(&p->need);
}

static void containers_add_up(void **state)
{
    struct plan p;
    (void)state;

    plan_fill(&p, 3, 128, 64);
    expect_need(&p, NULL, 384, 192);
}

static void the_soft_memory_limit_counts_where_there_is_one(void **state)
{
    struct plan p;
    (void)state;

    plan_fill(&p, 2, 0, 100);
    SET(&p.containers[1], memory_reservation, 30);
    expect_need(&p, NULL, 0, 130);
}

static void sizes_of_the_task_replace_those_of_its_containers(void **state)
{
    struct plan p;
    (void)state;

    plan_fill(&p, 2, 100, 100);
    SET(&p.definition, cpu, STR("1024"));
    SET(&p.definition, memory, STR("2048"));
    expect_need(&p, NULL, 1024, 2048);
}

static void overrides_win_over_the_definition(void **state)
{
    struct plan p;
    struct ecs_container_override over = {0};
    struct ecs_task_override overrides = {0};
    (void)state;

    plan_fill(&p, 2, 100, 100);
    SET(&over, name, STR("c1"));
    SET(&over, cpu, 7);
    SET(&over, memory_reservation, 9);
    SET(&overrides, container_overrides, (struct ecs_container_override_list){.n = 1, .at = &over});
    expect_need(&p, &overrides, 107, 109);
    SET(&overrides, cpu, STR("256"));
    SET(&overrides, memory, STR("512"));
    expect_need(&p, &overrides, 256, 512);
}

static void sums_stop_at_the_largest_number(void **state)
{
    struct plan p;
    (void)state;

    plan_fill(&p, 3, INT32_MAX, INT32_MAX);
    expect_need(&p, NULL, INT32_MAX, INT32_MAX);
}

static void only_static_host_ports_are_needed_on_a_bridge(void **state)
{
    struct plan p;
    (void)state;

    plan_fill(&p, 3, 0, 1);
    plan_port(&p, 0, 80, 8080, ECS_TRANSPORT_PROTOCOL_TCP);
    plan_port(&p, 1, 81, 0, ECS_TRANSPORT_PROTOCOL_TCP);
    plan_port(&p, 2, 53, 5353, ECS_TRANSPORT_PROTOCOL_UDP);
    need_init(&p.need, &p.definition, NULL);
    assert_int_equal(p.need.ports_n, 2);
    assert_int_equal(p.need.ports[0].port, 8080);
    assert_false(p.need.ports[0].udp);
    assert_int_equal(p.need.ports[1].port, 5353);
    assert_true(p.need.ports[1].udp);
    need_deinit(&p.need);
}

static void in_host_mode_a_container_port_is_a_host_port(void **state)
{
    struct plan p;
    (void)state;

    plan_fill(&p, 1, 0, 1);
    plan_port(&p, 0, 81, 0, ECS_TRANSPORT_PROTOCOL_TCP);
    SET(&p.definition, network_mode, ECS_NETWORK_MODE_HOST);
    need_init(&p.need, &p.definition, NULL);
    assert_int_equal(p.need.ports_n, 1);
    assert_int_equal(p.need.ports[0].port, 81);
    need_deinit(&p.need);
}

static void tasks_with_an_interface_of_their_own_need_no_ports(void **state)
{
    struct plan p;
    (void)state;

    plan_fill(&p, 1, 0, 1);
    plan_port(&p, 0, 80, 80, ECS_TRANSPORT_PROTOCOL_TCP);
    SET(&p.definition, network_mode, ECS_NETWORK_MODE_AWSVPC);
    need_init(&p.need, &p.definition, NULL);
    assert_int_equal(p.need.ports_n, 0);
    need_deinit(&p.need);
}

// ---- books

enum { GPUS_N = 3 };

struct desk {
    struct books books;
    struct ecs_resource resources[5];
    struct str reserved[2];
    struct str gpus[GPUS_N];
};

static void set_resource(struct ecs_resource *resource, const char *name, int value,
                         struct str *texts, size_t n)
{
    SET(resource, name, str_of(name));
    SET(resource, integer_value, value);
    SET(resource, string_set_value, (struct str_list){.n = n, .at = texts});
}

// 1000 CPU units, 500 MiB, TCP 22 and 2375 reserved, three GPUs.
static void desk_open(struct desk *d)
{
    *d = (struct desk){
        .reserved = {STR("22"), STR("2375")},
        .gpus = {STR("gpu-a"), STR("gpu-b"), STR("gpu-c")},
    };
    set_resource(&d->resources[0], "CPU", 1000, NULL, 0);
    set_resource(&d->resources[1], "MEMORY", 500, NULL, 0);
    set_resource(&d->resources[2], "PORTS", 0, d->reserved, 2);
    set_resource(&d->resources[3], "PORTS_UDP", 0, NULL, 0);
    set_resource(&d->resources[4], "GPU", 0, d->gpus, GPUS_N);
    books_open(&d->books, &(struct ecs_resource_list){.n = 5, .at = d->resources});
}

static const struct str_list no_ids;

static void what_is_taken_comes_back_exactly(void **state)
{
    struct desk d;
    struct need_port port = {.port = 80};
    struct need need = {
        .cpu_units = 400, .memory_mib = 300, .gpus = 2, .ports_n = 1, .ports = &port};
    struct reservation reservation = {0};
    (void)state;

    desk_open(&d);
    assert_null(books_missing(&d.books, &need));
    books_take(&d.books, &need, &no_ids, &reservation);
    assert_true(reservation.held);
    assert_int_equal(d.books.cpu_left, 600);
    assert_int_equal(d.books.memory_left, 200);
    assert_true(port_set_has(&d.books.tcp, 80));
    assert_false(port_set_has(&d.books.udp, 80));
    assert_int_equal(d.books.gpus_left.n, 1);

    books_give(&d.books, &reservation);
    assert_false(reservation.held);
    assert_int_equal(d.books.cpu_left, 1000);
    assert_int_equal(d.books.memory_left, 500);
    assert_false(port_set_has(&d.books.tcp, 80));
    assert_true(port_set_has(&d.books.tcp, 22));
    assert_int_equal(d.books.gpus_left.n, GPUS_N);
    books_close(&d.books);
}

static void the_first_thing_missing_is_named(void **state)
{
    struct desk d;
    struct need_port ports[] = {{.port = 53, .udp = true}, {.port = 22}};
    struct need need = {
        .cpu_units = 1001, .memory_mib = 501, .gpus = 4, .ports_n = 2, .ports = ports};
    struct reservation reservation = {0};
    (void)state;

    desk_open(&d);
    books_take(&d.books, &(struct need){.ports_n = 1, .ports = ports}, &no_ids, &reservation);
    assert_string_equal(books_missing(&d.books, &need), "CPU");
    need.cpu_units = 1000;
    assert_string_equal(books_missing(&d.books, &need), "MEMORY");
    need.memory_mib = 500;
    assert_string_equal(books_missing(&d.books, &need), "PORTS");
    need.ports_n = 1;
    assert_string_equal(books_missing(&d.books, &need), "PORTS_UDP");
    need.ports_n = 0;
    assert_string_equal(books_missing(&d.books, &need), "GPU");
    need.gpus = 3;
    assert_null(books_missing(&d.books, &need));
    books_give(&d.books, &reservation);
    books_close(&d.books);
}

static void a_forced_take_overdraws_until_it_is_given_back(void **state)
{
    struct desk d;
    struct need_port port = {.port = 22};
    struct need need = {
        .cpu_units = 1500, .memory_mib = 600, .gpus = 5, .ports_n = 1, .ports = &port};
    struct reservation reservation = {0};
    (void)state;

    desk_open(&d);
    books_take(&d.books, &need, &no_ids, &reservation);
    assert_int_equal(d.books.cpu_left, -500);
    assert_int_equal(d.books.memory_left, -100);
    assert_int_equal(d.books.gpus_left.n, 0);
    assert_int_equal(reservation.gpu_ids.n, GPUS_N);
    assert_string_equal(books_missing(&d.books, &(struct need){0}), "CPU");

    books_give(&d.books, &reservation);
    assert_int_equal(d.books.cpu_left, 1000);
    assert_int_equal(d.books.gpus_left.n, GPUS_N);
    assert_true(port_set_has(&d.books.tcp, 22)); // the agent's own is still there
    books_close(&d.books);
}

static void gpus_that_a_task_had_are_the_ones_it_gets(void **state)
{
    struct desk d;
    struct str mine[] = {STR("gpu-b"), STR("gpu-gone")};
    struct need need = {.gpus = 2};
    struct reservation reservation = {0};
    (void)state;

    desk_open(&d);
    books_take(&d.books, &need, &(struct str_list){.n = 2, .at = mine}, &reservation);
    assert_int_equal(d.books.gpus_left.n, 2);
    for (size_t i = 0; i < d.books.gpus_left.n; i++)
        assert_false(str_eq(d.books.gpus_left.at[i], STR("gpu-b")));
    EXPECT_STR(reservation.gpu_ids.at[1], "gpu-gone");

    books_give(&d.books, &reservation); // what is not registered any more does not come back
    assert_int_equal(d.books.gpus_left.n, GPUS_N);
    books_close(&d.books);
}

static void resources_that_are_no_ports_or_unknown_are_passed_over(void **state)
{
    struct ecs_resource resources[2] = {0};
    struct str ports[] = {STR("0"), STR("65536"), STR("x"), STR("22")};
    struct books books;
    (void)state;

    set_resource(&resources[0], "PORTS", 0, ports, 4);
    set_resource(&resources[1], "NEURON_CORES", 5, NULL, 0);
    books_open(&books, &(struct ecs_resource_list){.n = 2, .at = resources});
    assert_int_equal(books.tcp.n, 1);
    assert_true(port_set_has(&books.tcp, 22));
    assert_int_equal(books.cpu_left, 0);
    books_close(&books);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containers_add_up),
        cmocka_unit_test(the_soft_memory_limit_counts_where_there_is_one),
        cmocka_unit_test(sizes_of_the_task_replace_those_of_its_containers),
        cmocka_unit_test(overrides_win_over_the_definition),
        cmocka_unit_test(sums_stop_at_the_largest_number),
        cmocka_unit_test(only_static_host_ports_are_needed_on_a_bridge),
        cmocka_unit_test(in_host_mode_a_container_port_is_a_host_port),
        cmocka_unit_test(tasks_with_an_interface_of_their_own_need_no_ports),
        cmocka_unit_test(what_is_taken_comes_back_exactly),
        cmocka_unit_test(the_first_thing_missing_is_named),
        cmocka_unit_test(a_forced_take_overdraws_until_it_is_given_back),
        cmocka_unit_test(gpus_that_a_task_had_are_the_ones_it_gets),
        cmocka_unit_test(resources_that_are_no_ports_or_unknown_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
