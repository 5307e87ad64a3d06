// Porcupine, asked whether a history of ours is linearizable.
module ark-apiserver/tests/histories/porcupine

go 1.24

require github.com/anishathalye/porcupine v1.3.1
