// What the simulator needs inside the rules it tests: marks and planted bugs. In a normal build
// both are nothing; with -Dproof=true a mark counts and one bug may be switched on at run time.
//
// A mark stands where a rule has been decided and says the rule in words, so that a run can list
// the rules that it never reached:
//
//     MARK("a task is not placed where its port is taken");
//
// A planted bug stands at a rule that would be easy to get wrong, and gets it wrong. A simulator
// that does not find it is not looking:
//
//     if (!PLANTED(PLANT_PORT_UNCHECKED) && ports_overlap(held, wanted))

#ifndef BASE_PROOF_H
#define BASE_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct mark {
    const char *rule;
    const char *file;
    int line;
    uint64_t hits; // counted without a lock: a race between threads may lose some, never all
};

enum plant {
    PLANT_NONE = 0,
    PLANT_RESERVATION_KEPT,   // a stopped task returns nothing to its instance
    PLANT_PORT_UNCHECKED,     // two tasks may hold one host port
    PLANT_UNDO_LEAVES_INDEX,  // a task that was undone is still counted in its group
    PLANT_TOKEN_FORGOTTEN,    // after a restart a clientToken starts its tasks again
    PLANT_PAYLOAD_NOT_RESENT, // an agent that comes back is not told what it missed
    PLANT_STOP_FORGOTTEN,     // a stop that arrives before its task is lost
    PLANT_STOPPED_REVIVES,    // a late report moves a STOPPED task back
    PLANT_CONTAINER_LOST,     // a container made right before a crash of the agent is never found
    PLANT_EARLY_REPLY,        // replies leave before their tick is committed
    PLANT_MANIFEST_IGNORED,   // what the manifest does not list runs on
    PLANT_STOPPING_UNCOUNTED, // a service starts tasks while old ones have not stopped yet
    PLANT_SPARE_MISCOUNTED,   // a rollout stops one healthy task too many
    PLANT_PROTECTION_IGNORED, // scale-in and deployments take protected tasks
    PLANT_WAKE_FORGOTTEN,     // a service is not looked at when only time has passed
    PLANT_ROOM_UNNOTICED,     // services that wait for room do not hear of it
    PLANT_N
};

#ifdef GANTRY_PROOF

// The section holds pointers only, so that neither alignment nor a sanitizer's red zones can put
// gaps between its entries.
#ifdef __clang__
#define PROOF_ENTRY __attribute__((section("marks"), used, no_sanitize("address")))
#else
#define PROOF_ENTRY __attribute__((section("marks"), used))
#endif

#define MARK(words)                                                                                \
    do {                                                                                           \
        static struct mark mark_ = {.rule = (words), .file = __FILE__, .line = __LINE__};          \
        static struct mark *mark_entry_ PROOF_ENTRY = &mark_;                                      \
        __atomic_store_n(&mark_.hits, mark_.hits + 1, __ATOMIC_RELAXED);                           \
    } while (0)
#define PLANTED(bug) (__builtin_expect(proof_planted() == (bug), 0))

#else

#define MARK(words)  ((void)0)
#define PLANTED(bug) ((void)(bug), false)

#endif

// Marks exactly when the condition holds: for rules that are no branch of their own.
#define MARK_IF(cond, words)                                                                       \
    do {                                                                                           \
        if (cond)                                                                                  \
            MARK(words);                                                                           \
    } while (0)

// Every mark of the program, reached or not, in no particular order. There are none without the
// build option.
size_t proof_marks_n(void);
struct mark *proof_mark(size_t i);

// Once at start, before other threads run.
void proof_plant(enum plant bug);
enum plant proof_planted(void);

// "reservation-kept"; PLANT_NONE for a name that is none of them.
struct str proof_plant_name(enum plant bug);
enum plant proof_plant_find(struct str name);

#endif
