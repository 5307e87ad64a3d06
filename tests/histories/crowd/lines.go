package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
)

// line is an event as watchers heard it, however many did.
type line struct {
	number     int
	text       string
	kind       string
	revision   int64
	code       int
	initialEnd bool
}

// lines holds each line once.
type lines struct {
	mutex sync.RWMutex
	known map[string]*line
	order []*line
}

func (l *lines) find(text []byte) (*line, error) {
	l.mutex.RLock()
	found := l.known[string(text)]
	l.mutex.RUnlock()
	if found != nil {
		return found, nil
	}
	read, err := parse(text)
	if err != nil {
		return nil, err
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if found := l.known[read.text]; found != nil {
		return found, nil
	}
	read.number = len(l.order)
	l.known[read.text] = read
	l.order = append(l.order, read)
	return read, nil
}

func parse(text []byte) (*line, error) {
	var event struct {
		Type   string `json:"type"`
		Object struct {
			Code     int `json:"code"`
			Metadata struct {
				ResourceVersion string            `json:"resourceVersion"`
				Annotations     map[string]string `json:"annotations"`
			} `json:"metadata"`
		} `json:"object"`
	}
	if err := json.Unmarshal(text, &event); err != nil {
		return nil, fmt.Errorf("%w in %q", err, text)
	}
	found := &line{text: string(text), kind: event.Type, code: event.Object.Code}
	if found.kind == "ERROR" || found.kind == "FAILED" {
		return found, nil
	}
	metadata := event.Object.Metadata
	revision, err := strconv.ParseInt(metadata.ResourceVersion, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w in %q", err, text)
	}
	found.revision = revision
	found.initialEnd = metadata.Annotations["k8s.io/initial-events-end"] == "true"
	return found, nil
}

// write puts down the lines in the order of their numbers.
func (l *lines) write(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	for _, one := range l.order {
		fmt.Fprintln(out, one.text)
	}
	return out.Flush()
}
