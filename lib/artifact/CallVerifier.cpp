//===- CallVerifier.cpp - Refuses wrong calls of host functions -----------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/artifact/EntryVerifier.h"
#include "lib/artifact/ProgramVerifier.h"
#include "lib/artifact/Types.h"
#include "narae/runtime.h"

using namespace narae;
using namespace narae::artifact;

/// Types that strings are parsed as.
static bool isNumber(unsigned type) {
  return type == NARAE_F32 || type == NARAE_F64 || type == NARAE_I64 ||
         type == NARAE_U64;
}

/// Whether a function makes elements of type `to` from those of type `from`.
static bool typesFit(TextFunction function, unsigned from, unsigned to) {
  if (function == TextFunction_Format)
    return (isNumber(from) || from == NARAE_BOOL) && to == NARAE_STRING;
  if (from != NARAE_STRING)
    return false;
  switch (function) {
  case TextFunction_Parse:
    return isNumber(to);
  case TextFunction_Match:
    return to == NARAE_BOOL;
  case TextFunction_Count:
    return to == NARAE_I64;
  default:
    return to == NARAE_STRING;
  }
}

uint32_t artifact::resultOf(const Entry &entry, uint32_t call) {
  const auto &buffers = *entry.calls()->Get(call)->buffers();
  return buffers.Get(buffers.size() - 1);
}

Status artifact::verifyCall(const Entry &entry, uint32_t index) {
  const Call &call = *entry.calls()->Get(index);
  std::string what = "call " + std::to_string(index);
  if (call.function() > TextFunction_MAX)
    return Status::error(what + " is of an unknown function");
  uint32_t operands = call.function() == TextFunction_Concat ? 2 : 1;
  if (count(call.buffers()) != operands + 1)
    return Status::error(
        what + " has " + std::to_string(count(call.buffers())) +
        " buffers, but its function needs " + std::to_string(operands + 1));
  for (uint32_t i = 0; i <= operands; ++i)
    if (Status status =
            checkIndex("a buffer of " + what, call.buffers()->Get(i),
                       count(entry.buffers()));
        status.failed())
      return status;
  auto buffer = [&](uint32_t i) -> const Buffer & {
    return *entry.buffers()->Get(call.buffers()->Get(i));
  };
  const Buffer &result = buffer(operands);
  bool splits = call.function() == TextFunction_Split;
  for (uint32_t i = 0; i < operands; ++i)
    if (!typesFit(call.function(), buffer(i).type(), result.type()) ||
        count(result.dims()) != count(buffer(i).dims()) + splits)
      return Status::error(what + " makes " + typeName(result.type()) + " of " +
                           typeName(buffer(i).type()) +
                           ", or another rank, which its function does not");
  return Status::success();
}
