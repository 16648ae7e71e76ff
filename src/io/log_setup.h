// Gives base/log its clock and its sink: lines with the wall time, to standard error, one write(2)
// a line so that lines of several threads or processes never interleave.

#ifndef IO_LOG_SETUP_H
#define IO_LOG_SETUP_H

#include "base/log.h"

void log_setup(enum log_level lowest, enum log_format format);

#endif
