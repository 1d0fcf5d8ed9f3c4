// Package cow holds the containers that the tables of the projections are made of.
//
// Each has one writer and any number of readers. The writer changes a container in
// place, until it freezes it: what Freeze returns never changes again and may be read
// from any goroutine, without locks, for as long as anybody likes. From then on the
// writer copies what it changes, once, and only the few hundred bytes around it.
//
//   - [Array] holds rows by ordinal.
//   - [IDs] finds the ordinal of a row by its id.
//   - [Pairs] orders ordinals by a number: a time, or the hash of something that
//     several rows can share.
//
// The zero value of each is empty and ready for use. A container is copied by Freeze
// alone: a plain copy must not be written to.
package cow
