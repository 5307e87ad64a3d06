// Clients of servers that are one API: they ask for random things, or watch and come back, and write down what they
// were told, as it came, for others to judge.
//
//	crowd clients|watchers CONFIGURATION RECORD
//
// The configuration is what tests/histories/processes.py writes. Clients ask until a line comes on standard input, and
// say when they are at rest; watchers watch until a line with a revision for each selection comes, and then until each
// has heard of its own, or a while.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"syscall"
	"unsafe"
)

type configuration struct {
	Endpoints  []endpoint  `json:"endpoints"`
	Seed       string      `json:"seed"`
	Numbers    []int       `json:"numbers"`
	Rate       float64     `json:"rate"`
	Writing    bool        `json:"writing"`
	Kinds      []kind      `json:"kinds"`
	Namespaces []string    `json:"namespaces"`
	Names      []string    `json:"names"`
	Teams      []string    `json:"teams"`
	Selections []selection `json:"selections"`
}

type endpoint struct {
	URL         string `json:"url"`
	Authority   string `json:"authority"`
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// kind is one whose objects are written; spec and status are texts with a place for the mark of who wrote them.
type kind struct {
	Collection string `json:"collection"`
	Plural     string `json:"plural"`
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       string `json:"spec"`
	Status     string `json:"status"`
}

type selection struct {
	Target string `json:"target"`
	Query  string `json:"query"`
}

// moment is now by the machine's steady clock, which other processes read as well.
func moment() int64 {
	const steady = 1
	var found syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, steady, uintptr(unsafe.Pointer(&found)), 0)
	return found.Nano()
}

// dice are those of one of the crowd alone.
func (c *configuration) dice(name string, number int) *rand.Rand {
	sum := fnv.New64a()
	fmt.Fprintf(sum, "%s/%s", c.Seed, name)
	return rand.New(rand.NewPCG(sum.Sum64(), uint64(number)))
}

func choose[T any](dice *rand.Rand, from []T) T {
	return from[dice.IntN(len(from))]
}

func run(role, given, record string) error {
	text, err := os.ReadFile(given)
	if err != nil {
		return err
	}
	c := &configuration{}
	if err := json.Unmarshal(text, c); err != nil {
		return err
	}
	told := bufio.NewReader(os.Stdin)
	if role == "clients" {
		return ask(c, told, record)
	}
	return watch(c, told, record)
}

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
