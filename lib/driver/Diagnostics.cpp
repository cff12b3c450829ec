//===- Diagnostics.cpp - MLIR diagnostics for users ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/Diagnostics.h"

#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"

using namespace mlir;
using namespace narae;
using namespace narae::driver;

std::string driver::describeLocation(Location loc) {
  if (auto name = loc->findInstanceOf<NameLoc>()) {
    // Nodes are "NAME (OPTYPE)"; inputs and the file itself only have a name,
    // which the message says.
    bool isNode = name.getName().strref().ends_with(")");
    return isNode ? "node '" + name.getName().str() + "'" : "";
  }
  if (auto file = loc->findInstanceOf<FileLineColLoc>()) {
    std::string text = file.getFilename().str();
    if (file.getLine())
      text += ":" + std::to_string(file.getLine()) + ":" +
              std::to_string(file.getColumn());
    return text;
  }
  return "";
}

DiagnosticCollector::DiagnosticCollector(MLIRContext *context)
    : context(context) {
  handler =
      context->getDiagEngine().registerHandler([this](mlir::Diagnostic &d) {
        std::lock_guard lock(mutex);
        driver::Diagnostic out;
        switch (d.getSeverity()) {
        case DiagnosticSeverity::Error:
          out.severity = driver::Diagnostic::Error;
          ++errors;
          break;
        case DiagnosticSeverity::Warning:
          out.severity = driver::Diagnostic::Warning;
          break;
        default:
          out.severity = driver::Diagnostic::Note;
        }
        out.location = describeLocation(d.getLocation());
        out.message = d.str();
        for (mlir::Diagnostic &note : d.getNotes()) {
          // What MLIR prints of the op itself is for its developers.
          std::string text = note.str();
          if (text.rfind("see current operation", 0) != 0 &&
              text.find("%") == std::string::npos)
            out.message += " (" + text + ")";
        }
        diagnostics.push_back(std::move(out));
        return success();
      });
}

DiagnosticCollector::~DiagnosticCollector() {
  context->getDiagEngine().eraseHandler(handler);
}

std::vector<driver::Diagnostic> DiagnosticCollector::take() {
  std::lock_guard lock(mutex);
  return std::move(diagnostics);
}
