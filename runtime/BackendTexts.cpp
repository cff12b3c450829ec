//===- BackendTexts.cpp - What backends say about themselves --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Optional functions of backends that need no device: lists and listings.
//
//===----------------------------------------------------------------------===//

#include "runtime/Registry.h"

#include <cstring>

using namespace narae;

static constexpr size_t errorSize = 1024;

static void append(void *context, const char *data, size_t size) {
  static_cast<std::string *>(context)->append(data, size);
}

/// A string of JSON.
static std::string quoted(const std::string &text) {
  static const char digits[] = "0123456789abcdef";
  std::string result = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    if (c >= 0x20)
      result += char(c);
    else
      result += std::string("\\u00") + digits[c >> 4] + digits[c & 15];
  }
  return result + "\"";
}

std::string runtime::listDevices() {
  std::string result = "{";
  for (const NaraeBackendRuntime *backend : backends()) {
    std::string list = "null";
    if (NARAE_RUNTIME_HAS(backend, list_devices)) {
      char error[errorSize] = "";
      list.clear();
      if (backend->list_devices(append, &list, error, errorSize) != 0)
        list = quoted(error);
    }
    result +=
        (result.size() > 1 ? ", " : "") + quoted(backend->name) + ": " + list;
  }
  return result + "}";
}

Expected<std::string> runtime::disassemble(const std::string &name,
                                           const void *object, size_t size) {
  std::string text;
  for (const NaraeBackendRuntime *backend : backends()) {
    if (backend->name != name || !NARAE_RUNTIME_HAS(backend, disassemble))
      continue;
    char error[errorSize] = "";
    if (backend->disassemble(object, size, append, &text, error, errorSize) !=
        0)
      return Status::error(name + ": " + error);
  }
  return text;
}
