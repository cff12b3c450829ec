//===- Cases.h - The graphs that numbers are checked with -----------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every op of the fm dialect that a kernel can be built around, for the
// element types it is for. References are written from the ops' definitions,
// in float64, on inputs that the type has.
//
//===----------------------------------------------------------------------===//

#ifndef NARAE_LIB_CONFORMANCE_CASES_CASES_H
#define NARAE_LIB_CONFORMANCE_CASES_CASES_H

#include "lib/conformance/Case.h"

namespace narae::conformance {

/// All cases, in a fixed order.
std::vector<Case> allCases();

/// Parts of it.
void addElementwiseCases(std::vector<Case> &cases);
void addBinaryCases(std::vector<Case> &cases);
void addMovementCases(std::vector<Case> &cases);
void addGatherCases(std::vector<Case> &cases);
void addReduceCases(std::vector<Case> &cases);
void addContractionCases(std::vector<Case> &cases);
void addWindowCases(std::vector<Case> &cases);
void addNormCases(std::vector<Case> &cases);
void addLanguageCases(std::vector<Case> &cases);
void addSampleCases(std::vector<Case> &cases);
void addRecurrentCases(std::vector<Case> &cases);

/// Element types by kind.
const std::vector<narae_type> &floatTypes();
const std::vector<narae_type> &integerTypes();
/// Floats, integers and booleans.
const std::vector<narae_type> &allTypes();

/// Operands: inputs, and constants of i64, f32 or a given type.
Operand input(Array array);
Operand constant(const Numbers &values, narae_type type = NARAE_I64);
Operand scalar(double value, narae_type type = NARAE_I64);

/// A tensor whose elements a function of their index gives.
Array fromIndex(narae_type type, const Shape &shape,
                const std::function<double(const Index &)> &fn);
/// Elements that tell where they came from: small numbers that any type has.
Array numbered(narae_type type, const Shape &shape);

} // namespace narae::conformance

#endif // NARAE_LIB_CONFORMANCE_CASES_CASES_H
