module ark-apiserver/tests/bench/load

go 1.24
