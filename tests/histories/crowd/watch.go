package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Those that share connections are many to each.
	shared = 2
	pause  = 100 * time.Millisecond
	waited = 60 * time.Second

	// A watch is left after so long, counted from its answer: who leaves a server that is late comes back to one
	// that has the same to do again.
	shortest, longest = 200 * time.Millisecond, 5 * time.Second
)

// heard is when a line came.
type heard struct {
	line   int
	moment int64
}

// connection is one watch; after is 0 for one that began with what there was.
type connection struct {
	watcher, selection, replica int
	after, started              int64
	heard                       []heard
}

// audience is what watchers share.
type audience struct {
	*configuration
	lines lines
	own   []*http.Transport
	ways  [][shared]*http.Transport
	until atomic.Pointer[[]int64]
	// asked ends when it is known how far to hear, so that everybody looks.
	asked    context.Context
	deadline context.Context
}

// watcher is one that watches, is cut off, and comes back somewhere else.
type watcher struct {
	*audience
	number, selection int
	dice              *rand.Rand
	places            []int64
	connections       []*connection
}

func watch(c *configuration, told *bufio.Reader, record string) error {
	all, err := assemble(c)
	if err != nil {
		return err
	}
	var know, giveUp func()
	all.asked, know = context.WithCancel(context.Background())
	all.deadline, giveUp = context.WithCancel(context.Background())
	watchers := make([]*watcher, len(c.Numbers))
	var group sync.WaitGroup
	failures := make(chan error, len(watchers))
	for place, number := range c.Numbers {
		one := &watcher{audience: all, number: number, selection: number % len(c.Selections), dice: c.dice("watcher", number)}
		watchers[place] = one
		group.Go(func() {
			if err := one.watchOn(); err != nil {
				failures <- err
			}
		})
	}
	go func() {
		until := make([]int64, len(c.Selections))
		text, err := told.ReadBytes('\n')
		if err != nil || json.Unmarshal(text, &until) != nil {
			giveUp()
		}
		all.until.Store(&until)
		know()
		time.AfterFunc(waited, giveUp)
	}()
	group.Wait()
	close(failures)
	if err := <-failures; err != nil {
		return err
	}
	if err := all.lines.write(record + ".lines"); err != nil {
		return err
	}
	return writeConnections(record, watchers)
}

func assemble(c *configuration) (*audience, error) {
	found, err := identities(c.Endpoints)
	if err != nil {
		return nil, err
	}
	all := &audience{configuration: c, lines: lines{known: map[string]*line{}}}
	for _, identity := range found {
		own := way(identity, false)
		own.DisableKeepAlives = true
		all.own = append(all.own, own)
		var ways [shared]*http.Transport
		for place := range ways {
			ways[place] = way(identity, true)
		}
		all.ways = append(all.ways, ways)
	}
	return all, nil
}

func (w *watcher) watchOn() error {
	for !w.over() {
		ended, err := w.sit()
		if err != nil {
			return err
		}
		if !ended {
			time.Sleep(pause)
		}
	}
	return nil
}

// over says whether everything was heard, or it took too long.
func (w *watcher) over() bool {
	until := w.until.Load()
	if until == nil {
		return false
	}
	return w.deadline.Err() != nil || (len(w.places) > 0 && w.places[len(w.places)-1] >= (*until)[w.selection])
}

// after is where to go on: nearly always the last place, sometimes one before, seldom from what there is.
func (w *watcher) after() int64 {
	if len(w.places) == 0 || w.dice.Float64() < 0.05 {
		w.places = w.places[:0]
		return 0
	}
	if w.dice.Float64() < 0.1 {
		w.places = w.places[:w.dice.IntN(len(w.places))+1]
	}
	return w.places[len(w.places)-1]
}

// sit watches once, and says whether the watch came to its end or was left, and did not fail.
func (w *watcher) sit() (bool, error) {
	replica := w.dice.IntN(len(w.Endpoints))
	transport := w.own[replica]
	if w.dice.IntN(2) == 0 {
		transport = w.ways[replica][w.dice.IntN(shared)]
	}
	until := w.deadline
	if w.until.Load() == nil {
		until = w.asked
	}
	sitting, leave := context.WithCancel(until)
	defer leave()
	leaving := time.AfterFunc(longest, leave)
	defer leaving.Stop()
	one := &connection{watcher: w.number, selection: w.selection, replica: replica, after: w.after(), started: moment()}
	w.connections = append(w.connections, one)
	answer, err := w.open(sitting, transport, one)
	if err != nil {
		return sitting.Err() != nil, nil
	}
	defer answer.Body.Close()
	leaving.Reset(shortest + time.Duration(w.dice.Int64N(int64(longest-shortest))))
	if answer.StatusCode != http.StatusOK {
		failed := fmt.Appendf(nil, `{"type":"FAILED","object":{"code":%d}}`, answer.StatusCode)
		_, err := w.take(one, failed)
		return false, err
	}
	return w.listen(sitting, one, answer.Body)
}

func (w *watcher) open(sitting context.Context, transport *http.Transport, one *connection) (*http.Response, error) {
	selection := w.Selections[w.selection]
	query := fmt.Sprintf("%s&watch=true&allowWatchBookmarks=true&timeoutSeconds=%d", selection.Query, 3+w.dice.IntN(6))
	if one.after == 0 {
		query += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
	} else {
		query += fmt.Sprintf("&resourceVersion=%d", one.after)
	}
	request, err := http.NewRequestWithContext(sitting, "GET", w.Endpoints[one.replica].URL+selection.Target+"?"+query, nil)
	if err != nil {
		return nil, err
	}
	return transport.RoundTrip(request)
}

func (w *watcher) listen(sitting context.Context, one *connection, body io.Reader) (bool, error) {
	reader := bufio.NewReaderSize(body, 64<<10)
	for {
		text, err := reader.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			return false, fmt.Errorf("an event is too long: %.200q", text)
		}
		if err != nil {
			return err == io.EOF || sitting.Err() != nil, nil
		}
		goOn, err := w.take(one, bytes.TrimSuffix(text, []byte("\n")))
		if err != nil || !goOn {
			return false, err
		}
		if w.over() {
			return true, nil
		}
	}
}

// take remembers an event, and says whether to go on.
func (w *watcher) take(one *connection, text []byte) (bool, error) {
	event, err := w.lines.find(text)
	if err != nil {
		return false, err
	}
	one.heard = append(one.heard, heard{event.number, moment()})
	if event.kind == "ERROR" || event.kind == "FAILED" {
		if event.code == http.StatusGone {
			w.places = w.places[:0]
		}
		return false, nil
	}
	if one.after != 0 || event.initialEnd || len(w.places) > 0 {
		w.places = append(w.places, event.revision)
	}
	return true, nil
}

// writeConnections puts down each as a list: watcher, selection, replica, after, started, and the numbers and the
// moments of the lines.
func writeConnections(path string, watchers []*watcher) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriterSize(file, 1<<20)
	for _, watcher := range watchers {
		for _, one := range watcher.connections {
			fmt.Fprintf(out, "[%d,%d,%d,%d,%d,[", one.watcher, one.selection, one.replica, one.after, one.started)
			for place, each := range one.heard {
				if place > 0 {
					out.WriteByte(',')
				}
				fmt.Fprintf(out, "%d,%d", each.line, each.moment)
			}
			out.WriteString("]]\n")
		}
	}
	return out.Flush()
}
