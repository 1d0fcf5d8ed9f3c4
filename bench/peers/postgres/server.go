package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"dashd/bench/peers/internal/peer"
	"dashd/bench/peers/internal/proc"
)

// programs is where Debian's package puts the programs of the server.
const programs = "/usr/lib/postgresql/15/bin"

// installation is what all servers of a peer share.
type installation struct {
	dir      string
	as       *syscall.Credential // of the servers; nil: of this process
	uid, gid int
	password string
}

// install makes ready a directory for servers. The server refuses to be root, so root runs it as the user postgres.
func install(dir string) (*installation, error) {
	if _, err := os.Stat(filepath.Join(programs, "postgres")); err != nil {
		return nil, fmt.Errorf("PostgreSQL 15 is %w in %s: apt-get install postgresql-15", peer.ErrMissing, programs)
	}
	in := &installation{dir: dir, uid: os.Getuid(), gid: os.Getgid(), password: rand.Text()}
	if in.uid == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
		}
		if in.uid, err = strconv.Atoi(u.Uid); err != nil {
			return nil, err
		}
		if in.gid, err = strconv.Atoi(u.Gid); err != nil {
			return nil, err
		}
		in.as = &syscall.Credential{Uid: uint32(in.uid), Gid: uint32(in.gid)}
	}
	return in, os.Chmod(dir, 0o711) // it must be able to pass
}

// command is a program of the installation, run as its user.
func (in *installation) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(programs, program), args...)
	c.Dir = in.dir
	c.Env = []string{"PATH=" + programs + ":/usr/bin:/bin", "HOME=" + in.dir, "LC_ALL=C", "PGPASSWORD=" + in.password}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: in.as}
	return c
}

// give gives a file or directory to the installation's user.
func (in *installation) give(path string) error {
	if in.as == nil {
		return nil
	}
	return os.Chown(path, in.uid, in.gid)
}

// server is one server, with its data in a directory called after it.
type server struct {
	in   *installation
	name string
	port int
	proc *proc.Server
}

func (s *server) dir() string { return filepath.Join(s.in.dir, s.name) }

// url is the server's for clients, with the settings of the driver that they need.
func (s *server) url() string {
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres?sslmode=disable", s.in.password, s.port)
}

// create makes an empty cluster. Nobody needs it if it does not survive the next minute, so it is not flushed here: a checkpoint
// does that before anything is measured.
func (s *server) create(ctx context.Context) error {
	if err := s.makeDir(); err != nil {
		return err
	}
	secret := filepath.Join(s.in.dir, "password")
	if err := os.WriteFile(secret, []byte(s.in.password), 0o600); err != nil {
		return err
	}
	defer os.Remove(secret)
	if err := s.in.give(secret); err != nil {
		return err
	}
	return run(ctx, s.in.command("initdb", "--pgdata", s.dir(), "--username", "postgres", "--pwfile", secret,
		"--no-sync", "--auth", "scram-sha-256", "--locale", "C", "--encoding", "UTF8"))
}

// copyOf makes the server a standby of another, which it tells its name.
func (s *server) copyOf(ctx context.Context, primary *server) error {
	if err := s.makeDir(); err != nil {
		return err
	}
	if err := run(ctx, s.in.command("pg_basebackup", "--pgdata", s.dir(), "--host", "127.0.0.1", "--port", strconv.Itoa(primary.port),
		"--username", "postgres", "--no-sync", "--wal-method", "stream", "--checkpoint", "fast")); err != nil {
		return err
	}
	return s.write("standby.signal", "")
}

func (s *server) makeDir() error {
	return errors.Join(os.Mkdir(s.dir(), 0o700), s.in.give(s.dir()))
}

// write writes a file of the cluster.
func (s *server) write(name, text string) error {
	path := filepath.Join(s.dir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return s.in.give(path)
}

// start starts the server with these settings and waits until it answers.
func (s *server) start(ctx context.Context, lists ...[]setting) error {
	own := []setting{{"port", strconv.Itoa(s.port)}}
	if err := s.write("postgresql.conf", conf(append(slices.Clone(lists), own)...)); err != nil {
		return err
	}
	var err error
	if s.proc, err = proc.Start(s.name, s.in.dir, s.in.command("postgres", "-D", s.dir())); err != nil {
		return err
	}
	return s.proc.Ready(ctx, func(ctx context.Context) error {
		c, err := pgconn.Connect(ctx, s.url())
		if err != nil {
			return err
		}
		return c.Close(ctx)
	})
}

// stop ends the server, and its connections, in good order.
func (s *server) stop() error { return s.proc.Stop(syscall.SIGINT) }

// run runs a program to its end.
func run(ctx context.Context, c *exec.Cmd) error {
	text, err := proc.Output(ctx, c)
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(c.Path), err, text)
	}
	return nil
}
