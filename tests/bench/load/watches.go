package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// watches opens many watches of one collection. Idle, it only holds them until
// standard input ends; otherwise it writes, and measures when each watch hears
// of each write.
type watches struct {
	loop
	idle   bool
	heard  sync.WaitGroup
	mutex  sync.Mutex
	delays []time.Duration
	bodies []io.Closer
	events int
}

var (
	typeOfEvent = []byte(`"type":"MODIFIED"`)
	stampPrefix = []byte(`"duration":"`)
)

func (w *watches) prepare() error {
	if !w.idle {
		w.o.workers = min(w.o.workers, 8)
		w.events = min(w.o.count, 1000)
		if err := w.populate("watch", w.o.workers); err != nil {
			return err
		}
	}
	start, err := w.newest()
	if err != nil {
		return err
	}
	for number := range w.o.watchers {
		c := w.clients[w.o.connections+number/w.o.streams]
		path := fmt.Sprintf("%s?watch=true&allowWatchBookmarks=true&timeoutSeconds=600&resourceVersion=%s", w.path(""), start)
		response, err := c.open("GET", path, "", nil)
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("watch %d: %s", number, response.Status)
		}
		w.bodies = append(w.bodies, response.Body)
		w.heard.Add(1)
		go w.listen(response.Body)
	}
	return nil
}

// newest is the revision of the collection as it is now.
func (l *loop) newest() (string, error) {
	data, err := l.clients[0].send("GET", l.path("")+"?limit=1", "", nil, 200)
	if err != nil {
		return "", err
	}
	_, rest, found := bytes.Cut(data, []byte(`"resourceVersion":"`))
	// Items carry one too: the list's own is the largest number there is.
	largest := 0
	for found {
		text, after, _ := bytes.Cut(rest, []byte(`"`))
		if number, err := strconv.Atoi(string(text)); err == nil {
			largest = max(largest, number)
		}
		_, rest, found = bytes.Cut(after, []byte(`"resourceVersion":"`))
	}
	return strconv.Itoa(largest), nil
}

// listen counts a watch's events until it has heard of all of them.
func (w *watches) listen(body io.Reader) {
	defer w.heard.Done()
	reader := bufio.NewReaderSize(body, 64<<10)
	delays := make([]time.Duration, 0, w.events)
	for w.idle || len(delays) < w.events {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			break
		}
		if !bytes.Contains(line, typeOfEvent) {
			continue
		}
		if sent, ok := stamp(line); ok {
			delays = append(delays, time.Since(time.Unix(0, sent)))
		}
	}
	w.mutex.Lock()
	w.delays = append(w.delays, delays...)
	w.mutex.Unlock()
}

// stamp is the time that the writer put into the object.
func stamp(line []byte) (int64, bool) {
	_, rest, found := bytes.Cut(line, stampPrefix)
	text, _, ended := bytes.Cut(rest, []byte("ns"))
	if !found || !ended {
		return 0, false
	}
	sent, err := strconv.ParseInt(string(text), 10, 64)
	return sent, err == nil
}

func (w *watches) run() (*result, error) {
	if w.idle {
		_, _ = io.Copy(io.Discard, os.Stdin)
		measured := summarize(w.o.workload, nil, time.Second)
		measured.Units, measured.Unit = w.o.watchers, "watch"
		return measured, nil
	}
	w.o.count = w.events
	started := time.Now()
	written := w.measure(func(c *client, worker, _ int) error {
		_, err := c.send("PATCH", w.path(w.name("watch", worker))+"/status", mergePatch, statusPatch("running"), 200)
		return err
	})
	if written.Operations < w.events {
		for _, body := range w.bodies {
			_ = body.Close()
		}
		return nil, fmt.Errorf("only %d of %d writes in time: %s", written.Operations, w.events, written.FirstError)
	}
	if !w.waitHeard() {
		return nil, fmt.Errorf("not every watch heard of every write")
	}
	measured := summarize(w.o.workload, w.delays, time.Since(started))
	measured.Operations, measured.Unit = written.Operations, "event"
	measured.Units = len(w.delays)
	return measured, nil
}

func (w *watches) waitHeard() bool {
	done := make(chan struct{})
	go func() {
		w.heard.Wait()
		close(done)
	}()
	select {
	case <-done:
		return len(w.delays) == w.events*w.o.watchers
	case <-time.After(60 * time.Second):
		return false
	}
}
