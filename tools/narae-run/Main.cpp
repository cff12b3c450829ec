//===- Main.cpp - narae-run: runs artifacts, without the compiler ---------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tools/narae-run/RunTool.h"

int main(int argc, char **argv) { return narae::runMain(argc, argv); }
