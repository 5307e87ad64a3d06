// Answers, one line of JSON for each, what structured-merge-diff makes of the
// operations that come in as lines of JSON.  A schema goes the way that
// kube-apiserver takes it from a definition to the types of the merge.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	kjson "sigs.k8s.io/json"
)

// Request is one line: what to do, and to what.  Texts hold JSON.
type Request struct {
	Op         string
	Schema     json.RawMessage
	APIVersion string
	Kind       string
	Object     json.RawMessage
	Other      json.RawMessage
	Fields     json.RawMessage
	More       json.RawMessage
	Flag       bool
}

// Answer holds what the operation asks for.
type Answer struct {
	Error  []string          `json:"error,omitempty"`
	Object json.RawMessage   `json:"object,omitempty"`
	Sets   map[string]string `json:"sets,omitempty"`
	Paths  []string          `json:"paths,omitempty"`
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	var types Types
	for {
		line, err := in.ReadBytes('\n')
		if len(line) == 0 && err != nil {
			return
		}
		answer := answerTo(&types, line)
		text, err := json.Marshal(answer)
		if err != nil {
			text, _ = json.Marshal(Answer{Error: []string{err.Error()}})
		}
		out.Write(append(text, '\n'))
		if in.Buffered() == 0 {
			out.Flush()
		}
	}
}

func answerTo(types *Types, line []byte) (answer Answer) {
	defer func() {
		if problem := recover(); problem != nil {
			answer = Answer{Error: []string{fmt.Sprintf("panic: %v", problem)}}
		}
	}()
	var request Request
	if err := json.Unmarshal(line, &request); err != nil {
		return Answer{Error: []string{err.Error()}}
	}
	return do(types, request)
}

// decode reads JSON as kube-apiserver does, with integers kept whole.
func decode(text json.RawMessage) (value any) {
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &value); err != nil {
		panic(err)
	}
	return value
}
