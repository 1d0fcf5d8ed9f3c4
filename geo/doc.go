// Package geo says where an IP address is, offline: from the database that this
// package embeds, or from a GeoLite2, GeoIP2 or DB-IP file of the operator's.
//
// Places are looked up once, for an event that is about to be proposed, and stored in
// it ([Locator.Locate]). What a producer said about the place stands. An address that
// no database can know (private, reserved, of documentation) has no place, and one
// that the database does not know has none either: it is never a guess, and never an error.
//
// The operator's file is not trusted. It is copied to a private file that nobody else
// can change, with a bound on its size, verified as a whole, tried, and only then put
// in the place of the database in use; a bad one changes nothing, and is reported.
// Readers of the old database are not waited for: it goes when the last has gone.
//
// This package is the only one that imports a reader of such files. The build tag
// no_geodata leaves the embedded database out.
//
// Start reading at [Locator].
package geo
