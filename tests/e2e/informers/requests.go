package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// request is a list or a watch, and how it ended.
type request struct {
	Verb    string  `json:"verb"`
	From    string  `json:"from"`
	Page    bool    `json:"page"`
	Start   float64 `json:"start"`
	End     float64 `json:"end"`
	Code    int     `json:"code"`
	Refused bool    `json:"refused"`
	Error   string  `json:"error"`
	Events  int     `json:"events"`
	Initial float64 `json:"initial"`
	Told    string  `json:"told"`
	Last    string  `json:"last"`
}

// requestLog keeps the requests of one informer in the order in which they began.
type requestLog struct {
	lock     sync.Mutex
	requests []*request
}

func (l *requestLog) begin(verb string, r *http.Request) *request {
	query := r.URL.Query()
	made := &request{
		Verb:  verb,
		From:  query.Get("resourceVersion"),
		Page:  query.Get("continue") != "",
		Start: now(),
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	l.requests = append(l.requests, made)
	return made
}

func (l *requestLog) change(change func()) {
	l.lock.Lock()
	defer l.lock.Unlock()
	change()
}

func (l *requestLog) take() []request {
	l.lock.Lock()
	defer l.lock.Unlock()
	taken := make([]request, len(l.requests))
	for index, one := range l.requests {
		taken[index] = *one
	}
	return taken
}

// recorder passes requests on and writes them down.
type recorder struct {
	next http.RoundTripper
	log  *requestLog
}

func (r *recorder) RoundTrip(asked *http.Request) (*http.Response, error) {
	query := asked.URL.Query()
	verb := "list"
	switch {
	case query.Get("watch") == "true" && query.Get("sendInitialEvents") == "true":
		verb = "watchlist"
	case query.Get("watch") == "true":
		verb = "watch"
	case query.Get("resourceVersionMatch") == "Exact":
		verb = "check"
	}
	made := r.log.begin(verb, asked)
	response, err := r.next.RoundTrip(asked)
	r.log.change(func() {
		if err != nil {
			made.End, made.Error = now(), err.Error()
			made.Refused = errors.Is(err, syscall.ECONNREFUSED)
			return
		}
		made.Code = response.StatusCode
	})
	if err == nil {
		response.Body = &body{ReadCloser: response.Body, log: r.log, made: made}
	}
	return response, err
}

var (
	ending  = []byte(`"k8s.io/initial-events-end"`)
	failing = []byte(`{"type":"ERROR"`)
	version = regexp.MustCompile(`"resourceVersion":"(\d+)"`)
)

// body writes down what comes of a response.
type body struct {
	io.ReadCloser
	log  *requestLog
	made *request
	line []byte
}

func (b *body) Read(into []byte) (int, error) {
	count, err := b.ReadCloser.Read(into)
	b.log.change(func() {
		b.see(into[:count])
		if err != nil && b.made.End == 0 {
			b.made.End = now()
			if err != io.EOF {
				b.made.Error = err.Error()
			}
		}
	})
	return count, err
}

func (b *body) see(data []byte) {
	if !strings.HasPrefix(b.made.Verb, "watch") || b.made.Code != http.StatusOK {
		return
	}
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			b.line = append(b.line, data...)
			return
		}
		b.event(append(b.line, data[:end]...))
		b.line = b.line[:0]
		data = data[end+1:]
	}
}

func (b *body) event(line []byte) {
	b.made.Events++
	if bytes.Contains(line, ending) {
		// What follows is to client-go a watch of its own.
		b.made.Initial, b.made.Events = now(), 0
	}
	if bytes.HasPrefix(line, failing) {
		b.made.Told = string(line)
		return
	}
	// The first one is the object's own: it stands before all that clients write.
	if found := version.FindSubmatch(line); found != nil {
		b.made.Last = string(found[1])
	}
}

func (b *body) Close() error {
	b.log.change(func() {
		if b.made.End == 0 {
			b.made.End, b.made.Error = now(), "closed by the client"
		}
	})
	return b.ReadCloser.Close()
}

func now() float64 {
	return float64(time.Now().UnixNano()) / 1e9
}
