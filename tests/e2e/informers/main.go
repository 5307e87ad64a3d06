// Informers of several makes over one kubeconfig.  For each line on standard input, a JSON document on
// standard output tells what their caches hold, how that differs from a list of the server right now, what
// their handlers were told, and every list and watch that they have asked for.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// report is what a line of input is answered with.
type report struct {
	Synced    bool                      `json:"synced"`
	Informers map[string]informerReport `json:"informers"`
}

func main() {
	through := flag.String("kubeconfig", "", "how the informers reach the server")
	direct := flag.String("direct", "", "how the lists to compare with reach the server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *through, *direct); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, through, direct string) error {
	observed, err := config(through)
	if err != nil {
		return err
	}
	plain, err := config(direct)
	if err != nil {
		return err
	}
	subjects, err := makeSubjects(observed, plain)
	if err != nil {
		return err
	}
	for _, one := range subjects {
		go one.informer.RunWithContext(ctx)
	}
	lines := bufio.NewScanner(os.Stdin)
	encoder := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		answer := report{Synced: true, Informers: map[string]informerReport{}}
		for _, one := range subjects {
			answer.Synced = answer.Synced && one.informer.HasSynced()
			answer.Informers[one.name] = one.report(ctx, lines.Text() == "compare")
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func config(path string) (*rest.Config, error) {
	found, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, err
	}
	found.QPS = -1
	return found, nil
}
