// Command load asks one API server for one kind of work, in a closed loop over
// HTTP/2 with a client certificate, and prints what it measured as JSON.
//
// It prepares first and prints {"ready":true}; the measured part begins when a
// line comes on standard input, so that whoever started it can read counters
// of the server right before and right after.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

type options struct {
	server, authority, certificate, key string
	workload, namespace                 string
	connections, workers                int
	seconds, rate                       float64
	count, objects, watchers, streams   int
	managers                            int
}

type workload interface {
	// prepare brings the server into the state that run starts from.
	prepare() error
	// run does the measured work.
	run() (*result, error)
}

func main() {
	if err := work(parse()); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func parse() options {
	var o options
	flag.StringVar(&o.server, "server", "", "base URL; with commas between, of several servers of one store")
	flag.StringVar(&o.authority, "ca", "", "PEM file of the server's authority")
	flag.StringVar(&o.certificate, "cert", "", "PEM file of the client's certificate")
	flag.StringVar(&o.key, "key", "", "PEM file of the client's key")
	flag.StringVar(&o.workload, "workload", "get", "create, status, lifecycle, get, list, pages, watch, stall or idle")
	flag.StringVar(&o.namespace, "namespace", "load", "namespace to work in; made if missing")
	flag.IntVar(&o.connections, "connections", 4, "connections")
	flag.IntVar(&o.workers, "workers", 32, "requests in flight")
	flag.Float64Var(&o.seconds, "seconds", 5, "end after so many seconds")
	flag.Float64Var(&o.rate, "rate", 100, "writes a second, for stall")
	flag.IntVar(&o.count, "count", 1<<20, "end after so many operations")
	flag.IntVar(&o.objects, "objects", 1000, "objects to prepare for get, list and pages")
	flag.IntVar(&o.managers, "managers", 0, "owners of fields that each object of status has besides")
	flag.IntVar(&o.watchers, "watchers", 100, "watches for watch and idle")
	flag.IntVar(&o.streams, "streams", 100, "watches a connection")
	flag.Parse()
	return o
}

func work(o options) error {
	clients, err := dial(o)
	if err != nil {
		return err
	}
	chosen, err := choose(o, clients)
	if err != nil {
		return err
	}
	if err := clients[0].ensureNamespace(o.namespace); err != nil {
		return err
	}
	if err := chosen.prepare(); err != nil {
		return err
	}
	fmt.Println(`{"ready":true}`)
	input := bufio.NewReader(os.Stdin)
	if _, err := input.ReadString('\n'); err != nil {
		return nil
	}
	measured, err := chosen.run()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measured)
}

func choose(o options, clients []*client) (workload, error) {
	base := loop{o: o, clients: clients, stamp: time.Now().UnixNano()}
	switch o.workload {
	case "create":
		return &creates{loop: base}, nil
	case "status":
		return &statuses{loop: base}, nil
	case "lifecycle":
		return &lifecycles{loop: base}, nil
	case "get":
		return &gets{loop: base}, nil
	case "list":
		return &lists{loop: base}, nil
	case "pages":
		return &lists{loop: base, limit: 500}, nil
	case "watch":
		return &watches{loop: base}, nil
	case "stall":
		return &stalls{loop: base}, nil
	case "idle":
		return &watches{loop: base, idle: true}, nil
	}
	return nil, fmt.Errorf("unknown workload %q", o.workload)
}
