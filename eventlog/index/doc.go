// Package index finds events of the log by what they are about: exact terms
// (user, stream key, organization, session, actor, address, country), type,
// status, severity, source and time. It counts them, also per unit of time, orders them by
// time or by seq, and reads only the records of the page that was asked for.
//
// The index is derived from the log and can be thrown away. It is a list of
// segments of [SegmentEvents] consecutive events, with boundaries fixed by seq,
// so that every node builds the same ones. The newest segment is open: dense
// columns in memory, appended to by one goroutine. A full one is sorted and
// written, once the log below it is durable, as a few packed values:
//
//	s/<segment>     span of seq and time, kinds of events with their counts
//	x/k/<segment>   the kind of each event
//	x/t/<segment>   the time of each event
//	x/<f>/<segment> of field f: sorted hashes of its values, and for each of them its rows
//	x/<F>/<segment> of field f: a guide to them, with checksums: a term is looked up in one page of hashes, where they are
//
// What holds:
//
//  1. A query sees the events 1 to n of the log for some n that is at least the
//     head at the call, and no others.
//  2. An event of one project is never in an answer to another: the project is
//     part of the event's kind and of every term's hash, and each record is
//     compared with the query before it is returned.
//  3. Readers take no lock but for the cache of loaded parts, and while addresses are forgotten; what they see of
//     a segment is never changed under them.
//  4. Stored values carry a version, their own key and a checksum. A bad one
//     stops the node: an index that may be wrong is not an answer.
//
// Start reading at [Index.Query] and, for the writing side, at [Index.Run].
package index
