package postgres

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
)

// row is an event as it comes out of the table. Texts are as long as the next row is not read.
type row struct {
	id                                        [16]byte
	seq, time, receivedAt                     int64 // of the times: µs since 2000
	status, source                            int16
	project, kind, user, session              []byte
	organization, actor, key                  []byte
	countryCode, country, region, city, agent []byte
	message, metadata                         []byte
	addr                                      netip.Addr
}

// decoder takes the bytes of COPY ... TO STDOUT (FORMAT binary) of the whole table, in pieces of any length, and makes rows of them, one after the
// other, in the same memory.
type decoder struct {
	begun, ended bool
	rest         []byte // of a row that is not whole yet
	row          row
	rows         int64
	seqs         int64 // sum of what was read, so that nothing can be left out
}

var errFormat = errors.New("these are not the rows of the table in COPY's binary format")

// Write decodes what p completes.
func (d *decoder) Write(p []byte) (int, error) {
	n := len(p)
	if len(d.rest) > 0 {
		d.rest = append(d.rest, p...)
		p = d.rest
	}
	if !d.begun {
		if len(p) < headerLen {
			d.rest = append(d.rest[:0], p...)
			return n, nil
		}
		if !bytes.HasPrefix(p, []byte(signature)) {
			return 0, errFormat
		}
		p, d.begun = p[headerLen:], true
	}
	for len(p) > 0 {
		used, err := d.decode(p)
		if err != nil {
			return 0, err
		}
		if used == 0 {
			break
		}
		p = p[used:]
	}
	d.rest = append(d.rest[:0], p...)
	return n, nil
}

// tableColumns is how many columns the table has.
const tableColumns = 21

// decode makes a row of the beginning of p and returns its length, 0 if it is not whole.
func (d *decoder) decode(p []byte) (int, error) {
	if len(p) < 2 {
		return 0, nil
	}
	switch fields := binary.BigEndian.Uint16(p); {
	case d.ended, fields != tableColumns && fields != ^uint16(0):
		return 0, errFormat
	case fields == ^uint16(0):
		d.ended = true
		return 2, nil
	}
	var f [tableColumns][]byte
	at := 2
	for i := range f {
		if len(p) < at+4 {
			return 0, nil
		}
		n := int(int32(binary.BigEndian.Uint32(p[at:])))
		if at += 4; n < 0 {
			continue
		}
		if len(p) < at+n {
			return 0, nil
		}
		f[i] = p[at : at+n]
		at += n
	}
	if len(f[0]) != 16 || len(f[1]) != 8 || len(f[2]) != 8 || len(f[3]) != 8 || len(f[4]) != 2 || len(f[5]) != 2 || len(f[20]) < 1 {
		return 0, errFormat
	}
	d.row = row{
		id: [16]byte(f[0]), seq: number(f[1]), time: number(f[2]), receivedAt: number(f[3]),
		status: int16(binary.BigEndian.Uint16(f[4])), source: int16(binary.BigEndian.Uint16(f[5])),
		project: f[6], kind: f[7], user: f[8], session: f[9], organization: f[10], actor: f[11], key: f[12],
		countryCode: f[13], country: f[14], region: f[15], city: f[16], agent: f[18], message: f[19], metadata: f[20][1:],
	}
	if len(f[17]) > 4 {
		d.row.addr, _ = netip.AddrFromSlice(f[17][4:])
	}
	d.rows++
	d.seqs += d.row.seq
	return at, nil
}

func number(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }
