//===- Datapath.cpp - Operations by kind ----------------------------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "backends/npu/simulator/Datapath.h"

using namespace narae::npu;

Outcome KindDatapath::execute(const Operation &operation) {
  switch (operation.opcode) {
  case Opcode::Matmul:
    matmul(operation);
    break;
  case Opcode::Conv:
    convolution(operation);
    break;
  case Opcode::Drain:
    drain(operation);
    break;
  case Opcode::AccLoad:
    loadAccumulators(operation);
    break;
  case Opcode::DCopy:
    copy(operation);
    break;
  case Opcode::DFill:
    fill(operation);
    break;
  case Opcode::VFill:
  case Opcode::VIota:
    series(operation);
    break;
  case Opcode::VScan:
    scan(operation);
    break;
  case Opcode::VTopK:
    topK(operation);
    break;
  case Opcode::VGather:
  case Opcode::VPick:
    byIndex(operation);
    break;
  case Opcode::VScatter:
    scatterRow(operation);
    break;
  case Opcode::VRotary:
    rotary(operation);
    break;
  case Opcode::VSum:
  case Opcode::VSumSq:
  case Opcode::VRowMax:
  case Opcode::VRowMin:
  case Opcode::VAbsMax:
  case Opcode::VArgMax:
  case Opcode::VArgMin:
    reduce(operation);
    break;
  default:
    return byElement(operation);
  }
  return outcome();
}
