// Reads operations as lines of JSON, and says of each key whether what its clients were told can be true.
//
// A key is a register that holds a mark under a revision, or nothing.  A write whose outcome nobody knows may
// have happened at any time after it began, or never; the revision it then got is not known until somebody reads
// it.  Prints one line of JSON: how many keys and operations there were, and the keys that are not linearizable
// or for which the time did not suffice.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

type operation struct {
	Client   int    `json:"client"`
	Verb     string `json:"verb"`
	Key      string `json:"key"`
	Start    int64  `json:"start"`
	End      int64  `json:"end"`
	Outcome  string `json:"outcome"`
	Revision int64  `json:"revision"`
	Mark     string `json:"mark"`
	Expected int64  `json:"expected"`
}

// Of a write without an answer nobody knows the revision.
const anyRevision = -1

type register struct {
	mark     string
	revision int64
}

var absent = register{}

func (state register) holds(revision int64) bool {
	return state != absent && (state.revision == anyRevision || state.revision == revision)
}

// The states that may follow; none when the outcome cannot be.
func step(state register, op operation) []register {
	switch op.Outcome {
	case "ok":
		return succeed(state, op)
	case "absent":
		return when(state == absent, state)
	case "exists":
		return when(state != absent, state)
	case "conflict":
		return when(state != absent && (state.revision == anyRevision || state.revision != op.Expected), state)
	case "unknown":
		return append(attempt(state, op), state)
	}
	return nil
}

func succeed(state register, op operation) []register {
	next := register{op.Mark, op.Revision}
	switch op.Verb {
	case "get":
		return when(state.mark == op.Mark && state.holds(op.Revision), next)
	case "create":
		return when(state == absent, next)
	case "apply":
		return when(state == absent || state.revision < op.Revision, next)
	case "update":
		fits := state != absent && state.revision < op.Revision && (op.Expected == 0 || state.holds(op.Expected))
		return when(fits, next)
	case "delete":
		return when(state != absent && (op.Expected == 0 || state.holds(op.Expected)), absent)
	}
	return nil
}

// What a write does that may have been carried out.
func attempt(state register, op operation) []register {
	next := register{op.Mark, anyRevision}
	fits := state != absent && (op.Expected == 0 || state.holds(op.Expected))
	switch op.Verb {
	case "create":
		return when(state == absent, next)
	case "apply":
		return []register{next}
	case "update":
		return when(fits, next)
	case "delete":
		return when(fits, absent)
	}
	return nil
}

func when(fits bool, next register) []register {
	if !fits {
		return nil
	}
	return []register{next}
}

func model() porcupine.Model {
	nondeterministic := porcupine.NondeterministicModel{
		Init: func() []interface{} { return []interface{}{absent} },
		Step: func(state, input, _ interface{}) []interface{} {
			var found []interface{}
			for _, next := range step(state.(register), input.(operation)) {
				found = append(found, next)
			}
			return found
		},
	}
	return nondeterministic.ToModel()
}

func read() (map[string][]porcupine.Operation, int, error) {
	keys := map[string][]porcupine.Operation{}
	count := 0
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var op operation
		if err := json.Unmarshal(lines.Bytes(), &op); err != nil {
			return nil, 0, err
		}
		end := op.End
		if op.Outcome == "unknown" {
			end = math.MaxInt64
		}
		count++
		keys[op.Key] = append(keys[op.Key], porcupine.Operation{
			ClientId: op.Client, Input: op, Call: op.Start, Return: end,
		})
	}
	return keys, count, lines.Err()
}

func main() {
	limit := flag.Duration("timeout", time.Minute, "how long a key may take")
	flag.Parse()
	keys, count, err := read()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	illegal, late := []string{}, []string{}
	for key, history := range keys {
		switch porcupine.CheckOperationsTimeout(model(), history, *limit) {
		case porcupine.Illegal:
			illegal = append(illegal, key)
		case porcupine.Unknown:
			late = append(late, key)
		}
	}
	sort.Strings(illegal)
	sort.Strings(late)
	answer := map[string]any{"keys": len(keys), "operations": count, "illegal": illegal, "late": late}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		os.Exit(2)
	}
}
