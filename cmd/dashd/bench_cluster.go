package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"
	"time"

	"dashd/internal/bench"
)

const (
	// votesPatience is how long new nodes may take to get their votes: each is close behind for
	// ten seconds first.
	votesPatience = 2 * time.Minute
	// catchUpPatience is how long a new node may take to get the log.
	catchUpPatience = time.Hour
)

// freeAddress is an address on this machine that nobody listens at now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// all are the nodes of the cluster.
func (n *throwaway) all() []*throwaway { return append([]*throwaway{n}, n.others...) }

func (n *throwaway) pids() (pids []int) {
	for _, m := range n.all() {
		pids = append(pids, m.cmd.Process.Pid)
	}
	return pids
}

// endAll stops all nodes in good order.
func (n *throwaway) endAll() {
	for _, m := range n.all() {
		if m.cmd != nil && m.cmd.Process != nil {
			_ = m.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		}
	}
	for _, m := range n.all() {
		m.end(syscall.SIGTERM)
	}
}

// grow makes the node one of so many, and returns when all of them vote.
func (n *throwaway) grow(ctx context.Context, nodes int) error {
	patient, cancel := context.WithTimeout(ctx, votesPatience)
	defer cancel()
	for len(n.others) < nodes-1 {
		m, err := n.invite(patient)
		if err != nil {
			return err
		}
		n.others = append(n.others, m)
		if err := m.start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
	}
	for {
		s, err := n.status(patient)
		if err != nil {
			return fmt.Errorf("wait until %d nodes vote: %w", nodes, err)
		}
		voters := 0
		for _, server := range s.Raft.Servers {
			if server.Voter {
				voters++
			}
		}
		if voters == nodes {
			return nil
		}
		if err := pause(patient, 100*time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d nodes vote: %w", voters, nodes, err)
		}
	}
}

// invite is a new node of the cluster that has not been started.
func (n *throwaway) invite(ctx context.Context) (*throwaway, error) {
	c, err := n.client()
	if err != nil {
		return nil, err
	}
	var made joinToken
	if err := c.call(ctx, "POST", "/v1/cluster/join-tokens", nil, map[string]int64{"expiresIn": 600}, &made); err != nil {
		return nil, fmt.Errorf("join token: %w", err)
	}
	port, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return &throwaway{
		self: n.self, dir: n.dir, name: fmt.Sprintf("data%d", len(n.others)+2), port: port, join: made.Token,
		stderr: n.stderr, key: n.key,
	}, nil
}

func (n *throwaway) client() (*client, error) {
	return (&target{server: n.url, key: n.key}).open()
}

// urls are where load is sent: to all nodes, or to the one that leads now.
func (n *throwaway) urls(ctx context.Context, to string) (urls []string, err error) {
	for _, m := range n.all() {
		s, err := m.waitForTables(ctx)
		if err != nil {
			return nil, err
		}
		if to == "any" || s.Raft.Leader == s.NodeID {
			urls = append(urls, m.url)
		}
	}
	if len(urls) == 0 {
		return nil, errors.New("no node leads")
	}
	return urls, nil
}

// measureCatchUp measures how long an empty node takes to get the log of the cluster, from the call of
// the program, and removes it.
func (n *throwaway) measureCatchUp(ctx context.Context) (r bench.Result, err error) {
	before, err := n.status(ctx)
	if err != nil {
		return r, err
	}
	m, err := n.invite(ctx)
	if err != nil {
		return r, err
	}
	patient, cancel := context.WithTimeout(ctx, catchUpPatience)
	defer cancel()
	begin := time.Now()
	if err := m.start(patient, "127.0.0.1:0"); err != nil {
		m.end(syscall.SIGTERM)
		return r, err
	}
	defer m.end(syscall.SIGTERM)
	s, err := m.status(patient)
	for err != nil || s.Head < before.Head { // it does not know the key before it has the beginning of the log
		if ended := pause(patient, 5*time.Millisecond); ended != nil {
			return r, errors.Join(err, ended)
		}
		s, err = m.status(patient)
	}
	took := time.Since(begin)
	u, _ := bench.UsageOf(m.cmd.Process.Pid)
	r = passed(before.Head, took.Seconds(), u)
	c, err := n.client()
	if err != nil {
		return r, err
	}
	var gone struct{}
	return r, c.call(ctx, "DELETE", "/v1/cluster/nodes/"+url.PathEscape(s.NodeID), nil, nil, &gone)
}
