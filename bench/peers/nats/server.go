package nats

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"

	"dashd/bench/peers/internal/proc"
)

// common are the settings of all servers, as they stand in the configuration file.
var common = []string{
	`max_payload: 8MB`, // 1 MB unless set; a message of 1,000 events has some 0.4 MB
	`max_pending: 256MB`,
	`write_deadline: "60s"`, // 10 s unless set: no client is cut off because the machine is busy
	`jetstream.sync_interval: always`,
	`jetstream.max_memory_store: 1GB`,
	`jetstream.max_file_store: 200GB`,
	`jetstream.max_buffered_msgs: 200000`, // of a stream, waiting: twice the default
	`jetstream.max_buffered_size: 512MB`,  // of a stream, waiting: four times the default
}

// server is one server, with its data in a directory called after it.
type server struct {
	name                             string
	dir                              string // of all servers
	clientPort, routePort, statsPort int
	proc                             *proc.Server
}

func (s *server) url() string   { return fmt.Sprintf("nats://127.0.0.1:%d", s.clientPort) }
func (s *server) stats() string { return fmt.Sprintf("http://127.0.0.1:%d", s.statsPort) }
func (s *server) data() string  { return filepath.Join(s.dir, s.name) }

// config is the text of the configuration file.
func (s *server) config(cluster []*server) string {
	var b strings.Builder
	fmt.Fprintf(&b, "server_name: %s\nlisten: \"127.0.0.1:%d\"\nhttp: \"127.0.0.1:%d\"\n", s.name, s.clientPort, s.statsPort)
	var own, jetstream strings.Builder
	for _, line := range common {
		if rest, ok := strings.CutPrefix(line, "jetstream."); ok {
			fmt.Fprintf(&jetstream, "\t%s\n", rest)
		} else {
			fmt.Fprintln(&own, line)
		}
	}
	fmt.Fprintf(&b, "%sjetstream {\n\tstore_dir: %q\n%s}\n", own.String(), s.data(), jetstream.String())
	fmt.Fprintf(&b, "cluster {\n\tname: bench\n\tlisten: \"127.0.0.1:%d\"\n\troutes: [\n", s.routePort)
	for _, other := range cluster {
		fmt.Fprintf(&b, "\t\t\"nats://127.0.0.1:%d\"\n", other.routePort)
	}
	b.WriteString("\t]\n}\n")
	return b.String()
}

// start starts the server.
func (s *server) start(program string, cluster []*server) error {
	file := filepath.Join(s.dir, s.name+".conf")
	if err := os.WriteFile(file, []byte(s.config(cluster)), 0o600); err != nil {
		return err
	}
	c := exec.Command(program, "--config", file)
	c.Dir, c.Env = s.dir, []string{"HOME=" + s.dir}
	var err error
	s.proc, err = proc.Start(s.name, s.dir, c)
	return err
}

// ready waits until the server is part of a cluster in which streams can be made.
func (s *server) ready(ctx context.Context) error {
	return s.proc.Ready(ctx, func(ctx context.Context) error {
		var health struct{ Status, Error string }
		if err := s.ask(ctx, "/healthz", &health); err != nil {
			return err
		}
		if health.Status != "ok" {
			return fmt.Errorf("%s is not healthy: %s", s.name, health.Error)
		}
		return nil
	})
}

// ask reads an answer of the server's monitoring.
func (s *server) ask(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.stats()+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

// inForce is what a server says of its settings.
type inForce struct {
	MaxPayload int64 `json:"max_payload"`
	JetStream  struct {
		Config struct {
			SyncAlways bool  `json:"sync_always"`
			MaxStorage int64 `json:"max_storage"`
		} `json:"config"`
	} `json:"jetstream"`
}

// settings asks the server for its settings, and is an error if it does not sync each write.
func (s *server) settings(ctx context.Context) (f inForce, err error) {
	err = s.ask(ctx, "/varz", &f)
	if err == nil && !f.JetStream.Config.SyncAlways {
		err = fmt.Errorf("%s does not sync each write", s.name)
	}
	return f, err
}

// stop ends the server in good order.
func (s *server) stop() error { return s.proc.Stop(syscall.SIGTERM) }

// dial returns a connection to this server and no other.
func (s *server) dial() (*nats.Conn, error) {
	return nats.Connect(s.url(), nats.IgnoreDiscoveredServers(), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
}
