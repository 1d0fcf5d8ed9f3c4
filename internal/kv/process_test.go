package kv_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"dashd/internal/errs"
	"dashd/internal/kv"
)

// What a child process of a test does, and where.
const (
	childDoes = "DASHD_KV_TEST"
	childDir  = "DASHD_KV_TEST_DIR"
)

// TestMain lets the test program be the second process of a test.
func TestMain(m *testing.M) {
	if os.Getenv(childDoes) == "" {
		os.Exit(m.Run())
	}
	db, err := kv.Open(os.Getenv(childDir), kv.Options{})
	if err == nil && os.Getenv(childDoes) == "write" {
		err = writeForever(db)
	}
	fmt.Println(err)
	os.Exit(errs.ExitCode(err))
}

// writeForever prints the number of each write once it is acknowledged.
func writeForever(db *kv.DB) error {
	for i := uint64(1); ; i++ {
		err := db.Write(func(put func(key, val []byte) error) error {
			return errors.Join(put(kv.BlockKey(i), value(i)), put(kv.SegmentKey(i), fmt.Append(nil, i)))
		})
		if err != nil {
			return err
		}
		fmt.Println(i)
	}
}

func value(i uint64) []byte { return bytes.Repeat(fmt.Append(nil, i), 5000) }

func child(does, dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDoes+"="+does, childDir+"="+dir)
	return cmd
}

func TestASecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	out, err := child("open", dir).Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != errs.ExitIdentity || !strings.Contains(string(out), "another dashd is using "+dir) {
		t.Errorf("second process: %v\n%s", err, out)
	}
}

// Whatever was acknowledged before the process was killed is there, and of what
// was not, all or nothing.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked := uint64(0)
	for _, writes := range []uint64{1, 150} {
		cmd := child("write", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, err := fmt.Sscan(lines.Text(), &acked); err != nil {
				t.Fatalf("the child said %q", lines.Text())
			}
			if acked == writes {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // killed

		db := open(t, dir)
		for i := uint64(1); i <= acked+1; i++ {
			b, hasB := get(t, db, kv.BlockKey(i))
			s, hasS := get(t, db, kv.SegmentKey(i))
			if hasB != hasS || i <= acked && !hasB || hasB && !(bytes.Equal(b, value(i)) && bytes.Equal(s, fmt.Append(nil, i))) {
				t.Errorf("of %d acknowledged writes, number %d: %v with %d bytes, %v with %q", acked, i, hasB, len(b), hasS, s)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
