#include "tests/support/world.h"

static void attachments_are_acknowledged(void **state)
{
    struct world w;
    (void)state;

    world_init(&w);
    world_ok(&w, "CreateCluster", "{}");
    EXPECT_REPLY(&w, "SubmitAttachmentStateChanges",
                 "{\"attachments\":[{\"attachmentArn\":\"a\",\"status\":\"ATTACHED\"}]}",
                 "{\"acknowledgment\":\"ACCEPT\"}");
    EXPECT_ERROR(&w, "SubmitAttachmentStateChanges", "{\"cluster\":\"nope\",\"attachments\":[]}",
                 "ClusterNotFoundException", "Cluster not found.");
    EXPECT_REPLY(&w, "SubmitAttachmentStateChanges", "{}",
                 "{\"__type\":\"InvalidParameterException\",\"message\":\"*\"}");
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attachments_are_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
