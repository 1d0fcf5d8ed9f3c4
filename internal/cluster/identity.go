package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"dashd/internal/errs"
)

// nodeFileName is the file in the data directory that says whose it is.
const nodeFileName = "node.json"

const nodeFileFormat = 1

// Identity says which node of which cluster a data directory belongs to.
type Identity struct {
	ClusterID string `json:"clusterId"`
	NodeID    string `json:"nodeId"`
	// Incarnation is the life of the directory. The raft log and the database carry
	// it too, so that a file from elsewhere, or from before a wipe, is noticed.
	Incarnation string `json:"incarnation"`
}

// nodeFile is the content of node.json.
type nodeFile struct {
	Format int `json:"format"`
	Identity
	// Complete is set at the end of the first start. Until then the stores may lack
	// the incarnation; nothing has been acknowledged.
	Complete bool `json:"complete"`
	// Join says that the node was made to join a cluster that exists: it begins none.
	Join bool `json:"join,omitempty"`
	// Clean is set by a stop that persisted everything.
	Clean bool `json:"clean"`
	// Term and Applied are marks that the node has reached. Storage that is behind
	// them is an old copy.
	Term    uint64 `json:"term"`
	Applied uint64 `json:"applied"`
	// Checksum is the CRC-32C of the JSON text of all before, without space.
	Checksum string `json:"checksum,omitempty"`
}

// checksum is what Checksum must be.
func (n nodeFile) checksum() (string, error) {
	n.Checksum = ""
	text, err := json.Marshal(n)
	return fmt.Sprintf("%08x", crc32.Checksum(text, castagnoli)), err
}

// NodeFile is the node.json of a data directory. Only one goroutine uses it at a time.
type NodeFile struct {
	dir string
	now nodeFile
}

// OpenNodeFile reads the identity of dir, or gives it a new one if the directory
// is new. occupied says that the directory holds data: then a missing node.json is
// refused.
func OpenNodeFile(dir string, occupied bool) (*NodeFile, error) {
	f := &NodeFile{dir: dir}
	data, err := os.ReadFile(f.path())
	switch {
	case errors.Is(err, fs.ErrNotExist) && occupied:
		return nil, refuse("%s holds data but no %s; put the file back from a backup, or wipe the directory and let the node join again", dir, nodeFileName)
	case errors.Is(err, fs.ErrNotExist):
		f.now = nodeFile{Format: nodeFileFormat, Identity: Identity{
			ClusterID:   uuid.NewString(),
			NodeID:      uuid.NewString(),
			Incarnation: uuid.NewString(),
		}}
		return f, f.write()
	case err != nil:
		return nil, errs.Stop(errs.ExitIO, fmt.Errorf("read identity: %w", err))
	}
	if err := json.Unmarshal(data, &f.now); err != nil {
		return nil, refuse("%s is damaged (%v); put the file back from a backup, or wipe the directory and let the node join again", f.path(), err)
	}
	if f.now.Format != nodeFileFormat {
		return nil, refuse("%s has format %d, and this dashd knows format %d; start the version that wrote it", f.path(), f.now.Format, nodeFileFormat)
	}
	if sum, err := f.now.checksum(); err != nil || sum != f.now.Checksum {
		return nil, refuse("%s is damaged (its checksum is wrong); put the file back from a backup, or wipe the directory and let the node join again", f.path())
	}
	if f.now.ClusterID == "" || f.now.NodeID == "" || f.now.Incarnation == "" {
		return nil, refuse("%s does not say which node this is; put the file back from a backup, or wipe the directory and let the node join again", f.path())
	}
	return f, nil
}

// JoinNodeFile is OpenNodeFile for a node that joins a cluster: a new directory gets an
// identity in it. One that belongs to another cluster, or began one, is refused.
func JoinNodeFile(dir, clusterID string) (*NodeFile, error) {
	f := &NodeFile{dir: dir}
	if _, err := os.Stat(f.path()); errors.Is(err, fs.ErrNotExist) {
		f.now = nodeFile{Format: nodeFileFormat, Join: true, Identity: Identity{
			ClusterID: clusterID, NodeID: uuid.NewString(), Incarnation: uuid.NewString(),
		}}
		return f, f.write()
	}
	f, err := OpenNodeFile(dir, true)
	if err != nil {
		return nil, err
	}
	switch have := f.now; {
	case have.ClusterID != clusterID:
		return nil, refuse("%s is node %s of cluster %s, and the token is for cluster %s; use another --data-dir, or start without --join",
			dir, have.NodeID, have.ClusterID, clusterID)
	case !have.Join && !have.Complete:
		return nil, refuse("%s has begun a cluster of its own; use another --data-dir", dir)
	}
	return f, nil
}

// Joins reports whether the node was made to join a cluster that exists.
func (f *NodeFile) Joins() bool { return f.now.Join }

// Identity says whose directory it is.
func (f *NodeFile) Identity() Identity { return f.now.Identity }

// New reports whether the first start of this directory has not been completed.
func (f *NodeFile) New() bool { return !f.now.Complete }

// Clean reports whether the last stop persisted everything.
func (f *NodeFile) Clean() bool { return f.now.Clean }

// Bind makes sure that a store belongs to this directory. have is the incarnation
// it carries, "" if none; a new directory's store is given one with put.
func (f *NodeFile) Bind(store, have string, put func(incarnation string) error) error {
	switch {
	case have == f.now.Incarnation:
		return nil
	case have == "" && f.New():
		return put(f.now.Incarnation)
	case have == "":
		return refuse("%s is empty or missing, but node %s has written to it; put it back, or wipe %s and let the node join again under a new id", store, f.now.NodeID, f.dir)
	default:
		return refuse("%s belongs to another node or to an earlier life of this one; put the right one back, or wipe %s and let the node join again under a new id", store, f.dir)
	}
}

// MarkClean records that the node has stopped with everything persisted.
func (f *NodeFile) MarkClean() error { return f.note(0, 0, true) }

// note records how far the node has come. It is durable when note returns.
func (f *NodeFile) note(term, applied uint64, clean bool) error {
	next := f.now
	next.Complete, next.Clean = true, clean
	next.Term, next.Applied = max(term, next.Term), max(applied, next.Applied)
	if next == f.now {
		return nil
	}
	// Not the identity, which others read meanwhile.
	f.now.Complete, f.now.Clean, f.now.Term, f.now.Applied = next.Complete, next.Clean, next.Term, next.Applied
	return f.write()
}

func (f *NodeFile) path() string { return filepath.Join(f.dir, nodeFileName) }

// write replaces the file: after a crash there is the old one or the new one.
func (f *NodeFile) write() (err error) {
	defer func() {
		if err != nil {
			err = errs.Stop(exitOf(err), fmt.Errorf("write identity: %w", err))
		}
	}()
	if f.now.Checksum, err = f.now.checksum(); err != nil {
		return err
	}
	data, err := json.MarshalIndent(f.now, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.OpenFile(f.path()+".tmp", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(data, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), f.path()); err != nil {
		return err
	}
	return syncDir(f.dir) // durable from here on
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
