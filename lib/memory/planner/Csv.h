//===- Csv.h - Problems and plans as text --------------------- -*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The exchange format of MiniMalloc: a header line that names the columns
// `id`, `lower`, `upper` and `size`, and `offset` in a solution; then one line
// a buffer. Lifetimes are half-open. Columns may come in any order. Narae adds
// a column `alignment`.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_MEMORY_PLANNER_CSV_H
#define NARAE_MEMORY_PLANNER_CSV_H

#include "lib/memory/planner/Planner.h"

namespace narae::memory {

/// Reads a problem. An `offset` column becomes the fixed offsets of those
/// buffers where it is not empty; without an `alignment` alignments are 1.
/// \param errors receives "line 3: ..." for every line that is wrong, when
/// nothing is returned; after twenty, how many more there are.
std::optional<Problem> readCsv(const std::string &text,
                               std::vector<std::string> &errors);

/// Writes the problem; with a plan also its offsets. The column `alignment` is
/// there when an alignment is not 1. Reading the result back
/// gives the plan as fixed offsets. Commas, quotes and line breaks in names
/// become underscores.
std::string writeCsv(const Problem &problem, const Plan *plan = nullptr);

} // namespace narae::memory

#endif // NARAE_MEMORY_PLANNER_CSV_H
