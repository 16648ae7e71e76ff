// An event as text: EventBridge's envelope around what core/events.h says.

#ifndef SERVER_EVENT_TEXT_H
#define SERVER_EVENT_TEXT_H

#include "core/events.h"

struct buf;

// One object, without a line feed in it. `scratch` may be reset afterwards.
void event_text(const struct event_note *note, time_ms at, struct str id, struct str account,
                struct arena *scratch, struct buf *out);

#endif
