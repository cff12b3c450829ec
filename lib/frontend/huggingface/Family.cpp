//===- Family.cpp - The list of families ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/frontend/huggingface/Family.h"

#include "llvm/ADT/STLExtras.h"

using namespace narae;
using namespace narae::huggingface;
using llvm::StringRef;

llvm::ArrayRef<Family> huggingface::decoderFamilies() {
  static const std::vector<Family> families = [] {
    std::vector<Family> all;
    for (const std::vector<Family> &group :
         {llamaFamilies(), qwenFamilies(), exaoneFamilies(), glmFamilies(),
          graniteFamilies(), deepseekFamilies()})
      all.insert(all.end(), group.begin(), group.end());
    return all;
  }();
  return families;
}

static bool isOneOf(StringRef name, const std::vector<StringRef> &names) {
  return llvm::any_of(
      names, [&](StringRef known) { return known.equals_insensitive(name); });
}

const Family *huggingface::findFamily(StringRef modelType,
                                      llvm::ArrayRef<std::string> classes) {
  for (const Family &family : decoderFamilies())
    if (isOneOf(modelType, family.modelTypes))
      return &family;
  for (const Family &family : decoderFamilies())
    for (const std::string &name : classes)
      if (isOneOf(name, family.classes))
        return &family;
  return nullptr;
}
