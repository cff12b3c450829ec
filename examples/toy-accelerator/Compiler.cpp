//===- Compiler.cpp - From kernels to the toy's instructions --------------===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels are read through MLIR's generic interfaces, by the names of ops and
// attributes: nothing of Narae but its headers is needed.
//
//===----------------------------------------------------------------------===//

#include "Toy.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

static void report(NaraeDiagnosticSink *errors, Operation *op,
                   const Twine &message) {
  std::string location;
  llvm::raw_string_ostream(location) << op->getLoc();
  errors->emit(errors->context, location.c_str(), message.str().c_str());
}

static bool isElementwise(StringRef op) {
  return llvm::is_contained({"add", "sub", "mul", "div", "max", "min", "neg",
                             "exp", "tanh", "relu", "sigmoid"},
                            op);
}

/// Another shape of the same elements.
static bool isView(StringRef op) {
  return llvm::is_contained({"reshape", "flatten", "squeeze", "unsqueeze"}, op);
}

static bool isTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() && tensor.getElementType().isF32();
}

static void listChips(NaraeSink, void *) {}

static int describeTarget(NaraeStringRef target, NaraeSink json, void *context,
                          NaraeDiagnosticSink *errors) {
  StringRef name(target.data, target.size);
  if (name != "toy") {
    errors->emit(
        errors->context, "",
        ("unknown target '" + name + "'; there is one toy").str().c_str());
    return 1;
  }
  StringRef text = R"({"backend": "toy", "name": "toy",
    "memory": [{"name": "toy", "capacity": 1073741824, "assumed": true,
                "source": "examples/toy-accelerator"}]})";
  json(context, text.data(), text.size());
  return 0;
}

static int supports(void *opaque, const NaraeCompileOptions *,
                    NaraeDiagnosticSink *errors) {
  auto *op = static_cast<Operation *>(opaque);
  StringRef name = op->getName().stripDialect();
  std::string shown = op->getName().getStringRef().str();
  if (isView(name))
    return 0; // no kernel is made of it
  if (!isElementwise(name) && name != "matmul") {
    report(errors, op,
           "'" + shown +
               "' is not known to the toy accelerator; "
               "compile for cpu");
    return 1;
  }
  for (Type type : llvm::concat<Type>(SmallVector<Type>(op->getOperandTypes()),
                                      SmallVector<Type>(op->getResultTypes())))
    if (!isTensor(type)) {
      report(errors, op,
             "'" + shown +
                 "': the toy accelerator takes f32 of "
                 "fixed sizes; fix dimensions with --dim");
      return 1;
    }
  if (name == "matmul" &&
      (op->hasAttr("transpose_lhs") ||
       llvm::any_of(op->getOperands().take_front(2), [](Value operand) {
         return cast<RankedTensorType>(operand.getType()).getRank() != 2;
       }))) {
    report(errors, op, "the toy accelerator multiplies plain matrices only");
    return 1;
  }
  return 0;
}

static int configure(void *, const NaraeCompileOptions *,
                     NaraeDiagnosticSink *) {
  return 0; // nothing to choose
}

namespace {
/// Writes one kernel.
class KernelWriter {
public:
  KernelWriter(llvm::raw_ostream &out, NaraeDiagnosticSink *errors)
      : out(out), errors(errors) {}

  bool write(Operation *kernel) {
    Block &body = kernel->getRegion(0).front();
    out << "kernel " << kernel->getAttrOfType<StringAttr>("sym_name").getValue()
        << "\n";
    for (Value argument : body.getArguments())
      declare(argument) << "input\n";
    Operation *yield = body.getTerminator();
    SmallVector<unsigned> outputs;
    for (Value result : yield->getOperands()) {
      outputs.push_back(count);
      shape(result) << "output\n";
    }
    for (Operation &op : body.without_terminator())
      if (!instruction(op))
        return false;
    for (auto [output, result] : llvm::zip(outputs, yield->getOperands()))
      out << "copy " << output << " " << numbers.lookup(result) << "\n";
    return true;
  }

private:
  llvm::raw_ostream &shape(Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    ++count;
    out << "tensor " << type.getRank() << " ";
    for (int64_t size : type.getShape())
      out << size << " ";
    return out;
  }

  llvm::raw_ostream &declare(Value value) {
    numbers[value] = count;
    return shape(value);
  }

  bool instruction(Operation &op) {
    StringRef name = op.getName().stripDialect();
    Value result = op.getResult(0);
    bool fine = isTensor(result.getType()) &&
                llvm::all_of(op.getOperands(), [&](Value operand) {
                  return numbers.count(operand) || !isTensor(operand.getType());
                });
    if (fine && name == "constant") {
      auto value = op.getAttrOfType<DenseElementsAttr>("value");
      declare(result) << "constant";
      for (float x : value.getValues<float>())
        out << llvm::format(" %a", double(x));
      out << "\n";
      return true;
    }
    if (!fine || !(isElementwise(name) || isView(name) || name == "matmul")) {
      if (op.use_empty()) // a shape that nobody computes with
        return true;
      report(errors, &op,
             "the toy accelerator cannot compute '" +
                 op.getName().getStringRef() + "' in a kernel");
      return false;
    }
    declare(result) << "local\n";
    bool transposed = op.hasAttr("transpose_rhs");
    out << (isView(name) ? "copy"
            : transposed ? "matmul_nt"
                         : name)
        << " " << numbers.lookup(result);
    for (Value operand : op.getOperands())
      if (numbers.count(operand) &&
          !(isView(name) && operand != op.getOperand(0)))
        out << " " << numbers.lookup(operand);
    out << "\n";
    return true;
  }

  llvm::raw_ostream &out;
  NaraeDiagnosticSink *errors;
  DenseMap<Value, unsigned> numbers;
  unsigned count = 0;
};
} // namespace

static int compile(void *opaque, const NaraeCompileOptions *, NaraeSink object,
                   void *context, NaraeDiagnosticSink *errors) {
  auto module = cast<ModuleOp>(static_cast<Operation *>(opaque));
  std::string text;
  llvm::raw_string_ostream out(text);
  bool fine = true;
  for (Operation &op : module.getBody()->getOperations())
    if (op.getName().getStringRef() == "rt.kernel")
      fine &= KernelWriter(out, errors).write(&op);
  out.flush();
  if (fine)
    object(context, text.data(), text.size());
  return !fine;
}

const NaraeBackendCompiler toyCompiler = {sizeof(NaraeBackendCompiler),
                                          NARAE_BACKEND_API_VERSION,
                                          "toy",
                                          LLVM_VERSION_STRING,
                                          listChips,
                                          describeTarget,
                                          supports,
                                          configure,
                                          compile,
                                          /*kernel_cost=*/nullptr};
