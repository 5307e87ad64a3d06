package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"
)

// A connection on which nothing comes is asked after, and given up.
const (
	silence  = 2 * time.Second
	patience = 2 * time.Second
)

// identity is what connections to a server are encrypted with.
func (e endpoint) identity() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(e.Certificate, e.Key)
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(e.Authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s holds no certificate", e.Authority)
	}
	// One way to agree on keys is enough: each that is offered costs as much as a handshake's signature.
	curves := []tls.CurveID{tls.X25519}
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool, CurvePreferences: curves}, nil
}

func identities(endpoints []endpoint) ([]*tls.Config, error) {
	found := make([]*tls.Config, len(endpoints))
	for number, one := range endpoints {
		identity, err := one.identity()
		if err != nil {
			return nil, err
		}
		found[number] = identity
	}
	return found, nil
}

// way is a transport of its own: requests share no connection with those of other ways.
func way(identity *tls.Config, second bool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!second)
	protocols.SetHTTP2(second)
	return &http.Transport{
		TLSClientConfig:    identity.Clone(),
		Protocols:          protocols,
		HTTP2:              &http.HTTP2Config{SendPingTimeout: silence, PingTimeout: patience},
		DisableCompression: true,
	}
}
