package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dashd/internal/cluster"
	"dashd/internal/errs"
	"dashd/internal/peer"
	"dashd/internal/seal"
)

// joining is how a node joins a cluster.
type joining struct {
	Dir         string            // the locked data directory
	Credentials *peer.Credentials // of it
	Token       string            // what was given with --join: a token, @ and the file it is in, or ""
	Address     string            // at which the others will reach this node's cluster port
	Log         *slog.Logger
}

const (
	// joinFor is how long a node tries to reach the cluster it joins.
	joinFor = 2 * time.Minute
	// The time between two tries doubles from joinRetry to maxJoinRetry.
	joinRetry    = 250 * time.Millisecond
	maxJoinRetry = 5 * time.Second
)

// joinCluster makes the directory that of a member of the cluster that the token is of. One that
// is a member's already stays as it is, and the token is not used. It can be killed at any
// point, and done again with the same token while that lives: the node first knows who it
// is and has its key (node.json, node.key), then asks, and the answer is the same each time;
// cluster.key comes next, and the certificate last, which says that all is there.
func joinCluster(ctx context.Context, j joining) error {
	if j.Token == "" {
		return j.mayStart()
	}
	if strings.HasPrefix(j.Token, tokenFile) && j.Credentials.Ready() {
		return nil // the file may be gone
	}
	token, err := j.token(ctx)
	if err != nil {
		return err
	}
	file, err := cluster.JoinNodeFile(j.Dir, token.Cluster)
	if err != nil {
		return err
	}
	if j.Credentials.Ready() || !file.Joins() {
		j.Log.Info("this node is in the cluster already: the join token is not used", "cluster", token.Cluster)
		return nil
	}
	ask, err := j.request(token, file.Identity())
	if err != nil {
		return err
	}
	answer, err := j.askUntilAnswered(ctx, token, ask)
	if err != nil {
		return err
	}
	if err := j.install(token, file.Identity(), answer); err != nil {
		return err
	}
	j.Log.Info("joined", "cluster", token.Cluster, "node", file.Identity().NodeID, "members", len(answer.Members))
	return nil
}

// tokenFile is what the name of a token's file has before it.
const tokenFile = "@"

// token is the one that was given. A file that is not there yet is waited for: whoever makes it
// may need a cluster that starts at the same time.
func (j joining) token(ctx context.Context) (peer.Token, error) {
	text := j.Token
	if path, inFile := strings.CutPrefix(j.Token, tokenFile); inFile {
		content, err := j.readWhenThere(ctx, path)
		if err != nil {
			return peer.Token{}, err
		}
		text = string(content)
	}
	token, err := peer.ParseToken(text)
	if err != nil {
		return peer.Token{}, refuse("--join: %w", err)
	}
	return token, nil
}

func (j joining) readWhenThere(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, joinFor)
	defer cancel()
	for waits := false; ; waits = true {
		content, err := os.ReadFile(path)
		switch {
		case err == nil:
			return content, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, refuse("--join: %w", err)
		}
		if !waits {
			j.Log.Info("waiting for the file of the join token", "path", path)
		}
		if pause(ctx, joinRetry) != nil {
			return nil, fmt.Errorf("--join: %w", err)
		}
	}
}

// mayStart refuses to start a node that began to join a cluster and has not been let in: it would
// begin another cluster under the same name.
func (j joining) mayStart() error {
	if _, err := os.Stat(filepath.Join(j.Dir, nodeFileName)); errors.Is(err, fs.ErrNotExist) {
		return nil // a directory that is new
	}
	file, err := cluster.OpenNodeFile(j.Dir, true)
	if err != nil || !file.Joins() || j.Credentials.Ready() {
		return err
	}
	return refuse("%s has begun to join a cluster and was not let in yet; start with --join and a token from: dashd join-token", j.Dir)
}

// request is what the node says, the same each time.
func (j joining) request(token peer.Token, id cluster.Identity) ([]byte, error) {
	csr, err := j.Credentials.Request()
	if err != nil {
		return nil, err
	}
	return json.Marshal(joinRequest{
		Format: joinFormat, Version: version, TokenID: token.ID, Secret: token.Secret[:],
		Node: id.NodeID, Incarnation: id.Incarnation, Address: j.Address, Request: csr,
	})
}

// askUntilAnswered asks until there is an answer that will not change.
func (j joining) askUntilAnswered(ctx context.Context, token peer.Token, ask []byte) (*joinAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, joinFor)
	defer cancel()
	for wait := joinRetry; ; wait = min(2*wait, maxJoinRetry) {
		answer, err := askToJoin(ctx, token, ask)
		switch {
		case err == nil, errs.ExitCode(err) == errs.ExitIdentity:
			return answer, err
		case !passes(err):
			return nil, errs.Stop(errs.ExitIdentity, fmt.Errorf("join cluster %s: %w", token.Cluster, err))
		}
		if wait == joinRetry {
			j.Log.Warn("the cluster does not let this node in yet; it is asked again", "cluster", token.Cluster, "err", err)
		}
		if pause(ctx, wait) != nil {
			return nil, fmt.Errorf("join cluster %s: %w", token.Cluster, err)
		}
	}
}

// askToJoin asks once.
func askToJoin(ctx context.Context, token peer.Token, ask []byte) (*joinAnswer, error) {
	status, text, err := token.Post(ctx, joinPath, ask)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, refusedJoin(status, text)
	}
	return parseJoined(text)
}

// install keeps what the cluster has answered. When it returns nil, all of it is durable.
func (j joining) install(token peer.Token, id cluster.Identity, a *joinAnswer) error {
	if a.ClusterID != token.Cluster || peer.Fingerprint(a.Authority) != token.CA {
		return refuse("the answer is of another cluster than the token; make a new one with: dashd join-token")
	}
	if len(a.ClusterKey) != seal.KeySize {
		return refuse("the answer holds no key of the cluster")
	}
	if err := keepClusterKey(filepath.Join(j.Dir, seal.KeyFile), seal.Key(a.ClusterKey)); err != nil {
		return err
	}
	switch err := j.Credentials.Install(a.Certificate, a.Authority); {
	case errs.ExitCode(err) == errs.ExitIO:
		return err
	case err != nil:
		return refuse("the answer of the cluster: %w", err)
	}
	want := peer.Member{Cluster: id.ClusterID, Node: id.NodeID, Incarnation: id.Incarnation}
	if got, _ := j.Credentials.Member(); got != want {
		return refuse("the certificate is that of node %s of cluster %s, and this is node %s", got.Node, got.Cluster, want.Node)
	}
	return nil
}

// keepClusterKey writes the key, unless an earlier try has.
func keepClusterKey(path string, key seal.Key) error {
	have, err := seal.ReadKey(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return seal.WriteKey(path, key)
	case err != nil:
		return err
	case have != key:
		return refuse("%s is the key of another cluster; use another --data-dir", path)
	}
	return nil
}
