// Package wire turns what producers send into events, and events into what
// readers get.
//
// Inwards there are three languages: the dash plugin's ([ParseTrack]), Better
// Auth Studio's, with the rows of its databases ([ReadStudio]), and dashd's own
// ([ReadEvents]). The last two share one decoder. A body is read as a stream: the
// memory in use is bounded by the size of one event, whatever the size of the
// body, and each event is handed on as soon as it has been read. An event that
// cannot be accepted is reported with its position and does not stop the others,
// as long as it can be told where the next one begins.
//
// What comes out has passed [eventlog.Event.Check]. JSON is read strictly: UTF-8
// only, no name twice in an object, and the limits of limits.go. There is one
// leniency, for the sake of the audit trail: a lone half of a surrogate pair,
// which JavaScript produces when it cuts text, is read as U+FFFD. Refusing it
// would allow anybody to stay out of the log by choosing such a name.
//
// Outwards the functions append to a buffer and allocate nothing: JSON for the
// native API ([AppendEvent]), for readers of the dash plugin ([AppendDash]), for
// both at once ([AppendListItem]), rows of CSV ([AppendCSV]) and lines for a
// terminal ([AppendText]). Metadata is given back as the bytes that came in.
//
// There is no HTTP and no compression here. Start reading at [ReadEvents].
package wire
