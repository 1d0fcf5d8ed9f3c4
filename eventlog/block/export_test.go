package block

import "encoding/binary"

// ColumnBytes is the length of the part of a group that no compressor touched.
func ColumnBytes(group []byte) int {
	g, err := parseGroup(0, group)
	if err != nil {
		panic(err)
	}
	return int(g.subsAt)
}

// Layout of a block, for tests that damage one.
const (
	HeaderBytes = headerBytes
	HashBytes   = commitBytes
	MaxGroup    = maxGroup
	MaxPersonal = maxPersonal
)

// FirstFlags is where the flags of the first group stand in a block.
func FirstFlags(raw []byte) int {
	start := headerBytes + int(raw[5]) + 4
	g, err := parseGroup(0, raw[start:start+int(binary.LittleEndian.Uint32(raw[start-4:]))])
	if err != nil {
		panic(err)
	}
	return start + int(g.flagsAt)
}
