//===- Plugin.cpp - Names the anchor of every kernel ----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Its objects are text: a line for each kernel, with the op that the kernel is
// built around. All by classes of the dialects, in the plugin's own context.
//
//===----------------------------------------------------------------------===//

#include "dialects/fm/FmDialect.h"
#include "lib/codegen/KernelEmitter.h"
#include "lib/codegen/OwnContext.h"
#include "narae/backend.h"

#include "llvm/Config/llvm-config.h"

using namespace mlir;
using namespace narae;

static void listChips(NaraeSink, void *) {}

static int describeTarget(NaraeStringRef, NaraeSink json, void *context,
                          NaraeDiagnosticSink *) {
  StringRef text = R"({"backend": "anchors", "name": "anchors",
    "memory": [{"name": "host", "capacity": 1073741824, "assumed": true,
                "source": "test"}]})";
  json(context, text.data(), text.size());
  return 0;
}

static int supports(void *op, const NaraeCompileOptions *,
                    NaraeDiagnosticSink *errors) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  codegen::loadKernelDialects(context);
  OwningOpRef<ModuleOp> module = codegen::copyOp(op, context);
  bool sigmoid = false;
  if (module)
    module->walk([&](fm::SigmoidOp) { sigmoid = true; });
  if (module && !sigmoid)
    return 0;
  errors->emit(errors->context, "", "anchors are not for fm.sigmoid");
  return 1;
}

static int configure(void *, const NaraeCompileOptions *,
                     NaraeDiagnosticSink *) {
  return 0;
}

static int compile(void *opaque, const NaraeCompileOptions *, NaraeSink object,
                   void *sink, NaraeDiagnosticSink *errors) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  codegen::loadKernelDialects(context);
  OwningOpRef<ModuleOp> module = codegen::copyModule(opaque, context);
  if (!module) {
    errors->emit(errors->context, "", "no copy");
    return 1;
  }
  std::string text;
  llvm::raw_string_ostream out(text);
  module->walk([&](rt::KernelOp kernel) {
    Operation *anchor = codegen::anchorOf(kernel);
    out << "anchor " << (anchor ? anchor->getName().getStringRef() : "none")
        << (isa_and_nonnull<fm::MatmulOp>(anchor) ? " is a product" : "")
        << "\n";
  });
  out.flush();
  object(sink, text.data(), text.size());
  return 0;
}

static const NaraeBackendCompiler compiler = {sizeof(NaraeBackendCompiler),
                                              NARAE_BACKEND_API_VERSION,
                                              "anchors",
                                              LLVM_VERSION_STRING,
                                              listChips,
                                              describeTarget,
                                              supports,
                                              configure,
                                              compile,
                                              /*kernel_cost=*/nullptr};

extern "C" __attribute__((visibility("default"))) const NaraeBackend *
narae_backend_register() {
  static const NaraeBackend backend = {
      sizeof(NaraeBackend), NARAE_BACKEND_API_VERSION,
      NARAE_BACKEND_SCHEMA_HASH, &compiler, nullptr};
  return &backend;
}
