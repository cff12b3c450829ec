// RUN: narae-opt %s --narae-schedule --cse --narae-verify-schedule | FileCheck %s

fm.state @a : tensor<8xf32>
fm.state @b : tensor<8xf32>
rt.kernel @update attributes {symbols = [], arg_dims = [affine_map<() -> (8)>, affine_map<() -> (8)>], result_dims = [affine_map<() -> (8)>], nodes = [], device = "cpu", inplace = array<i64: 0>} {
^bb0(%old: tensor<8xf32>, %x: tensor<8xf32>):
  %0 = fm.add %old, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  fm.yield %0 : tensor<8xf32>
}
rt.kernel @negate attributes {symbols = [], arg_dims = [affine_map<() -> (8)>], result_dims = [affine_map<() -> (8)>], nodes = [], device = "cpu"} {
^bb0(%x: tensor<8xf32>):
  %0 = fm.neg %x : (tensor<8xf32>) -> tensor<8xf32>
  fm.yield %0 : tensor<8xf32>
}

// Nobody reads the old value: the kernels run in the state's own memory.
// CHECK-LABEL: func.func @in_place
// CHECK-NOT: rt.copy
// CHECK: %[[S:.*]] = rt.state @a
// CHECK: rt.launch @update(%[[S]], %{{.*}}) -> (%[[S]])
// CHECK: rt.launch @update(%[[S]], %{{.*}}) -> (%[[S]])
// CHECK: rt.launch @negate(%[[S]])
// CHECK-NOT: rt.copy
// CHECK: return
func.func @in_place(%x: tensor<8xf32>) -> tensor<8xf32> {
  %old = fm.state_read @a : tensor<8xf32>
  %1 = rt.dispatch @update(%old, %x)[] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %2 = rt.dispatch @update(%1, %x)[] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  fm.state_write @a, %2 : tensor<8xf32>
  %3 = rt.dispatch @negate(%2)[] : (tensor<8xf32>) -> tensor<8xf32>
  return %3 : tensor<8xf32>
}

// The old value is read later: two versions live at once.
// CHECK-LABEL: func.func @two_versions
// CHECK: %[[S:.*]] = rt.state @a
// CHECK: %[[NEW:.*]] = hbm.buffer "update" : tensor<8xf32>[] in "arena"
// CHECK: rt.copy %[[S]] to %[[NEW]]
// CHECK: rt.launch @update(%[[S]], %{{.*}}) -> (%[[NEW]])
// CHECK: rt.launch @negate(%[[S]])
// CHECK: rt.copy %[[NEW]] to %[[S]]
// CHECK: return
func.func @two_versions(%x: tensor<8xf32>) -> tensor<8xf32> {
  %old = fm.state_read @a : tensor<8xf32>
  %new = rt.dispatch @update(%old, %x)[] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  fm.state_write @a, %new : tensor<8xf32>
  %y = rt.dispatch @negate(%old)[] : (tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// What is written is not the last version.
// CHECK-LABEL: func.func @write_then_update
// CHECK: %[[S:.*]] = rt.state @a
// CHECK: rt.launch @update(%[[S]], %{{.*}}) -> (%[[S]])
// CHECK: %[[NEXT:.*]] = hbm.buffer "update" : tensor<8xf32>[] in "output"
// CHECK: rt.copy %[[S]] to %[[NEXT]]
// CHECK: rt.launch @update(%[[S]], %{{.*}}) -> (%[[NEXT]])
func.func @write_then_update(%x: tensor<8xf32>) -> tensor<8xf32> {
  %old = fm.state_read @a : tensor<8xf32>
  %1 = rt.dispatch @update(%old, %x)[] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  fm.state_write @a, %1 : tensor<8xf32>
  %2 = rt.dispatch @update(%1, %x)[] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// A state that is only read stays as it is.
// CHECK-LABEL: func.func @read_only
// CHECK: rt.copy %[[S:.*]] to %[[OUT:.*]],
// CHECK: rt.launch @update(%[[S]], %{{.*}}) -> (%[[OUT]])
// CHECK-NOT: rt.copy
// CHECK: return
func.func @read_only(%x: tensor<8xf32>) -> tensor<8xf32> {
  %old = fm.state_read @a : tensor<8xf32>
  %1 = rt.dispatch @update(%old, %x)[] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %1 : tensor<8xf32>
}

// A value of a state's memory that becomes another state is saved before
// either is overwritten.
// CHECK-LABEL: func.func @exchange
// CHECK: %[[B:.*]] = rt.state @b
// CHECK: rt.copy %[[B]] to %[[KEPT_B:.*]],
// CHECK: %[[A:.*]] = rt.state @a
// CHECK: rt.copy %[[A]] to %[[KEPT_A:.*]],
// CHECK: rt.copy %[[KEPT_B]] to %[[A]]
// CHECK: rt.copy %[[KEPT_A]] to %[[B]]
func.func @exchange() {
  %a = fm.state_read @a : tensor<8xf32>
  %b = fm.state_read @b : tensor<8xf32>
  fm.state_write @a, %b : tensor<8xf32>
  fm.state_write @b, %a : tensor<8xf32>
  return
}

// An input's memory is the caller's.
// CHECK-LABEL: func.func @input
// CHECK: %[[X:.*]] = rt.arg 0
// CHECK: rt.copy %[[X]] to %[[OUT:.*]],
// CHECK: rt.launch @update(%[[X]], %{{.*}}) -> (%[[OUT]])
func.func @input(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %1 = rt.dispatch @update(%x, %y)[] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %1 : tensor<8xf32>
}

// A kernel's own result is updated where it is.
// CHECK-LABEL: func.func @result
// CHECK: %[[T:.*]] = hbm.buffer "negate" : tensor<8xf32>[] in "arena" live[1, 7)
// CHECK: rt.launch @negate(%{{.*}}) -> (%[[T]])
// CHECK: rt.launch @update(%[[T]], %{{.*}}) -> (%[[T]])
// CHECK: rt.launch @negate(%[[T]])
func.func @result(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = rt.dispatch @negate(%x)[] : (tensor<8xf32>) -> tensor<8xf32>
  %1 = rt.dispatch @update(%0, %x)[] : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %2 = rt.dispatch @negate(%1)[] : (tensor<8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}
