//===- DiagnosticForwarder.h - MLIR errors for a backend's sink *- C++ -*-===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CODEGEN_DIAGNOSTICFORWARDER_H
#define NARAE_LIB_CODEGEN_DIAGNOSTICFORWARDER_H

#include "narae/backend.h"

#include "mlir/IR/Diagnostics.h"

namespace narae::codegen {

inline llvm::StringRef ref(NaraeStringRef text) {
  return llvm::StringRef(text.data, text.size);
}

/// Hands the errors of MLIR on to a backend's sink while it lives.
class DiagnosticForwarder {
public:
  DiagnosticForwarder(mlir::MLIRContext *context, NaraeDiagnosticSink *sink)
      : sink(sink), handler(context, [this](mlir::Diagnostic &diagnostic) {
          forward(diagnostic);
          return mlir::success();
        }) {}
  void emit(llvm::StringRef location, const std::string &message) {
    reported = true;
    if (sink && sink->emit)
      sink->emit(sink->context, location.str().c_str(), message.c_str());
  }
  bool reported = false;

private:
  void forward(mlir::Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error)
      return;
    std::string location;
    llvm::raw_string_ostream os(location);
    os << diagnostic.getLocation();
    std::string message = diagnostic.str();
    for (mlir::Diagnostic &note : diagnostic.getNotes())
      message += "\n  note: " + note.str();
    emit(location, message);
  }
  NaraeDiagnosticSink *sink;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace narae::codegen

#endif // NARAE_LIB_CODEGEN_DIAGNOSTICFORWARDER_H
