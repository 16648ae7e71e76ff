// Who knows the states of alarms: a file that an operator's monitoring writes, or a URL that it
// answers. Both hold what CloudWatch's DescribeAlarms answers, as far as it matters here:
//
//     {"MetricAlarms":[{"AlarmName":"errors","StateValue":"ALARM"}],"CompositeAlarms":[]}
//
// A URL is asked with one alarmName=NAME in its query for each alarm. Loop thread.

#ifndef SERVER_ALARM_SOURCE_H
#define SERVER_ALARM_SOURCE_H

#include "server/hook_calls.h"

struct alarm_source;

// `where`: a path, a URL, or NULL: there is none, and nothing is said.
struct alarm_source *alarm_source_new(struct loop *loop, const char *where, word_fn *say,
                                      void *user);
void alarm_source_free(struct alarm_source *source);

// Says which alarms ring, once; nothing when the source does not answer, which is logged when it
// begins and when it ends.
void alarm_source_ask(struct alarm_source *source, const struct alarms_ask *ask);

#endif
