//===- Html.h - Pictures of memory as one page ------------------*- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_PLAN_HTML_H
#define NARAE_LIB_PLAN_HTML_H

#include "lib/plan/Plan.h"

namespace narae::plan {

/// One HTML file with styles, scripts and data in it, from lib/plan/html. It
/// loads nothing.
/// \param data JSON, as lib/plan/html/README.md describes it.
std::string htmlPage(const std::string &title, const std::string &data);

/// The picture of a plan: a panel a space, and sliders for the requests around
/// the plan's, for each of which a plan is made.
std::string toHtml(const Inventory &inventory, const Hardware &hardware,
                   const Plan &plan);

} // namespace narae::plan

#endif // NARAE_LIB_PLAN_HTML_H
