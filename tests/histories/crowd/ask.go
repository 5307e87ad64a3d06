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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	timeout  = 5 * time.Second
	rest     = 50 * time.Millisecond
	page     = 3
	sensible = 0.7
	// Clients that only write mostly do so to an object of their own, so that most writes succeed.
	own  = 0.9
	mark = "MARK"

	plain = "application/json"
	merge = "application/merge-patch+json"
	apply = "application/apply-patch+yaml"
)

var (
	verbs   = []string{"get", "list", "create", "update", "delete", "apply", "status"}
	weights = []int{25, 10, 13, 26, 6, 10, 10}
)

// operation is one request, or a list in pages, and what came of it; code is 0 when nothing came.
type operation struct {
	Client   int               `json:"client"`
	Verb     string            `json:"verb"`
	Key      string            `json:"key"`
	Start    int64             `json:"start"`
	End      int64             `json:"end"`
	Code     int               `json:"code"`
	Mark     string            `json:"mark"`
	Expected int64             `json:"expected"`
	Minimum  *int64            `json:"minimum"`
	Exact    bool              `json:"exact"`
	Answers  []json.RawMessage `json:"answers"`
}

// state is what a client knows of an object.
type state struct {
	revision   int64
	generation int64
}

// client is one that asks. It stays with a replica while that answers.
type client struct {
	*configuration
	number     int
	dice       *rand.Rand
	weights    []int
	replica    int
	ways       []*http.Transport
	known      map[string]state
	operations []*operation
}

func ask(c *configuration, told *bufio.Reader, record string) error {
	found, err := identities(c.Endpoints)
	if err != nil {
		return err
	}
	var ended atomic.Bool
	clients := make([]*client, len(c.Numbers))
	var group sync.WaitGroup
	for place, number := range c.Numbers {
		one := &client{configuration: c, number: number, dice: c.dice("client", number), known: map[string]state{}}
		one.replica = number % len(c.Endpoints)
		one.weights = append(one.weights, weights...)
		if c.Writing {
			one.weights[0], one.weights[1] = 0, 0
		}
		for _, identity := range found {
			one.ways = append(one.ways, way(identity, number%2 == 1))
		}
		clients[place] = one
		group.Go(func() { one.askOn(&ended) })
	}
	fmt.Println("asking")
	_, _ = told.ReadBytes('\n')
	ended.Store(true)
	group.Wait()
	fmt.Println("at rest")
	return writeOperations(record, clients)
}

func (c *client) askOn(ended *atomic.Bool) {
	period := time.Duration(float64(time.Second) / c.Rate)
	due := time.Now()
	for {
		time.Sleep(time.Until(due))
		if ended.Load() {
			return
		}
		// Who was held up makes up for no more than a second.
		if late := time.Now().Add(-time.Second); due.Before(late) {
			due = late
		}
		due = due.Add(period)
		c.ask()
	}
}

func (c *client) ask() {
	place := c.place()
	kind := c.Kinds[place%len(c.Kinds)]
	place /= len(c.Kinds)
	collection := kind.Plural + "/" + c.Namespaces[place%len(c.Namespaces)]
	key := collection + "/" + c.Names[place/len(c.Namespaces)]
	one := &operation{Client: c.number, Verb: c.verb(key, kind), Key: key}
	c.operations = append(c.operations, one)
	if one.Verb == "list" {
		one.Key = collection
		c.list(one, kind)
	} else {
		c.askForObject(one, kind)
	}
	if one.Code == 0 || one.Code == http.StatusTooManyRequests || one.Code >= 500 {
		c.ways[c.replica].CloseIdleConnections()
		c.replica = c.dice.IntN(len(c.Endpoints))
		time.Sleep(rest)
	}
}

// place is that of an object among all.
func (c *client) place() int {
	all := len(c.Kinds) * len(c.Namespaces) * len(c.Names)
	if c.Writing && c.dice.Float64() < own {
		return c.number % all
	}
	return c.dice.IntN(all)
}

// verb is what to do with a key: mostly what can be done by what is known of it.
func (c *client) verb(key string, kind kind) string {
	verb := c.anyVerb()
	found, known := c.known[key]
	if verb != "list" && verb != "apply" && c.dice.Float64() < sensible {
		if !known {
			return "create"
		}
		if verb == "create" {
			verb = "update"
		}
	}
	if verb == "status" && (kind.Status == "" || known && found.revision == 0) {
		return "update"
	}
	if verb == "status" && !known {
		return "get"
	}
	return verb
}

func (c *client) anyVerb() string {
	sum := 0
	for _, weight := range c.weights {
		sum += weight
	}
	left := c.dice.IntN(sum)
	for place, weight := range c.weights {
		if left -= weight; left < 0 {
			return verbs[place]
		}
	}
	return verbs[0]
}

func (c *client) askForObject(one *operation, kind kind) {
	known := c.known[one.Key]
	one.Mark = fmt.Sprintf("%d-%d", c.number, len(c.operations))
	switch one.Verb {
	case "get":
		one.Mark, one.Minimum = "", c.minimum()
		c.send(one, "GET", c.path(one, kind)+query(one.Minimum), "", nil)
	case "create":
		path, _ := c.split(one, kind)
		c.send(one, "POST", path, plain, c.object(one, kind))
	case "update":
		c.expect(one, known, 0.6)
		// A custom resource cannot be replaced without a resourceVersion, but patched.
		if one.Expected != 0 {
			c.send(one, "PUT", c.path(one, kind), plain, c.object(one, kind))
		} else {
			c.send(one, "PATCH", c.path(one, kind), merge, c.object(one, kind))
		}
	case "apply":
		path := fmt.Sprintf("%s?fieldManager=client-%d&force=true", c.path(one, kind), c.number)
		c.send(one, "PATCH", path, apply, c.object(one, kind))
	case "status":
		// An update of nothing but the status, of an object as it is known.
		one.Verb, one.Expected = "update", known.revision
		status := strings.Replace(kind.Status, mark, fmt.Sprintf("%s@%d", one.Mark, known.generation), 1)
		body := fmt.Appendf(nil, `{"metadata":{"resourceVersion":"%d"},"status":%s}`, known.revision, status)
		c.send(one, "PATCH", c.path(one, kind)+"/status", merge, body)
	case "delete":
		c.expect(one, known, 0.4)
		one.Mark = ""
		var body []byte
		if one.Expected != 0 {
			body = fmt.Appendf(nil, `{"preconditions":{"resourceVersion":"%d"}}`, one.Expected)
		}
		c.send(one, "DELETE", c.path(one, kind), plain, body)
	}
}

// expect has a write find what is known, some of the time.
func (c *client) expect(one *operation, known state, share float64) {
	if c.dice.Float64() < share {
		one.Expected = known.revision
	}
}

func (c *client) list(one *operation, kind kind) {
	form := choose(c.dice, []string{"fresh", "fresh", "fresh", "paged", "loose", "exact"})
	if form == "loose" || form == "exact" {
		one.Minimum = c.minimum()
	}
	path, _ := c.split(one, kind)
	text := query(one.Minimum)
	if form == "exact" && one.Minimum != nil && *one.Minimum > 0 {
		one.Exact = true
		text += "&resourceVersionMatch=Exact"
	}
	if form == "paged" {
		text = fmt.Sprintf("?limit=%d", page)
	}
	next := c.send(one, "GET", path+text, "", nil)
	for next != "" {
		next = c.send(one, "GET", fmt.Sprintf("%s?limit=%d&continue=%s", path, page, next), "", nil)
	}
}

// send asks for something, and remembers what came; it returns the token for what follows, if it was a page.
//
// Nothing is sent twice: what was not answered must stay one write of unknown outcome. (A transport repeats by itself
// what it could not write at all, or what changes nothing.)
func (c *client) send(one *operation, method, path, content string, body []byte) string {
	if one.Start == 0 {
		one.Start = moment()
	}
	code, answer, err := c.exchange(method, path, content, body)
	one.Code = code
	if one.End == 0 {
		// A list's revision is there with its first page.
		one.End = moment()
	}
	if err != nil {
		one.Code = 0
		return ""
	}
	one.Answers = append(one.Answers, answer)
	if code == http.StatusNotFound || (method == "DELETE" && code < 300) {
		delete(c.known, one.Key)
	}
	if code == http.StatusConflict {
		// It is there, whatever it is by now.
		c.known[one.Key] = state{}
	}
	if code >= 300 {
		return ""
	}
	return c.learn(one, answer)
}

// learn remembers what an answer tells of an object.
func (c *client) learn(one *operation, answer []byte) string {
	var told struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
			Generation      int64  `json:"generation"`
			Continue        string `json:"continue"`
		} `json:"metadata"`
	}
	if json.Unmarshal(answer, &told) != nil || one.Verb == "delete" {
		return ""
	}
	revision, err := strconv.ParseInt(told.Metadata.ResourceVersion, 10, 64)
	if err == nil && one.Verb != "list" {
		c.known[one.Key] = state{revision, told.Metadata.Generation}
	}
	return told.Metadata.Continue
}

func (c *client) exchange(method, path, content string, body []byte) (int, []byte, error) {
	limited, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	url := c.Endpoints[c.replica].URL + path
	request, err := http.NewRequestWithContext(limited, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", content)
	}
	response, err := c.ways[c.replica].RoundTrip(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && !json.Valid(answer) {
		answer, err = json.Marshal(string(answer))
	}
	return response.StatusCode, answer, err
}

// split is the path of a key's collection, and what follows it.
func (c *client) split(one *operation, kind kind) (string, string) {
	parts := strings.SplitN(one.Key, "/", 3)
	return fmt.Sprintf("%s/namespaces/%s/%s", kind.Collection, parts[1], kind.Plural), parts[len(parts)-1]
}

func (c *client) path(one *operation, kind kind) string {
	collection, name := c.split(one, kind)
	return collection + "/" + name
}

func (c *client) object(one *operation, kind kind) []byte {
	_, name := c.split(one, kind)
	metadata := fmt.Sprintf(`"name":%q`, name)
	if c.dice.Float64() < 0.7 {
		metadata += fmt.Sprintf(`,"labels":{"team":%q}`, choose(c.dice, c.Teams))
	}
	if one.Expected != 0 {
		metadata += fmt.Sprintf(`,"resourceVersion":"%d"`, one.Expected)
	}
	spec := strings.Replace(kind.Spec, mark, one.Mark, 1)
	return fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{%s},"spec":%s}`, kind.APIVersion, kind.Kind, metadata, spec)
}

// minimum is which resourceVersion a read asks for: none, any, or one that is known.
func (c *client) minimum() *int64 {
	var newest, any int64
	for _, one := range c.known {
		newest = max(newest, one.revision)
	}
	return choose(c.dice, []*int64{nil, nil, &any, &newest})
}

func query(minimum *int64) string {
	if minimum == nil {
		return ""
	}
	return fmt.Sprintf("?resourceVersion=%d", *minimum)
}

func writeOperations(path string, clients []*client) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	lines := json.NewEncoder(out)
	for _, client := range clients {
		for _, one := range client.operations {
			if err := lines.Encode(one); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}
