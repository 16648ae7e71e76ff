// Images by digest: the first task of a service's revision that learns what its images are pins
// them for all that follow, so that every task of a revision runs the same
// (ecs-behaviour-scheduler 3.18). A container may opt out; a forced deployment resolves anew.

#ifndef CORE_IMAGES_H
#define CORE_IMAGES_H

#include "core/step.h"

struct task;

// What `next`, the task's coming record, knows of its images is noted in its service's revision
// where that knows less.
void images_note(struct step *step, const struct task *task, const struct rec_task *next);

// What a task's agent is told to run in its container `index`: "repository@digest" where the
// revision knows, else the image of the definition. In the step's arena.
struct str images_of_task(struct step *step, const struct task *task, size_t index);

#endif
