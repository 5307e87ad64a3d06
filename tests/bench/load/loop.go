package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const collection = "/apis/ark.mckinsey.com/v1alpha1/namespaces/%s/queries"

// result is what one run measured. Units counts what the price of an operation
// is divided by: objects of lists, delivered events of watches. Returned counts
// the watches that the server closed and that came back.
type result struct {
	Workload   string             `json:"workload"`
	Operations int                `json:"operations"`
	Units      int                `json:"units"`
	Unit       string             `json:"unit"`
	Seconds    float64            `json:"seconds"`
	Rate       float64            `json:"rate"`
	Latency    map[string]float64 `json:"latency_ms"`
	Bytes      int64              `json:"bytes,omitempty"`
	Errors     int                `json:"errors"`
	FirstError string             `json:"first_error,omitempty"`
	Returned   int                `json:"returned,omitempty"`
}

// loop runs an operation again and again in several workers.
type loop struct {
	o       options
	clients []*client
	stamp   int64
	// pace holds an operation back before its clock starts; nil is a closed loop.
	pace func(number int)
}

func (l *loop) path(name string) string {
	path := fmt.Sprintf(collection, l.o.namespace)
	if name == "" {
		return path
	}
	return path + "/" + name
}

func (l *loop) name(kind string, number int) string {
	return fmt.Sprintf("%s-%x-%06d", kind, l.stamp, number)
}

// query is an object of about 2 KiB, as a person would ask.
func query(name string) []byte {
	input := strings.Repeat("What will the weather be like tomorrow, and why? ", 30)
	return []byte(`{"apiVersion":"ark.mckinsey.com/v1alpha1","kind":"Query","metadata":{"name":"` + name +
		`","labels":{"app":"load","tier":"bench"},"annotations":{"example.com/note":"made by the load generator"}},` +
		`"spec":{"input":"` + input + `","target":{"type":"agent","name":"weather"},"sessionId":"session-1",` +
		`"parameters":[{"name":"city","value":"Helsinki"},{"name":"style","value":"short"}],"timeout":"5m","ttl":"24h"}}`)
}

func statusPatch(phase string) []byte {
	return fmt.Appendf(nil, `{"status":{"phase":%q,"duration":"%dns","response":{"content":"Rain, most likely.","phase":"done"},`+
		`"tokenUsage":{"promptTokens":120,"completionTokens":40,"totalTokens":160}}}`, phase, time.Now().UnixNano())
}

const mergePatch = "application/merge-patch+json"

// populate makes objects, all workers at once.
func (l *loop) populate(kind string, count int) error {
	var next atomic.Int64
	return l.each(func(c *client, _ int) error {
		for {
			number := int(next.Add(1)) - 1
			if number >= count {
				return nil
			}
			if _, err := c.send("POST", l.path(""), "application/json", query(l.name(kind, number)), 201); err != nil {
				return err
			}
		}
	})
}

func (l *loop) each(work func(c *client, worker int) error) error {
	var group sync.WaitGroup
	failures := make(chan error, l.o.workers)
	for worker := range l.o.workers {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := work(l.clients[worker%l.o.connections], worker); err != nil {
				failures <- err
			}
		}()
	}
	group.Wait()
	close(failures)
	return <-failures
}

// measure repeats an operation until the time or the count is up.
func (l *loop) measure(operate func(c *client, worker, number int) error) *result {
	var next atomic.Int64
	latencies := make([][]time.Duration, l.o.workers)
	errors := make([]error, l.o.workers)
	counts := make([]int, l.o.workers)
	started := time.Now()
	deadline := started.Add(time.Duration(l.o.seconds * float64(time.Second)))
	_ = l.each(func(c *client, worker int) error {
		for time.Now().Before(deadline) {
			number := int(next.Add(1)) - 1
			if number >= l.o.count {
				break
			}
			if l.pace != nil {
				l.pace(number)
			}
			began := time.Now()
			if err := operate(c, worker, number); err != nil {
				errors[worker] = err
				counts[worker]++
				continue
			}
			latencies[worker] = append(latencies[worker], time.Since(began))
		}
		return nil
	})
	measured := summarize(l.o.workload, slices.Concat(latencies...), time.Since(started))
	for worker, err := range errors {
		measured.Errors += counts[worker]
		if err != nil {
			measured.FirstError = err.Error()
		}
	}
	return measured
}

func summarize(name string, latencies []time.Duration, took time.Duration) *result {
	slices.Sort(latencies)
	measured := &result{
		Workload:   name,
		Operations: len(latencies),
		Units:      len(latencies),
		Unit:       "operation",
		Seconds:    took.Seconds(),
		Rate:       float64(len(latencies)) / took.Seconds(),
		Latency:    map[string]float64{},
	}
	for _, percent := range []float64{50, 90, 99, 99.9, 100} {
		if len(latencies) > 0 {
			index := min(int(float64(len(latencies))*percent/100), len(latencies)-1)
			measured.Latency[fmt.Sprintf("p%g", percent)] = float64(latencies[index].Microseconds()) / 1000
		}
	}
	return measured
}
