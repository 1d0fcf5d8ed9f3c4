// Package refusals keeps the audit trail's record of requests that were refused for
// their credential, without letting anybody fill the log with it.
//
// In a window of ten minutes the first 20 refusals of a source, an IPv4 address or an
// IPv6 network of 64 bits, are events. The others are counted, and at the window's end
// an event for each source says how many there were, and why they were refused. All
// sources together have a limit as well: beyond it, what is refused is counted too, and
// the counts of the sources that have the lowest ones share an event. So every refusal
// is in the trail, as an event or in a count, and a window adds at most 491 events, of
// however many requests and sources.
//
// [Recorder.Note] takes a lock and never waits for the log. Writing is the work of
// [Recorder.Run], which tries again until it succeeds: while the log takes nothing, the
// window does not end, so what waits is bounded as what is written is. What the log has
// not taken when the node stops is lost, and a line in the process's log says how much.
package refusals
