package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// client is one HTTP/2 connection.
type client struct {
	http   *http.Client
	server string
}

func dial(o options) ([]*client, error) {
	pair, err := tls.LoadX509KeyPair(o.certificate, o.key)
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(o.authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s holds no certificate", o.authority)
	}
	servers := strings.Split(o.server, ",")
	wanted := o.connections
	if o.workload == "watch" || o.workload == "stall" || o.workload == "idle" {
		wanted += (o.watchers + o.streams - 1) / o.streams
	}
	clients := make([]*client, wanted)
	for i := range clients {
		// A transport of its own for each: one transport would put all requests on one connection.
		transport := &http.Transport{
			TLSClientConfig:    &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool},
			ForceAttemptHTTP2:  true,
			DisableCompression: true,
			ReadBufferSize:     64 << 10,
		}
		if o.workload == "stall" {
			// A client that does not read must be felt by the server soon.
			transport.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}
		}
		clients[i] = &client{http: &http.Client{Transport: transport}, server: servers[i%len(servers)]}
	}
	return clients, nil
}

// send does one request and returns the body when its code is one of those wanted.
func (c *client) send(method, path, content string, body []byte, wanted ...int) ([]byte, error) {
	response, err := c.open(method, path, content, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	for _, code := range wanted {
		if response.StatusCode == code {
			return data, nil
		}
	}
	return nil, fmt.Errorf("%s %s: %s: %.300s", method, path, response.Status, data)
}

// drain does one GET and throws the body away; it returns the number of bytes.
func (c *client) drain(path string) (int64, error) {
	response, err := c.open("GET", path, "", nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return io.Copy(io.Discard, response.Body)
}

func (c *client) open(method, path, content string, body []byte) (*http.Response, error) {
	request, err := http.NewRequest(method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "load/1")
	request.Header.Set("Accept", "application/json")
	if content != "" {
		request.Header.Set("Content-Type", content)
	}
	return c.http.Do(request)
}

func (c *client) ensureNamespace(name string) error {
	body := fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, name)
	_, err := c.send("POST", "/api/v1/namespaces", "application/json", []byte(body), 201, 409)
	if err != nil {
		return err
	}
	// Admission looks namespaces up in a cache of its own, which may lag behind.
	for range 100 {
		probe := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"probe-%d"}}`, time.Now().UnixNano())
		path := "/api/v1/namespaces/" + name + "/configmaps?dryRun=All"
		if _, err = c.send("POST", path, "application/json", []byte(probe), 201); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}
