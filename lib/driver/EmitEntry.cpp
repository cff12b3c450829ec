//===- EmitEntry.cpp - One function of the host program as an entry ===//
//
// Part of the Narae project, under the Apache License v2.0 with LLVM
// Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lib/driver/EmitEntry.h"
#include "lib/driver/CommandLifetimes.h"
#include "lib/driver/EmitRegisters.h"
#include "lib/driver/TypeCodes.h"

using namespace mlir;
using namespace narae;
using namespace narae::driver;
using namespace narae::artifact;

namespace {

/// Emits one entry point.
class EntryEmitter {
public:
  EntryEmitter(EntryT &entry, ProgramT &program, const ProgramTables &tables)
      : entry(entry), program(program), tables(tables), regs(entry) {}
  void run(func::FuncOp func);

private:
  uint32_t reg(Value value) {
    return regs.get(value, [this](Value v) { return buffers.lookup(v); });
  }
  void flush();
  void command(CommandKind kind, uint32_t a = 0, uint32_t b = 0,
               uint32_t c = 0) {
    flush();
    entry.commands.push_back(Command(kind, a, b, c));
  }
  uint32_t name(StringRef text);
  uint32_t addBuffer(Value value, BufferKind kind, uint32_t index,
                     RankedTensorType type, ValueRange dims, StringRef name);
  void arena(func::FuncOp func);
  void emitCheck(rt::CheckOp op, uint32_t condition);
  void hoistChecks(func::FuncOp func);
  void hoistSizes(func::FuncOp func);
  void op(Operation *op);
  void block(Block &block);
  void launch(rt::LaunchOp op);
  void invoke(rt::InvokeOp op);
  void branch(rt::IfOp op);
  void loop(rt::WhileOp op);

  EntryT &entry;
  ProgramT &program;
  const ProgramTables &tables;
  RegisterEmitter regs;
  llvm::DenseMap<Value, uint32_t> buffers;
  llvm::DenseSet<Operation *> hoisted; ///< checks that the prologue makes
};

} // namespace

/// Whether a value is known before anything ran.
static bool isEarly(Value value) {
  Operation *op = value.getDefiningOp();
  return !isa<rt::ItemOp, rt::VarOp>(op) &&
         llvm::all_of(op->getOperands(), isEarly);
}

void EntryEmitter::emitCheck(rt::CheckOp op, uint32_t condition) {
  entry.messages.push_back(op.getMessage().str());
  command(CommandKind_Check, condition, entry.messages.size() - 1);
}

void EntryEmitter::flush() {
  if (!regs.pending())
    return;
  auto [first, count] = regs.flush();
  entry.commands.push_back(Command(CommandKind_Eval, first, count, 0));
}

uint32_t EntryEmitter::name(StringRef text) {
  for (size_t i = 0; i < program.names.size(); ++i)
    if (program.names[i] == text)
      return i;
  program.names.push_back(text.str());
  return program.names.size() - 1;
}

uint32_t EntryEmitter::addBuffer(Value value, BufferKind kind, uint32_t index,
                                 RankedTensorType type, ValueRange dims,
                                 StringRef name) {
  auto buffer = std::make_unique<BufferT>();
  buffer->kind = kind;
  buffer->index = index;
  buffer->type = typeCode(type.getElementType());
  unsigned next = 0;
  for (int64_t size : type.getShape())
    buffer->dims.push_back(ShapedType::isDynamic(size) ? reg(dims[next++])
                                                       : regs.constant(size));
  buffer->size_reg = regs.bytes(buffer->dims, type.getElementType());
  buffer->offset_reg = regs.constant(0);
  buffer->name = name.str();
  entry.buffers.push_back(std::move(buffer));
  return buffers[value] = entry.buffers.size() - 1;
}

/// Checks that depend on dimensions of inputs alone come first, so that their
/// messages win over what impossible sizes lead to.
void EntryEmitter::hoistChecks(func::FuncOp func) {
  SmallVector<std::pair<rt::CheckOp, uint32_t>> early;
  for (auto check : func.getOps<rt::CheckOp>())
    if (isEarly(check.getCondition()))
      early.push_back({check, reg(check.getCondition())});
  for (auto [check, condition] : early) {
    emitCheck(check, condition);
    hoisted.insert(check);
  }
}

/// Every early value gets its register in the prologue.
void EntryEmitter::hoistSizes(func::FuncOp func) {
  func.walk([&](Operation *op) {
    if (op->getNumResults() == 1 &&
        (op->getResult(0).getType().isIndex() ||
         op->getResult(0).getType().isInteger(1)) &&
        isEarly(op->getResult(0)))
      reg(op->getResult(0));
  });
}

/// Buffers of the arena with their offsets, and the arena's size.
void EntryEmitter::arena(func::FuncOp func) {
  func.walk([&](hbm::BufferOp op) {
    if (op.getSpace() != "arena")
      return;
    uint32_t index = addBuffer(op, BufferKind_Arena, 0,
                               cast<RankedTensorType>(op.getTensor()),
                               op.getDims(), op.getName());
    BufferT &buffer = *entry.buffers[index];
    if (op.getPlace())
      buffer.offset_reg = reg(op.getPlace());
    else if (op.getOffset())
      buffer.offset_reg = regs.constant(*op.getOffset());
  });
  uint32_t size = regs.constant(0);
  for (auto plan : func.getOps<hbm::PlanOp>())
    if (plan.getSpace() == "arena")
      size =
          plan.getSize() ? reg(plan.getSize()) : regs.constant(plan.getPeak());
  entry.arena_reg = regs.align(size, 64);
}

void EntryEmitter::run(func::FuncOp func) {
  entry.name = func.getSymName().str();
  hoistChecks(func);
  hoistSizes(func);
  func.walk([&](rt::ArgOp op) {
    auto type = cast<RankedTensorType>(op.getTensor());
    SmallVector<uint32_t> dims;
    auto spec = std::make_unique<TensorSpecT>();
    spec->name = op.getName().str();
    spec->type = typeCode(type.getElementType());
    auto buffer = std::make_unique<BufferT>();
    for (int64_t i = 0; i < type.getRank(); ++i) {
      int64_t size = type.getDimSize(i);
      bool dynamic = ShapedType::isDynamic(size);
      spec->dims.push_back(
          DimSpec(dynamic ? -1 : size, dynamic ? op.getBounds()[2 * i] : size,
                  dynamic ? op.getBounds()[2 * i + 1] : size,
                  name(cast<StringAttr>(op.getDims()[i]).getValue())));
      // The register file has the dimension even where nothing uses it.
      uint32_t r = entry.registers++;
      entry.instructions.push_back(
          RegInst(artifact::RegOp_InputDim, r, op.getIndex(), i, 0, 0));
      dims.push_back(r);
    }
    buffer->kind = BufferKind_Input;
    buffer->index = op.getIndex();
    buffer->type = spec->type;
    buffer->dims.assign(dims.begin(), dims.end());
    buffer->size_reg = regs.bytes(dims, type.getElementType());
    buffer->offset_reg = regs.constant(0);
    buffer->name = spec->name;
    entry.buffers.push_back(std::move(buffer));
    buffers[op.getBuffer()] = spec->buffer = entry.buffers.size() - 1;
    entry.inputs.push_back(std::move(spec));
  });
  SmallVector<rt::OutputOp> outs;
  func.walk([&](rt::OutputOp op) { outs.push_back(op); });
  for (size_t i = 0; i < outs.size(); ++i)
    entry.outputs.push_back(std::make_unique<TensorSpecT>());
  arena(func);
  flush();
  entry.prologue = entry.commands.size();
  block(func.getBody().front());
  flush();
  setLifetimes(entry);
}

void EntryEmitter::block(Block &block) {
  for (Operation &operation : block)
    op(&operation);
}

void EntryEmitter::op(Operation *op) {
  if (auto launchOp = dyn_cast<rt::LaunchOp>(op))
    return launch(launchOp);
  if (auto invokeOp = dyn_cast<rt::InvokeOp>(op))
    return invoke(invokeOp);
  if (auto branchOp = dyn_cast<rt::IfOp>(op))
    return branch(branchOp);
  if (auto loopOp = dyn_cast<rt::WhileOp>(op))
    return loop(loopOp);
  if (auto weight = dyn_cast<rt::WeightOp>(op)) {
    uint32_t index = tables.weights.lookup(weight.getData());
    auto data = SymbolTable::lookupNearestSymbolFrom<fm::WeightDataOp>(
        op, weight.getDataAttr());
    addBuffer(weight, BufferKind_Weight, index,
              cast<RankedTensorType>(data.getType()), {}, weight.getData());
  } else if (auto state = dyn_cast<rt::StateOp>(op)) {
    auto data = SymbolTable::lookupNearestSymbolFrom<fm::StateOp>(
        op, state.getDataAttr());
    addBuffer(state, BufferKind_State, tables.states.lookup(state.getData()),
              cast<RankedTensorType>(data.getType()), {}, state.getData());
  } else if (auto buffer = dyn_cast<hbm::BufferOp>(op)) {
    auto type = cast<RankedTensorType>(buffer.getTensor());
    if (buffer.getSpace() == "output")
      addBuffer(buffer, BufferKind_Output, ~0u, type, buffer.getDims(),
                buffer.getName());
    else if (buffer.getSpace() == "dynamic")
      addBuffer(buffer, BufferKind_Dynamic, 0, type, buffer.getDims(),
                buffer.getName());
  } else if (auto alias = dyn_cast<hbm::AliasOp>(op)) {
    uint32_t index = addBuffer(
        alias, BufferKind_Alias, buffers.lookup(alias.getOf()),
        cast<RankedTensorType>(alias.getTensor()), alias.getDims(), "");
    if (alias.getOffset())
      entry.buffers[index]->offset_reg = reg(alias.getOffset());
  } else if (auto copy = dyn_cast<rt::CopyOp>(op)) {
    uint32_t bytes = reg(copy.getBytes());
    command(CommandKind_Copy, buffers.lookup(copy.getFrom()),
            buffers.lookup(copy.getTo()), bytes);
  } else if (auto allocate = dyn_cast<rt::AllocateOp>(op)) {
    // The sizes depend on variables: compute them here.
    uint32_t index = buffers.lookup(allocate.getBuffer());
    auto define = allocate.getBuffer().getDefiningOp<hbm::BufferOp>();
    auto type = cast<RankedTensorType>(define.getTensor());
    BufferT &target = *entry.buffers[index];
    regs.move(target.size_reg, regs.bytes(target.dims, type.getElementType()));
    if (target.kind == BufferKind_Dynamic)
      command(CommandKind_Allocate, index);
  } else if (auto check = dyn_cast<rt::CheckOp>(op)) {
    if (!hoisted.contains(check))
      emitCheck(check, reg(check.getCondition()));
  } else if (auto set = dyn_cast<rt::SetOp>(op)) {
    uint32_t value = reg(set.getValue());
    regs.move(regs.variable(set.getVariable()), value);
  } else if (auto output = dyn_cast<rt::OutputOp>(op)) {
    uint32_t index = buffers.lookup(output.getBuffer());
    BufferT &buffer = *entry.buffers[index];
    buffer.index = output.getIndex();
    TensorSpecT &spec = *entry.outputs[output.getIndex()];
    spec.name = output.getName().str();
    spec.type = buffer.type;
    spec.buffer = index;
    auto define = output.getBuffer().getDefiningOp<hbm::BufferOp>();
    auto names = output->getAttrOfType<ArrayAttr>("dims");
    for (auto [i, size] : llvm::enumerate(
             cast<RankedTensorType>(define.getTensor()).getShape())) {
      bool dynamic = ShapedType::isDynamic(size);
      StringRef symbol = names && i < names.size()
                             ? cast<StringAttr>(names[i]).getValue()
                             : StringRef();
      spec.dims.push_back(DimSpec(dynamic ? -1 : size, dynamic ? 0 : size,
                                  dynamic ? -1 : size, name(symbol)));
    }
  } else if (op->getNumResults() == 1 && op->getResult(0).getType().isIndex() &&
             isa<rt::ItemOp>(op)) {
    reg(op->getResult(0));
  }
}

void EntryEmitter::launch(rt::LaunchOp op) {
  auto dispatch = std::make_unique<DispatchT>();
  dispatch->kernel = tables.kernels.lookup(op.getKernel());
  for (Value v : op.getInputs())
    dispatch->buffers.push_back(buffers.lookup(v));
  for (Value v : op.getOutputs())
    dispatch->buffers.push_back(buffers.lookup(v));
  for (Value v : op.getParams())
    dispatch->params.push_back(reg(v));
  dispatch->scratch_reg =
      op.getScratch() ? reg(op.getScratch()) : regs.constant(0);
  dispatch->work_reg =
      op.getWork() ? reg(op.getWork()) : regs.constant(1 << 20);
  entry.dispatches.push_back(std::move(dispatch));
  command(CommandKind_Dispatch, entry.dispatches.size() - 1);
}

void EntryEmitter::invoke(rt::InvokeOp op) {
  static constexpr const char *names[] = {"lower", "upper", "concat", "count",
                                          "split", "match", "parse",  "format"};
  auto call = std::make_unique<CallT>();
  for (auto [i, name] : llvm::enumerate(names))
    if (op.getFunction() == name)
      call->function = TextFunction(i);
  for (Value v : op.getInputs())
    call->buffers.push_back(buffers.lookup(v));
  call->buffers.push_back(buffers.lookup(op.getOutput()));
  call->pattern = op.getPattern().str();
  call->limit = op.getLimit();
  entry.calls.push_back(std::move(call));
  command(CommandKind_Call, entry.calls.size() - 1);
}

void EntryEmitter::branch(rt::IfOp op) {
  uint32_t condition = reg(op.getCondition());
  command(CommandKind_Branch, condition);
  size_t toElse = entry.commands.size() - 1;
  RegisterEmitter::Mark saved = regs.mark();
  block(op.getThenRegion().front());
  command(CommandKind_Jump);
  size_t toEnd = entry.commands.size() - 1;
  regs.reset(saved);
  entry.commands[toElse] =
      Command(CommandKind_Branch, condition, entry.commands.size(), 0);
  block(op.getElseRegion().front());
  flush();
  regs.reset(saved);
  entry.commands[toEnd] =
      Command(CommandKind_Jump, 0, entry.commands.size(), 0);
}

void EntryEmitter::loop(rt::WhileOp op) {
  uint32_t condition = regs.variable(op.getVariable());
  flush();
  uint32_t head = entry.commands.size();
  command(CommandKind_Branch, condition);
  RegisterEmitter::Mark saved = regs.mark();
  block(op.getBody().front());
  command(CommandKind_Jump, 0, head);
  regs.reset(saved);
  entry.commands[head] =
      Command(CommandKind_Branch, condition, entry.commands.size(), 0);
}

void driver::emitEntry(func::FuncOp func, EntryT &entry, ProgramT &program,
                       const ProgramTables &tables) {
  EntryEmitter(entry, program, tables).run(func);
}
