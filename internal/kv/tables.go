package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"
)

// removeUnborn removes the log files that a process was about to make when it
// ended: they have a name and nothing else, and Badger refuses to open them. The
// bytes of a log are synced before anything in it is acknowledged, and its length
// with them. Nobody else may have the database open: the node's lock sees to that.
func removeUnborn(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".mem" && ext != ".vlog" {
			continue
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		if fi.Size() > 0 {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// checkTables opens and closes each table of the manifest. Badger opens them in
// goroutines of its own, where a damaged index ends the process with a panic
// that nothing can recover, or with os.Exit: a node in a crash loop instead of
// one that says what is wrong.
func checkTables(dir string, o badger.Options) error {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a new database
	}
	if err != nil {
		return err
	}
	defer f.Close()
	m, _, err := badger.ReplayManifestFile(f, o.ExternalMagicVersion, o)
	if err != nil {
		return err
	}
	for id := range m.Tables {
		if err := checkTable(table.NewFilename(id, dir)); err != nil {
			return fmt.Errorf("table %d: %w", id, err)
		}
	}
	return nil
}

// checkTable checks the ends of a table: its footer by hand, its index and last
// block by opening it.
//
//	blocks | index | index length (4) | checksum of the index | its length (4)
func checkTable(name string) error {
	f, err := z.OpenMmapFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := checkFooter(f.Data); err != nil {
		return errors.Join(err, f.Close(-1))
	}
	t, err := table.OpenTable(f, table.Options{ChkMode: options.OnBlockRead, Compression: options.None})
	if err != nil {
		return err
	}
	return t.Close(-1)
}

func checkFooter(b []byte) error {
	for _, what := range []string{"checksum", "index"} {
		if len(b) < 4 {
			return fmt.Errorf("no room for the length of its %s", what)
		}
		n := uint64(binary.BigEndian.Uint32(b[len(b)-4:]))
		b = b[:len(b)-4]
		if n > uint64(len(b)) {
			return fmt.Errorf("the length of its %s is out of range", what)
		}
		b = b[:uint64(len(b))-n]
	}
	return nil
}
