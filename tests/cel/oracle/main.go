// Answers what Kubernetes says of CEL expressions: one JSON question a line in, one JSON answer a line out.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
)

// A question is answered by the function that its "ask" names.
var answers = map[string]func(json.RawMessage) (any, error){
	"evaluate": evaluate,
	"validate": validate,
	"define":   define,
	"admit":    admit,
}

func answer(line []byte) (result any) {
	defer func() {
		if r := recover(); r != nil {
			result = map[string]any{"panic": fmt.Sprintf("%v\n%s", r, debug.Stack())}
		}
	}()
	var question struct {
		Ask string `json:"ask"`
	}
	if err := json.Unmarshal(line, &question); err != nil {
		return map[string]any{"fault": err.Error()}
	}
	function, found := answers[question.Ask]
	if !found {
		return map[string]any{"fault": "nothing answers " + question.Ask}
	}
	result, err := function(line)
	if err != nil {
		return map[string]any{"fault": err.Error()}
	}
	return result
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 1 {
			if err := encoder.Encode(answer(line)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			if in.Buffered() == 0 {
				out.Flush()
			}
		}
		if err != nil {
			out.Flush()
			return
		}
	}
}
