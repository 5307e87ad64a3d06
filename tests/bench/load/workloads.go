package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"sync/atomic"
)

// creates makes one object an operation.
type creates struct{ loop }

func (w *creates) prepare() error { return nil }

func (w *creates) run() (*result, error) {
	return w.measure(func(c *client, _, number int) error {
		_, err := c.send("POST", w.path(""), "application/json", query(w.name("create", number)), 201)
		return err
	}), nil
}

// statuses patches the status of one of a few objects, each worker its own.
type statuses struct{ loop }

func (w *statuses) prepare() error {
	if err := w.populate("status", w.o.workers); err != nil {
		return err
	}
	return w.each(func(c *client, worker int) error {
		for number := range w.o.managers {
			path := w.path(w.name("status", worker)) + fmt.Sprintf("?fieldManager=owner-%d", number)
			patch := fmt.Appendf(nil, `{"metadata":{"labels":{"owner-%d":"mine"}}}`, number)
			if _, err := c.send("PATCH", path, mergePatch, patch, 200); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *statuses) run() (*result, error) {
	return w.measure(func(c *client, worker, _ int) error {
		path := w.path(w.name("status", worker)) + "/status"
		_, err := c.send("PATCH", path, mergePatch, statusPatch("running"), 200)
		return err
	}), nil
}

// lifecycles is a query's whole life: created, three status writes, deleted.
type lifecycles struct{ loop }

func (w *lifecycles) prepare() error { return nil }

func (w *lifecycles) run() (*result, error) {
	return w.measure(func(c *client, _, number int) error {
		name := w.name("life", number)
		if _, err := c.send("POST", w.path(""), "application/json", query(name), 201); err != nil {
			return err
		}
		for _, phase := range []string{"provisioning", "running", "done"} {
			if _, err := c.send("PATCH", w.path(name)+"/status", mergePatch, statusPatch(phase), 200); err != nil {
				return err
			}
		}
		_, err := c.send("DELETE", w.path(name), "", nil, 200)
		return err
	}), nil
}

// gets reads objects, each worker all of them in turn.
type gets struct{ loop }

func (w *gets) prepare() error { return w.populate("get", w.o.objects) }

func (w *gets) run() (*result, error) {
	return w.measure(func(c *client, _, number int) error {
		_, err := c.drain(w.path(w.name("get", number%w.o.objects)))
		return err
	}), nil
}

// lists reads a whole collection, in pages when there is a limit.
type lists struct {
	loop
	limit int
	found atomic.Int64
	bytes atomic.Int64
}

func (w *lists) prepare() error {
	count, err := w.count()
	if err != nil || count >= w.o.objects {
		return err
	}
	return w.populate("list", w.o.objects-count)
}

// count says how many objects are there already, so that runs can share them.
func (w *lists) count() (int, error) {
	var page struct {
		Metadata struct {
			Remaining *int `json:"remainingItemCount"`
		} `json:"metadata"`
		Items []json.RawMessage `json:"items"`
	}
	data, err := w.clients[0].send("GET", w.path("")+"?limit=1", "", nil, 200)
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(data, &page); err != nil {
		return 0, err
	}
	if page.Metadata.Remaining != nil {
		return len(page.Items) + *page.Metadata.Remaining, nil
	}
	return len(page.Items), nil
}

func (w *lists) run() (*result, error) {
	count, err := w.count()
	if err != nil {
		return nil, err
	}
	// A few at a time: this measures the price of an object, not a queue.
	w.o.workers = min(w.o.workers, 2)
	measured := w.measure(func(c *client, _, _ int) error {
		if w.limit == 0 {
			size, err := c.drain(w.path(""))
			w.bytes.Add(size)
			return err
		}
		return w.pages(c)
	})
	measured.Units, measured.Unit = measured.Operations*count, "object"
	measured.Bytes = w.bytes.Load()
	return measured, nil
}

func (w *lists) pages(c *client) error {
	token := ""
	for {
		path := fmt.Sprintf("%s?limit=%d&continue=%s", w.path(""), w.limit, url.QueryEscape(token))
		data, err := c.send("GET", path, "", nil, 200)
		if err != nil {
			return err
		}
		w.bytes.Add(int64(len(data)))
		// Only metadata is wanted of a page of a megabyte, and it may stand before or after the items.
		var page struct {
			Metadata struct {
				Continue string `json:"continue"`
			} `json:"metadata"`
		}
		if err := json.Unmarshal(data, &page); err != nil {
			return err
		}
		if token = page.Metadata.Continue; token == "" {
			return nil
		}
	}
}
