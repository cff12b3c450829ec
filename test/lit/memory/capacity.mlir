// RUN: narae-opt %s --narae-plan-memory=capacity=1000 -o /dev/null
// RUN: not narae-opt %s --narae-plan-memory=capacity=990 2>&1 | FileCheck %s

// No bound: the arena grows with what comes, so nothing can be said.
func.func @unbounded() {
  %x = rt.arg 0 "x" : tensor<?xf32> {bounds = array<i64: 0, -1>, dims = ["n"]}
  %n = rt.arg_dim 0, 0
  %a = hbm.buffer "a" : tensor<?x100xf32> [%n] in "arena" live [1, 3)
  return
}

// 249 x 4 = 996 bytes.
// CHECK: does not fit into the target's memory
// CHECK: smaller bounds of dynamic dimensions
func.func @bounded() {
  %x = rt.arg 0 "x" : tensor<?xf32> {bounds = array<i64: 0, 249>, dims = ["n"]}
  %n = rt.arg_dim 0, 0
  %a = hbm.buffer "a" : tensor<?xf32> [%n] in "arena" live [1, 3)
  return
}
