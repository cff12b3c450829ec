//===- BadPlugin.cpp - Plugins that must be refused -----------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One library for each case of BAD_CASE; `good`, `short_table` and `npu` have
// nothing wrong, so that the others are refused for what their names say.
// Nothing here is ever called but the registration.
//
//===----------------------------------------------------------------------===//

#include "narae/backend.h"

#include <cstring>
#include <stdexcept>

static bool is(const char *name) { return std::strcmp(BAD_CASE, name) == 0; }

/// Functions of any type: they only have to be there.
template <typename R, typename... A>
static void fill(R (*&function)(A...)) {
  function = [](A...) -> R { return R(); };
}

static void fillCompiler(NaraeBackendCompiler &table) {
  table.struct_size = sizeof(table);
  table.api_version = NARAE_BACKEND_API_VERSION;
  table.name = "bad-" BAD_CASE;
  fill(table.list_chips);
  fill(table.describe_target);
  fill(table.supports);
  fill(table.configure);
  fill(table.compile);
  if (is("compiler_size"))
    table.struct_size = offsetof(NaraeBackendCompiler, compile);
  if (is("compiler_version"))
    table.api_version = 7;
  if (is("compiler_name"))
    table.name = "cpu";
  if (is("npu")) // in the place of the built-in one
    table.name = "npu";
  if (is("compiler_nulls"))
    table.supports = nullptr, table.compile = nullptr;
  if (is("compiler_mlir"))
    table.mlir_version = "3.1.4";
}

static void fillRuntime(NaraeBackendRuntime &table) {
  table.struct_size = sizeof(table);
  table.api_version = NARAE_BACKEND_API_VERSION;
  table.name = "bad-" BAD_CASE;
  fill(table.open);
  fill(table.close);
  fill(table.check_target);
  fill(table.allocate);
  fill(table.release);
  fill(table.is_host_memory);
  fill(table.load);
  fill(table.unload);
  fill(table.find);
  fill(table.create_queue);
  fill(table.destroy_queue);
  fill(table.copy);
  fill(table.launch);
  fill(table.record);
  fill(table.wait);
  if (is("runtime_size"))
    table.struct_size = offsetof(NaraeBackendRuntime, launch);
  if (is("short_table")) // without the optional members
    table.struct_size = offsetof(NaraeBackendRuntime, list_devices);
  if (is("runtime_version"))
    table.api_version = 7;
  if (is("runtime_name"))
    table.name = "cpu";
  if (is("npu"))
    table.name = "npu";
  if (is("runtime_nameless"))
    table.name = nullptr;
  if (is("runtime_colon"))
    table.name = "bad:colon";
  if (is("runtime_nulls"))
    table.copy = nullptr, table.wait = nullptr;
}

extern "C" __attribute__((visibility("default"))) const NaraeBackend *
narae_backend_register() {
  static NaraeBackendCompiler compiler = {};
  static NaraeBackendRuntime runtime = {};
  static NaraeBackend backend = {
      sizeof(NaraeBackend), NARAE_BACKEND_API_VERSION,
      NARAE_BACKEND_SCHEMA_HASH, &compiler, &runtime};
  if (is("null"))
    return nullptr;
  if (is("throws"))
    throw std::runtime_error("no licence");
  fillCompiler(compiler);
  fillRuntime(runtime);
  if (is("tiny"))
    backend.struct_size = 4;
  if (is("size"))
    backend.struct_size = offsetof(NaraeBackend, runtime);
  if (is("version"))
    backend.api_version = 1;
  if (is("hash"))
    backend.schema_hash = 0x1234;
  if (is("sides"))
    backend.compiler = nullptr, backend.runtime = nullptr;
  return &backend;
}
