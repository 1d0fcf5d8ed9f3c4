package main

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// served starts a server whose handler says when a request is there and answers when it
// may.
func served(t *testing.T, f *faces) (url string, arrived, may chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	arrived, may = make(chan struct{}), make(chan struct{})
	f.serve(&http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-may
		_, _ = io.WriteString(w, "answered")
	})}, l)
	return "http://" + l.Addr().String(), arrived, may
}

type answer struct {
	text string
	err  error
}

func ask(url string) chan answer {
	got := make(chan answer, 1)
	go func() {
		resp, err := http.Get(url)
		if err != nil {
			got <- answer{err: err}
			return
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		got <- answer{string(text), err}
	}()
	return got
}

func TestCloseWaitsForRequests(t *testing.T) {
	var f faces
	url, arrived, may := served(t, &f)
	got := ask(url)
	<-arrived
	closed := make(chan error, 1)
	go func() { closed <- f.close(time.Minute) }()
	select {
	case err := <-closed:
		t.Fatalf("close = %v with a request in flight", err)
	default:
	}
	close(may)
	if err := <-closed; err != nil {
		t.Errorf("close = %v", err)
	}
	if a := <-got; a.err != nil || a.text != "answered" {
		t.Errorf("the request in flight got %+v", a)
	}
	if a := <-ask(url); a.err == nil {
		t.Error("a request after close was answered")
	}
	if err := f.close(0); err != nil {
		t.Errorf("a second close = %v", err)
	}
}

func TestCloseCutsOffWhatTakesTooLong(t *testing.T) {
	var f faces
	url, arrived, may := served(t, &f)
	got := ask(url)
	<-arrived
	if err := f.close(time.Millisecond); err == nil {
		t.Error("close = nil, want an error that says that requests were cut off")
	}
	if a := <-got; a.err == nil {
		t.Errorf("the request in flight got %+v, want an error", a)
	}
	close(may)
}

func TestAServerThatFailsIsToldOf(t *testing.T) {
	var f faces
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.serve(&http.Server{Handler: http.NotFoundHandler()}, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.wait(t.Context()); err == nil {
		t.Error("wait = nil, want the failure of the listener")
	}
}

// A listener that comes too late, because the node stops while it starts, is closed.
func TestServeAfterClose(t *testing.T) {
	var f faces
	if err := f.close(0); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.serve(&http.Server{Handler: http.NotFoundHandler()}, l)
	if a := <-ask("http://" + l.Addr().String()); a.err == nil {
		t.Error("the late listener answers")
	}
}
