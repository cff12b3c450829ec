//===- SharedLibrary.cpp - What runs when libnarae-runtime.so is loaded --===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "runtime/DefaultBackends.h"

__attribute__((constructor)) static void initialize() {
  narae::registerDefaultBackends();
}
