package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// stalls opens many watches of which one in ten stops reading for a while in
// the middle of a steady stream of writes. Afterwards each of them must hear
// of every write exactly once and in order; one that the server has closed
// comes back from the last revision that it heard.
type stalls struct {
	loop
	events   int
	start    string
	returned atomic.Int64
	resume   chan struct{}
	hearers  []*hearer
	group    sync.WaitGroup
}

type hearer struct {
	stalled bool
	last    string
	heard   int
	fault   error
}

const stalledShare = 10

func (w *stalls) prepare() error {
	w.o.workers = min(w.o.workers, 8)
	w.events = int(w.o.rate * w.o.seconds)
	w.resume = make(chan struct{})
	if err := w.populate("stall", w.o.workers); err != nil {
		return err
	}
	var err error
	if w.start, err = w.newest(); err != nil {
		return err
	}
	for number := range w.o.watchers {
		one := &hearer{stalled: number%stalledShare == 0, last: w.start}
		client := w.clients[w.o.connections+number/w.o.streams]
		body, err := w.watch(client, one.last)
		if err != nil {
			return fmt.Errorf("watch %d: %w", number, err)
		}
		w.hearers = append(w.hearers, one)
		w.group.Add(1)
		go w.hear(client, one, body)
	}
	return nil
}

func (w *stalls) watch(c *client, revision string) (io.ReadCloser, error) {
	path := fmt.Sprintf("%s?watch=true&timeoutSeconds=600&resourceVersion=%s", w.path(""), revision)
	response, err := c.open("GET", path, "", nil)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s", response.Status)
	}
	return response.Body, nil
}

func (w *stalls) hear(c *client, one *hearer, body io.ReadCloser) {
	defer w.group.Done()
	if one.stalled {
		<-w.resume
	}
	for {
		ended := w.read(one, body)
		body.Close()
		if ended || one.fault != nil {
			return
		}
		w.returned.Add(1)
		var err error
		if body, err = w.watch(c, one.last); err != nil {
			one.fault = err
			return
		}
	}
}

// read follows one stream and says whether all events have been heard.
func (w *stalls) read(one *hearer, body io.Reader) bool {
	reader := bufio.NewReaderSize(body, 64<<10)
	for one.heard < w.events {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return false
		}
		if !bytes.Contains(line, typeOfEvent) {
			one.fault = fmt.Errorf("instead of an event: %.200s", line)
			return false
		}
		_, rest, _ := bytes.Cut(line, []byte(`"resourceVersion":"`))
		text, _, _ := bytes.Cut(rest, []byte(`"`))
		if !later(string(text), one.last) {
			one.fault = fmt.Errorf("revision %s after %s", text, one.last)
			return false
		}
		one.last = string(text)
		one.heard++
	}
	return true
}

func later(one, other string) bool {
	left, _ := strconv.ParseUint(one, 10, 64)
	right, _ := strconv.ParseUint(other, 10, 64)
	return left > right
}

// run writes at the wanted rate to the end, lets the stalled ones go on at
// two thirds of the way, and waits until all have heard everything.
func (w *stalls) run() (*result, error) {
	started := time.Now()
	w.o.count = w.events
	w.o.seconds *= 4
	var resumed sync.Once
	w.pace = func(number int) {
		time.Sleep(time.Until(started.Add(time.Duration(float64(number) / w.o.rate * float64(time.Second)))))
		if number > w.events*2/3 {
			resumed.Do(func() { close(w.resume) })
		}
	}
	measured := w.measure(func(c *client, worker, _ int) error {
		_, err := c.send("PATCH", w.path(w.name("stall", worker))+"/status", mergePatch, statusPatch("running"), 200)
		return err
	})
	if measured.Operations < w.events {
		return nil, fmt.Errorf("only %d of %d writes: %s", measured.Operations, w.events, measured.FirstError)
	}
	done := make(chan struct{})
	go func() {
		w.group.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(120 * time.Second):
		return nil, fmt.Errorf("not every watch heard of every write")
	}
	for number, one := range w.hearers {
		if one.fault != nil {
			return nil, fmt.Errorf("watch %d: %w", number, one.fault)
		}
	}
	measured.Units, measured.Unit = w.events*w.o.watchers, "event"
	measured.Seconds = time.Since(started).Seconds()
	measured.Returned = int(w.returned.Load())
	return measured, nil
}
