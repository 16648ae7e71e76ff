// A fixed ring of four-word entries. No formatting happens until somebody asks to see it.

#include "base/trace.h"

struct trace_entry {
    const char *what;
    const char *from;
    const char *to;
    uint64_t id;
};

static _Thread_local struct trace_entry ring[TRACE_ENTRIES];
static _Thread_local uint64_t written;

void trace_note(const char *what, uint64_t id, const char *from, const char *to)
{
    ring[written++ % TRACE_ENTRIES] =
        (struct trace_entry){.what = what, .from = from, .to = to, .id = id};
}

void trace_dump(FILE *out)
{
    uint64_t first = written > TRACE_ENTRIES ? written - TRACE_ENTRIES : 0;

    fprintf(out, "  last %llu trace entries, oldest first:\n",
            (unsigned long long)(written - first));
    for (uint64_t i = first; i < written; i++) {
        const struct trace_entry *e = &ring[i % TRACE_ENTRIES];
        fprintf(out, "    %llu %s #%llu %s -> %s\n", (unsigned long long)i, e->what,
                (unsigned long long)e->id, e->from ? e->from : "-", e->to ? e->to : "-");
    }
}
