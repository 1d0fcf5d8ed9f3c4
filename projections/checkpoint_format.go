package projections

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"

	"dashd/internal/cow"
	"dashd/internal/kv"
)

// checkpointFormat is that of manifests and chunks. What is of another format is folded again
// from the log.
const checkpointFormat = 2

var checkpointMagic = []byte("dashdckp")

// A manifest says what a checkpoint consists of.
//
//	root    magic, format, version, seq, received, written, pieces of the body, SHA-256 of all before
//	body    number of tables; for each: project, name, first, end, and for each of its nodes the pieces
//	piece   generation, chunk, length, SHA-256
//	chunk   s2 block of rows, or of a part of the body; each row with its length before it
//
// Numbers are uvarints, those of time zigzag; texts have their length before them.
type manifest struct {
	version  int    // of what the folds mean
	seq      uint64 // the last event
	received int64  // when that was received, ms
	written  int64  // when the checkpoint was made, ms
	tables   []tableManifest
}

// tableManifest says where the rows of a table are.
type tableManifest struct {
	project, name string
	first, end    int       // ordinals
	nodes         [][]piece // from the one that holds first on
}

// piece names a chunk and its content.
type piece struct {
	generation uint64 // that wrote it
	chunk      uint32
	length     int // of the stored bytes
	hash       [sha256.Size]byte
}

// nodesOf is how many nodes hold the ordinals from first up to end.
func nodesOf(first, end int) int {
	if first >= end {
		return 0
	}
	return (end-1)/cow.NodeLen - first/cow.NodeLen + 1
}

// bytes is the size of all that the manifest refers to.
func (m *manifest) bytes() (n int64) {
	for i := range m.tables {
		for _, pieces := range m.tables[i].nodes {
			for j := range pieces {
				n += int64(pieces[j].length)
			}
		}
	}
	return n
}

// appendRoot encodes m but for its tables, which are in the pieces of body.
func (m *manifest) appendRoot(dst []byte, body []piece) []byte {
	c := coder{b: append(dst, checkpointMagic...)}
	format, version := uint64(checkpointFormat), uint64(m.version)
	c.uint(&format)
	c.uint(&version)
	c.uint(&m.seq)
	c.int(&m.received)
	c.int(&m.written)
	codePieces(&c, &body)
	sum := sha256.Sum256(c.b[len(dst):])
	return append(c.b, sum[:]...)
}

var (
	errManifest    = errors.New("the manifest is damaged")
	errOtherFormat = errors.New("the checkpoint is of another format")
)

// readRoot is the inverse of appendRoot.
func readRoot(b []byte) (m manifest, body []piece, err error) {
	end := len(b) - sha256.Size
	if end < len(checkpointMagic) || !bytes.HasPrefix(b, checkpointMagic) {
		return m, nil, errManifest
	}
	if sum := sha256.Sum256(b[:end]); !bytes.Equal(sum[:], b[end:]) {
		return m, nil, errManifest
	}
	c := coder{reading: true, text: string(b[len(checkpointMagic):end])}
	var format, version uint64
	if c.uint(&format); format != checkpointFormat {
		return m, nil, errOtherFormat
	}
	c.uint(&version)
	c.uint(&m.seq)
	c.int(&m.received)
	c.int(&m.written)
	codePieces(&c, &body)
	m.version = int(version)
	if c.err != nil || c.left() > 0 || m.version < 0 {
		return m, nil, errManifest
	}
	return m, body, nil
}

// appendBody encodes the tables of m.
func (m *manifest) appendBody(dst []byte) []byte {
	c := coder{b: dst}
	codeList(&c, &m.tables, codeTable)
	return c.b
}

// readBody is the inverse of appendBody.
func (m *manifest) readBody(b []byte) error {
	c := coder{reading: true, text: string(b)}
	codeList(&c, &m.tables, codeTable)
	if c.err != nil || c.left() > 0 {
		return errManifest
	}
	return nil
}

// maxOrdinal bounds ordinals: those of rows have 32 bits.
const maxOrdinal = 1 << 32

func codeTable(c *coder, t *tableManifest) {
	codeText(c, &t.project)
	codeText(c, &t.name)
	first, end := uint64(t.first), uint64(t.end)
	c.uint(&first)
	c.uint(&end)
	if !c.reading {
		for i := range t.nodes {
			codePieces(c, &t.nodes[i])
		}
		return
	}
	if end > maxOrdinal || first > end || first%cow.PageLen != 0 {
		c.fail()
		return
	}
	t.first, t.end = int(first), int(end)
	for range nodesOf(t.first, t.end) {
		if c.err != nil {
			return
		}
		var pieces []piece
		codePieces(c, &pieces)
		t.nodes = append(t.nodes, pieces)
	}
}

func codePieces(c *coder, list *[]piece) { codeList(c, list, codePiece) }

func codePiece(c *coder, p *piece) {
	length := uint64(p.length)
	c.uint(&p.generation)
	c.uint32(&p.chunk)
	c.uint(&length)
	hash := p.hash[:]
	if !c.reading {
		c.b = append(c.b, hash...)
		return
	}
	if p.length = int(length); length > maxChunk || c.left() < len(hash) {
		c.fail()
		return
	}
	c.at += copy(hash, c.text[c.at:])
}

const (
	// chunkBytes is the length at which a chunk of rows ends, before it is compressed. A
	// node of short rows is one chunk; one of long rows is cut.
	chunkBytes = 512 << 10
	// maxChunk bounds what a reader reserves for a chunk. A chunk is longer than chunkBytes
	// by no more than a row.
	maxChunk = 64 << 20
)

// packChunk returns what is stored of a chunk, and its piece but for the place.
func packChunk(dst, raw []byte) ([]byte, piece) {
	packed := s2.Encode(dst, raw)
	return packed, piece{length: len(packed), hash: sha256.Sum256(packed)}
}

// unpackChunk is the inverse of packChunk. The result may be in dst.
func unpackChunk(dst, packed []byte, p *piece) ([]byte, error) {
	if len(packed) != p.length || sha256.Sum256(packed) != p.hash {
		return nil, fmt.Errorf("chunk %d of generation %d is damaged", p.chunk, p.generation)
	}
	n, err := s2.DecodedLen(packed)
	if err == nil && n > maxChunk {
		err = fmt.Errorf("%d bytes", n)
	}
	if err == nil {
		dst, err = s2.Decode(dst[:cap(dst)], packed)
	}
	if err != nil {
		return nil, fmt.Errorf("chunk %d of generation %d: %w", p.chunk, p.generation, err)
	}
	return dst, nil
}

// The key of a chunk is p/dash/<version>/<generation>/<chunk>. Chunk 0 is the root of the
// manifest: with it the checkpoint exists, without it the others mean nothing.
const rootChunk = 0

var checkpointPrefix = kv.ImageKey([]byte("dash/"))

func chunkKey(version int, generation uint64, chunk uint32) []byte {
	k := bytes.Clone(checkpointPrefix)
	k = append(binary.BigEndian.AppendUint32(k, uint32(version)), '/')
	k = append(binary.BigEndian.AppendUint64(k, generation), '/')
	return binary.BigEndian.AppendUint32(k, chunk)
}

// parseChunkKey is the inverse of chunkKey.
func parseChunkKey(key []byte) (version int, generation uint64, chunk uint32, ok bool) {
	if len(key) != len(chunkKey(0, 0, 0)) || !bytes.HasPrefix(key, checkpointPrefix) {
		return 0, 0, 0, false
	}
	k := key[len(checkpointPrefix):]
	return int(binary.BigEndian.Uint32(k)), binary.BigEndian.Uint64(k[5:]), binary.BigEndian.Uint32(k[14:]), true
}
