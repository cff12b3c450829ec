// RUN: narae-opt %s --canonicalize | FileCheck %s

// All sizes are numbers, so the places are: a begins at the end of b, at
// +208 (200 align 16), and ends at 308 (208 + 100).
// CHECK-LABEL: func.func @numbers
// CHECK-DAG: %[[B:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[A:.*]] = arith.constant 208 : index
// CHECK-DAG: %[[PEAK:.*]] = arith.constant 308 : index
// CHECK: return %[[PEAK]], %[[A]], %[[B]]
func.func @numbers() -> (index, index, index) {
  %a = arith.constant 100 : index
  %b = arith.constant 200 : index
  %peak, %at:2 = hbm.pack "arena" {
    [1, 3) %a align 16,
    [2, 5) %b align 16
  }
  return %peak, %at#0, %at#1 : index, index, index
}

// One after the other: both at 0, and the larger one's 200 bytes are all.
// CHECK-LABEL: func.func @apart
// CHECK-DAG: %[[AT:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[PEAK:.*]] = arith.constant 200 : index
// CHECK: return %[[PEAK]], %[[AT]], %[[AT]]
func.func @apart() -> (index, index, index) {
  %a = arith.constant 100 : index
  %b = arith.constant 200 : index
  %peak, %at:2 = hbm.pack "arena" { [1, 3) %a align 16, [3, 5) %b align 16 }
  return %peak, %at#0, %at#1 : index, index, index
}

// One size is not known. Planned for 81 bytes it lies above the number, for
// 112 + 81 is less than 96 (81 align 16) + 100: its place +112 (100 align 16) is
// still a number, and the end is 112 + size.
// CHECK-LABEL: func.func @mixed
// CHECK-SAME: (%[[SIZE:.*]]: index)
// CHECK-DAG: %[[LOW:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[HIGH:.*]] = arith.constant 112 : index
// CHECK: %[[END:.*]] = arith.addi %[[SIZE]], %[[HIGH]] : index
// CHECK: return %[[END]], %[[LOW]], %[[HIGH]]
func.func @mixed(%size: index) -> (index, index, index) {
  %a = arith.constant 100 : index
  %peak, %at:2 = hbm.pack "arena" {
    [1, 5) %a align 16 upto 100,
    [2, 3) %size align 16 upto 81
  }
  return %peak, %at#0, %at#1 : index, index, index
}

// Three of unknown size, the middle one longer: c rests on the higher of a, b.
// CHECK-LABEL: func.func @stack
// CHECK-SAME: (%[[A:.*]]: index, %[[B:.*]]: index, %[[C:.*]]: index)
// CHECK: arith.maxsi
// CHECK: hbm.align %{{.*}} to 64
func.func @stack(%a: index, %b: index, %c: index) -> (index, index, index) {
  %peak, %at:3 = hbm.pack "arena" {
    [1, 3) %a align 64 upto 4096,
    [3, 5) %b align 64 upto 4096,
    [1, 5) %c align 64 upto 64
  }
  return %at#0, %at#1, %at#2 : index, index, index
}

// Without a bound there is nothing to plan for.
// CHECK-LABEL: func.func @unbounded
// CHECK: hbm.pack "arena"
func.func @unbounded(%size: index) -> index {
  %peak, %at = hbm.pack "arena" { [1, 3) %size align 64 }
  return %at : index
}

// 100 align 16 = 112; what is a multiple of 64 is one of 16.
// CHECK-LABEL: func.func @align
// CHECK-SAME: (%[[X:.*]]: index)
// CHECK-DAG: %[[C:.*]] = arith.constant 112 : index
// CHECK-DAG: %[[COARSE:.*]] = hbm.align %[[X]] to 64
// CHECK: return %[[C]], %[[COARSE]], %[[X]]
func.func @align(%x: index) -> (index, index, index) {
  %c = arith.constant 100 : index
  %0 = hbm.align %c to 16
  %1 = hbm.align %x to 64
  %2 = hbm.align %1 to 16
  %3 = hbm.align %x to 1
  return %0, %2, %3 : index, index, index
}

// A place that is a number; parts of parts: 64 + 32 = 96; all of it as what it
// is anyway.
// CHECK-LABEL: func.func @alias
// CHECK: %[[SUM:.*]] = arith.constant 96 : index
// CHECK: %[[BUFFER:.*]] = hbm.buffer "x" : tensor<64xf32>[] in "arena" live[1, 5) at 128
// CHECK: %[[PART:.*]] = hbm.alias %[[BUFFER]] from %[[SUM]] as tensor<8xf32>[]
// CHECK: %[[WHOLE:.*]] = hbm.alias %[[BUFFER]] as tensor<8x8xf32>[]
// CHECK: return %[[PART]], %[[WHOLE]], %[[BUFFER]]
func.func @alias() -> (!hbm.buffer, !hbm.buffer, !hbm.buffer) {
  %place = arith.constant 128 : index
  %first = arith.constant 64 : index
  %second = arith.constant 32 : index
  %none = arith.constant 0 : index
  %x = hbm.buffer "x" : tensor<64xf32> [] in "arena" live [1, 5) at %place
  %half = hbm.alias %x from %first as tensor<32xf32> []
  %part = hbm.alias %half from %second as tensor<8xf32> []
  %whole = hbm.alias %x from %none as tensor<8x8xf32> []
  %same = hbm.alias %x as tensor<64xf32> []
  return %part, %whole, %same : !hbm.buffer, !hbm.buffer, !hbm.buffer
}
