package projections

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"

	"dashd/internal/cow"
)

// ImageInfo says what the rows are that a node gives away.
type ImageInfo struct {
	Format  int    `json:"format"`  // of the stream
	Version int    `json:"version"` // of the folds
	Seq     uint64 `json:"seq"`     // the last event
}

// imageFormat is that of the stream of an image's rows.
//
//	frame   kind (1 byte), length of what follows (4 bytes, big-endian), JSON or rows
//	stream  'i' ImageInfo; for each table 't' tableInfo and its rows, in order, in 'r'; 'e' imageEnd
//	'r'     s2 block of rows, each with its length before it, as in a chunk of a checkpoint
const imageFormat = 1

const (
	frameImage byte = 'i'
	frameTable byte = 't'
	frameRows  byte = 'r'
	frameEnd   byte = 'e'
)

// tableInfo says which rows of a table follow.
type tableInfo struct {
	Project string `json:"project"`
	Table   string `json:"table"`
	First   int    `json:"first"` // ordinals
	End     int    `json:"end"`
}

// imageEnd is the end of a stream, without which it is not whole.
type imageEnd struct {
	Tables int    `json:"tables"`
	Rows   uint64 `json:"rows"`
}

// WriteRows gives write all rows of the image as checkpoints hold them, sealed secrets too, in pieces.
// ReadImage reads them.
func (m *DashImage) WriteRows(version int, write func([]byte) error) error {
	s := rowStream{write: write}
	s.json(frameImage, ImageInfo{Format: imageFormat, Version: version, Seq: m.seq})
	var end imageEnd
	for project, tables := range m.Projects() {
		for _, k := range tables.kept() {
			first, last := k.span()
			if last == 0 {
				continue
			}
			s.json(frameTable, tableInfo{project, k.tableName(), first, last})
			s.rows(k)
			end.Tables++
			end.Rows += uint64(last - first)
		}
	}
	s.json(frameEnd, end)
	return s.err
}

// rowStream writes frames.
type rowStream struct {
	write            func([]byte) error
	coder            coder
	raw, packed, out []byte
	err              error
}

func (s *rowStream) frame(kind byte, b []byte) {
	if s.err != nil {
		return
	}
	s.out = append(s.out[:0], kind)
	s.out = binary.BigEndian.AppendUint32(s.out, uint32(len(b)))
	s.out = append(s.out, b...)
	s.err = s.write(s.out)
}

func (s *rowStream) json(kind byte, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and numbers
	}
	s.frame(kind, text)
}

// rows writes the rows of a table.
func (s *rowStream) rows(k keptTable) {
	first, end := k.span()
	s.raw = s.raw[:0]
	for i := first; i < end && s.err == nil; i++ {
		s.coder.b = s.coder.b[:0]
		k.write(&s.coder, i)
		s.raw = binary.AppendUvarint(s.raw, uint64(len(s.coder.b)))
		s.raw = append(s.raw, s.coder.b...)
		if len(s.raw) >= chunkBytes || i+1 == end || i%cow.NodeLen == cow.NodeLen-1 {
			s.packed = s2.Encode(s.packed[:cap(s.packed)], s.raw)
			s.frame(frameRows, s.packed)
			s.raw = s.raw[:0]
		}
	}
}

var errImageStream = errors.New("the rows that the node sent are not whole, or malformed")

// ImageReader reads what WriteRows has written.
type ImageReader struct {
	Info ImageInfo

	in  *bufio.Reader
	buf []byte
	raw []byte
}

// ReadImage begins to read the rows of an image.
func ReadImage(r io.Reader) (*ImageReader, error) {
	in := &ImageReader{in: bufio.NewReaderSize(r, 1<<20)}
	kind, b, err := in.frame()
	if err != nil {
		return nil, err
	}
	if kind != frameImage || json.Unmarshal(b, &in.Info) != nil {
		return nil, errImageStream
	}
	if in.Info.Format != imageFormat {
		return nil, fmt.Errorf("the node sends rows in format %d; this dashd reads %d", in.Info.Format, imageFormat)
	}
	return in, nil
}

func (in *ImageReader) frame() (kind byte, b []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(in.in, head[:]); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errImageStream, err)
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxChunk {
		return 0, nil, errImageStream
	}
	if int(n) > cap(in.buf) {
		in.buf = make([]byte, n)
	}
	b = in.buf[:n]
	if _, err := io.ReadFull(in.in, b); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errImageStream, err)
	}
	return head[0], b, nil
}

// compare reads the rest and gives it to c.
func (in *ImageReader) compare(c *comparison) error {
	var got imageEnd
	for {
		kind, b, err := in.frame()
		if err != nil {
			return err
		}
		switch kind {
		case frameTable:
			var t tableInfo
			if json.Unmarshal(b, &t) != nil {
				return errImageStream
			}
			got.Tables++
			c.begin(t)
		case frameRows:
			n, err := s2.DecodedLen(b)
			if err != nil || n > maxChunk {
				return errImageStream
			}
			if in.raw, err = s2.Decode(in.raw[:cap(in.raw)], b); err != nil {
				return fmt.Errorf("%w: %w", errImageStream, err)
			}
			n, err = c.rows(in.raw)
			if err != nil {
				return err
			}
			got.Rows += uint64(n)
		case frameEnd:
			var end imageEnd
			if json.Unmarshal(b, &end) != nil || end != got {
				return errImageStream
			}
			return nil
		default:
			return errImageStream
		}
	}
}
