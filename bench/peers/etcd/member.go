package etcd

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"dashd/bench/peers/internal/proc"
)

// setting is a flag of the server.
type setting struct{ name, value string }

// The limits that differ from the defaults.
const (
	maxTxnOps       = 2_048    // 128 unless set; a batch is a transaction of 1,000
	maxRequestBytes = 8 << 20  // 1.5 MiB unless set; a batch has some 0.4 MB
	quota           = 8 << 30  // bytes of the database; 2 GiB unless set
	sendLimit       = 16 << 20 // of the client; 2 MiB unless set
)

// common are the settings of all members. Those that are defaults are here to be seen.
var common = []setting{
	{"unsafe-no-fsync", "false"},
	{"quota-backend-bytes", fmt.Sprint(quota)},
	{"max-txn-ops", fmt.Sprint(maxTxnOps)},
	{"max-request-bytes", fmt.Sprint(maxRequestBytes)},
	{"auto-compaction-retention", "0"}, // an event log keeps all keys, and each has one version
	{"snapshot-count", "10000"},
	{"heartbeat-interval", "100"},
	{"election-timeout", "1000"},
	{"backend-batch-interval", "100ms"},
	{"backend-batch-limit", "10000"},
	{"log-level", "error"}, // not "info": a line for each request that is slow is work too
}

// member is one server, with its data in a directory called after it.
type member struct {
	name                 string
	dir                  string // of all members
	clientPort, peerPort int
	proc                 *proc.Server
}

func (m *member) url() string  { return fmt.Sprintf("http://127.0.0.1:%d", m.clientPort) }
func (m *member) peer() string { return fmt.Sprintf("http://127.0.0.1:%d", m.peerPort) }
func (m *member) data() string { return filepath.Join(m.dir, m.name) }

// start starts the server; it does not answer before most of its cluster is there.
func (m *member) start(program string, cluster []*member) error {
	var all []string
	for _, other := range cluster {
		all = append(all, other.name+"="+other.peer())
	}
	args := []string{
		"--name=" + m.name, "--data-dir=" + m.data(),
		"--listen-client-urls=" + m.url(), "--advertise-client-urls=" + m.url(),
		"--listen-peer-urls=" + m.peer(), "--initial-advertise-peer-urls=" + m.peer(),
		"--initial-cluster=" + strings.Join(all, ","), "--initial-cluster-state=new",
	}
	for _, s := range common {
		args = append(args, "--"+s.name+"="+s.value)
	}
	c := exec.Command(program, args...)
	c.Dir, c.Env = m.dir, []string{"HOME=" + m.dir} // no ETCD_ variable of the caller's
	var err error
	m.proc, err = proc.Start(m.name, m.dir, c)
	return err
}

// ready waits until the member answers and knows a leader.
func (m *member) ready(ctx context.Context) error {
	c, err := dial(m.url())
	if err != nil {
		return err
	}
	defer c.Close()
	return m.proc.Ready(ctx, func(ctx context.Context) error {
		s, err := c.Status(ctx, m.url())
		if err == nil && s.Leader == 0 {
			return fmt.Errorf("%s has no leader", m.name)
		}
		return err
	})
}

// stop ends the member in good order.
func (m *member) stop() error { return m.proc.Stop(syscall.SIGTERM) }

// dial returns a client with one connection.
func dial(url string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints:          []string{url},
		MaxCallSendMsgSize: sendLimit,
		Logger:             zap.NewNop(), // the driver's own; errors are returned
		DialOptions:        []grpc.DialOption{grpc.WithNoProxy()},
	})
}
