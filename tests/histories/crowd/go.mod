module ark-apiserver/tests/histories/crowd

go 1.25
