#include "tests/support/world.h"

static void an_agent_learns_both_addresses(void **state)
{
    struct world w;
    (void)state;

    world_init(&w);
    EXPECT_REPLY(&w, "DiscoverPollEndpoint",
                 "{\"cluster\":\"nope\",\"containerInstance\":\"x\",\"zoneId\":\"\"}",
                 "{\"endpoint\":\"http://acs.test/\",\"telemetryEndpoint\":\"http://tcs.test/\"}");
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_learns_both_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
