// Two entries count in one state; `total` adds up what they were given.
module attributes {fm.metadata = "{\"answer\": 42}"} {
  fm.state @count : tensor<i64>
  fm.state @total : tensor<3xf32>
  fm.attachment @notes.txt {file = "notes.txt", offset = 0 : i64, length = 5 : i64}
  func.func @add(%x: tensor<3xf32> {fm.name = "x"})
      -> (tensor<3xf32> {fm.name = "sum"}, tensor<i64> {fm.name = "n"}) {
    %one = fm.constant dense<1> : tensor<i64> : tensor<i64>
    %n = fm.state_read @count : tensor<i64>
    %next = fm.add %n, %one : (tensor<i64>, tensor<i64>) -> tensor<i64>
    fm.state_write @count, %next : tensor<i64>
    %old = fm.state_read @total : tensor<3xf32>
    %sum = fm.add %old, %x : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
    fm.state_write @total, %sum : tensor<3xf32>
    return %sum, %n : tensor<3xf32>, tensor<i64>
  }
  func.func @average() -> (tensor<3xf32> {fm.name = "mean"}) {
    %n = fm.state_read @count : tensor<i64>
    %f = fm.cast %n {to = f32} : (tensor<i64>) -> tensor<f32>
    %total = fm.state_read @total : tensor<3xf32>
    %mean = fm.div %total, %f : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
    return %mean : tensor<3xf32>
  }
}
