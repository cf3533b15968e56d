// A server and a client of HTTPS, for bench/tls.sh.
//
//	tls serve CERTIFICATE KEY PORT...         /small is 1 KiB, /big as many MiB as it is asked for
//	tls measure HOST OPENED DIRECT MIB [h2]   what it costs that port OPENED is intercepted and DIRECT is not
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strconv"
	"time"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func serve(certificate, key string, ports []string) {
	http.HandleFunc("/small", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1024)) })
	http.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) {
		piece := make([]byte, 1<<20)
		for left := must(strconv.Atoi(r.URL.RawQuery)); left > 0; left-- {
			w.Write(piece)
		}
	})
	for _, port := range ports[1:] {
		go http.ListenAndServeTLS("127.0.0.1:"+port, certificate, key, nil)
	}
	must(0, http.ListenAndServeTLS("127.0.0.1:"+ports[0], certificate, key, nil))
}

// get reads all of an answer, and tells how long that took.
func get(client *http.Client, url string) time.Duration {
	begin := time.Now()
	answer := must(client.Get(url))
	must(io.Copy(io.Discard, answer.Body))
	answer.Body.Close()
	if answer.StatusCode != 200 {
		fmt.Fprintln(os.Stderr, url, answer.Status)
		os.Exit(1)
	}
	return time.Since(begin)
}

func median(times []time.Duration) time.Duration {
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	return times[len(times)/2]
}

// client that keeps its connection, or has a new one for each request, in HTTP/2 if it is to and else in HTTP/1.1.
func client(roots *x509.CertPool, kept, two bool) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DisableKeepAlives: !kept,
		ForceAttemptHTTP2: two,
	}}
}

func measure(host string, ports [2]string, mib int, two bool) {
	roots := must(x509.SystemCertPool())
	if pem, err := os.ReadFile("/server.pem"); err == nil {
		roots.AppendCertsFromPEM(pem)
	}
	var kept, fresh, stream [2][]time.Duration
	var clients [2]*http.Client
	for i := range clients {
		clients[i] = client(roots, true, two)
	}
	url := func(i int, path string) string { return "https://" + host + ":" + ports[i] + path }
	for round := 0; round < 300; round++ { // in turns
		for i := range clients {
			kept[i] = append(kept[i], get(clients[i], url(i, "/small")))
			if round < 60 {
				fresh[i] = append(fresh[i], get(client(roots, false, two), url(i, "/small")))
			}
			if round < 5 {
				stream[i] = append(stream[i], get(clients[i], url(i, "/big?"+strconv.Itoa(mib))))
			}
		}
	}
	show := func(what string, opened, direct float64, unit string) {
		fmt.Printf("%-34s opened %8.0f %-5s  direct %8.0f %-5s  %5.2f\n", what, opened, unit, direct, unit, opened/direct)
	}
	us := func(times []time.Duration) float64 { return float64(median(times).Microseconds()) }
	rate := func(times []time.Duration) float64 { return float64(mib) / median(times).Seconds() }
	show("1 KiB on a kept connection", us(kept[0]), us(kept[1]), "us")
	show("1 KiB on a new connection", us(fresh[0]), us(fresh[1]), "us")
	show("streaming", rate(stream[0]), rate(stream[1]), "MiB/s")
}

func main() {
	if os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3], os.Args[4:])
	}
	measure(os.Args[2], [2]string{os.Args[3], os.Args[4]}, must(strconv.Atoi(os.Args[5])), len(os.Args) > 6)
}
