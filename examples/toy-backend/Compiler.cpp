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

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

static int report(NaraeDiagnosticSink *errors, Operation *op,
                  const Twine &message) {
  std::string location;
  llvm::raw_string_ostream(location) << op->getLoc();
  errors->emit(errors->context, location.c_str(), message.str().c_str());
  return 1;
}

/// Another shape of the same elements.
static bool isView(Operation *op) {
  return llvm::is_contained({"reshape", "flatten", "squeeze", "unsqueeze"},
                            op->getName().stripDialect());
}

/// The opcode of an op; OpCount for one that the toy does not know.
static int64_t opcode(Operation *op) {
  StringRef name = op->getName().stripDialect();
  if (name == "matmul")
    return op->hasAttr("transpose_rhs") ? toy::MatmulNT : toy::Matmul;
  return isView(op) ? toy::View
                    : llvm::find(toy::kOpNames, name) - toy::kOpNames;
}

/// What the toy reads of an op: of a view not the shape, which is known.
static ValueRange operandsOf(Operation *op) {
  ValueRange operands = op->getOperands();
  return isView(op) ? operands.take_front() : operands;
}

static bool isTensor(Value value) {
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return tensor && tensor.getElementType().isF32() &&
         tensor.getRank() <= toy::kMaxRank;
}

static int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

static bool hasFixedShape(Value value) {
  return cast<RankedTensorType>(value.getType()).hasStaticShape();
}

// [snippet: targets]
static void listChips(NaraeSink, void *) {} // there is no toy:CHIP

static int describeTarget(NaraeStringRef target, NaraeSink json, void *context,
                          NaraeDiagnosticSink *errors) {
  StringRef name(target.data, target.size);
  if (name != "toy") {
    std::string message = ("unknown target '" + name + "'; try toy").str();
    errors->emit(errors->context, "", message.c_str());
    return 1;
  }
  json(context, toy::kTarget, sizeof(toy::kTarget) - 1);
  return 0;
}
// [end]

// [snippet: supports]
static int supports(void *opaque, const NaraeCompileOptions *,
                    NaraeDiagnosticSink *errors) {
  auto *op = static_cast<Operation *>(opaque);
  std::string name = "'" + op->getName().getStringRef().str() + "'";
  int64_t code = opcode(op);
  if (code >= toy::OpCount)
    return report(errors, op,
                  name + " is not known to the toy; compile for cpu");
  if (!llvm::all_of(operandsOf(op), isTensor))
    return report(errors, op,
                  name + ": the toy takes f32 of up to 6 "
                         "dimensions; compile for cpu");
  if (code >= toy::Matmul &&
      (op->hasAttr("transpose_lhs") || rankOf(op->getOperand(0)) != 2 ||
       rankOf(op->getOperand(1)) != 2))
    return report(errors, op,
                  "the toy multiplies plain matrices only; compile "
                  "for cpu");
  if (isView(op) && !hasFixedShape(op->getResult(0)))
    return report(errors, op,
                  name + ": the toy gives tensors shapes of fixed "
                         "sizes only; fix them with --dim");
  return 0;
}
// [end]

static int configure(void *, const NaraeCompileOptions *,
                     NaraeDiagnosticSink *) {
  return 0; // no tiles, layouts or workspace to choose
}

// [snippet: kernel]
namespace {
/// Appends kernels to an object.
struct KernelWriter {
  std::vector<int64_t> words = {toy::kMagic, 0};
  NaraeDiagnosticSink *errors;
  DenseMap<Value, int64_t> numbers; ///< of the kernel's values

  explicit KernelWriter(NaraeDiagnosticSink *errors) : errors(errors) {}

  template <typename Range>
  void list(const Range &range) {
    words.push_back(range.size());
    words.insert(words.end(), range.begin(), range.end());
  }

  bool write(Operation *kernel) {
    Block &body = kernel->getRegion(0).front();
    auto symbols = kernel->getAttrOfType<ArrayAttr>("symbols");
    numbers.clear();
    list(kernel->getAttrOfType<StringAttr>("sym_name").getValue());
    words.push_back(symbols.size());
    words.push_back(body.getNumArguments());
    for (auto [argument, dims] : llvm::zip(
             body.getArguments(), kernel->getAttrOfType<ArrayAttr>("arg_dims")))
      if (!input(kernel, argument, cast<AffineMapAttr>(dims).getValue(),
                 symbols))
        return false;
    size_t count = words.size();
    words.push_back(0);
    for (Operation &op : body.without_terminator()) {
      if (op.use_empty() || !isTensor(op.getResult(0)))
        continue; // shapes, which the toy works out itself
      ++words[count];
      if (!instruction(op))
        return false;
    }
    SmallVector<int64_t> outputs;
    for (Value result : body.getTerminator()->getOperands())
      outputs.push_back(numbers.lookup(result));
    list(outputs);
    return true;
  }
  // [end]

  // [snippet: shape]
  /// The dimensions of an input: numbers, or parameters of the launch.
  bool input(Operation *kernel, Value value, AffineMap map, ArrayAttr symbols) {
    SmallVector<int64_t> dims;
    for (AffineExpr expr : map.getResults()) {
      auto symbol = dyn_cast<AffineSymbolExpr>(expr);
      auto constant = dyn_cast<AffineConstantExpr>(expr);
      bool known = bool(constant);
      if (symbol) { // other kinds follow from sizes
        auto kind = cast<DictionaryAttr>(symbols[symbol.getPosition()])
                        .getAs<StringAttr>("kind");
        known = kind.getValue() == "param";
      }
      if (!known)
        return !report(errors, kernel,
                       "the toy has no arithmetic on sizes; fix "
                       "them with --dim");
      dims.push_back(symbol ? -1 - int64_t(symbol.getPosition())
                            : constant.getValue());
    }
    list(dims);
    numbers.try_emplace(value, numbers.size());
    return true;
  }
  // [end]

  bool instruction(Operation &op) {
    int64_t code = opcode(&op);
    SmallVector<int64_t> operands, dims, elements;
    for (Value operand : operandsOf(&op)) {
      operands.push_back(numbers.count(operand) ? numbers[operand] : -1);
      code = operands.back() < 0 ? int64_t(toy::OpCount) : code;
    }
    if (code >= toy::OpCount)
      return !report(errors, &op,
                     "the toy cannot compute '" + op.getName().getStringRef() +
                         "' in a kernel");
    if (code == toy::View || code == toy::Constant)
      llvm::append_range(
          dims, cast<RankedTensorType>(op.getResult(0).getType()).getShape());
    if (code == toy::Constant)
      for (float x :
           op.getAttrOfType<DenseElementsAttr>("value").getValues<float>())
        elements.push_back(llvm::bit_cast<uint32_t>(x));
    words.push_back(code);
    list(operands);
    list(dims);
    list(elements);
    numbers.try_emplace(op.getResult(0), numbers.size());
    return true;
  }
};
} // namespace

// [snippet: compile]
static int compile(void *opaque, const NaraeCompileOptions *, NaraeSink object,
                   void *context, NaraeDiagnosticSink *errors) {
  auto module = cast<ModuleOp>(static_cast<Operation *>(opaque));
  KernelWriter writer(errors);
  bool fine = true;
  for (Operation &op : module.getBody()->getOperations())
    if (op.getName().getStringRef() == "rt.kernel")
      fine &= writer.write(&op);
  writer.words[1] = toy::checksum(writer.words);
  if (fine)
    object(context, reinterpret_cast<const char *>(writer.words.data()),
           writer.words.size() * sizeof(int64_t));
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
// [end]
