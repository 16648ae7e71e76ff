#include "host/quota.h"

#include "base/test.h"

static const char mounts[] =
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
    "30 22 8:2 / /var/lib/docker rw,noatime shared:7 master:2 - xfs /dev/sda2 rw,attr2,prjquota\n"
    "31 22 8:3 / /srv/plain rw,noatime - xfs /dev/sda3 rw,attr2,noquota\n"
    "32 22 8:4 / /srv/twice rw - xfs /dev/sda4 rw,pquota\n"
    "33 22 8:5 / /srv/twice rw - ext4 /dev/sda5 rw\n";

static bool can(const char *driver, const char *folder)
{
    return quota_is_possible(str_of(driver), str_of(folder), str_of(mounts));
}

static void overlay2_needs_an_xfs_with_project_quotas(void **state)
{
    (void)state;
    assert_true(can("overlay2", "/var/lib/docker"));
    assert_true(can("overlay2", "/var/lib/docker/2"));
    assert_false(can("overlay2", "/var/lib/docker2"));
    assert_false(can("overlay2", "/srv/plain/docker"));
    assert_false(can("overlay2", "/home/docker"));
    assert_false(can("overlay2", ""));
}

static void the_last_mount_at_a_place_counts(void **state)
{
    (void)state;
    assert_false(can("overlay2", "/srv/twice"));
}

static void other_drivers_can_or_cannot_by_themselves(void **state)
{
    (void)state;
    assert_true(can("btrfs", "/srv/plain"));
    assert_true(can("zfs", "/srv/plain"));
    assert_false(can("vfs", "/var/lib/docker"));
    assert_false(can("overlayfs", "/var/lib/docker")); // containerd's, which has no such option
    assert_false(can("", "/var/lib/docker"));
}

static void a_list_that_makes_no_sense_says_no(void **state)
{
    (void)state;
    assert_false(quota_is_possible(STR("overlay2"), STR("/a"), STR("")));
    assert_false(quota_is_possible(STR("overlay2"), STR("/a"), STR("1 2 3:4 / /a")));
    assert_false(quota_is_possible(STR("overlay2"), STR("/a"), STR("\n\n1 2 3:4 / /a rw - xfs")));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlay2_needs_an_xfs_with_project_quotas),
        cmocka_unit_test(the_last_mount_at_a_place_counts),
        cmocka_unit_test(other_drivers_can_or_cannot_by_themselves),
        cmocka_unit_test(a_list_that_makes_no_sense_says_no),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
