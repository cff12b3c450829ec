//===- Report.h - What narae run prints and writes ------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_TOOLS_NARAE_RUN_REPORT_H
#define NARAE_TOOLS_NARAE_RUN_REPORT_H

#include "lib/artifact/Status.h"
#include "narae/runtime.h"

#include <cstdint>
#include <string>
#include <vector>

namespace narae {

struct RunReport {
  std::string entry;
  std::vector<std::string> names;    ///< of the outputs
  std::vector<narae_tensor> outputs; ///< valid until the session's next run
  std::vector<double> milliseconds;  ///< of the runs that count
  uint64_t arenaBytes = 0, weightBytes = 0;
  bool showTime = false;
  bool timingOnly = false; ///< outputs mean nothing
  /// What the device measured itself, as text and JSON; often empty.
  std::string deviceText, deviceJson;
  uint64_t runs = 0;   ///< that the device has seen
  uint64_t tokens = 0; ///< a run of a language model's entry; else 0
};

/// The report as text, or as one JSON object.
std::string formatText(const RunReport &report);
std::string formatJson(const RunReport &report);

/// One dispatch of a traced run; nanoseconds.
struct TraceEvent {
  std::string kernel, nodes;
  uint64_t begin, end;
};

/// Writes events in Chrome's trace format.
Status writeTrace(const std::string &path,
                  const std::vector<TraceEvent> &events);
/// Writes a file whole or not at all.
Status writeText(const std::string &path, const std::string &text);

} // namespace narae

#endif // NARAE_TOOLS_NARAE_RUN_REPORT_H
