// See proof.h. The linker gathers the marks of all objects in one section and marks its two ends;
// nothing is registered at run time. Which bug is switched on is the one global of this tree that
// changes behaviour, and it exists only to be set by tests.

#include "base/proof.h"

#include "base/assert.h"

static enum plant planted;

static const struct str plant_names[PLANT_N] = {
    [PLANT_NONE] = STR_INIT("none"),
    [PLANT_RESERVATION_KEPT] = STR_INIT("reservation-kept"),
    [PLANT_PORT_UNCHECKED] = STR_INIT("port-unchecked"),
    [PLANT_UNDO_LEAVES_INDEX] = STR_INIT("undo-leaves-index"),
    [PLANT_TOKEN_FORGOTTEN] = STR_INIT("token-forgotten"),
    [PLANT_PAYLOAD_NOT_RESENT] = STR_INIT("payload-not-resent"),
    [PLANT_STOP_FORGOTTEN] = STR_INIT("stop-forgotten"),
    [PLANT_STOPPED_REVIVES] = STR_INIT("stopped-revives"),
    [PLANT_CONTAINER_LOST] = STR_INIT("container-lost"),
    [PLANT_EARLY_REPLY] = STR_INIT("early-reply"),
    [PLANT_MANIFEST_IGNORED] = STR_INIT("manifest-ignored"),
    [PLANT_STOPPING_UNCOUNTED] = STR_INIT("stopping-uncounted"),
    [PLANT_SPARE_MISCOUNTED] = STR_INIT("spare-miscounted"),
    [PLANT_PROTECTION_IGNORED] = STR_INIT("protection-ignored"),
    [PLANT_WAKE_FORGOTTEN] = STR_INIT("wake-forgotten"),
    [PLANT_ROOM_UNNOTICED] = STR_INIT("room-unnoticed"),
};

#ifdef GANTRY_PROOF

// Weak, because a program without marks has no such section.
extern struct mark *__start_marks[] __attribute__((weak, visibility("hidden")));
extern struct mark *__stop_marks[] __attribute__((weak, visibility("hidden")));

size_t proof_marks_n(void)
{
    return (size_t)(__stop_marks - __start_marks);
}

struct mark *proof_mark(size_t i)
{
    ASSERT(i < proof_marks_n());
    return __start_marks[i];
}

#else

size_t proof_marks_n(void)
{
    return 0;
}

struct mark *proof_mark(size_t i)
{
    (void)i;
    UNREACHABLE();
}

#endif

void proof_plant(enum plant bug)
{
    ASSERT(bug < PLANT_N);
    planted = bug;
}

enum plant proof_planted(void)
{
    return planted;
}

struct str proof_plant_name(enum plant bug)
{
    ASSERT(bug < PLANT_N);
    return plant_names[bug];
}

enum plant proof_plant_find(struct str name)
{
    for (int bug = PLANT_NONE + 1; bug < PLANT_N; bug++) {
        if (str_eq(plant_names[bug], name))
            return (enum plant)bug;
    }
    return PLANT_NONE;
}
