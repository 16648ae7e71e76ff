// Marks count where the build asks for them and cost nothing where it does not.

#include "base/proof.h"

#include "base/test.h"

#ifdef GANTRY_PROOF
enum { PROOF_IS_ON = 1 };
#else
enum { PROOF_IS_ON = 0 };
#endif

static void reach(bool both)
{
    MARK("always reached");
    MARK_IF(both, "reached when asked");
}

static uint64_t hits_of(const char *rule)
{
    for (size_t i = 0; i < proof_marks_n(); i++) {
        const struct mark *mark = proof_mark(i);
        if (str_eq(str_of(mark->rule), str_of(rule)))
            return mark->hits;
    }
    return UINT64_MAX;
}

static void marks_are_listed_before_they_are_reached(void **state)
{
    (void)state;
    assert_int_equal(proof_marks_n(), PROOF_IS_ON ? 2 : 0);
}

static void marks_count(void **state)
{
    (void)state;
    if (!PROOF_IS_ON)
        return;

    reach(false);
    reach(true);
    assert_int_equal(hits_of("always reached"), 2);
    assert_int_equal(hits_of("reached when asked"), 1);
}

static void one_bug_is_planted_at_a_time(void **state)
{
    (void)state;

    assert_false(PLANTED(PLANT_EARLY_REPLY));
    proof_plant(PLANT_EARLY_REPLY);
    assert_int_equal(PLANTED(PLANT_EARLY_REPLY), PROOF_IS_ON);
    assert_false(PLANTED(PLANT_STOP_FORGOTTEN));
    proof_plant(PLANT_NONE);
    assert_false(PLANTED(PLANT_EARLY_REPLY));
}

static void every_bug_has_a_name(void **state)
{
    (void)state;

    for (int bug = PLANT_NONE + 1; bug < PLANT_N; bug++)
        assert_int_equal(proof_plant_find(proof_plant_name((enum plant)bug)), bug);
    assert_int_equal(proof_plant_find(STR("no such bug")), PLANT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_are_listed_before_they_are_reached),
        cmocka_unit_test(marks_count),
        cmocka_unit_test(one_bug_is_planted_at_a_time),
        cmocka_unit_test(every_bug_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
