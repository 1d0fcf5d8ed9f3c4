module dashd/bench/peers

go 1.26.0

require dashd v0.0.0

require golang.org/x/text v0.43.0 // indirect

replace dashd => ../..
