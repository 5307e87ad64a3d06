package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
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
		packed := strings.Contains(response.Header.Get("Content-Type"), "protobuf")
		response.Body = &body{ReadCloser: response.Body, log: r.log, made: made, packed: packed}
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
	log    *requestLog
	made   *request
	packed bool
	rest   []byte
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
	b.rest = append(b.rest, data...)
	for {
		end, next := b.first()
		if next > len(b.rest) || end < 0 {
			return
		}
		if b.packed {
			b.unpack(b.rest[4:end])
		} else {
			b.event(b.rest[:end])
		}
		b.rest = b.rest[next:]
	}
}

// first says where the first event that is not seen yet ends, and where the one after it begins.
func (b *body) first() (int, int) {
	if !b.packed {
		end := bytes.IndexByte(b.rest, '\n')
		return end, end + 1
	}
	if len(b.rest) < 4 {
		return -1, 0
	}
	end := 4 + int(binary.BigEndian.Uint32(b.rest))
	return end, end
}

// unpack takes an event in protobuf for what it is in JSON.
func (b *body) unpack(frame []byte) {
	var event metav1.WatchEvent
	var object runtime.Unknown
	var shown any
	err := event.Unmarshal(frame)
	if err == nil && len(event.Object.Raw) > 4 {
		err = object.Unmarshal(event.Object.Raw[4:])
	}
	if err == nil && event.Type == "ERROR" {
		status := metav1.Status{}
		err, shown = status.Unmarshal(object.Raw), &status
	} else if err == nil {
		metadata := metav1.PartialObjectMetadata{}
		err, shown = metadata.Unmarshal(object.Raw), &metadata
	}
	text, failed := json.Marshal(shown)
	if err = errors.Join(err, failed); err != nil {
		text, _ = json.Marshal(err.Error())
	}
	b.event([]byte(`{"type":"` + event.Type + `","object":` + string(text) + "}"))
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
