// Package rule runs the rules that a client's program tries, and tells of them as tests/clients/support.py reads it.
package rule

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	atOnce   = 6
	patience = 120 * time.Second // kube-apiserver's garbage collector looks for new kinds every 30 seconds
	pause    = 20 * time.Millisecond
)

// Rules are what a program can try, by name.
type Rules map[string]func(*T)

// T is one try of one rule, in a namespace of its own.
type T struct {
	context.Context
	Namespace string
	failure   string
}

type finding struct {
	Rule    string   `json:"rule"`
	Error   *string  `json:"error,omitempty"`
	Seconds *float64 `json:"seconds,omitempty"`
}

// Main tries the rules that the command line names, each as RULE=NAMESPACE, or lists all of them.
func Main(rules Rules) {
	if len(os.Args) == 1 {
		list(rules)
		return
	}
	var running sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, argument := range os.Args[1:] {
		name, namespace, _ := strings.Cut(argument, "=")
		running.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			try(name, namespace, rules[name])
		})
	}
	running.Wait()
}

func list(rules Rules) {
	names := make([]string, 0, len(rules))
	for name := range rules {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		tell(finding{Rule: name})
	}
}

func try(name, namespace string, body func(*T)) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	t := &T{Context: ctx, Namespace: namespace}
	if body == nil {
		t.failure = "there is no such rule in this program"
	} else {
		t.run(body)
	}
	seconds := time.Since(start).Seconds()
	found := finding{Rule: name, Seconds: &seconds}
	if t.failure != "" {
		found.Error = &t.failure
	}
	tell(found)
}

func (t *T) run(body func(*T)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if problem := recover(); problem != nil {
				t.failure = fmt.Sprintf("panic: %v\n%s", problem, debug.Stack())
			}
		}()
		body(t)
	}()
	<-done
}

var output sync.Mutex

func tell(found finding) {
	line, err := json.Marshal(found)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	fmt.Printf("\n%s\n", line)
}

// Fail ends the try: the rule is broken.
func (t *T) Fail(format string, arguments ...any) {
	_, file, line, _ := runtime.Caller(callers())
	t.failure = fmt.Sprintf("%s:%d: %s", file, line, fmt.Sprintf(format, arguments...))
	runtime.Goexit()
}

// callers counts how many frames up the first one is that is not in this file.
func callers() int {
	_, own, _, _ := runtime.Caller(0)
	for depth := 1; ; depth++ {
		_, file, _, ok := runtime.Caller(depth)
		if !ok || file != own {
			return depth - 1
		}
	}
}

// Must ends the try when there is an error.
func (t *T) Must(err error, doing string) {
	if err != nil {
		t.Fail("%s: %v", doing, err)
	}
}

// Get is the value of a call that must not fail.
func Get[V any](t *T, doing string) func(V, error) V {
	return func(value V, err error) V {
		t.Must(err, doing)
		return value
	}
}

// Equal ends the try when two values print differently.
func (t *T) Equal(got, want any, what string) {
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Fail("%s: got %s, want %s", what, g, w)
	}
}

// True ends the try when something does not hold.
func (t *T) True(holds bool, format string, arguments ...any) {
	if !holds {
		t.Fail(format, arguments...)
	}
}

// Eventually waits until something holds, and ends the try when it does not in time.
func (t *T) Eventually(holds func() bool, format string, arguments ...any) {
	deadline := time.Now().Add(patience / 3)
	for !holds() {
		if time.Now().After(deadline) || t.Err() != nil {
			t.Fail("never: "+format, arguments...)
		}
		time.Sleep(pause)
	}
}

// Config is how to reach the server, without the client's own brake.
func Config(t *T) *rest.Config {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	t.Must(err, "read the kubeconfig")
	config.QPS = -1
	return config
}
